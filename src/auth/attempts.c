#include "auth/attempts.h"

#include "base/cidr.h"
#include "base/memory.h"
#include "base/quota.h"
#include "base/text.h"

#define KEYS 8192 /* remembered, of each kind */
#define MINUTES 60

/* A whole office may share an address, so it has more. */
static const struct quota_rule name_rule = {.amount = 10, .period_s = 5 * MINUTES};
static const struct quota_rule address_rule = {.amount = 60, .period_s = 5 * MINUTES};

struct attempts {
    struct quota_table *names, *addresses;
    struct buffer folded;
};

struct attempts *attempts_new(uint64_t seed) {
    struct attempts *attempts = memory_new_struct(struct attempts);

    attempts->names = quota_table_new(KEYS, 1, seed);
    attempts->addresses = quota_table_new(KEYS, 1, seed + 1);
    return attempts;
}

void attempts_free(struct attempts *attempts) {
    quota_table_free(attempts->names);
    quota_table_free(attempts->addresses);
    buffer_close(&attempts->folded);
    memory_free(attempts);
}

/* NULL: it does not count. */
static struct quota_bucket *name_bucket(struct attempts *attempts, struct slice name,
                                        int64_t now_us) {
    buffer_clear(&attempts->folded);
    if (name_fold(name, &attempts->folded) != 0)
        return NULL;
    return quota_table_find(attempts->names, buffer_slice(&attempts->folded), now_us);
}

static struct quota_bucket *address_bucket(struct attempts *attempts, struct slice text,
                                           int64_t now_us) {
    struct address16 address;

    if (address16_parse(text, &address) != 0)
        return NULL;
    return quota_table_find(attempts->addresses, address16_customer(&address), now_us);
}

bool attempts_allow(struct attempts *attempts, struct slice name, struct slice address,
                    int64_t now_us) {
    struct quota_bucket *bucket = name_bucket(attempts, name, now_us);

    if (bucket && quota_wait(bucket, name_rule, 1, now_us) > 0)
        return false;
    bucket = address_bucket(attempts, address, now_us);
    return !bucket || quota_wait(bucket, address_rule, 1, now_us) == 0;
}

void attempts_begin(struct attempts *attempts, struct slice name, int64_t now_us) {
    struct quota_bucket *bucket = name_bucket(attempts, name, now_us);

    if (bucket)
        quota_spend(bucket, name_rule, 1, now_us);
}

/* Who knows the password has nothing to guess: what was counted against the name is forgotten. */
void attempts_end(struct attempts *attempts, struct slice name, struct slice address, bool right,
                  int64_t now_us) {
    struct quota_bucket *bucket =
        right ? name_bucket(attempts, name, now_us) : address_bucket(attempts, address, now_us);

    if (bucket && right)
        *bucket = (struct quota_bucket){0};
    else if (bucket)
        quota_spend(bucket, address_rule, 1, now_us);
}
