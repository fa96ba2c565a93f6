/* Rooms as a JSON client sees them: what comes in their feeds, and in which order it may. */
#include "sim/json_hear.h"

#include <string.h>

/* The room a frame is about; NULL: one this client has never heard of. A direct-message room comes
 * by itself. */
struct json_room *json_room_of(struct client *client, const json_t *frame) {
    struct slice name = json_text(frame, "room");
    return slice_starts_with(name, SLICE("@")) ? json_room_get(client, name)
                                               : json_room_find(client->state, name);
}

static bool welcome_here(const struct client *client, const struct json_room *room,
                         const struct utterance *utterance) {
    const struct json_client *json = client->state;
    const struct record *record = ledger_record(utterance->log, utterance->seq);
    bool parting =
        json->quitting && client->world->log; /* a join that waited was refused by that */
    if (room->index < 0 || room->stage == STAGE_LIVE || parting) {
        return true;
    }
    if (room->stage == STAGE_JOINING) {
        return room->left_order == 0 || record->order < room->left_order || room->reading != NULL;
    }
    if (room->stage == STAGE_CATCHING) {
        return !json->v1 && client->view == VIEW_PLAIN;
    }
    return record->order < room->left_order;
}

/* Starts anew, wherever that is. */
static void restart(struct client *client, struct reading *reading) {
    reader_begin_at(reading, 1);
    reader_begin(reading, client->order);
}

/* Direct messages begin without a word: with the first. */
static struct reading *open_reading(struct client *client, struct json_room *room,
                                    struct room_log *log) {
    bool known = reader_find(client, log) != NULL;
    struct reading *reading = reader_open(client, log);
    if (log->direct && (!known || room->anew)) {
        restart(client, reading);
        room->anew = false;
    }
    return reading;
}

/* An entry in the feed of a room. */
void json_hear_entry(struct client *client, const json_t *frame) {
    struct json_client *json = client->state;
    const struct utterance *utterance = json_check_entry(client, frame);
    if (!utterance) {
        return;
    }
    struct json_room *room = json_room_get(client, json_text(frame, "room"));
    if (!welcome_here(client, room, utterance)) {
        client_fail(client, "is shown %s %llu while it is not live there", room->name,
                    (unsigned long long)utterance->seq);
        return;
    }
    bool own = utterance->author == client->index && utterance->sends == 1;
    if (own && json_pending_has(json, json_text(frame, "cid"))) {
        client_fail(client, "is shown its own #%u before the ack", utterance->tag);
    }
    if (client->view == VIEW_PLAIN && !json->introduced && utterance->kind != ENTRY_MESSAGE) {
        client_fail(client, "is shown #%u, which is nothing for a plain client", utterance->tag);
    }
    struct reading *reading = open_reading(client, room, utterance->log);
    if (room->reading && room->reading != reading) {
        room->reading->staying = false; /* another room of the same name */
    }
    if (room->index < 0 &&
        room->reading != reading) { /* comes by itself, perhaps under another name than before */
        reader_begin(reading, client->order);
        room->stage = STAGE_LIVE;
        room->wanted = true;
        room->epoch[0] = '\0';
    }
    room->reading = reading;
    reader_shown(client, reading, utterance->seq);
}

void json_copy_epoch(struct json_room *room, const json_t *frame) {
    struct slice epoch = json_text(frame, "epoch");
    snprintf(room->epoch, sizeof room->epoch, "%.*s", SLICE_ARGS(epoch));
}

/* From here on pages come, from `after` on if it can be. */
void json_enter(struct client *client, struct json_room *room, const json_t *frame, bool has_after,
                uint64_t after, bool has_epoch) {
    struct room_log *log = json_room_log(client, room);
    uint64_t last = json_number(frame, "last"), backlog = client->world->plan.backlog;
    uint64_t first = json_number(frame, "first");
    room->expect_gap =
        has_after && (after > last || (has_epoch && !json_is(frame, "epoch", room->epoch)));
    json_copy_epoch(room, frame);
    room->stage = STAGE_CATCHING;
    if (log) {
        room->reading = reader_open(client, log);
    }
    if (!room->reading) {
        return;
    }
    uint64_t start = last > backlog ? last - backlog + 1 : 1;
    reader_begin_at(room->reading, has_after ? after + 1 : start > first ? start : first);
}

