/* Compressing and inflating the messages of permessage-deflate with zlib.
 *
 * A message knows nothing of the one before it, so a stream is set up once and then only reset: a
 * deflater keeps one for each window size it was asked for (about 256 KiB each), an inflater one
 * in all, since a window of 15 bits reads what any smaller one wrote. Neither is shared between
 * threads.
 *
 * A window of 8 bits is left out on purpose: zlib cannot write a raw stream of that size (it would
 * use 9 and not say so). */
#include "wire/deflate.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#define ZLIB_CONST
#include <zlib.h>

#include "base/memory.h"

#define WINDOW_BITS_MIN 9
#define WINDOW_BITS_MAX 15
/* Measured on chat-like JSON with zlib 1.2.13: level 4 is the first with lazy matching and gives
 * 365 bytes where level 1 gives 403 (of 1,033) for 5.5 µs instead of 4.7; levels 5 and 6 cost more
 * and gain nothing. A message is compressed once for all its readers, so the bytes count. Less
 * memory than zlib's default makes the reset of a stream no faster. */
#define LEVEL 4
#define MEMORY_LEVEL 8
/* What Z_SYNC_FLUSH ends with, and what RFC 7692 leaves out. */
#define TAIL_LENGTH 4
static const uint8_t tail[TAIL_LENGTH] = {0x00, 0x00, 0xff, 0xff};

struct deflater {
    z_stream streams[WINDOW_BITS_MAX - WINDOW_BITS_MIN + 1];
    bool ready[WINDOW_BITS_MAX - WINDOW_BITS_MIN + 1];
};

struct inflater {
    z_stream stream;
};

/* zlib then has no reason left to fail but misuse. */
static void *allocate(void *opaque, unsigned count, unsigned size) {
    (void)opaque;
    return memory_new((size_t)count * size);
}

static void release(void *opaque, void *memory) {
    (void)opaque;
    memory_free(memory);
}

struct deflater *deflater_new(void) {
    return memory_new_struct(struct deflater);
}

void deflater_free(struct deflater *deflater) {
    if (deflater == NULL)
        return;
    for (int i = 0; i <= WINDOW_BITS_MAX - WINDOW_BITS_MIN; i++)
        if (deflater->ready[i])
            deflateEnd(&deflater->streams[i]);
    memory_free(deflater);
}

