/* Stands between delivery and the memory store and writes down in the ledger what the store did. It
 * is a store itself, so the product does not know of it. */
#pragma once

#include <stddef.h>

#include "hub/store.h"

struct server;
struct witness;

struct witness *witness_new(struct server *server, struct store *inner);
void witness_free(struct witness *witness); /* not the inner store */
struct store *witness_store(struct witness *witness);

/* The server is dying: nothing it still asks for reaches the store. */
void witness_shut(struct witness *witness);
/* After a crash: what had reached the log without anybody having heard of it. */
void witness_survey(struct witness *witness);
