/* Tickets that are good on every node, once: they wait in Redis, sealed with what only the ticket
 * itself says, so that whoever reads there finds nothing to come in with. Private to auth/. */
#pragma once

#include <stdint.h>

#include "auth/exchange.h"
#include "auth/tickets.h"

/* How many are out: bounded, as what stands for them fills Redis. Zeroed: none. */
struct shared_tickets {
    int64_t since_us; /* counted from then on */
    unsigned made;
};

/* A fresh one that stands for `meaning`, as zero-terminated text. ERR_UNAVAILABLE: Redis cannot be
 * asked, or there are too many. */
int shared_tickets_make(struct shared_tickets *tickets, struct exchange *exchange,
                        struct slice meaning, int64_t now_us,
                        char text[TICKET_LENGTH + 1]) MUST_USE;
/* Uses one: appends what it stands for. ERR_UNAUTHORIZED: there is no such ticket;
 * ERR_UNAVAILABLE. */
int shared_tickets_take(struct exchange *exchange, struct slice text,
                        struct buffer *meaning) MUST_USE;
