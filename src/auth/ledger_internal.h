/* Private to auth/: the parts of the ledger. */
#pragma once

#include "auth/exchange.h"
#include "auth/ledger.h"
#include "auth/ledger_rows.h"
#include "auth/ledger_script.h"

/* How the file and what is in Redis belong together. */
enum ledger_standing {
    STANDING_UNKNOWN,   /* Redis was not asked yet */
    STANDING_COPY,      /* the file is a copy */
    STANDING_NEW,       /* there is nothing in either */
    STANDING_UNSHARED,  /* what is in the file never was in Redis, which has
                           nothing */
    STANDING_FORGOTTEN, /* it was, and Redis has nothing any more */
    STANDING_OTHER,     /* Redis has something else */
};

struct ledger {
    struct ledger_options options;
    struct buffer records, log, changed; /* keys, and the channel */
    enum ledger_standing standing;
    bool known;         /* see ledger_is_known */
    bool overtaken;     /* the latest that was submitted was decided on a state of
                           before */
    unsigned repeats;   /* in a row */
    const char *reason; /* a literal, or `text` */
    char text[160];
};

/* Why nothing is written then; NULL: it is. */
const char *ledger_standing_reason(enum ledger_standing standing);

/* Remember why: what SQLite says, or what Redis has answered. ERR_UNAVAILABLE. */
int ledger_fail_local(struct ledger *ledger, struct accounts *accounts);
int ledger_fail(struct ledger *ledger, const struct redis_reply *reply);

struct ledger_call ledger_begin_script(const struct ledger *ledger, const char *script);
const struct redis_reply *ledger_run(struct ledger *ledger, struct ledger_call *call);
/* Copies what was answered. False: it is no text, or does not fit. */
bool ledger_take_text(const struct redis_reply *reply, char *text, size_t size);
