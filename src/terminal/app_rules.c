/* Commands about the rules of the room one is in. Whether one may is for the server to say; what
 * was changed it tells everybody there. */
#include <inttypes.h>
#include <stdio.h>

#include "terminal/app.h"
#include "wire/json.h"

static void ask(struct app *app, const char *type, struct buffer *members) {
    app_ask(app, ASK_OTHER, type, buffer_slice(&app->current->name), buffer_slice(members));
    buffer_close(members);
}

/* "10m" → 600. False: it is no such time. */
static bool read_time(struct slice text, uint64_t *seconds) {
    static const struct {
        char letter;
        unsigned seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};

    if (text.length < 2 || text.length > 8)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (text.data[text.length - 1] != units[i].letter ||
            !slice_to_u64(slice_from(text.data, text.length - 1), seconds))
            continue;
        *seconds *= units[i].seconds;
        return true;
    }
    return false;
}

/* "bob 2h spam": whom, how long and why. */
static void sanction(struct app *app, const char *type, struct slice rest) {
    struct buffer members = {0};
    struct slice name = slice_cut(&rest, ' ');
    struct slice reason = slice_trim(rest);
    struct slice behind = reason;
    uint64_t seconds = 0;

    bool address = slice_find(name, '/') >= 0 || slice_find(name, ':') >= 0;
    json_append_string_member(&members, address ? "address" : "name", name);
    if (read_time(slice_cut(&behind, ' '), &seconds)) {
        json_append_u64_member(&members, "seconds", seconds);
        reason = slice_trim(behind);
    }
    if (reason.length > 0)
        json_append_string_member(&members, "reason", reason);
    ask(app, type, &members);
}

void run_kick(struct app *app, struct slice rest) {
    sanction(app, "kick", rest);
}

void run_ban(struct app *app, struct slice rest) {
    sanction(app, "ban", rest);
}

void run_unban(struct app *app, struct slice rest) {
    sanction(app, "unban", rest);
}

void run_mute(struct app *app, struct slice rest) {
    sanction(app, "mute", rest);
}

void run_unmute(struct app *app, struct slice rest) {
    sanction(app, "unmute", rest);
}

void run_invite(struct app *app, struct slice rest) {
    sanction(app, "invite", rest);
}

void run_role(struct app *app, struct slice rest) {
    struct buffer members = {0};
    struct slice name = slice_cut(&rest, ' ');

    json_append_string_member(&members, "name", name);
    json_append_string_member(&members, "role", slice_trim(rest));
    ask(app, "role", &members);
}

/* The server takes words and numbers. */
void run_mode(struct app *app, struct slice rest) {
    static const char *const keys[] = {"access", "posting", "slow", "registered_only",
                                       "topic_lock"};
    struct slice key = slice_cut(&rest, ' ');
    struct buffer members = {0};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!slice_equal(key, slice_of_string(keys[i])))
            continue;
        json_append_string_member(&members, keys[i], slice_trim(rest));
        ask(app, "set", &members);
        return;
    }
    app_note(app, LINE_ERROR,
             "a rule is one of: access, posting, slow, registered_only, topic_lock");
}

void run_rules(struct app *app, struct slice rest) {
    (void)rest;
    app_ask(app, ASK_RULES, "rules", buffer_slice(&app->current->name), SLICE_NONE);
}

static void add_setting(struct app *app, const char *key, const json_t *value) {
    struct rich *text = &picker_add(&app->picker)->text;
    char number[32];

    rich_append_string(text, key, STYLE_CODE);
    rich_append_string(text, " = ", STYLE_DIM);
    if (json_is_string(value)) {
        rich_append(text, slice_from(json_string_value(value), json_string_length(value)),
                    STYLE_TEXT);
    } else if (json_is_boolean(value)) {
        rich_append_string(text, json_is_true(value) ? "on" : "off", STYLE_TEXT);
    } else {
        snprintf(number, sizeof number, "%" PRId64, (int64_t)json_integer_value(value));
        rich_append_string(text, number, STYLE_TEXT);
    }
}

static void add_rule(struct app *app, const json_t *item) {
    static const char *const parts[] = {"rule", "role", "name", "address", "until", "by", "reason"};
    struct rich *text = &picker_add(&app->picker)->text;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct slice value = line_member(item, parts[i]);
        if (value.length == 0)
            continue;
        rich_append_string(text, i > 3 ? parts[i] : "", STYLE_DIM);
        rich_append_string(text, i > 3 ? " " : "", STYLE_DIM);
        rich_append(text, value, i == 0 ? STYLE_CODE : STYLE_TEXT);
        rich_append_string(text, "  ", STYLE_TEXT);
    }
}

void app_show_rules(struct app *app, const json_t *frame) {
    static const char *const keys[] = {"access", "posting", "slow", "registered_only",
                                       "topic_lock"};
    const json_t *items = json_object_get(frame, "items");

    picker_open(&app->picker, SLICE("rules"), false);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        add_setting(app, keys[i], json_object_get(frame, keys[i]));
    for (size_t i = 0; i < json_array_size(items); i++)
        add_rule(app, json_array_get(items, i));
}
