/* A bucket is kept as the time when it will be full: taking tokens moves that into the future, and
 * it may not come to lie further ahead than a whole period (the generic cell rate algorithm). So
 * nothing has to be filled up, and a bucket costs eight bytes.
 *
 * What a table forgets is forgiven, so what it forgets must not be for an attacker to choose. Were
 * the least recently used key put out when the table is full, somebody who has used up an address's
 * share would come with many others, one message each, until the first is forgotten. Therefore only
 * keys with full buckets are put out, which had nothing to forgive. While all that are known have
 * something to pay, newcomers get no buckets of their own but share those of a crowd: which of them
 * depends on the key and a seed, so nobody can choose with whom. Whoever fills the table spoils it
 * for newcomers until the buckets are full again, but takes nothing from those who were there, and
 * never gets more than the table has room for and the crowd together.
 *
 * Keys are looked at in the order in which they were asked for last, a few with each newcomer and
 * each sweep; who cannot be put out yet goes to the end of the line. */
#include "base/quota.h"

#include <string.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"

#define SECOND_US INT64_C(1000000)
#define MILLISECOND_US 1000
#define CROWD 64    /* sets of buckets that newcomers share while the table is full */
#define LOOKED_AT 8 /* keys, for a newcomer */
#define SWEPT 256   /* keys, in a sweep */

struct holder {
    struct list_node node;
    size_t key_length;
    struct quota_bucket buckets[]; /* the key stands behind them */
};

struct quota_table {
    struct map *holders; /* by key */
    struct list order;   /* the one asked for longest ago first */
    size_t capacity, kinds;
    uint64_t seed;
    struct quota_bucket crowd[];
};

static int64_t period_us(struct quota_rule rule) {
    return rule.period_s * SECOND_US;
}

static int64_t price_us(struct quota_rule rule, uint64_t tokens) {
    uint64_t paid = tokens < rule.amount ? tokens : rule.amount;

    return (int64_t)((uint64_t)period_us(rule) * paid / rule.amount);
}

/* When it would be full if they were taken. */
static int64_t full_after(const struct quota_bucket *bucket, struct quota_rule rule,
                          uint64_t tokens, int64_t now_us) {
    int64_t full_us = bucket->full_us > now_us ? bucket->full_us : now_us;

    return full_us + price_us(rule, tokens);
}

unsigned quota_wait(const struct quota_bucket *bucket, struct quota_rule rule, uint64_t tokens,
                    int64_t now_us) {
    if (rule.amount == 0) {
        return 0;
    }
    int64_t over_us = full_after(bucket, rule, tokens, now_us) - now_us - period_us(rule);

    return over_us <= 0 ? 0 : (unsigned)((over_us + MILLISECOND_US - 1) / MILLISECOND_US);
}

void quota_spend(struct quota_bucket *bucket, struct quota_rule rule, uint64_t tokens,
                 int64_t now_us) {
    if (rule.amount > 0) {
        bucket->full_us = full_after(bucket, rule, tokens, now_us);
    }
}

struct quota_table *quota_table_new(size_t capacity, size_t kinds, uint64_t seed) {
    struct quota_table *table =
        memory_new(sizeof(*table) + CROWD * kinds * sizeof(struct quota_bucket));

    table->holders = map_new(seed);
    table->capacity = capacity;
    table->kinds = kinds;
    table->seed = seed;
    return table;
}

static struct slice key_of(const struct quota_table *table, const struct holder *holder) {
    return slice_from((const char *)(holder->buckets + table->kinds), holder->key_length);
}

static struct holder *first_of(const struct quota_table *table) {
    return container_of(table->order.first, struct holder, node);
}

static void put_out(struct quota_table *table, struct holder *holder) {
    map_remove(table->holders, key_of(table, holder));
    list_remove(&table->order, &holder->node);
    memory_free(holder);
}

void quota_table_free(struct quota_table *table) {
    if (table == NULL) {
        return;
    }
    while (!list_empty(&table->order)) {
        put_out(table, first_of(table));
    }
    map_free(table->holders);
    memory_free(table);
}

static bool all_full(const struct quota_table *table, const struct holder *holder, int64_t now_us) {
    for (size_t i = 0; i < table->kinds; i++) {
        if (holder->buckets[i].full_us > now_us) {
            return false;
        }
    }
    return true;
}

static void touch(struct quota_table *table, struct holder *holder) {
    list_remove(&table->order, &holder->node);
    list_append(&table->order, &holder->node);
}

static void look_at(struct quota_table *table, size_t count, int64_t now_us) {
    for (; count > 0 && !list_empty(&table->order); count--) {
        struct holder *holder = first_of(table);

        if (all_full(table, holder, now_us)) {
            put_out(table, holder);
        } else {
            touch(table, holder);
        }
    }
}

static struct holder *add(struct quota_table *table, struct slice key) {
    size_t size = table->kinds * sizeof(struct quota_bucket);
    struct holder *holder = memory_new(sizeof(*holder) + size + key.length);

    if (key.length > 0) {
        memcpy(holder->buckets + table->kinds, key.data, key.length);
    }
    holder->key_length = key.length;
    map_put(table->holders, key_of(table, holder), holder);
    list_append(&table->order, &holder->node);
    return holder;
}

struct quota_bucket *quota_table_find(struct quota_table *table, struct slice key, int64_t now_us) {
    struct holder *holder = map_find(table->holders, key);

    if (holder != NULL) {
        touch(table, holder);
        return holder->buckets;
    }
    if (map_count(table->holders) >= table->capacity) {
        look_at(table, LOOKED_AT, now_us);
    }
    if (map_count(table->holders) >= table->capacity) {
        return table->crowd + hash_slice(table->seed, key) % CROWD * table->kinds;
    }
    return add(table, key)->buckets;
}

void quota_table_sweep(struct quota_table *table, int64_t now_us) {
    look_at(table, SWEPT, now_us);
}

size_t quota_table_count(const struct quota_table *table) {
    return map_count(table->holders);
}
