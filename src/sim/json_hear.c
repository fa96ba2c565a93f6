/* What a JSON client makes of what it hears. Every frame must be one it may get at this point, and true by the ledger. */
#include "sim/client_json.h"

#include <string.h>

#include "base/timestamp.h"

static struct slice text_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? slice_from(json_string_value(value), json_string_length(value))
                                 : SLICE_NONE;
}

static uint64_t number_of(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* The room a frame is about; NULL: one this client has never heard of. A direct-message room comes by itself. */
static struct json_room *room_of(struct client *client, const json_t *frame) {
    struct slice name = text_of(frame, "room");
    return slice_starts_with(name, SLICE("@")) ? json_room_get(client, name)
                                               : json_room_find(client->state, name);
}

static const char *const kind_names[] = {
    [ENTRY_MESSAGE] = "message", [ENTRY_EDIT] = "edit",   [ENTRY_DELETE] = "delete",
    [ENTRY_REACTION] = "react",  [ENTRY_TOPIC] = "topic",
};

static int kind_of(struct slice type) {
    for (int i = 0; i <= ENTRY_TOPIC; i++) {
        if (slice_equal(type, slice_of_string(kind_names[i]))) {
            return i;
        }
    }
    return -1;
}

static bool is(const json_t *object, const char *key, const char *expected) {
    return slice_equal(text_of(object, key), slice_of_string(expected));
}

static bool has_number(const json_t *object, const char *key, uint64_t expected) {
    return expected == 0 ? json_object_get(object, key) == NULL
                         : number_of(object, key) == expected;
}

static bool words_right(const json_t *frame, const struct record *record) {
    const struct utterance *utterance = record->utterance;
    struct slice content = text_of(frame, "content");
    if (!utterance->content) {
        return json_object_get(frame, "content") == NULL;
    }
    return slice_equal(content, slice_of_string(utterance->content)) ||
           (record->erased && content.length == 0);
}

static bool room_right(const json_t *frame, const struct room_log *log) {
    struct slice room = text_of(frame, "room");
    int index = room_find_name(room);
    if (log->direct) {
        return slice_starts_with(room, SLICE("@"));
    }
    return index >= 0 && strcmp(room_key((unsigned)index), log->key) == 0;
}

const struct utterance *json_check_entry(struct client *client, const json_t *frame) {
    const struct ledger *ledger = &client->world->ledger;
    struct slice cid = text_of(frame, "cid");
    const struct utterance *utterance =
        cid.length > 0 ? ledger_by_cid(ledger, cid)
                       : ledger_by_text(ledger, text_of(frame, "content"));
    if (!utterance && cid.length == 0 && text_of(frame, "content").length == 0) {
        int index = room_find_name(text_of(frame, "room"));
        const struct room_log *log =
            index < 0 ? NULL : ledger_log(&client->world->ledger,
                                          slice_of_string(room_key((unsigned)index)), NULL);
        const struct record *record = log ? ledger_record(log, number_of(frame, "seq")) : NULL;
        utterance = record && record->erased ? record->utterance : NULL;
    }
    if (!utterance) {
        client_fail(client, "is shown what nobody has said");
        return NULL;
    }
    const struct record *record = client_shown(client, utterance);
    char time[TIMESTAMP_LENGTH + 1];
    if (!record) {
        return NULL;
    }
    timestamp_format(record->timestamp_us, time);
    bool right = kind_of(text_of(frame, "type")) == (int)utterance->kind &&
                 number_of(frame, "seq") == utterance->seq && is(frame, "id", record->id) &&
                 is(frame, "timestamp", time) && is(frame, "sender", record->sender) &&
                 words_right(frame, record) && room_right(frame, utterance->log) &&
                 has_number(frame, "of", utterance->of) && is(frame, "key", utterance->key);
    if (!right) {
        char *text = json_dumps(frame, JSON_COMPACT);
        client_fail(client, "#%u is shown as what it is not: %.120s", utterance->tag, text);
        free(text);
        return NULL;
    }
    return utterance;
}

static bool welcome_here(const struct client *client, const struct json_room *room,
                         const struct utterance *utterance) {
    const struct json_client *json = client->state;
    const struct record *record = ledger_record(utterance->log, utterance->seq);
    if (room->index < 0 || room->stage == STAGE_LIVE) {
        return true;
    }
    if (room->stage == STAGE_JOINING) {
        return room->left_order == 0 || record->order < room->left_order ||
               room->reading != NULL;
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
static void hear_entry(struct client *client, const json_t *frame) {
    struct json_client *json = client->state;
    const struct utterance *utterance = json_check_entry(client, frame);
    if (!utterance) {
        return;
    }
    struct json_room *room = json_room_get(client, text_of(frame, "room"));
    if (!welcome_here(client, room, utterance)) {
        client_fail(client, "is shown %s %llu while it is not live there", room->name,
                    (unsigned long long)utterance->seq);
        return;
    }
    bool own = utterance->author == client->index && utterance->sends == 1;
    if (own && json_pending_has(json, text_of(frame, "cid"))) {
        client_fail(client, "is shown its own #%u before the ack", utterance->tag);
    }
    if (client->view == VIEW_PLAIN && !json->introduced && utterance->kind != ENTRY_MESSAGE) {
        client_fail(client, "is shown #%u, which is nothing for a plain client", utterance->tag);
    }
    struct reading *reading = open_reading(client, room, utterance->log);
    if (room->reading && room->reading != reading) {
        room->reading->staying = false; /* another room of the same name */
    }
    if (room->index < 0 && room->reading != reading) { /* comes by itself, perhaps under another name than before */
        reader_begin(reading, client->order);
        room->stage = STAGE_LIVE;
        room->wanted = true;
        room->epoch[0] = '\0';
    }
    room->reading = reading;
    reader_shown(client, reading, utterance->seq);
}

static void copy_epoch(struct json_room *room, const json_t *frame) {
    struct slice epoch = text_of(frame, "epoch");
    snprintf(room->epoch, sizeof room->epoch, "%.*s", SLICE_ARGS(epoch));
}

/* From here on pages come, from `after` on if it can be. */
static void enter(struct client *client, struct json_room *room, const json_t *frame,
                  bool has_after, uint64_t after, bool has_epoch) {
    struct room_log *log = json_room_log(client, room);
    uint64_t last = number_of(frame, "last"), backlog = client->world->plan.backlog;
    uint64_t first = number_of(frame, "first");
    room->expect_gap = has_after && (after > last || (has_epoch && !is(frame, "epoch", room->epoch)));
    copy_epoch(room, frame);
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

static void hear_joined(struct client *client, const json_t *frame,
                        const struct pending *pending) {
    struct json_room *room = pending->room;
    client_note(client, "is in %s, first %llu last %llu", room->name,
                (unsigned long long)number_of(frame, "first"),
                (unsigned long long)number_of(frame, "last"));
    enter(client, room, frame, pending->has_after, pending->after, pending->has_epoch);
}

/* Whether entries up to `first` - 1 are gone for good. */
static bool truly_gone(const struct client *client, const struct reading *reading,
                       uint64_t first) {
    return first <= reading->log->last + 1 &&
           reading->log->last + 1 - first >= client->world->plan.keep;
}

/* Whether pages may come: from the answer to a join until it is live; at any time in what nobody joins (direct messages,
 * and the lobby where a plain client begins). */
static bool reads_pages(const struct client *client, const struct json_room *room) {
    const struct json_client *json = client->state;
    return room && (room->stage == STAGE_CATCHING || room->index < 0 ||
                    (room->index == 0 && room->stage == STAGE_LIVE && !json->v1));
}

static void hear_gap(struct client *client, const json_t *frame) {
    struct json_room *room = room_of(client, frame);
    uint64_t after = number_of(frame, "after"), first = number_of(frame, "first");
    bool retention = is(frame, "reason", "retention");
    bool direct = room && room->index < 0;
    if (!reads_pages(client, room)) {
        client_fail(client, "hears of a gap (%.*s) in %.*s after %llu, where it reads nothing",
                    SLICE_ARGS(text_of(frame, "reason")), SLICE_ARGS(text_of(frame, "room")),
                    (unsigned long long)after);
        return;
    }
    client_note(client, "has a gap in %s after %llu", room->name, (unsigned long long)after);
    copy_epoch(room, frame);
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

static void hear_live(struct client *client, const json_t *frame) {
    struct json_room *room = room_of(client, frame);
    uint64_t at = number_of(frame, "at");
    client_note(client, "is live in %.*s at %llu", SLICE_ARGS(text_of(frame, "room")),
                (unsigned long long)at);
    if (room && room->index < 0) { /* these come and go as those do who write */
        room->stage = STAGE_LIVE;
        return;
    }
    if (!room || room->stage != STAGE_CATCHING) {
        client_fail(client, "is live in %.*s, where it reads nothing",
                    SLICE_ARGS(text_of(frame, "room")));
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
static void hear_page(struct client *client, const json_t *frame) {
    struct json_room *room = room_of(client, frame);
    size_t index;
    json_t *item;
    if (!reads_pages(client, room)) {
        client_fail(client, "gets a page of %.*s, where it reads nothing",
                    SLICE_ARGS(text_of(frame, "room")));
        return;
    }
    json_array_foreach(json_object_get(frame, "items"), index, item) {
        const struct utterance *utterance = json_check_entry(client, item);
        if (!utterance) {
            return;
        }
        room->reading = open_reading(client, room, utterance->log);
        reader_shown(client, room->reading, utterance->seq);
    }
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
        bool follows = client->view == VIEW_PLAIN || previous == 0 ? seq > previous
                                                                   : seq == previous + 1;
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
    if (number_of(frame, "seq") != utterance->seq || !is(frame, "id", record->id) ||
        !is(frame, "timestamp", time) || !room_right(frame, log)) {
        client_fail(client, "#%u is acknowledged as what it is not", utterance->tag);
    }
}

/* Whoever gave a name up and whoever took it after him may both have written to the same client: then it has two rooms that
 * look the same, and where it is in them is anybody's guess. */
static void find_twins(struct client *client, const json_t *items) {
    struct json_client *json = client->state;
    for (struct json_room *room = json->rooms; room; room = room->next) {
        size_t index, count = 0;
        json_t *item;
        json_array_foreach(items, index, item) {
            count += json_room_sides(text_of(item, "room")) == room->sides;
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
    struct slice name = text_of(frame, "name");
    size_t index;
    json_t *item;
    json->welcomed = true;
    json->hello_sent = false;
    snprintf(json->session, sizeof json->session, "%.*s",
             SLICE_ARGS(text_of(frame, "session")));
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
        struct json_room *room = json_room_get(client, text_of(item, "room"));
        if (room->resuming) {
            room->resuming = false;
            enter(client, room, item, true, room->after, room->epoch[0] != '\0');
        } else if (room->index < 0) {
            if (!room->reading || room->stage == STAGE_OUT) {
                copy_epoch(room, item);
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
    bool unavailable = is(frame, "code", "unavailable");
    if (is(frame, "code", "internal") || is(frame, "code", "cid_reused")) {
        client_fail(client, "%s is refused as %.*s", pending->cid,
                    SLICE_ARGS(text_of(frame, "code")));
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

/* An error that answers nothing in particular: about a room of a hello, or a request without a cid. */
static void hear_error(struct client *client, const json_t *frame) {
    struct json_room *room = room_of(client, frame);
    if (room && room->resuming) {
        room->resuming = false;
        room->wanted = false;
        room->reading = NULL;
    }
}

static bool answers(const struct pending *pending, struct slice type) {
    static const char *const answer[] = {
        [ASKED_SAY] = "ack",     [ASKED_HELLO] = "welcome", [ASKED_JOIN] = "joined",
        [ASKED_LEAVE] = "ack",   [ASKED_HISTORY] = "batch",
    };
    if (pending->asked == ASKED_LIST) {
        return slice_equal(type, SLICE("rooms")) || slice_equal(type, SLICE("members")) ||
               slice_equal(type, SLICE("ack"));
    }
    return slice_equal(type, slice_of_string(answer[pending->asked]));
}

static void hear_answer(struct client *client, const json_t *frame, struct slice type) {
    struct slice cid = text_of(frame, "cid");
    struct pending *pending = json_pending_take(client->state, cid);
    if (!pending) {
        client_fail(client, "gets an answer to %.*s, which it does not wait for",
                    SLICE_ARGS(cid));
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
    }
    memory_free(pending);
}

static void hear_system(struct client *client, const json_t *frame) {
    struct json_client *json = client->state;
    struct json_room *room = json_room_get(client, text_of(frame, "room"));
    if (json->v1) {
        client_fail(client, "gets a system frame");
    }
    if (is(frame, "message", "Connected to server")) {
        struct room_log *log = json_room_log(client, room);
        room->stage = STAGE_LIVE;
        room->reading = reader_open(client, log);
        reader_begin_at(room->reading, 1);
        reader_begin(room->reading, client->order);
    }
}

static bool is_answer(struct slice type) {
    static const char *const types[] = {"ack",   "joined",  "batch", "rooms",
                                        "error", "members", "welcome"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (slice_equal(type, slice_of_string(types[i]))) {
            return true;
        }
    }
    return false;
}

static void hear_news(struct client *client, const json_t *frame, struct slice type) {
    if (kind_of(type) >= 0) {
        hear_entry(client, frame);
    } else if (slice_equal(type, SLICE("batch"))) {
        hear_page(client, frame);
    } else if (slice_equal(type, SLICE("gap"))) {
        hear_gap(client, frame);
    } else if (slice_equal(type, SLICE("live"))) {
        hear_live(client, frame);
    } else if (slice_equal(type, SLICE("system"))) {
        hear_system(client, frame);
    } else if (slice_equal(type, SLICE("error"))) {
        hear_error(client, frame);
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
    struct slice type = text_of(frame, "type");
    if (is_answer(type) && json_object_get(frame, "cid")) {
        hear_answer(client, frame, type);
    } else {
        hear_news(client, frame, type);
    }
    json_decref(frame);
}
