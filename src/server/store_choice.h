/* Which engine keeps the rooms, by the configuration. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "hub/store.h"
#include "server/config.h"

/* Opens it, making the data folder where one is needed. ERR_… with one line in `message`. */
int store_choice_open(const struct config *config, const struct log *log, uint64_t seed,
                      store_wake *wake, void *wake_context, struct store **store, char *message,
                      size_t size) MUST_USE;
