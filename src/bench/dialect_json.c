/* JSON over WebSocket: banter.v1 in rooms of the run's own, and plain, where everybody is in the
 * lobby. */
#include <string.h>

#include "bench/dialect_websocket.h"

enum step { STEP_UPGRADING, STEP_WELCOME, STEP_JOINING };

static void open_json(const struct speaker *speaker, struct buffer *output) {
    const struct bench_plan *plan = speaker->plan;
    const char *target = plan->protocol == BENCH_EVENTS ? "/ws" : plan->target;
    upgrade_append(speaker, target, "banter.v1", output);
}

static void open_plain(const struct speaker *speaker, struct buffer *output) {
    upgrade_append(speaker, speaker->plan->target, NULL, output);
}

/* An answer that tells of an error is none that anybody waits for. */
static bool complains(struct slice message) {
    return slice_starts_with(message, SLICE("{\"type\":\"error\""));
}

static bool has_type(struct slice message, const char *type) {
    struct slice prefix = SLICE("{\"type\":\"");
    struct slice rest = slice_skip(message, prefix.length);
    return slice_starts_with(message, prefix) && slice_starts_with(rest, slice_of_string(type)) &&
           slice_starts_with(slice_skip(rest, strlen(type)), SLICE("\""));
}

/* Copies a member whose value is a string without escapes, as secrets and epochs are. */
static void note_member(struct slice message, const char *key, char *value, size_t size) {
    const char *at = memmem(message.data, message.length, key, strlen(key));
    if (at == NULL)
        return;
    struct slice rest = slice_skip(message, (size_t)(at - message.data) + strlen(key));
    struct slice text = slice_cut(&rest, '"');
    if (text.length >= size)
        return;
    memcpy(value, text.data, text.length);
    value[text.length] = 0;
}

static void say_hello(const struct speaker *speaker, struct buffer *output) {
    struct buffer text = {0};

    buffer_append_string(&text, "{\"type\":\"hello\"");
    if (speaker->returns) {
        buffer_append_format(&text, ",\"session\":\"%s\",\"resume\":{\"", speaker->place->session);
        dialect_append_room(speaker, &text);
        buffer_append_format(&text, "\":{\"epoch\":\"%s\",\"after\":0}}", speaker->place->epoch);
    } else if (speaker->plan->named) {
        buffer_append_format(&text, ",\"name\":\"bench-%08x-%u\"", speaker->run, speaker->number);
    }
    buffer_append_string(&text, "}");
    frame_append(output, WEBSOCKET_TEXT, &text);
}

static void join(const struct speaker *speaker, struct buffer *output) {
    struct buffer text = {0};

    buffer_append_string(&text, "{\"type\":\"join\",\"room\":\"");
    dialect_append_room(speaker, &text);
    buffer_append_string(&text, "\"}");
    frame_append(output, WEBSOCKET_TEXT, &text);
}

static int take_welcome(struct speaker *speaker, struct slice message, struct buffer *output) {
    if (!has_type(message, "welcome"))
        return 0;
    if (!speaker->joins)
        return 1;
    speaker->step = STEP_JOINING;
    if (speaker->returns) /* it has said where it was */
        return 0;
    if (speaker->place != NULL)
        note_member(message, "\"session\":\"", speaker->place->session, PLACE_SESSION_MAX);
    join(speaker, output);
    return 0;
}

static int greet_json(struct speaker *speaker, struct slice message, struct buffer *output,
                      struct slice *why) {
    switch ((enum step)speaker->step) {
    case STEP_UPGRADING:
        say_hello(speaker, output);
        return upgrade_take(speaker, message, why);
    case STEP_WELCOME:
        return take_welcome(speaker, message, output);
    case STEP_JOINING:
        if (speaker->place != NULL && has_type(message, "joined"))
            note_member(message, "\"epoch\":\"", speaker->place->epoch, PLACE_EPOCH_MAX);
        return has_type(message, "live");
    }
    return 0;
}

static int greet_plain(struct speaker *speaker, struct slice message, struct buffer *output,
                       struct slice *why) {
    (void)output;
    if (speaker->step == STEP_UPGRADING)
        return upgrade_take(speaker, message, why);
    return has_type(message, "system");
}

static void publish_json(const struct speaker *speaker, struct slice content, struct slice tag,
                         struct buffer *output) {
    struct buffer text = {0};

    buffer_append_string(&text, "{\"type\":\"message\",\"room\":\"");
    dialect_append_room(speaker, &text);
    buffer_append_string(&text, "\",\"content\":\"");
    buffer_append_slice(&text, content);
    if (!speaker->joins) { /* what it waits for is the acknowledgement */
        buffer_append_string(&text, "\",\"cid\":\"");
        buffer_append_slice(&text, tag);
    }
    buffer_append_string(&text, "\"}");
    frame_append(output, WEBSOCKET_TEXT, &text);
}

static void publish_plain(const struct speaker *speaker, struct slice content, struct slice tag,
                          struct buffer *output) {
    struct buffer text = {0};

    (void)speaker;
    (void)tag;
    buffer_append_string(&text, "{\"content\":\"");
    buffer_append_slice(&text, content);
    buffer_append_string(&text, "\",\"sender\":\"bench\"}");
    frame_append(output, WEBSOCKET_TEXT, &text);
}

const struct dialect json_dialect = {
    .open = open_json,
    .cut = frame_cut,
    .complains = complains,
    .greet = greet_json,
    .publish = publish_json,
    .pong = frame_pong,
};

const struct dialect plain_dialect = {
    .open = open_plain,
    .cut = frame_cut,
    .complains = complains,
    .greet = greet_plain,
    .publish = publish_plain,
    .pong = frame_pong,
};
