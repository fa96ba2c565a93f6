/* What the ledger asks of Redis, in Lua, so that each is carried out in one piece. Private to
 * auth/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "auth/exchange.h"

/* src/auth/lua, where stands what they are told and answer. */
extern const char ledger_script_since[], ledger_script_submit[];

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
