/* Sending peers away one after another, so that they do not all arrive elsewhere at once.
 *
 * The map of peers mixes their numbers, so going through it takes peers that came together, or read
 * the same rooms, in no order. It may be rebuilt while we are on the way; therefore it is gone
 * through again until nobody is left. */
#include "delivery/internal.h"

static bool stays(const struct peer *peer, uint64_t newest) {
    return peer->stage == PEER_OPEN && !peer->sent_away && peer->protocol->opens &&
           peer->connection <= newest;
}

/* Whether it has said something that was not taken in yet. */
static bool is_busy(const struct peer *peer) {
    return peer_doing(peer)->input || peer->unfinished || peer->is_halfway ||
           peer->waits_for_answer;
}

uint64_t outlet_newest(const struct outlet *outlet) {
    return outlet->last_connection;
}

size_t outlet_count_staying(const struct outlet *outlet, uint64_t newest) {
    size_t at = 0;
    size_t count = 0;
    struct peer *peer;

    while ((peer = id_map_next(outlet->peers, &at)))
        count += stays(peer, newest);
    return count;
}

size_t outlet_send_away(struct outlet *outlet, uint64_t newest, size_t count, uint16_t close_code) {
    size_t told = 0;
    bool wrapped = outlet->drained == 0;

    while (told < count) {
        struct peer *peer = id_map_next(outlet->peers, &outlet->drained);
        if (!peer) {
            outlet->drained = 0;
            if (wrapped)
                break;
            wrapped = true;
        } else if (stays(peer, newest) && !is_busy(peer)) {
            peer->sent_away = true;
            peer_leave(peer, close_code);
            told++;
        }
    }
    return told;
}
