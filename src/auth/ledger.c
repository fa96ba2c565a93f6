#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auth/ledger_internal.h"
#include "base/memory.h"

#define STEP "100"  /* entries of the log at a time */
#define PAGE "1000" /* records at a time, roughly */

static const char out_of_reach[] = "Redis cannot be reached, or does not answer";

static const char *const reasons[] = {
    [STANDING_UNKNOWN] = out_of_reach,
    [STANDING_COPY] = NULL,
    [STANDING_NEW] = NULL,
    [STANDING_UNSHARED] = "the accounts of this folder are not in Redis; "
                          "`banterd user import` puts them there",
    [STANDING_FORGOTTEN] = "Redis has lost all accounts; those of this folder stay in force here, "
                           "and `banterd user import` puts them back",
    [STANDING_OTHER] = "Redis has other accounts than this folder, where its own stay in force; "
                       "a server that starts without an accounts.db takes over those of Redis",
};

const char *ledger_standing_reason(enum ledger_standing standing) {
    return reasons[standing];
}

struct ledger *ledger_new(const struct ledger_options *options) {
    struct ledger *ledger = memory_new_struct(struct ledger);

    ledger->options = *options;
    ledger->records = exchange_key(options->exchange, "accounts");
    ledger->log = exchange_key(options->exchange, "accounts:log");
    ledger->changed = exchange_key(options->exchange, EXCHANGE_CHANGED);
    ledger->reason = out_of_reach;
    return ledger;
}

void ledger_free(struct ledger *ledger) {
    if (!ledger)
        return;
    buffer_close(&ledger->records);
    buffer_close(&ledger->log);
    buffer_close(&ledger->changed);
    memory_free(ledger);
}

bool ledger_is_known(const struct ledger *ledger) {
    return ledger->known;
}

const char *ledger_reason(const struct ledger *ledger) {
    return ledger->reason;
}

int ledger_attach(struct ledger *ledger, struct accounts *accounts) {
    struct ledger_place place;
    bool any;
    int error = ledger_place_read(accounts, &place);

    if (!error)
        error = ledger_rows_any(accounts, &any);
    if (!error)
        error = ledger_rows_watch(accounts);
    if (error)
        return error;
    ledger->known = any || place.lineage[0];
    accounts->ledger = ledger;
    return 0;
}

int ledger_was_copied(struct accounts *accounts, bool *copied) {
    struct ledger_place place;
    int error = ledger_place_read(accounts, &place);

    *copied = !error && place.lineage[0];
    return error;
}

int ledger_leave(struct accounts *accounts) {
    return ledger_place_forget(accounts);
}

/* Says so once, not each time. */
static int stand(struct ledger *ledger, enum ledger_standing standing) {
    ledger->reason = reasons[standing];
    if (standing != ledger->standing && ledger->reason)
        log_write(ledger->options.log, LOG_WARNING, "Accounts are not shared: %s", ledger->reason);
    ledger->standing = standing;
    return ledger->reason ? ERR_UNAVAILABLE : 0;
}

int ledger_fail_local(struct ledger *ledger, struct accounts *accounts) {
    snprintf(ledger->text, sizeof(ledger->text), "%s", sqlite3_errmsg(accounts->db));
    ledger->reason = ledger->text;
    return ERR_UNAVAILABLE;
}

int ledger_fail(struct ledger *ledger, const struct redis_reply *reply) {
    ledger->reason = out_of_reach;
    if (reply->kind == REDIS_ERROR) {
        snprintf(ledger->text, sizeof(ledger->text), "Redis refuses: %.*s",
                 SLICE_ARGS(reply->text));
        ledger->reason = ledger->text;
    }
    return ERR_UNAVAILABLE;
}

const struct redis_reply *ledger_run(struct ledger *ledger, struct ledger_call *call) {
    return ledger_call_run(call, ledger->options.exchange);
}

struct ledger_call ledger_begin_script(const struct ledger *ledger, const char *script) {
    const struct slice keys[] = {buffer_slice(&ledger->records), buffer_slice(&ledger->log),
                                 buffer_slice(&ledger->changed)};
    struct ledger_call call = {0};

    ledger_call_script(&call, script, keys, sizeof(keys) / sizeof(keys[0]));
    return call;
}

bool ledger_take_text(const struct redis_reply *reply, char *text, size_t size) {
    if ((reply->kind != REDIS_BULK && reply->kind != REDIS_STATUS) || reply->text.length >= size)
        return false;
    snprintf(text, size, "%.*s", SLICE_ARGS(reply->text));
    return true;
}

/* Applies what was laid out, unless somebody else (who runs `banterd user`) has meanwhile brought
 * the file further. */
static int apply(struct ledger *ledger, struct accounts *accounts, const struct ledger_place *from,
                 const struct ledger_place *to) {
    struct ledger_place now;
    size_t refused = 0;
    int error = accounts_begin(accounts);

    if (error)
        return ledger_fail_local(ledger, accounts);
    error = ledger_place_read(accounts, &now);
    if (!error && strcmp(now.lineage, from->lineage) == 0 &&
        strcmp(now.position, from->position) == 0) {
        error =
            ledger_rows_apply(accounts, ledger->options.clock(ledger->options.context), &refused);
        if (!error)
            error = ledger_place_write(accounts, to);
    }
    if (error)
        error = ledger_fail_local(ledger, accounts);
    error = accounts_end_copy(accounts, error);
    if (error && !ledger->reason)
        error = ledger_fail_local(ledger, accounts);
    if (refused > 0)
        log_write(ledger->options.log, LOG_ERROR,
                  "%zu accounts, tokens or hooks in Redis are none that can be understood",
                  refused);
    return error;
}

