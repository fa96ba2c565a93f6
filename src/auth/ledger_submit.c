/* What is written: decided in a transaction of the file, sent to Redis, and committed only when
 * Redis has taken it. */
#include <sodium.h>
#include <stdio.h>

#include "auth/ledger_internal.h"

#define KEPT "10000" /* entries of the log, at least */
#define REPEATS 100  /* how often something is decided again because others were first */
#define REPLICAS_MS "1000"

static void add_row(void *context, struct slice field, struct slice record) {
    struct ledger_call *call = context;

    ledger_call_add(call, field);
    ledger_call_add(call, record);
}

static void make_lineage(struct ledger_place *place) {
    uint8_t random[(sizeof(place->lineage) - 1) / 2];

    randombytes_buf(random, sizeof(random));
    sodium_bin2hex(place->lineage, sizeof(place->lineage), random, sizeof(random));
}

static void await_replicas(struct ledger *ledger) {
    struct ledger_call call = {0};
    struct buffer number = {0};
    const struct redis_reply *reply;

    if (ledger->options.replicas == 0)
        return;
    buffer_append_u64(&number, ledger->options.replicas);
    ledger_call_add(&call, SLICE("WAIT"));
    ledger_call_add(&call, buffer_slice(&number));
    ledger_call_add(&call, SLICE(REPLICAS_MS));
    reply = ledger_run(ledger, &call);
    if (reply->kind != REDIS_INTEGER || reply->integer < (int64_t)ledger->options.replicas)
        log_write(ledger->options.log, LOG_WARNING,
                  "A change of accounts is not on %u replicas of Redis yet",
                  ledger->options.replicas);
    buffer_close(&number);
}

typedef int row_lister(struct accounts *accounts, ledger_row_visitor *visit, void *context);

/* Sends what is listed, and makes the file a copy of what Redis has then. */
static int send(struct ledger *ledger, struct accounts *accounts, struct ledger_place *place,
                bool is_new, row_lister *list) {
    struct ledger_call call = ledger_begin_script(ledger, ledger_script_submit);
    const struct redis_reply *reply;
    size_t least;
    int error;

    ledger_call_add(&call, slice_of_string(place->lineage));
    ledger_call_add(&call, slice_of_string(place->position));
    ledger_call_add(&call, SLICE(KEPT));
    ledger_call_add(&call, is_new ? SLICE("new") : SLICE(""));
    least = call.count;
    error = list(accounts, add_row, &call);
    if (error || call.count == least) {
        ledger_call_close(&call);
        return error ? ledger_fail_local(ledger, accounts) : 0;
    }
    reply = ledger_run(ledger, &call);
    ledger->overtaken = reply->kind == REDIS_BULK && (slice_equal(reply->text, SLICE("behind")) ||
                                                      slice_equal(reply->text, SLICE("other")));
    if (ledger->overtaken) {
        ledger->reason = "others have changed accounts at the same time; try again";
        return ERR_UNAVAILABLE;
    }
    if (!ledger_take_text(reply, place->position, sizeof(place->position)))
        return ledger_fail(ledger, reply);
    ledger->standing = STANDING_COPY;
    ledger->reason = NULL;
    ledger->repeats = 0;
    if (ledger_place_write(accounts, place) != 0 || ledger_rows_forget(accounts) != 0)
        return ledger_fail_local(ledger, accounts);
    await_replicas(ledger);
    return 0;
}

static int send_changed(struct ledger *ledger, struct accounts *accounts) {
    struct ledger_place place;
    bool is_new = ledger->standing == STANDING_NEW;

    if (ledger_place_read(accounts, &place) != 0)
        return ledger_fail_local(ledger, accounts);
    if (is_new) {
        make_lineage(&place);
        snprintf(place.position, sizeof(place.position), "0-0");
    }
    return send(ledger, accounts, &place, is_new, ledger_rows_changed);
}

int ledger_submit(struct ledger *ledger, struct accounts *accounts) {
    ledger->overtaken = false;
    if (ledger->standing != STANDING_COPY && ledger->standing != STANDING_NEW) {
        ledger->reason = ledger_standing_reason(ledger->standing);
        return ERR_UNAVAILABLE;
    }
    return send_changed(ledger, accounts);
}

bool ledger_overtaken(struct ledger *ledger, struct accounts *accounts) {
    bool overtaken = ledger->overtaken && ++ledger->repeats < REPEATS;

    ledger->overtaken = false;
    return overtaken && ledger_catch_up(ledger, accounts) == 0;
}

int ledger_begin(struct ledger *ledger, struct accounts *accounts) {
    struct ledger_place place;
    bool any;
    int error;

    if (ledger_place_read(accounts, &place) != 0 || ledger_rows_any(accounts, &any) != 0)
        return ledger_fail_local(ledger, accounts);
    if (!any)
        return ERR_NOT_FOUND;
    if (!place.lineage[0])
        make_lineage(&place);
    snprintf(place.position, sizeof(place.position), "0-0");
    error = accounts_begin(accounts);
    if (error)
        return ledger_fail_local(ledger, accounts);
    error = send(ledger, accounts, &place, true, ledger_rows_all);
    if (error && ledger->overtaken)
        error = ERR_NAME_TAKEN;
    return accounts_end_copy(accounts, error);
}
