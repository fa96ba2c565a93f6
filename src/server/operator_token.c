/* `banterd token`: tokens for programs. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/vouch.h"
#include "base/clock.h"
#include "base/text.h"
#include "server/operator_accounts.h"
#include "wire/json.h"

static const char usage[] =
    "Usage: banterd token add NAME [--label TEXT] [--room PATTERN]... [--rate N] [--expires 90d]\n"
    "                              [--role ROLE]\n"
    "       banterd token list [NAME] [--json]\n"
    "       banterd token revoke ID\n"
    "Looks after the tokens of accounts ([--config FILE] [--data DIR] [--store URL]). Whoever\n"
    "shows one is its account: over WebSocket and lines as with a password, over HTTP as\n"
    "`Authorization: Bearer`.\n"
    "--room keeps it to rooms of that name, or that begin so (\"ops-*\"); --rate to so many "
    "messages\n"
    "a minute, 0 being no limit; --role to no more than that role. `add` prints the token, which\n"
    "is kept nowhere and cannot be shown again.\n";

static const struct config_key expires_key = {
    .name = "--expires", .kind = CONFIG_AGE, .minimum = 1, .maximum = 36500 * 86400ull};

/* The patterns, one a line. */
static int take_rooms(const struct config_list *rooms, struct buffer *lines) {
    if (rooms->count > ROOM_PATTERNS_MAX) {
        operator_fail("a token can be kept to %d rooms at most", ROOM_PATTERNS_MAX);
        return ERR_TOO_MANY;
    }
    for (size_t i = 0; i < rooms->count; i++) {
        if (!room_pattern_valid(slice_of_string(rooms->items[i]))) {
            operator_fail("--room must be the name of a room, or the beginning of one and *");
            return ERR_BAD_REQUEST;
        }
        if (i > 0)
            buffer_append_char(lines, '\n');
        buffer_append_string(lines, rooms->items[i]);
    }
    return 0;
}

static int take_label(const char *word, struct buffer *label) {
    if (!word || text_append_label(label, slice_of_string(word)) == 0)
        return 0;
    operator_fail("a label must be text of at most 64 characters");
    return ERR_BAD_REQUEST;
}

/* What the options say; `label` and `rooms` hold what the token points to. */
static int fill_token(const struct operator_options *options, struct token *token,
                      struct buffer *label, struct buffer *rooms) {
    size_t age_s = 0;

    if (options->expires && operator_take_number(&expires_key, options->expires, &age_s) != 0)
        return ERR_BAD_REQUEST;
    if (take_label(options->label, label) != 0 || take_rooms(&options->rooms, rooms) != 0)
        return ERR_BAD_REQUEST;
    *token = (struct token){
        .kind = TOKEN_API,
        .label = buffer_slice(label),
        .created_us = clock_wall_us(),
        .restricted = options->rooms.count > 0,
        .rooms = buffer_slice(rooms),
        .role = ROLE_OWNER,
    };
    if (operator_take_rate(options, &token->has_rate, &token->rate_per_minute) != 0)
        return ERR_BAD_REQUEST;
    if (age_s > 0)
        token->expires_us = token->created_us + (int64_t)age_s * 1000000;
    if (!options->role || role_parse(slice_of_string(options->role), &token->role))
        return 0;
    operator_fail("there is no such role; there are guest, member, moderator and owner");
    return ERR_BAD_REQUEST;
}

static int add(struct operator_call *call, const struct token *token) {
    const char *name = call->words[0];
    char text[TOKEN_LENGTH + 1];
    struct account account;
    int error = accounts_find(&call->accounts, slice_of_string(name), &account);

    if (!error) {
        token_make(text);
        error = tokens_add(&call->accounts, &account, token, slice_of_string(text));
    }
    if (error)
        return operator_fail_about(call, name, error);
    puts(text);
    sodium_memzero(text, sizeof(text));
    return EXIT_SUCCESS;
}

