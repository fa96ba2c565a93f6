/* `banterd hook`: addresses to which programs post messages for one room. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/hooks.h"
#include "base/clock.h"
#include "base/text.h"
#include "server/operator_accounts.h"
#include "wire/json.h"

static const char usage[] =
    "Usage: banterd hook add ROOM [--label TEXT] [--rate N]\n"
    "       banterd hook list [--json]\n"
    "       banterd hook revoke ID\n"
    "Looks after incoming webhooks ([--config FILE] [--data DIR] [--store URL]): whoever knows\n"
    "the secret of one posts messages to its room, in the form of Slack's, at /hooks/SECRET of\n"
    "any ws:// address, and can do nothing else with it. --label is what they are signed with\n"
    "(without it: hook) unless they say so themselves; --rate gives it so many a minute, 0 being\n"
    "no limit. `add` prints the secret, which is kept nowhere and cannot be shown again.\n";

#define LABEL_CHARACTERS 50 /* as of a message's own */

static int take_label(const char *word, struct buffer *label) {
    struct slice text = word ? slice_of_string(word) : SLICE("hook");

    if (slice_trim(text).length > 0 && text_append_label(label, text) == 0 &&
        text_first(buffer_slice(label), LABEL_CHARACTERS).length == buffer_length(label))
        return 0;
    operator_fail("a label must be text of 1 to %d characters", LABEL_CHARACTERS);
    return ERR_BAD_REQUEST;
}

static int add(struct operator_call *call, const struct hook *hook) {
    char secret[HOOK_LENGTH + 1];
    int error;

    hook_make(secret);
    error = hooks_add(&call->accounts, hook, slice_of_string(secret));
    if (!error)
        puts(secret);
    sodium_memzero(secret, sizeof(secret));
    return error ? operator_fail_about(call, "", error) : EXIT_SUCCESS;
}

static int run_add(struct operator_call *call) {
    struct slice room = slice_of_string(call->words[0]);
    struct buffer label = {0};
    struct hook hook = {.room = room, .created_us = clock_wall_us()};
    int status = EXIT_FAILURE;

    if (name_check(room) != 0)
        return operator_fail("this is no name for a room: 1 to 64 letters, digits, '-', '_' and "
                             "'.'");
    if (take_label(call->options.label, &label) == 0 &&
        operator_take_rate(&call->options, &hook.has_rate, &hook.rate_per_minute) == 0) {
        hook.label = buffer_slice(&label);
        status = add(call, &hook);
    }
    buffer_close(&label);
    return status;
}

static void print_json(const struct hook *hook) {
    struct buffer line = {0};

    buffer_append_format(&line, "{\"id\":%lld", (long long)hook->id);
    json_append_string_member(&line, "room", hook->room);
    json_append_string_member(&line, "label", hook->label);
    operator_append_time(&line, "created", hook->created_us);
    operator_append_time(&line, "used", hook->used_us);
    if (hook->has_rate)
        json_append_u64_member(&line, "rate_per_minute", hook->rate_per_minute);
    buffer_append_string(&line, "}\n");
    fwrite(buffer_slice(&line).data, 1, buffer_length(&line), stdout);
    buffer_close(&line);
}

static void print_line(const struct hook *hook) {
    char created[11], used[11];

    printf("%-6lld created %-10s used %-10s %.*s \"%.*s\"", (long long)hook->id,
           operator_date(hook->created_us, created), operator_date(hook->used_us, used),
           SLICE_ARGS(hook->room), SLICE_ARGS(hook->label));
    if (hook->has_rate)
        printf(" rate=%u", hook->rate_per_minute);
    putchar('\n');
}

static void print_hook(void *context, const struct hook *hook) {
    const struct operator_call *call = context;

    if (call->options.json)
        print_json(hook);
    else
        print_line(hook);
}

static int run_list(struct operator_call *call) {
    int error = hooks_list(&call->accounts, print_hook, call);

    return error ? operator_fail_about(call, "", error) : EXIT_SUCCESS;
}

static int run_revoke(struct operator_call *call) {
    uint64_t id;
    int error = ERR_NOT_FOUND;

    if (slice_to_u64(slice_of_string(call->words[0]), &id) && id <= INT64_MAX)
        error = hooks_revoke(&call->accounts, (int64_t)id, clock_wall_us());
    if (error == ERR_NOT_FOUND)
        return operator_fail("there is no such hook; `banterd hook list` shows their numbers");
    if (error)
        return operator_fail_about(call, "", error);
    printf("Revoked %llu\n", (unsigned long long)id);
    return EXIT_SUCCESS;
}

int operator_hook(int count, char **values) {
    static const struct operator_deed deeds[] = {
        {"add", 1, 1, "ln", true, true, false, run_add},
        {"list", 0, 0, "j", false, false, false, run_list},
        {"revoke", 1, 1, "", false, true, false, run_revoke},
    };

    return operator_accounts(usage, deeds, sizeof(deeds) / sizeof(deeds[0]), count, values);
}
