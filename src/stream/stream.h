/* A stream: a room's recent feed as bytes ready to send, for one encoding. Append-only chunks,
 * indexed by seq; readers are positions (offsets from the beginning of the stream's life), so a
 * reader costs nothing here unless it is blocked.
 *
 *     chunk            chunk            chunk
 *   [item item item][item item     ][item item …      ]
 *    ^oldest              ^a blocked reader         ^tail: where everybody else is
 *
 * A chunk is kept while a blocked reader stands in it or before it, or while somebody is catching
 * up (stream_hold); never more than `window` bytes in all (index included): then the oldest chunk
 * goes, and the readers blocked in it are handed to the caller to be cut. A stream that everybody
 * has read holds no chunk.
 *
 * Written by one thread. Offsets never wrap (64 bits). Nothing here knows what the bytes mean. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buffer.h"
#include "base/list.h"

struct stream;

struct stream *stream_new(size_t window);
void stream_free(struct stream *stream); /* nobody may be blocked in it */

/* Appends one whole frame (or several that belong together). `seq` is that of the entry it shows, 0
 * for a signal. While the stream holds anything, seqs go up by one; after a silence they may go on
 * from anywhere. An empty frame is skipped. */
void stream_append(struct stream *stream, struct slice frame, uint64_t seq);

/* Notes that entry `seq` shows nothing in this encoding, so that stream_find knows where it would
 * be. Takes no memory. On a new stream, with the room's last seq (0: none yet): says which entry
 * comes next. */
void stream_skip(struct stream *stream, uint64_t seq);

uint64_t stream_tail(const struct stream *stream); /* offset after the last byte */
uint64_t stream_oldest(
    const struct stream *stream); /* offset of the first byte still held; tail when none is */
size_t stream_size(const struct stream *stream);   /* bytes held */
size_t stream_memory(const struct stream *stream); /* bytes of its chunks, however full they are */
/* Whether stream_trim lets go of a chunk that somebody may want, because the window is full. */
bool stream_is_full(const struct stream *stream);
void stream_set_window(struct stream *stream,
                       size_t window); /* from the next stream_trim on; 0: keep nothing */

/* The offset from which a reader that wants `seq` next must read: right after entry seq - 1, so
 * that signals that followed it are seen (or from the oldest byte, when nothing but signals in
 * between is gone). False when entry `seq` is not held any more (or never was, and is not the next
 * one to come; a new stream knows that from stream_skip). */
bool stream_find(const struct stream *stream, uint64_t seq, uint64_t *offset);

/* The seq a reader at `offset` has seen everything up to (whole frames only; 0: not known), and
 * where the frame that `offset` stands in ends (`offset` itself between frames). oldest <= `offset`
 * <= tail. */
uint64_t stream_seen(const struct stream *stream, uint64_t offset, uint64_t *frame_end);

/* The end of the first frame that begins at or after `offset` (for readers that must get one frame
 * a write); the tail when none does. */
uint64_t stream_next_frame_end(const struct stream *stream, uint64_t offset);

/* Fills at most `max` vectors with the bytes from `offset` up to `end` (<= tail); returns how many.
 * The bytes are valid until the next stream_trim; a frame is never split over two vectors. */
int stream_read(const struct stream *stream, uint64_t offset, uint64_t end, struct iovec *vectors,
                int max);

/* A blocked reader. Zeroed: not blocked. */
struct stream_wait {
    struct list_node node;
    struct chunk *chunk;
};

/* The reader stands at `offset` (oldest <= offset < tail) and waits for writability: keep the bytes
 * from there on. One that is blocked already moves. */
void stream_block(struct stream *stream, struct stream_wait *wait, uint64_t offset);
void stream_unblock(struct stream *stream,
                    struct stream_wait *wait); /* fine when it is not blocked */

/* Counted: while held, the stream keeps its window even if nobody is blocked, for those who are
 * catching up. */
void stream_hold(struct stream *stream);
void stream_release(struct stream *stream);

/* At the end of a turn, when everybody who can has been offered everything: frees chunks nobody
 * needs, and whole chunks beyond the window. Readers blocked in a chunk that must go are unblocked
 * and passed to `evict`, which must not touch the stream except by stream_read and stream_seen (to
 * copy the rest of a frame); they have lost their place. */
typedef void stream_evict(void *context, struct stream_wait *wait);
void stream_trim(struct stream *stream, stream_evict *evict, void *context);
