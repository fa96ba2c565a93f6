/* Connecting without making anybody wait: a thread of its own asks the resolver and tries the
 * addresses, and says when it is done. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct dialer;

/* Begins. NULL: the system has no thread left. */
struct dialer *dialer_start(const char *host_port, int timeout_ms) MUST_USE;

int dialer_descriptor(const struct dialer *dialer); /* becomes readable when it is done */

/* What came of it: true, and `*error` and the rest are as io_dial leaves them. False: it is still
 * under way. Takes the connection once. */
bool dialer_take(struct dialer *dialer, int *error, int *descriptor, char *message, size_t size);

/* Also while it is under way: then what it will come to is dropped. NULL is fine. */
void dialer_free(struct dialer *dialer);