/* Whether entries up to `first` - 1 are gone for good. */
static bool truly_gone(const struct client *client, const struct reading *reading, uint64_t first) {
    return first <= reading->log->last + 1 &&
           reading->log->last + 1 - first >= client->world->plan.keep;
}

/* Whether pages may come: from the answer to a join until it is live; at any time in what nobody
 * joins (direct messages, and the lobby where a plain client begins). */
static bool reads_pages(const struct client *client, const struct json_room *room) {
    const struct json_client *json = client->state;
    return room && (room->stage == STAGE_CATCHING || room->index < 0 ||
                    (room->index == 0 && room->stage == STAGE_LIVE && !json->v1));
}

void json_hear_gap(struct client *client, const json_t *frame) {
    struct json_room *room = json_room_of(client, frame);
    uint64_t after = json_number(frame, "after"), first = json_number(frame, "first");
    bool retention = json_is(frame, "reason", "retention");
    bool direct = room && room->index < 0;
    if (!reads_pages(client, room)) {
        client_fail(client, "hears of a gap (%.*s) in %.*s after %llu, where it reads nothing",
                    SLICE_ARGS(json_text(frame, "reason")), SLICE_ARGS(json_text(frame, "room")),
                    (unsigned long long)after);
        return;
    }
    client_note(client, "has a gap in %s after %llu", room->name, (unsigned long long)after);
    json_copy_epoch(room, frame);
    room->anew = direct;
    if (direct && room->reading) {
        restart(client, room->reading);
    }
    if (!room->reading || direct) {
        return;
    }
    bool known = room->reading->since == 0;
    if (retention == room->expect_gap || (known && after != room->reading->next - 1)) {
        client_fail(client, "hears of a gap in %s after %llu for no reason", room->name,
                    (unsigned long long)after);
    } else if (retention && !truly_gone(client, room->reading, first)) {
        client_fail(client, "hears that %s begins with %llu, which is not so", room->name,
                    (unsigned long long)first);
    }
    room->expect_gap = false;
    if (retention) {
        reader_begin_at(room->reading, first);
    } else {
        restart(client, room->reading);
    }
}

void json_hear_live(struct client *client, const json_t *frame) {
    struct json_room *room = json_room_of(client, frame);
    uint64_t at = json_number(frame, "at");
    client_note(client, "is live in %.*s at %llu", SLICE_ARGS(json_text(frame, "room")),
                (unsigned long long)at);
    if (room && room->index < 0) { /* these come and go as those do who write */
        room->stage = STAGE_LIVE;
        return;
    }
    if (!room || room->stage != STAGE_CATCHING) {
        client_fail(client, "is live in %.*s, where it reads nothing",
                    SLICE_ARGS(json_text(frame, "room")));
        return;
    }
    room->stage = STAGE_LIVE;
    if (!room->reading || room->index < 0) {
        return;
    }
    if (room->expect_gap) {
        client_fail(client, "heard of no gap in %s", room->name);
    }
    uint64_t shown = room->reading->next - 1;
    bool exact = client->view == VIEW_FULL && room->reading->since == 0;
    if (at < shown || (exact && at != shown)) {
        client_fail(client, "is live in %s at %llu, but was shown up to %llu", room->name,
                    (unsigned long long)at, (unsigned long long)shown);
    }
}

/* Part of catching up: each of them in order. */
void json_hear_page(struct client *client, const json_t *frame) {
    struct json_room *room = json_room_of(client, frame);
    size_t index;
    json_t *item;
    if (!reads_pages(client, room)) {
        client_fail(client, "gets a page of %.*s, where it reads nothing",
                    SLICE_ARGS(json_text(frame, "room")));
        return;
    }
    json_array_foreach(json_object_get(frame, "items"), index, item) {
        const struct utterance *utterance = json_check_entry(client, item);
        if (!utterance) {
            return;
        }
        /* By its name the server may have taken the room for another one, where the client stood
         * elsewhere. */
        room->anew |= room->index < 0 && (!room->reading || room->reading->log != utterance->log);
        room->reading = open_reading(client, room, utterance->log);
        reader_shown(client, room->reading, utterance->seq);
    }
}
