/* Tickets: what stands for a credential where that cannot be shown safely, in the URL of a browser.
 * Each is good for one use within LIMIT_TICKET_S. There are so many at the same time and no more;
 * then the oldest goes. */
#pragma once

#include <stdint.h>

#include "hub/credential.h"

#define TICKET_LENGTH 46 /* "tk_" and 32 random bytes in base64url */

struct tickets;

struct tickets *tickets_new(uint64_t seed);
void tickets_free(struct tickets *tickets);

/* A fresh one that stands for nothing yet, as zero-terminated text. */
void tickets_format(char text[TICKET_LENGTH + 1]);
/* A fresh one for this principal, which is copied, as zero-terminated text. */
void tickets_make(struct tickets *tickets, const struct principal *principal, int64_t now_us,
                  char text[TICKET_LENGTH + 1]);
/* Uses one: what it stands for, to be freed by the caller. NULL: there is no such ticket. */
struct principal *tickets_take(struct tickets *tickets, struct slice text, int64_t now_us);
/* Those of a device, or of all of an identity's, are good no more. */
void tickets_revoke(struct tickets *tickets, const struct identity *identity,
                    const struct identity *device);
