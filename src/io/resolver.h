/* Asking for the addresses of a host without waiting. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "io/endpoint.h"

struct resolver;

/* Asks for the addresses of an endpoint (see endpoint_resolve). NULL: the system has no thread or
 * no descriptor left. */
struct resolver *resolver_start(const struct endpoint *endpoint);
/* At any moment; does not wait for the answer. */
void resolver_free(struct resolver *resolver);

/* Readable when there is an answer. */
int resolver_descriptor(const struct resolver *resolver);
/* The answer, which must be there; as of endpoint_resolve. */
int resolver_take(struct resolver *resolver, struct endpoint_address *addresses, size_t *count,
                  char *message, size_t size) MUST_USE;
