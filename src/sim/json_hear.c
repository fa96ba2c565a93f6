/* What a JSON client makes of what it hears. Every frame must be one it may get at this point, and
 * true by the ledger. */
#include "sim/json_hear.h"

#include <string.h>

#include "base/timestamp.h"

static void hear_joined(struct client *client, const json_t *frame, const struct pending *pending) {
    struct json_room *room = pending->room;
    client_note(client, "is in %s, first %llu last %llu", room->name,
                (unsigned long long)json_number(frame, "first"),
                (unsigned long long)json_number(frame, "last"));
    json_enter(client, room, frame, pending->has_after, pending->after, pending->has_epoch);
}

static void hear_history(struct client *client, const json_t *frame,
                         const struct pending *pending) {
    uint64_t previous = 0;
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(frame, "items"), index, item) {
        const struct utterance *utterance = json_check_entry(client, item);
        if (!utterance) {
            return;
        }
        uint64_t seq = utterance->seq;
        bool follows =
            client->view == VIEW_PLAIN || previous == 0 ? seq > previous : seq == previous + 1;
        bool inside = pending->before == 0 || seq < pending->before;
        if (!follows || !inside || index >= pending->limit) {
            client_fail(client, "finds %llu in a history where it does not belong",
                        (unsigned long long)seq);
        }
        previous = seq;
    }
}

static void hear_ack(struct client *client, const json_t *frame, const struct pending *pending) {
    const struct utterance *utterance = pending->utterance;
    if (pending->asked == ASKED_LEAVE) {
        pending->room->stage = STAGE_OUT;
        pending->room->left_order = client->order;
        return;
    }
    if (!utterance) {
        return;
    }
    const struct room_log *log = utterance->log;
    const struct record *record = log ? ledger_record(log, utterance->seq) : NULL;
    if (!record || record->order >= client->order) {
        client_fail(client, "#%u is acknowledged and not stored", utterance->tag);
        return;
    }
    char time[TIMESTAMP_LENGTH + 1];
    timestamp_format(record->timestamp_us, time);
    if (json_number(frame, "seq") != utterance->seq || !json_is(frame, "id", record->id) ||
        !json_is(frame, "timestamp", time) || !json_room_right(frame, log)) {
        client_fail(client, "#%u is acknowledged as what it is not", utterance->tag);
    }
}

/* Whoever gave a name up and whoever took it after him may both have written to the same client:
 * then it has two rooms that look the same, and where it is in them is anybody's guess. */
static void find_twins(struct client *client, const json_t *items) {
    struct json_client *json = client->state;
    for (struct json_room *room = json->rooms; room; room = room->next) {
        size_t index, count = 0;
        json_t *item;
        json_array_foreach(items, index, item) {
            count += json_room_sides(json_text(item, "room")) == room->sides;
        }
        room->twins = room->index < 0 && (room->twins || count > 1);
        for (struct reading *r = client->readings; room->twins && r; r = r->next_reading) {
            if (json_room_sides(slice_of_string(r->log->name)) == room->sides) {
                reader_begin(r, client->order);
                r->staying = false;
            }
        }
    }
}

static void hear_welcome(struct client *client, const json_t *frame) {
    struct json_client *json = client->state;
    struct slice name = json_text(frame, "name");
    size_t index;
    json_t *item;
    json->welcomed = true;
    json->hello_sent = false;
    snprintf(json->session, sizeof json->session, "%.*s", SLICE_ARGS(json_text(frame, "session")));
    client->held = -1;
    if (name.length > 0 && !json->quitting) {
        client_got_name(client, name);
    }
    client_note(client, "is welcome as %.*s", SLICE_ARGS(name));
    if (client->view == VIEW_PLAIN) {
        client->view = VIEW_FULL;
        for (struct reading *r = client->readings; r; r = r->next_reading) {
            r->since = client->order;
        }
    }
    json_array_foreach(json_object_get(frame, "rooms"), index, item) {
        struct json_room *room = json_room_get(client, json_text(item, "room"));
        /* An error of an earlier hello may have come since it asked. */
        if (room->resuming || (room->index >= 0 && client->world->log)) {
            room->resuming = false;
            json_enter(client, room, item, true, room->after, room->epoch[0] != '\0');
        } else if (room->index < 0) {
            if (!room->reading || room->stage == STAGE_OUT) {
                json_copy_epoch(room, item);
            }
            if (room->reading && room->stage == STAGE_OUT) { /* did not ask to go on where it was */
                reader_begin(room->reading, client->order);
            }
            room->stage = STAGE_LIVE; /* it may have been before, so it need not be told again */
            room->wanted = true;
        } else {
            client_fail(client, "is in %s and did not ask for that", room->name);
        }
    }
    find_twins(client, json_object_get(frame, "rooms"));
}

static void hear_refusal(struct client *client, const json_t *frame,
                         const struct pending *pending) {
    struct utterance *utterance = pending->utterance;
    struct json_room *room = pending->room;
    bool unavailable = json_is(frame, "code", "unavailable");
    if (json_is(frame, "code", "internal") || json_is(frame, "code", "cid_reused")) {
        client_fail(client, "%s is refused as %.*s", pending->cid,
                    SLICE_ARGS(json_text(frame, "code")));
    }
    switch (pending->asked) {
    case ASKED_SAY:
        utterance->refused = !unavailable;
        if (unavailable && !((struct json_client *)client->state)->quitting) {
            json_unsure(client, pending);
        }
        break;
    case ASKED_HELLO:
        ((struct json_client *)client->state)->hello_sent = false;
        break;
    case ASKED_JOIN:
        room->stage = STAGE_OUT;
        room->wanted = false;
        break;
    case ASKED_LEAVE:
        room->stage = STAGE_OUT;
        room->left_order = client->order;
        break;
    default:
        break;
    }
}