static int run_add(struct operator_call *call) {
    struct buffer label = {0}, rooms = {0};
    struct token token;
    int status = EXIT_FAILURE;

    if (fill_token(&call->options, &token, &label, &rooms) == 0)
        status = add(call, &token);
    buffer_close(&label);
    buffer_close(&rooms);
    return status;
}

static int run_revoke(struct operator_call *call) {
    uint64_t id;
    int error = ERR_NOT_FOUND;

    if (slice_to_u64(slice_of_string(call->words[0]), &id) && id <= INT64_MAX)
        error = tokens_revoke(&call->accounts, (int64_t)id, clock_wall_us());
    if (error == ERR_NOT_FOUND)
        return operator_fail("there is no such token; `banterd token list` shows their numbers");
    if (error)
        return operator_fail_about(call, "", error);
    printf("Revoked %llu\n", (unsigned long long)id);
    return EXIT_SUCCESS;
}

static void append_rooms(struct buffer *line, struct slice rooms) {
    const char *comma = "";

    json_append_key(line, "rooms");
    buffer_append_char(line, '[');
    while (rooms.length > 0) {
        buffer_append_string(line, comma);
        json_append_string(line, slice_cut(&rooms, '\n'));
        comma = ",";
    }
    buffer_append_char(line, ']');
}

static const char *kind_name(const struct token *token) {
    return token->kind == TOKEN_SESSION ? "session" : "api";
}

static void print_json(const struct token *token, struct slice name) {
    struct buffer line = {0};

    buffer_append_format(&line, "{\"id\":%lld", (long long)token->id);
    json_append_string_member(&line, "account", name);
    json_append_string_member(&line, "kind", slice_of_string(kind_name(token)));
    json_append_string_member(&line, "label", token->label);
    operator_append_time(&line, "created", token->created_us);
    operator_append_time(&line, "used", token->used_us);
    operator_append_time(&line, "expires", token->expires_us);
    if (token->has_rate)
        json_append_u64_member(&line, "rate_per_minute", token->rate_per_minute);
    if (token->restricted)
        append_rooms(&line, token->rooms);
    json_append_string_member(&line, "role", slice_of_string(role_name(token->role)));
    buffer_append_string(&line, "}\n");
    fwrite(buffer_slice(&line).data, 1, buffer_length(&line), stdout);
    buffer_close(&line);
}

static void print_line(const struct token *token, struct slice name) {
    char created[11], used[11], expires[11];
    struct slice rooms = token->rooms;

    printf("%-6lld %-7s created %-10s used %-10s expires %-10s %.*s", (long long)token->id,
           kind_name(token), operator_date(token->created_us, created),
           operator_date(token->used_us, used), operator_date(token->expires_us, expires),
           SLICE_ARGS(name));
    if (token->label.length > 0)
        printf(" \"%.*s\"", SLICE_ARGS(token->label));
    while (rooms.length > 0) {
        struct slice room = slice_cut(&rooms, '\n');
        printf(" room=%.*s", SLICE_ARGS(room));
    }
    if (token->has_rate)
        printf(" rate=%u", token->rate_per_minute);
    if (token->role != ROLE_OWNER)
        printf(" role=%s", role_name(token->role));
    putchar('\n');
}

static void print_token(void *context, const struct token *token, struct slice name) {
    const struct operator_call *call = context;

    if (call->options.json)
        print_json(token, name);
    else
        print_line(token, name);
}

static int run_list(struct operator_call *call) {
    const char *name = call->word_count > 0 ? call->words[0] : NULL;
    int error = tokens_list(&call->accounts, name ? slice_of_string(name) : SLICE_NONE,
                            clock_wall_us(), print_token, call);

    return error ? operator_fail_about(call, name ? name : "", error) : EXIT_SUCCESS;
}

int operator_token(int count, char **values) {
    static const struct operator_deed deeds[] = {
        {"add", 1, 1, "lonre", false, true, false, run_add},
        {"list", 0, 1, "j", false, false, false, run_list},
        {"revoke", 1, 1, "", false, true, false, run_revoke},
    };

    return operator_accounts(usage, deeds, sizeof(deeds) / sizeof(deeds[0]), count, values);
}
