/* Answers of a Redis: however they are cut in pieces they say the same, and what is taken for one
 * holds together. And commands: what was written is read again. The first byte says how the pieces
 * are cut. */
#include "base/memory.h"
#include "fuzz.h"
#include "redis/redis_reply.h"

static void note_reply(const struct redis_reply *reply, unsigned depth, struct buffer *trace) {
    REQUIRE(depth < 16 && reply->kind != REDIS_LOST);
    REQUIRE(reply->kind == REDIS_ARRAY || reply->count == 0);
    buffer_append_format(trace, "%d %lld %zu ", (int)reply->kind, (long long)reply->integer,
                         reply->count);
    buffer_append_slice(trace, reply->text);
    buffer_append_char(trace, '\n');
    for (size_t i = 0; i < reply->count; i++)
        note_reply(&reply->items[i], depth + 1, trace);
}

static void note_copy(const struct redis_reply *reply, struct buffer *trace) {
    struct redis_reply *copy = redis_reply_copy(reply);
    struct buffer first = {0}, second = {0};

    note_reply(reply, 0, &first);
    note_reply(copy, 0, &second);
    require_equal(buffer_slice(&first), buffer_slice(&second));
    buffer_append_slice(trace, buffer_slice(&first));
    buffer_close(&first);
    buffer_close(&second);
    memory_free(copy);
}

static void read_by(struct slice bytes, size_t step, struct buffer *trace) {
    struct redis_reader *reader = redis_reader_new();
    const struct redis_reply *reply = NULL;
    int error = 0;

    while (error == 0 && bytes.length > 0) {
        struct slice piece = take_bytes(&bytes, step);
        char *own = own_bytes(piece);
        struct slice input = slice_from(own, piece.length);

        while ((error = redis_reader_next(reader, &input, &reply)) == 0 && reply)
            note_copy(reply, trace);
        REQUIRE(error || input.length == 0);
        free(own);
    }
    REQUIRE(error == 0 || error == ERR_PROTOCOL || error == ERR_TOO_LARGE);
    buffer_append_format(trace, "%d\n", error);
    redis_reader_free(reader);
}

static void check_command(struct slice input, size_t step) {
    struct slice words[4] = {SLICE("SET")};
    struct redis_reader *reader = redis_reader_new();
    const struct redis_reply *reply = NULL;
    struct buffer command = {0};
    struct slice bytes;

    for (size_t i = 1; i < 4; i++)
        words[i] = take_bytes(&input, step);
    redis_append_command(&command, words, 4);
    bytes = buffer_slice(&command);
    REQUIRE(redis_reader_next(reader, &bytes, &reply) == 0 && reply && bytes.length == 0);
    REQUIRE(reply->kind == REDIS_ARRAY && reply->count == 4);
    for (size_t i = 0; i < 4; i++)
        require_equal(reply->items[i].text, words[i]);
    redis_reader_free(reader);
    buffer_close(&command);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data, size);
    size_t step = 1 + take_byte(&input) % 32;
    struct buffer whole = {0}, pieces = {0};

    read_by(input, input.length + 1, &whole);
    read_by(input, step, &pieces);
    require_equal(buffer_slice(&pieces), buffer_slice(&whole));
    check_command(input, step);
    buffer_close(&whole);
    buffer_close(&pieces);
    return 0;
}
