/* What the ledger asks of Redis, in Lua, so that each is carried out in one piece. Private to
 * auth/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "auth/exchange.h"

/* KEYS accounts, log; ARGV a position, and how many entries of the log at most. Answers nothing
 * when there is no ledger; else its lineage, whether its log has that position, the position it
 * ends at (or, where the log has not ended there, that of the last entry looked at), and field and
 * record of what has changed in between. */
extern const char ledger_script_since[];
/* KEYS accounts, log, channel; ARGV lineage, position, entries to keep, "new" or "", then field and
 * record of each change. Answers the position reached; "behind" when the log does not end at the
 * position given; "other" when this is not the ledger there is or, with "new", when there is one.
 */
extern const char ledger_script_submit[];

/* A command that is put together. */
struct ledger_call {
    struct buffer text;
    size_t *ends; /* of its words in the text */
    size_t count;
};

void ledger_call_add(struct ledger_call *call, struct slice word);
void ledger_call_script(struct ledger_call *call, const char *script, const struct slice *keys,
                        size_t count);
void ledger_call_close(struct ledger_call *call);
/* Carries it out and closes it. The answer lives until the next. */
const struct redis_reply *ledger_call_run(struct ledger_call *call, struct exchange *exchange);