/* The stream of a window size, at the start of a message. */
static z_stream *deflater_stream(struct deflater *deflater, int window_bits) {
    assert(window_bits >= WINDOW_BITS_MIN && window_bits <= WINDOW_BITS_MAX);
    z_stream *stream = &deflater->streams[window_bits - WINDOW_BITS_MIN];
    bool *ready = &deflater->ready[window_bits - WINDOW_BITS_MIN];
    int result;
    if (*ready) {
        result = deflateReset(stream);
    } else {
        stream->zalloc = allocate;
        stream->zfree = release;
        result =
            deflateInit2(stream, LEVEL, Z_DEFLATED, -window_bits, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
        *ready = true;
    }
    assert(result == Z_OK);
    return stream;
}

void deflater_compress(struct deflater *deflater, int window_bits, struct slice message,
                       struct buffer *out) {
    z_stream *stream = deflater_stream(deflater, window_bits);
    size_t before = buffer_length(out);
    assert(message.length <= UINT_MAX);
    stream->next_in = (const Bytef *)message.data;
    stream->avail_in = (uInt)message.length;
    do { /* once, unless the bound is wrong */
        size_t room = deflateBound(stream, stream->avail_in) + 2 * TAIL_LENGTH;
        room = room < UINT_MAX ? room : UINT_MAX;
        stream->next_out = (Bytef *)buffer_reserve(out, room);
        stream->avail_out = (uInt)room;
        int result = deflate(stream, Z_SYNC_FLUSH);
        assert(result == Z_OK || result == Z_BUF_ERROR);
        buffer_commit(out, room - stream->avail_out);
    } while (stream->avail_out == 0); /* room to spare: the flush is complete */
    assert(buffer_length(out) >= before + TAIL_LENGTH);
    buffer_truncate(out, buffer_length(out) - TAIL_LENGTH);
}

struct inflater *inflater_new(void) {
    struct inflater *inflater = memory_new_struct(struct inflater);
    inflater->stream.zalloc = allocate;
    inflater->stream.zfree = release;
    int result = inflateInit2(&inflater->stream, -WINDOW_BITS_MAX);
    assert(result == Z_OK);
    return inflater;
}

void inflater_free(struct inflater *inflater) {
    if (inflater == NULL)
        return;
    inflateEnd(&inflater->stream);
    memory_free(inflater);
}

struct expansion {
    z_stream *stream;
    struct buffer *out;
    size_t before; /* length of `out` at the start */
    size_t max;
    bool ended; /* the last block said that it is the last, and nothing followed it yet */
};

/* Room for what `part` may become: a guess that doubles with every round, but only one byte more
 * than may come out. There are as many rounds as blocks that say they are the last, so it must stop
 * doubling before it is 0. */
static size_t next_room(const struct expansion *expansion, size_t *guess) {
    size_t left = expansion->max - (buffer_length(expansion->out) - expansion->before);
    size_t room = left < *guess ? left + 1 : *guess;
    if (*guess <= left / 2)
        *guess *= 2;
    return room;
}

/* Inflates all of `part`. A block marked as the last one may be followed by more (RFC 7692 section
 * 7.2.3.4): then a new stream starts at the next byte. */
static int expand_part(struct expansion *expansion, struct slice part) {
    z_stream *stream = expansion->stream;
    size_t guess = part.length < 64 ? 256 : 4 * part.length;
    if (part.length > UINT_MAX / 8)
        return ERR_TOO_LARGE;

    stream->next_in = (const Bytef *)part.data;
    stream->avail_in = (uInt)part.length;
    do {
        size_t room = next_room(expansion, &guess);
        if (room > UINT_MAX)
            room = UINT_MAX;
        stream->next_out = (Bytef *)buffer_reserve(expansion->out, room);
        stream->avail_out = (uInt)room;
        int result = inflate(stream, Z_SYNC_FLUSH);
        buffer_commit(expansion->out, room - stream->avail_out);
        if (buffer_length(expansion->out) - expansion->before > expansion->max)
            return ERR_TOO_LARGE;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return ERR_PROTOCOL;
        expansion->ended = result == Z_STREAM_END;
        if (expansion->ended && inflateReset(stream) != Z_OK)
            return ERR_PROTOCOL;
    } while (stream->avail_in > 0 || (stream->avail_out == 0 && !expansion->ended));
    return 0;
}

/* Whether inflating stopped between two blocks; zlib says so in a bit of data_type. */
static bool at_block_boundary(const z_stream *stream) {
    return stream->data_type & 128;
}

static int expand(struct expansion *expansion, struct slice payload) {
    int error = expand_part(expansion, payload);
    if (error != 0 || expansion->ended)
        return error;
    error = expand_part(expansion, slice_from(tail, TAIL_LENGTH));
    if (error == 0 && !at_block_boundary(expansion->stream))
        error = ERR_PROTOCOL;
    return error;
}

int inflater_expand(struct inflater *inflater, struct slice payload, size_t max,
                    struct buffer *out) {
    struct expansion expansion = {
        .stream = &inflater->stream, .out = out, .before = buffer_length(out), .max = max};
    if (payload.length == 0) /* not even an empty block; taken for what it must mean */
        return 0;
    int error = inflateReset(&inflater->stream) == Z_OK ? 0 : ERR_PROTOCOL;
    if (error == 0)
        error = expand(&expansion, payload);
    if (error != 0)
        buffer_truncate(out, expansion.before);
    return error;
}
