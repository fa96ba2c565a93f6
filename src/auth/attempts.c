#include "auth/attempts.h"

#include <sodium.h>

#include "base/cidr.h"
#include "base/memory.h"
#include "base/quota.h"
#include "base/text.h"
#include "hub/entry.h"
#include "wire/secret.h"

#define KEYS 8192 /* remembered, of each kind */
#define MINUTES 60

/* A whole office may share an address, so it has more. */
static const struct quota_rule name_rule = {.amount = 10, .period_s = 5 * MINUTES};
static const struct quota_rule address_rule = {.amount = 60, .period_s = 5 * MINUTES};

#define KEY_LENGTH (2 * 16) /* of what counts, in hexadecimal digits */
#define RIGHT "right"
#define WRONG "wrong"

struct attempts {
    struct quota_table *names, *addresses;
};

/* By what it is counted; empty: it is not. */
struct key {
    char text[KEY_LENGTH + 1];
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
    memory_free(attempts);
}

static struct slice key_slice(const struct key *key) {
    return slice_of_string(key->text);
}

static struct key key_of_name(struct slice name) {
    struct buffer folded = {0};
    uint8_t digest[IDENTITY_SIZE];
    struct key key = {0};

    if (name_fold(name, &folded) == 0) {
        secret_digest(buffer_slice(&folded), digest);
        sodium_bin2hex(key.text, sizeof(key.text), digest, sizeof(digest));
    }
    buffer_close(&folded);
    return key;
}

static struct key key_of_address(struct slice text) {
    struct address16 address;
    struct slice customer;
    struct key key = {0};

    if (address16_parse(text, &address) == 0) {
        customer = address16_customer(&address);
        sodium_bin2hex(key.text, sizeof(key.text), (const uint8_t *)customer.data, customer.length);
    }
    return key;
}

/* NULL: it does not count. */
static struct quota_bucket *bucket_of(struct quota_table *table, struct slice key, int64_t now_us) {
    return key.length > 0 ? quota_table_find(table, key, now_us) : NULL;
}

static struct quota_bucket *name_bucket(struct attempts *attempts, struct slice name,
                                        int64_t now_us) {
    struct key key = key_of_name(name);

    return bucket_of(attempts->names, key_slice(&key), now_us);
}

static struct quota_bucket *address_bucket(struct attempts *attempts, struct slice text,
                                           int64_t now_us) {
    struct key key = key_of_address(text);

    return bucket_of(attempts->addresses, key_slice(&key), now_us);
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

void attempts_tell(struct slice name, struct slice address, bool right, struct buffer *line) {
    struct key name_key = key_of_name(name), address_key = {0};

    if (!right)
        address_key = key_of_address(address);
    if (name_key.text[0] || address_key.text[0])
        buffer_append_format(line, "%s %s %s", right ? RIGHT : WRONG, name_key.text,
                             address_key.text);
}

/* It did not count here when it began. */
void attempts_hear(struct attempts *attempts, struct slice line, int64_t now_us) {
    bool right = slice_equal(slice_cut(&line, ' '), SLICE(RIGHT));
    struct slice name = slice_cut(&line, ' ');
    struct quota_bucket *by_name, *by_address;

    if (name.length > KEY_LENGTH || line.length > KEY_LENGTH)
        return;
    by_name = bucket_of(attempts->names, name, now_us);
    by_address = right ? NULL : bucket_of(attempts->addresses, line, now_us);
    if (by_name && right)
        *by_name = (struct quota_bucket){0};
    else if (by_name)
        quota_spend(by_name, name_rule, 1, now_us);
    if (by_address)
        quota_spend(by_address, address_rule, 1, now_us);
}
