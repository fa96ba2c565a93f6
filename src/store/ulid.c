#include "store/ulid.h"

#include <string.h>

#define TIME_CHARACTERS 10
#define TIME_MAX (((uint64_t)1 << 48) - 1)

static const char UPPER[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static const char LOWER[] = "0123456789abcdefghjkmnpqrstvwxyz";

void ulid_source_init(struct ulid_source *source, uint64_t seed) {
    memset(source, 0, sizeof(*source));
    rng_seed(&source->rng, seed);
}

/* The next id of the same millisecond; after the last of them, the first of the next. */
static void count_up(struct ulid_source *source) {
    source->low++;
    if (source->low == 0) {
        source->high++;
        if (source->high == 0) {
            source->time_ms++;
        }
    }
}

static void encode(uint64_t value, char *text, int characters) {
    for (int i = characters - 1; i >= 0; i--) {
        text[i] = UPPER[value & 31];
        value >>= 5;
    }
}

void ulid_next(struct ulid_source *source, int64_t timestamp_us, char *id) {
    uint64_t time_ms = timestamp_us > 0 ? (uint64_t)timestamp_us / 1000 : 0;
    if (time_ms > TIME_MAX) {
        time_ms = TIME_MAX;
    }
    if (time_ms > source->time_ms) {
        source->time_ms = time_ms;
        source->low = rng_next(&source->rng);
        source->high = (uint16_t)rng_next(&source->rng);
    } else {
        count_up(source);
    }
    /* 80 bits are 16 characters of 5: the first 8 hold `high` and the upper 24 of `low`. */
    encode(source->time_ms, id, TIME_CHARACTERS);
    encode((uint64_t)source->high << 24 | source->low >> 40, id + TIME_CHARACTERS, 8);
    encode(source->low & (((uint64_t)1 << 40) - 1), id + TIME_CHARACTERS + 8, 8);
    id[ENTRY_ID_LENGTH] = '\0';
}

bool ulid_valid(struct slice id) {
    bool valid = id.length == ENTRY_ID_LENGTH && id.data[0] <= '7'; /* 130 bits would be too many */
    for (size_t i = 0; i < id.length && valid; i++) {
        valid = id.data[i] != '\0' && strchr(UPPER, id.data[i]) != NULL;
    }
    return valid;
}

void ulid_epoch(struct rng *rng, char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        text[i] = LOWER[rng_below(rng, 32)];
    }
    text[length] = '\0';
}
