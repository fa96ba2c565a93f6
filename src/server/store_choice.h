/* Which engine keeps which rooms, and how much of them, by the configuration. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "hub/store.h"
#include "server/config.h"

struct store_choice;

/* Opens what is needed, making the data folder where one is. ERR_… with one line in `message`. */
int store_choice_open(const struct config *config, const struct log *log, uint64_t seed,
                      store_wake *wake, void *wake_context, struct store_choice **choice,
                      char *message, size_t size) MUST_USE;
/* Whether it would use the data folder. */
bool store_choice_needs_folder(const struct config *config);
struct store *store_choice_store(struct store_choice *choice);
/* Whether what is kept of rooms can be as in the configuration while it runs. ERR_BAD_REQUEST with
 * one line in `message`: a room would have to move to another engine, which takes a restart. */
int store_choice_check(const struct store_choice *choice, const struct config *config,
                       char *message, size_t size) MUST_USE;
/* From now on it is, of a configuration that was checked. */
void store_choice_configure(struct store_choice *choice, const struct config *config);
/* Whether rooms are in the data folder. */
bool store_choice_durable(const struct store_choice *choice);
/* Whether the data folder is this server's: it is there, and locked. */
bool store_choice_has_folder(const struct store_choice *choice);
/* Finishes what was asked of the store and closes it. NULL is fine. */
void store_choice_close(struct store_choice *choice);
