#include "bench/unpack.h"

#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"
#include "wire/deflate.h"

#define SLOTS 1024 /* more than messages are under way in one room at a time */

struct pair {
    struct buffer packed, message;
};

struct unpacker {
    struct inflater *inflater;
    struct pair pairs[SLOTS];
};

struct unpacker *unpacker_new(void) {
    struct unpacker *unpacker = memory_new_struct(struct unpacker);
    unpacker->inflater = inflater_new();
    return unpacker;
}

void unpacker_free(struct unpacker *unpacker) {
    if (unpacker == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        buffer_close(&unpacker->pairs[i].packed);
        buffer_close(&unpacker->pairs[i].message);
    }
    inflater_free(unpacker->inflater);
    memory_free(unpacker);
}

int unpacker_open(struct unpacker *unpacker, struct slice payload, size_t most,
                  struct slice *message) {
    struct pair *pair = &unpacker->pairs[hash_slice(0, payload) % SLOTS];

    if (payload.length == 0 || !slice_equal(buffer_slice(&pair->packed), payload)) {
        buffer_clear(&pair->packed);
        buffer_clear(&pair->message);
        int error = inflater_expand(unpacker->inflater, payload, most, &pair->message);
        if (error < 0)
            return error;
        buffer_append_slice(&pair->packed, payload);
    }
    *message = buffer_slice(&pair->message);
    return 0;
}
