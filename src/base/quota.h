/* How much somebody may do in a while: buckets of tokens. A bucket holds as many tokens as its rule
 * grants in one period, and fills evenly, from empty to full in one period; so many can be had at
 * once, and as many again in each period.
 *
 * A table keeps buckets for keys that come from outside (addresses, rooms), in bounded memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct quota_rule {
    unsigned amount; /* 0: no limit */
    unsigned period_s;
};

/* A zeroed bucket is full. */
struct quota_bucket {
    int64_t full_us; /* when it will be full again */
};

/* After how many milliseconds so many tokens can be had; 0: now. What is more than a bucket ever
 * holds needs a full one. */
unsigned quota_wait(const struct quota_bucket *bucket, struct quota_rule rule, uint64_t tokens,
                    int64_t now_us);
/* Takes them, whether they are there or not. */
void quota_spend(struct quota_bucket *bucket, struct quota_rule rule, uint64_t tokens,
                 int64_t now_us);

struct quota_table;

/* Room for `capacity` keys, with `kinds` buckets for each. */
struct quota_table *quota_table_new(size_t capacity, size_t kinds, uint64_t seed);
void quota_table_free(struct quota_table *table); /* NULL is fine */

/* The buckets of a key, valid until the next call. */
struct quota_bucket *quota_table_find(struct quota_table *table, struct slice key, int64_t now_us);

/* Forgets some of those whose buckets are full: they are as good as never seen. To be called now
 * and then. */
void quota_table_sweep(struct quota_table *table, int64_t now_us);
size_t quota_table_count(const struct quota_table *table);
