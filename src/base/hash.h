/* A keyed hash of bytes: SipHash-2-4. Whoever does not know the seed cannot look for collisions. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

/* The same on every machine and in every version: results may be stored. */
uint64_t hash_slice(uint64_t seed, struct slice s);
