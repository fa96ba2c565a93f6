/* Chunks and their index.
 *
 * A chunk is one allocation that fills from both ends: frames from the front, the index of its
 * frames from the back. It is full when they would meet. So nothing in it ever moves, and appending
 * is a memcpy and one index entry.
 *
 *     [header][frame frame frame …          … item2 item1 item0]
 *
 * Each index item holds where its frame ends and the last seq that is over by then. Signals repeat
 * the seq of the entry before them, and an entry that shows nothing only raises the seq of the
 * newest item; so skipping takes no memory, and both columns of the index ascend and can be
 * searched by halving.
 *
 * The chunks of a stream are a list. It is walked from the newest end, where the readers are, and
 * is short: chunks double in size as long as a new one is needed while the last is still there, up
 * to a sixteenth of the window. */
#include "stream/stream.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

#define CHUNK_MIN 4096 /* bytes of memory; of the first chunk of a quiet room */
#define CHUNK_MAX (256 * 1024)
#define CHUNKS_PER_WINDOW 16
#define QUIET_TIMES 16 /* until chunks get smaller */

struct item {
    uint64_t end; /* offset after the frame */
    uint64_t seq; /* the last entry whose showing is over there */
};

struct chunk {
    struct list_node node;
    struct list waits;   /* blocked readers that stand in this chunk */
    uint64_t start;      /* offset of the first byte */
    uint64_t seq_before; /* the last entry whose showing was over at `start` */
    size_t length;       /* bytes of frames */
    size_t count;        /* index items */
    size_t capacity;     /* bytes at data */
    _Alignas(struct item) char data[];
};

struct stream {
    struct list chunks; /* oldest first */
    uint64_t tail;
    uint64_t last_seq; /* of the newest entry, shown or skipped */
    size_t window;
    size_t used;   /* bytes of frames and index in all chunks */
    size_t memory; /* bytes of all chunks */
    unsigned holds;
    uint32_t chunk_size; /* of the next chunk, header included */
    uint8_t quiet_times; /* that a chunk was hardly used, in a row */
    bool seq_known;      /* last_seq means something */
};

struct stream *stream_new(size_t window) {
    struct stream *stream = memory_new_struct(struct stream);
    stream->window = window;
    stream->chunk_size = CHUNK_MIN;
    return stream;
}

static struct chunk *chunk_of(struct list_node *node) {
    return node == NULL ? NULL : container_of(node, struct chunk, node);
}

static struct chunk *oldest_chunk(const struct stream *stream) {
    return chunk_of(stream->chunks.first);
}

static struct chunk *newest_chunk(const struct stream *stream) {
    return chunk_of(stream->chunks.last);
}

static struct item *chunk_item(struct chunk *chunk, size_t index) {
    struct item *end = (struct item *)(void *)(chunk->data + chunk->capacity);
    return end - 1 - index;
}

static size_t chunk_used(const struct chunk *chunk) {
    return chunk->length + chunk->count * sizeof(struct item);
}

static void chunk_free(struct stream *stream, struct chunk *chunk) {
    assert(list_empty(&chunk->waits));
    list_remove(&stream->chunks, &chunk->node);
    stream->used -= chunk_used(chunk);
    stream->memory -= sizeof(*chunk) + chunk->capacity;
    memory_free(chunk);
}

void stream_free(struct stream *stream) {
    if (stream == NULL)
        return;
    while (!list_empty(&stream->chunks))
        chunk_free(stream, oldest_chunk(stream));
    memory_free(stream);
}

static size_t largest_chunk(const struct stream *stream) {
    size_t share = stream->window / CHUNKS_PER_WINDOW;
    if (share > CHUNK_MAX)
        return CHUNK_MAX;
    return share < CHUNK_MIN ? CHUNK_MIN : share;
}

static struct chunk *add_chunk(struct stream *stream, size_t frame_length) {
    if (!list_empty(&stream->chunks)) {
        size_t doubled = (size_t)stream->chunk_size * 2;
        size_t largest = largest_chunk(stream);
        stream->chunk_size = (uint32_t)(doubled < largest ? doubled : largest);
    }
    size_t alignment = _Alignof(struct item);
    size_t capacity = (stream->chunk_size - sizeof(struct chunk)) / alignment * alignment;
    size_t needed = (frame_length + alignment - 1) / alignment * alignment + sizeof(struct item);
    if (capacity < needed)
        capacity = needed;