static int lay_out(struct accounts *accounts, const struct redis_reply *items, size_t count) {
    int error = 0;

    for (size_t i = 0; !error && i + 1 < count; i += 2)
        error = ledger_rows_lay_out(accounts, items[i].text, items[i + 1].text);
    return error;
}

/* All records, while others may be changing them: what changes meanwhile stands in the log after
 * the position that was read before. */
static int lay_out_all(struct ledger *ledger, struct accounts *accounts) {
    char cursor[32] = "0";
    int error = 0;

    do {
        struct ledger_call call = {0};
        ledger_call_add(&call, SLICE("HSCAN"));
        ledger_call_add(&call, buffer_slice(&ledger->records));
        ledger_call_add(&call, slice_of_string(cursor));
        ledger_call_add(&call, SLICE("COUNT"));
        ledger_call_add(&call, SLICE(PAGE));
        const struct redis_reply *reply = ledger_run(ledger, &call);
        if (reply->kind != REDIS_ARRAY || reply->count != 2 ||
            !ledger_take_text(&reply->items[0], cursor, sizeof(cursor)))
            return ledger_fail(ledger, reply);
        if (lay_out(accounts, reply->items[1].items, reply->items[1].count) != 0)
            return ledger_fail_local(ledger, accounts);
    } while (strcmp(cursor, "0") != 0);
    error = ledger_rows_lay_out_rest(accounts);
    return error ? ledger_fail_local(ledger, accounts) : 0;
}

/* Whether the first is the later of two positions, "MILLISECONDS-NUMBER". */
static bool is_later(const char *position, const char *other) {
    uint64_t time = 0, number = 0, other_time = 0, other_number = 0;

    return sscanf(position, "%" SCNu64 "-%" SCNu64, &time, &number) == 2 &&
           sscanf(other, "%" SCNu64 "-%" SCNu64, &other_time, &other_number) == 2 &&
           (time > other_time || (time == other_time && number > other_number));
}

static int read_all(struct ledger *ledger, struct accounts *accounts,
                    const struct ledger_place *from, const struct ledger_place *to) {
    int error;

    if (from->lineage[0] && is_later(from->position, to->position))
        log_write(
            ledger->options.log, LOG_WARNING,
            "Redis has forgotten what was last changed in accounts, tokens and hooks; what it "
            "has holds from now on");
    error = lay_out_all(ledger, accounts);
    return error ? error : apply(ledger, accounts, from, to);
}

/* What is in Redis is not what the file was a copy of. */
static int judge(struct ledger *ledger, struct accounts *accounts, const struct ledger_place *place,
                 bool there) {
    bool any;

    if (place->lineage[0])
        return stand(ledger, there ? STANDING_OTHER : STANDING_FORGOTTEN);
    if (ledger_rows_any(accounts, &any) != 0)
        return ledger_fail_local(ledger, accounts);
    if (any)
        return stand(ledger, there ? STANDING_OTHER : STANDING_UNSHARED);
    return stand(ledger, there ? STANDING_COPY : STANDING_NEW);
}

/* What follows the place of the file. `*more`: that may not have been all. */
static int take_step(struct ledger *ledger, struct accounts *accounts, bool *more) {
    struct ledger_place from, to = {0};
    struct ledger_call call;
    const struct redis_reply *reply;
    bool is_place;
    int error;

    *more = false;
    if (ledger_place_read(accounts, &from) != 0)
        return ledger_fail_local(ledger, accounts);
    call = ledger_begin_script(ledger, ledger_script_since);
    ledger_call_add(&call, slice_of_string(from.lineage[0] ? from.position : "0-0"));
    ledger_call_add(&call, SLICE(STEP));
    reply = ledger_run(ledger, &call);
    if (reply->kind != REDIS_ARRAY)
        return ledger_fail(ledger, reply);
    if (reply->count < 3 || !ledger_take_text(&reply->items[0], to.lineage, sizeof(to.lineage)) ||
        !ledger_take_text(&reply->items[2], to.position, sizeof(to.position)))
        return judge(ledger, accounts, &from, false);
    is_place = reply->items[1].integer != 0;
    error = strcmp(from.lineage, to.lineage) == 0 ? stand(ledger, STANDING_COPY)
                                                  : judge(ledger, accounts, &from, true);
    if (error)
        return error;
    *more = strcmp(from.position, to.position) != 0;
    if (!is_place || strcmp(from.lineage, to.lineage) != 0)
        return read_all(ledger, accounts, &from, &to);
    if (!*more)
        return 0;
    if (lay_out(accounts, reply->items + 3, reply->count - 3) != 0)
        return ledger_fail_local(ledger, accounts);
    return apply(ledger, accounts, &from, &to);
}

int ledger_catch_up(struct ledger *ledger, struct accounts *accounts) {
    bool more = true;
    int error = 0;

    while (!error && more) {
        error = take_step(ledger, accounts, &more);
        if (ledger_rows_clear(accounts) != 0 && !error)
            error = ledger_fail_local(ledger, accounts);
    }
    ledger->known = ledger->known || !error || ledger->standing > STANDING_NEW;
    return error;
}
