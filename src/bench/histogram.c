#include "bench/histogram.h"

#include <stddef.h>

#define SUB_BUCKETS (1u << HISTOGRAM_SUB_BITS)

/* Values below SUB_BUCKETS have a bucket each. A larger one is shifted until its highest bit is
 * the one of SUB_BUCKETS; the shift and the bits that are left make the index. */
static size_t bucket_of(uint64_t value) {
    if (value < SUB_BUCKETS)
        return (size_t)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return ((size_t)shift << HISTOGRAM_SUB_BITS) + (size_t)(value >> shift);
}

static uint64_t upper_end(size_t bucket) {
    if (bucket < 2 * SUB_BUCKETS)
        return bucket;
    unsigned shift = (unsigned)(bucket >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t kept = (bucket & (SUB_BUCKETS - 1)) | SUB_BUCKETS;
    return (kept << shift) + ((UINT64_C(1) << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value) {
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    if (value > histogram->largest)
        histogram->largest = value;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other) {
    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
        histogram->buckets[bucket] += other->buckets[bucket];
    histogram->count += other->count;
    if (other->largest > histogram->largest)
        histogram->largest = other->largest;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent) {
    double wanted = (double)histogram->count * percent / 100;
    uint64_t passed = 0;

    for (size_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        passed += histogram->buckets[bucket];
        if (passed > 0 && (double)passed >= wanted) {
            uint64_t end = upper_end(bucket);
            return end < histogram->largest ? end : histogram->largest;
        }
    }
    return histogram->largest;
}
