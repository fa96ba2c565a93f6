#include "net/admission.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/quota.h"

#define MINUTE_S 60

void admission_init(struct admission *admission, const struct admission_limits *limits,
                    uint64_t seed) {
    *admission = (struct admission){.limits = *limits, .seed = seed};
    admission->addresses = map_new(seed);
}

void admission_close(struct admission *admission) {
    size_t cursor = 0;
    void *address;

    while ((address = map_next(admission->addresses, &cursor)))
        memory_free(address);
    map_free(admission->addresses);
    quota_table_free(admission->rates);
    admission->addresses = NULL;
    admission->rates = NULL;
}

static struct admission_address *find_or_add(struct map *addresses, struct slice key) {
    struct admission_address *address = map_find(addresses, key);

    if (!address) {
        address = memory_new_struct(struct admission_address);
        memcpy(address->key, key.data, key.length);
        address->key_length = key.length;
        map_put(addresses, slice_from(address->key, address->key_length), address);
    }
    return address;
}

static void forget(struct admission *admission, struct admission_address *address) {
    map_remove(admission->addresses, slice_from(address->key, address->key_length));
    memory_free(address);
}

static bool comes_too_often(struct admission *admission, struct slice key, int64_t now_us) {
    const struct quota_rule rule = {admission->limits.rate_per_address, MINUTE_S};
    struct quota_bucket *bucket;

    if (rule.amount == 0)
        return false;
    if (!admission->rates)
        admission->rates = quota_table_new(ADMISSION_RATES, 1, admission->seed);
    bucket = quota_table_find(admission->rates, key, now_us);
    if (quota_wait(bucket, rule, 1, now_us) > 0)
        return true;
    quota_spend(bucket, rule, 1, now_us);
    return false;
}

static enum admission_answer refuse(struct admission *admission, enum admission_answer answer) {
    admission->refused[answer]++;
    return answer;
}

enum admission_answer admission_enter(struct admission *admission) {
    if (admission->limits.connections > 0 && admission->count >= admission->limits.connections)
        return refuse(admission, ADMISSION_FULL);
    admission->count++;
    return ADMISSION_GRANTED;
}

enum admission_answer admission_identify(struct admission *admission,
                                         const struct address16 *source, int64_t now_us,
                                         struct admission_address **address) {
    size_t limit = admission->limits.connections_per_address;
    struct slice key = address16_customer(source);
    struct admission_address *found;

    if (comes_too_often(admission, key, now_us))
        return refuse(admission, ADMISSION_TOO_OFTEN);
    if (limit == 0 && !admission->tracks)
        return ADMISSION_GRANTED;
    found = find_or_add(admission->addresses, key);
    if (limit > 0 && found->count >= limit)
        return refuse(admission, ADMISSION_ADDRESS_FULL);
    found->count++;
    *address = found;
    return ADMISSION_GRANTED;
}

void admission_leave(struct admission *admission, struct admission_address *address) {
    admission->count--;
    if (address && --address->count == 0)
        forget(admission, address);
}