    /* Not zeroed: every byte is written before it is read. */
    struct chunk *chunk = memory_resize(NULL, sizeof(*chunk) + capacity);
    *chunk = (struct chunk){
        .start = stream->tail,
        .seq_before = stream->last_seq,
        .capacity = capacity,
    };
    stream->memory += sizeof(*chunk) + capacity;
    list_append(&stream->chunks, &chunk->node);
    return chunk;
}

/* The chunk that takes the next frame. */
static struct chunk *chunk_for(struct stream *stream, size_t frame_length) {
    struct chunk *chunk = newest_chunk(stream);
    if (chunk != NULL && frame_length + sizeof(struct item) <= chunk->capacity - chunk_used(chunk))
        return chunk;
    return add_chunk(stream, frame_length);
}

/* Signals were appended before the first entry was known: they came after entry `seq`. */
static void place_signals_after(struct stream *stream, uint64_t seq) {
    for (struct chunk *chunk = oldest_chunk(stream); chunk != NULL;
         chunk = chunk_of(chunk->node.next)) {
        chunk->seq_before = seq;
        for (size_t i = 0; i < chunk->count; i++)
            chunk_item(chunk, i)->seq = seq;
    }
}

/* Entry `seq` is next: what is held so far ends with the one before it. */
static void expect_seq(struct stream *stream, uint64_t seq) {
    uint64_t before = seq == 0 ? 0 : seq - 1;
    if (!stream->seq_known)
        place_signals_after(stream, before);
    if (!stream->seq_known || list_empty(&stream->chunks))
        stream->last_seq = before;
    assert(stream->last_seq == before);
    stream->seq_known = true;
}

void stream_append(struct stream *stream, struct slice frame, uint64_t seq) {
    if (frame.length == 0) {
        if (seq != 0)
            stream_skip(stream, seq);
        return;
    }
    if (seq != 0)
        expect_seq(stream, seq);
    struct chunk *chunk = chunk_for(stream, frame.length);
    if (seq != 0)
        stream->last_seq = seq;

    memcpy(chunk->data + chunk->length, frame.data, frame.length);
    chunk->length += frame.length;
    stream->tail += frame.length;
    *chunk_item(chunk, chunk->count++) = (struct item){stream->tail, stream->last_seq};
    stream->used += frame.length + sizeof(struct item);
}

void stream_skip(struct stream *stream, uint64_t seq) {
    expect_seq(stream, seq);
    stream->last_seq = seq;
    struct chunk *chunk = newest_chunk(stream);
    if (chunk != NULL)
        chunk_item(chunk, chunk->count - 1)->seq = seq;
}

uint64_t stream_tail(const struct stream *stream) {
    return stream->tail;
}

uint64_t stream_oldest(const struct stream *stream) {
    const struct chunk *chunk = oldest_chunk(stream);
    return chunk == NULL ? stream->tail : chunk->start;
}

size_t stream_size(const struct stream *stream) {
    return (size_t)(stream->tail - stream_oldest(stream));
}

size_t stream_memory(const struct stream *stream) {
    return stream->memory;
}

bool stream_is_full(const struct stream *stream) {
    return stream->used > stream->window;
}

void stream_set_window(struct stream *stream, size_t window) {
    stream->window = window;
}

/* The chunk in which the byte at `offset` is; at the tail, the newest. NULL when the stream holds
 * nothing. */
static struct chunk *chunk_at(const struct stream *stream, uint64_t offset) {
    struct chunk *chunk = newest_chunk(stream);
    while (chunk != NULL && chunk->start > offset) {
        chunk = chunk_of(chunk->node.previous);
        assert(chunk != NULL);
    }
    return chunk;
}

/* How many frames of the chunk end at or before `offset`: the index of the one that `offset` stands
 * in. */