/* An error that answers nothing in particular: about a room of a hello, or a request without a cid.
 */
static void hear_error(struct client *client, const json_t *frame) {
    struct json_room *room = json_room_of(client, frame);
    client_lost_name(client, json_text(frame, "message"));
    if (room && room->resuming) {
        room->resuming = false;
        room->wanted = false;
        room->reading = NULL;
    }
}

/* Whoever is in a room is there once, with however many devices. */
static void hear_members(struct client *client, const json_t *frame) {
    unsigned seen = 0;
    size_t index;
    json_t *item;
    json_array_foreach(json_object_get(frame, "items"), index, item) {
        int name = people_find(json_text(item, "name"));
        if (name >= 0 && seen & 1u << name) {
            client_fail(client, "finds %s twice among the members", people_name((unsigned)name, 0));
        }
        seen |= name >= 0 ? 1u << name : 0;
    }
}

static bool answers(const struct pending *pending, struct slice type) {
    static const char *const answer[] = {
        [ASKED_SAY] = "ack",   [ASKED_HELLO] = "welcome", [ASKED_JOIN] = "joined",
        [ASKED_LEAVE] = "ack", [ASKED_HISTORY] = "batch",
    };
    if (pending->asked == ASKED_LIST) {
        return slice_equal(type, SLICE("rooms")) || slice_equal(type, SLICE("members")) ||
               slice_equal(type, SLICE("ack"));
    }
    return slice_equal(type, slice_of_string(answer[pending->asked]));
}

static void hear_answer(struct client *client, const json_t *frame, struct slice type) {
    struct slice cid = json_text(frame, "cid");
    struct pending *pending = json_pending_take(client->state, cid);
    if (!pending) {
        client_fail(client, "gets an answer to %.*s, which it does not wait for", SLICE_ARGS(cid));
        return;
    }
    client_note(client, "gets %.*s for %s", SLICE_ARGS(type), pending->cid);
    if (slice_equal(type, SLICE("error"))) {
        hear_refusal(client, frame, pending);
    } else if (!answers(pending, type)) {
        client_fail(client, "gets %.*s as an answer to %s", SLICE_ARGS(type), pending->cid);
    } else if (pending->asked == ASKED_JOIN) {
        hear_joined(client, frame, pending);
    } else if (pending->asked == ASKED_HELLO) {
        hear_welcome(client, frame);
    } else if (pending->asked == ASKED_HISTORY) {
        hear_history(client, frame, pending);
    } else if (pending->asked != ASKED_LIST) {
        hear_ack(client, frame, pending);
    } else if (slice_equal(type, SLICE("members"))) {
        hear_members(client, frame);
    }
    memory_free(pending);
}

static void hear_system(struct client *client, const json_t *frame) {
    struct json_client *json = client->state;
    struct json_room *room = json_room_get(client, json_text(frame, "room"));
    if (json->v1) {
        client_fail(client, "gets a system frame");
    }
    if (json_is(frame, "message", "Connected to server")) {
        struct room_log *log = json_room_log(client, room);
        room->stage = STAGE_LIVE;
        room->reading = reader_open(client, log);
        reader_begin_at(room->reading, 1);
        reader_begin(room->reading, client->order);
    }
}

static bool is_answer(struct slice type) {
    static const char *const types[] = {"ack",   "joined",  "batch",  "rooms",
                                        "error", "members", "welcome"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (slice_equal(type, slice_of_string(types[i]))) {
            return true;
        }
    }
    return false;
}

static void hear_news(struct client *client, const json_t *frame, struct slice type) {
    if (json_kind(type) >= 0) {
        json_hear_entry(client, frame);
    } else if (slice_equal(type, SLICE("batch"))) {
        json_hear_page(client, frame);
    } else if (slice_equal(type, SLICE("gap"))) {
        json_hear_gap(client, frame);
    } else if (slice_equal(type, SLICE("live"))) {
        json_hear_live(client, frame);
    } else if (slice_equal(type, SLICE("system"))) {
        hear_system(client, frame);
    } else if (slice_equal(type, SLICE("error"))) {
        hear_error(client, frame);
    } else if (slice_equal(type, SLICE("read"))) {
        if (client->account < 0) {
            client_fail(client, "is told what somebody has read");
        }
    } else if (!slice_equal(type, SLICE("presence")) && !slice_equal(type, SLICE("typing"))) {
        client_fail(client, "gets a frame of type %.*s", SLICE_ARGS(type));
    }
}

void json_hear(struct client *client, struct slice text) {
    json_error_t error;
    json_t *frame = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(frame)) {
        client_fail(client, "gets what is no JSON object: %s", error.text);
        json_decref(frame);
        return;
    }
    struct slice type = json_text(frame, "type");
    if (is_answer(type) && json_object_get(frame, "cid")) {
        hear_answer(client, frame, type);
    } else {
        hear_news(client, frame, type);
    }
    json_decref(frame);
}
