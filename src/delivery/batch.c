/* Sends that the transport carries out together: what goes out to each of many peers is put
 * together first, then all of it is sent, and then each peer is told what came of its own. In
 * between nothing here changes: streams are appended to, and outboxes filled, before or after. So
 * the transport may have threads that share the sending; and one thread alone is the faster for it,
 * too, because the kernel does not push out of the caches, between any two sends, what is needed
 * here.
 *
 * Most readers of a room stand at the same place in its stream, so they are sent the same bytes:
 * the vectors that say where these lie are made for the first of them, and shared. */
#include "delivery/internal.h"

#define JOBS_MOST 4096
#define PIECES_MOST (2 * JOBS_MOST)
/* Peers lie anywhere in memory: the next ones are on their way while one is settled. */
#define AHEAD 4

struct outgoing {
    struct peer *peer;
    uint32_t first_part, part_count;
};

/* Large, but only so much of it is ever touched as peers were sent to at the same time. */
struct batch {
    const struct transport *transport;
    size_t count, vector_count, part_count;
    /* The stretch of a stream that was gathered last, if nothing else went with it. */
    const struct audience *audience;
    uint64_t from, end;
    struct send_job jobs[JOBS_MOST];
    struct outgoing outgoing[JOBS_MOST];
    struct iovec vectors[PIECES_MOST];
    struct part parts[PIECES_MOST];
};

struct batch *batch_new(const struct transport *transport) {
    struct batch *batch = memory_new_struct(struct batch);
    batch->transport = transport;
    return batch;
}

void batch_free(struct batch *batch) {
    memory_free(batch);
}

/* The one cursor that has something to send, where nothing else has. */
static struct cursor *only_cursor(const struct peer *peer) {
    struct list_node *first = peer->sending.first;
    if (!first || first->next || peer_doing(peer)->out_first || peer_told_places(peer) ||
        peer_is_paced(peer))
        return NULL;
    return container_of(first, struct cursor, work);
}

/* Whether the peer is to be sent the same as the one before; then it is added. */
static bool add_same(struct batch *batch, struct peer *peer, struct cursor *cursor) {
    const struct send_job *last = &batch->jobs[batch->count - 1];
    if (cursor->audience != batch->audience || cursor->offset != batch->from ||
        cursor_pending_end(cursor) != batch->end)
        return false;
    batch->outgoing[batch->count] = (struct outgoing){peer, (uint32_t)batch->part_count, 1};
    batch->parts[batch->part_count++] = (struct part){cursor, last->bytes};
    batch->jobs[batch->count] = *last;
    batch->jobs[batch->count].owner = peer->owner;
    batch->jobs[batch->count].affinity = peer->connection;
    batch->count++;
    peer->is_batched = true;
    return true;
}

static void add_gathered(struct batch *batch, struct peer *peer, const struct sending *sending) {
    batch->outgoing[batch->count] =
        (struct outgoing){peer, (uint32_t)batch->part_count, (uint32_t)sending->part_count};
    batch->jobs[batch->count] = (struct send_job){.owner = peer->owner,
                                                  .vectors = sending->vectors,
                                                  .count = sending->vector_count,
                                                  .bytes = sending->total,
                                                  .taken = (ssize_t)sending->total,
                                                  .affinity = peer->connection};
    batch->vector_count += (size_t)sending->vector_count;
    batch->part_count += (size_t)sending->part_count;
    batch->count++;
    peer->is_batched = true;
}

static bool is_full(const struct batch *batch) {
    return batch->count == JOBS_MOST || batch->vector_count + SEND_VECTORS > PIECES_MOST ||
           batch->part_count + SEND_VECTORS > PIECES_MOST;
}

void batch_add(struct batch *batch, struct peer *peer) {
    if (is_full(batch) || peer->is_batched)
        batch_run(batch);
    if (!peer_takes_bytes(peer)) {
        peer_send(peer);
        return;
    }
    struct cursor *cursor = only_cursor(peer);
    if (cursor && batch->audience && add_same(batch, peer, cursor))
        return;
    struct sending sending = {.vectors = batch->vectors + batch->vector_count,
                              .parts = batch->parts + batch->part_count};
    sending_gather(&sending, peer);
    if (sending.total == 0) {
        peer_send(peer);
        return;
    }
    batch->audience = cursor ? cursor->audience : NULL;
    batch->from = cursor ? cursor->offset : 0;
    batch->end = cursor ? cursor_pending_end(cursor) : 0;
    add_gathered(batch, peer, &sending);
}

void batch_run(struct batch *batch) {
    if (batch->count == 0)
        return;
    batch->transport->send_many(batch->jobs, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        const struct send_job *job = &batch->jobs[i];
        const struct outgoing *outgoing = &batch->outgoing[i];
        if (i + AHEAD < batch->count)
            __builtin_prefetch(batch->outgoing[i + AHEAD].peer);
        const struct sending sending = {.parts = batch->parts + outgoing->first_part,
                                        .part_count = (int)outgoing->part_count,
                                        .total = job->bytes};
        outgoing->peer->is_batched = false;
        peer_sent(outgoing->peer, &sending, job->taken);
    }
    batch->count = batch->vector_count = batch->part_count = 0;
    batch->audience = NULL;
}