static size_t frames_before(struct chunk *chunk, uint64_t offset) {
    size_t low = 0, high = chunk->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chunk_item(chunk, middle)->end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first item of the chunk at whose end entry `seq` is over; the chunk has one. */
static const struct item *item_of_seq(struct chunk *chunk, uint64_t seq) {
    size_t low = 0, high = chunk->count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chunk_item(chunk, middle)->seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return chunk_item(chunk, low);
}

bool stream_find(const struct stream *stream, uint64_t seq, uint64_t *offset) {
    if (!stream->seq_known || seq == 0 || seq > stream->last_seq + 1)
        return false;
    uint64_t seen = seq - 1;
    struct chunk *chunk = oldest_chunk(stream);
    if (seen < (chunk == NULL ? stream->last_seq : chunk->seq_before))
        return false;
    if (chunk == NULL || seen == chunk->seq_before) {
        *offset = stream_oldest(stream);
        return true;
    }
    chunk = newest_chunk(stream);
    while (chunk->seq_before >= seen)
        chunk = chunk_of(chunk->node.previous);
    *offset = item_of_seq(chunk, seen)->end;
    return true;
}

uint64_t stream_seen(const struct stream *stream, uint64_t offset, uint64_t *frame_end) {
    assert(offset <= stream->tail);
    struct chunk *chunk = chunk_at(stream, offset);
    if (chunk == NULL) {
        *frame_end = offset;
        return stream->last_seq;
    }
    size_t index = frames_before(chunk, offset);
    const struct item *previous = index == 0 ? NULL : chunk_item(chunk, index - 1);
    uint64_t begin = previous == NULL ? chunk->start : previous->end;
    *frame_end = offset == begin ? offset : chunk_item(chunk, index)->end;
    return previous == NULL ? chunk->seq_before : previous->seq;
}

uint64_t stream_next_frame_end(const struct stream *stream, uint64_t offset) {
    uint64_t begin;
    stream_seen(stream, offset, &begin);
    if (begin == stream->tail)
        return stream->tail;
    struct chunk *chunk = chunk_at(stream, begin);
    return chunk_item(chunk, frames_before(chunk, begin))->end;
}

int stream_read(const struct stream *stream, uint64_t offset, uint64_t end, struct iovec *vectors,
                int max) {
    assert(offset >= stream_oldest(stream) && offset <= end && end <= stream->tail);
    int count = 0;
    for (struct chunk *chunk = chunk_at(stream, offset); offset < end && count < max;
         chunk = chunk_of(chunk->node.next)) {
        size_t from = (size_t)(offset - chunk->start);
        size_t length = chunk->length - from;
        if (length > end - offset)
            length = (size_t)(end - offset);
        vectors[count++] = (struct iovec){chunk->data + from, length};
        offset += length;
    }
    return count;
}

void stream_block(struct stream *stream, struct stream_wait *wait, uint64_t offset) {
    assert(offset >= stream_oldest(stream) && offset < stream->tail);
    stream_unblock(stream, wait);
    wait->chunk = chunk_at(stream, offset);
    list_append(&wait->chunk->waits, &wait->node);
}

void stream_unblock(struct stream *stream, struct stream_wait *wait) {
    (void)stream;
    if (wait->chunk == NULL)
        return;
    list_remove(&wait->chunk->waits, &wait->node);
    wait->chunk = NULL;
}

void stream_hold(struct stream *stream) {
    stream->holds++;
}

void stream_release(struct stream *stream) {
    assert(stream->holds > 0);
    stream->holds--;
}

static void evict_all(struct chunk *chunk, stream_evict *evict, void *context) {
    struct list_node *node;
    while ((node = list_take_first(&chunk->waits)) != NULL) {
        struct stream_wait *wait = container_of(node, struct stream_wait, node);
        wait->chunk = NULL;
        evict(context, wait);
    }
}

/* A room that has gone quiet starts with smaller chunks again. A busy one has quiet moments, and
 * what comes then at once should fit into one chunk: that is sent for less than two. */
static void shrink_chunks(struct stream *stream, const struct chunk *last) {
    if (stream->chunk_size == CHUNK_MIN || chunk_used(last) >= stream->chunk_size / 4) {
        stream->quiet_times = 0;
    } else if (++stream->quiet_times == QUIET_TIMES) {
        stream->quiet_times = 0;
        stream->chunk_size /= 2;
    }
}

void stream_trim(struct stream *stream, stream_evict *evict, void *context) {
    struct chunk *chunk;
    while ((chunk = oldest_chunk(stream)) != NULL) {
        if (stream_is_full(stream))
            evict_all(chunk, evict, context);
        else if (stream->holds > 0 || !list_empty(&chunk->waits))
            return;
        if (chunk->node.next == NULL)
            shrink_chunks(stream, chunk);
        chunk_free(stream, chunk);
    }
}
