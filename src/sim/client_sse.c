/* Server-sent events: reads one room or a few, and comes back with the last id it has read. What an
 * id says must be exactly what was shown before it; after that everything must come, once and in
 * order. */
#include <jansson.h>
#include <string.h>

#include "sim/client.h"
#include "sim/json_hear.h"
#include "sim/world.h"

#define ROOMS_MOST 3

struct sse_room {
    const char *asked; /* in one of its spellings */
    const char *key;
    char epoch[64]; /* of the last id; empty: none yet */
    uint64_t seq;
    bool gap_due; /* it went on in another epoch */
};

enum sse_stage { SSE_ASKED, SSE_STREAMING, SSE_REFUSED };

struct sse_client {
    struct sse_room rooms[ROOMS_MOST];
    unsigned room_count; /* 0: not chosen yet */
    enum sse_stage stage;
    unsigned status;
    struct buffer input;
    struct buffer last_id;         /* to come back with */
    struct buffer id, event, data; /* of the block under way */
};

static void begin_block(struct sse_client *sse) {
    buffer_clear(&sse->id);
    buffer_clear(&sse->event);
    buffer_clear(&sse->data);
}

static void choose_rooms(struct client *client) {
    struct sse_client *sse = client->state;
    struct world *world = client->world;
    unsigned first = (unsigned)draw(world, ROOMS);
    reader_forget(client);
    buffer_clear(&sse->last_id);
    sse->room_count = chance(world, 50) ? 1 : 1 + (unsigned)draw(world, ROOMS_MOST);
    for (unsigned i = 0; i < sse->room_count; i++) {
        unsigned index = (first + i) % ROOMS;
        sse->rooms[i] = (struct sse_room){.asked = room_name(index, (unsigned)draw(world, 2)),
                                          .key = room_key(index)};
    }
}

static struct reading *reading_of(struct client *client, const struct sse_room *room) {
    struct room_log *log = ledger_log(&client->world->ledger, slice_of_string(room->key), NULL);
    return log ? reader_open(client, log) : NULL;
}

/* Decided when it asks: what it reads then may have been sent before the server went down again. */
static void expect_gap(struct client *client, struct sse_room *room) {
    const struct reading *reading = reading_of(client, room);
    room->gap_due =
        reading && room->epoch[0] != '\0' && strcmp(room->epoch, reading->log->epoch) != 0;
}

static void connected(struct client *client) {
    struct sse_client *sse = client->state;
    struct buffer request = {0};
    client->view = VIEW_FULL;
    sse->stage = SSE_ASKED;
    begin_block(sse);
    if (sse->room_count == 0 || (!client->world->calm && chance(client->world, 10))) {
        choose_rooms(client);
    }
    buffer_append_string(&request, "GET /sse?");
    for (unsigned i = 0; i < sse->room_count; i++) {
        buffer_append_format(&request, "room=%s&", sse->rooms[i].asked);
        expect_gap(client, &sse->rooms[i]);
    }
    buffer_append_string(&request, " HTTP/1.1\r\nHost: localhost\r\n");
    if (buffer_length(&sse->last_id) > 0) {
        buffer_append_format(&request, "Last-Event-ID: %.*s\r\n",
                             SLICE_ARGS(buffer_slice(&sse->last_id)));
    }
    buffer_append_string(&request, "\r\n");
    client_send(client, buffer_slice(&request));
    buffer_close(&request);
}

static struct sse_room *find_room(struct sse_client *sse, struct slice name) {
    int index = room_find_name(name);
    for (unsigned i = 0; i < sse->room_count && index >= 0; i++) {
        if (strcmp(sse->rooms[i].key, room_key((unsigned)index)) == 0) {
            return &sse->rooms[i];
        }
    }
    return NULL;
}

/* What was read behind the last id will come again. */
static void go_back(struct client *client) {
    struct sse_client *sse = client->state;
    for (unsigned i = 0; i < sse->room_count; i++) {
        struct sse_room *room = &sse->rooms[i];
        struct reading *reading = reading_of(client, room);
        if (reading && room->epoch[0] != '\0') {
            reader_begin_at(reading, room->seq + 1);
        }
    }
}

/* An id tells where this room stands: there, and nowhere else. */
static void hear_place(struct client *client, struct sse_room *room, struct slice place,
                       bool elsewhere) {
    struct slice seq_text = place, epoch = slice_cut(&seq_text, ':');
    struct reading *reading = reading_of(client, room);
    uint64_t seq = 0;
    if (!slice_to_u64(seq_text, &seq) || !reading) {
        client_fail(client, "gets an id that is none: %.*s", SLICE_ARGS(place));
        return;
    }
    bool fresh = room->epoch[0] == '\0';
    if (fresh || elsewhere) {
        reader_begin_at(reading, seq + 1);
    } else if (seq != reading->next - 1) {
        client_fail(client, "is told to stand at %llu of %s, but was shown up to %llu",
                    (unsigned long long)seq, room->key, (unsigned long long)reading->next - 1);
    }
    snprintf(room->epoch, sizeof room->epoch, "%.*s", SLICE_ARGS(epoch));
    room->seq = seq;
}

/* `there`: the room whose place has changed by a gap; NULL: none. */
static void hear_id(struct client *client, const struct sse_room *there) {
    struct sse_client *sse = client->state;
    struct slice rest = buffer_slice(&sse->id);
    if (rest.length == 0) {
        return;
    }
    buffer_clear(&sse->last_id);
    buffer_append_slice(&sse->last_id, rest);
    if (sse->room_count == 1) {
        hear_place(client, &sse->rooms[0], rest, there != NULL);
        return;
    }
    unsigned told = 0;
    while (rest.length > 0) {
        struct slice place = slice_cut(&rest, ',');
        struct sse_room *room = find_room(sse, slice_cut(&place, '='));
        if (!room) {
            client_fail(client, "gets an id of a room that it does not read");
            return;
        }
        hear_place(client, room, place, room == there);
        told++;
    }
    if (told != sse->room_count) {
        client_fail(client, "is told %u places of %u", told, sse->room_count);
    }
}

static bool gap_is_right(const struct client *client, const struct sse_room *room,
                         const struct room_log *log, const json_t *gap) {
    uint64_t after = json_number(gap, "after"), first = json_number(gap, "first");
    if (json_is(gap, "reason", "retention")) {
        return first > after + 1 && first <= log->last + 1 &&
               log->last + 1 - first >= client->world->plan.keep;
    }
    if (json_is(gap, "reason", "epoch")) {
        return room->gap_due || !json_is(gap, "epoch", room->epoch);
    }
    return false; /* what was shown is stored, so it cannot be rewound */
}

static void hear_gap(struct client *client, const json_t *gap) {
    struct sse_room *room = find_room(client->state, json_text(gap, "room"));
    struct reading *reading = room ? reading_of(client, room) : NULL;
    client_note(client, "has a gap in %.*s after %llu", SLICE_ARGS(json_text(gap, "room")),
                (unsigned long long)json_number(gap, "after"));
    if (!reading || json_number(gap, "after") != reading->next - 1 ||
        !gap_is_right(client, room, reading->log, gap)) {
        client_fail(client, "hears of a gap in %.*s for no reason",
                    SLICE_ARGS(json_text(gap, "room")));
        return;
    }
    room->gap_due = false;
    hear_id(client, room);
}

static void hear_entry(struct client *client, const json_t *entry) {
    const struct utterance *utterance = json_check_entry(client, entry);
    struct sse_room *room = find_room(client->state, json_text(entry, "room"));
    if (!utterance || !room) {
        client_fail(client, "is shown something of %.*s, which it does not read",
                    SLICE_ARGS(json_text(entry, "room")));
        return;
    }
    if (room->gap_due || room->epoch[0] == '\0') {
        client_fail(client, "is shown something of %s before it knows where it begins", room->key);
    }
    reader_shown(client, reader_open(client, utterance->log), utterance->seq);
    hear_id(client, NULL);
}

static void hear_block(struct client *client) {
    struct sse_client *sse = client->state;
    struct slice data = buffer_slice(&sse->data), event = buffer_slice(&sse->event);
    if (data.length == 0) {
        hear_id(client, NULL);
        return;
    }
    json_t *object = json_loadb(data.data, data.length, 0, NULL);
    if (slice_equal(event, SLICE("gap"))) {
        hear_gap(client, object);
    } else if (event.length == 0 && object) {
        hear_entry(client, object);
    } else {
        client_fail(client, "gets an event that it does not know");
    }
    json_decref(object);
}

static void hear_line(struct client *client, struct slice line) {
    struct sse_client *sse = client->state;
    struct slice value = line, field = slice_cut(&value, ':');
    uint64_t retry_ms;
    if (line.length == 0) {
        hear_block(client);
        begin_block(sse);
        return;
    }
    value = slice_trim(value);
    if (slice_equal(field, SLICE("id"))) {
        buffer_append_slice(&sse->id, value);
    } else if (slice_equal(field, SLICE("event"))) {
        buffer_append_slice(&sse->event, value);
    } else if (slice_equal(field, SLICE("data"))) {
        buffer_append_slice(&sse->data, value);
    } else if (slice_equal(field, SLICE("retry"))) {
        bool right = slice_to_u64(value, &retry_ms) && retry_ms >= 500 && retry_ms <= 8000;
        world_check(client->world, right, "a stream asks to come back in %.*s ms",
                    SLICE_ARGS(value));
    } else if (field.length > 0) {
        client_fail(client, "gets a line that is none: %.*s", SLICE_ARGS(line));
    }
}

/* A line of the answer's head. */
static void hear_head(struct client *client, struct slice line) {
    struct sse_client *sse = client->state;
    struct slice rest = line;
    uint64_t status = 0;
    if (slice_starts_with(line, SLICE("HTTP/1.1 "))) {
        slice_cut(&rest, ' ');
        (void)slice_to_u64(slice_cut(&rest, ' '), &status);
        sse->status = (unsigned)status;
        return;
    }
    if (line.length > 1) {
        return;
    }
    client_note(client, "is answered %u", sse->status);
    sse->stage = sse->status == 200 ? SSE_STREAMING : SSE_REFUSED;
    if (sse->status == 200) {
        go_back(client);
    } else if (sse->status != 503 && (sse->status != 404 || client->world->plan.create_rooms)) {
        client_fail(client, "is refused a stream with %u", sse->status);
    }
}

static void receive(struct client *client, struct slice bytes) {
    struct sse_client *sse = client->state;
    ptrdiff_t end;
    buffer_append_slice(&sse->input, bytes);
    while (!client->world->broken && sse->stage != SSE_REFUSED &&
           (end = slice_find(buffer_slice(&sse->input), '\n')) >= 0) {
        struct slice line = slice_from(buffer_slice(&sse->input).data, (size_t)end);
        (sse->stage == SSE_STREAMING ? hear_line : hear_head)(client, line);
        buffer_consume(&sse->input, (size_t)end + 1);
    }
}

static void lost(struct client *client) {
    struct sse_client *sse = client->state;
    buffer_clear(&sse->input);
}

/* All it does is read. */
static void act(struct client *client) {
    (void)client;
}

static void settled(struct client *client) {
    const struct sse_client *sse = client->state;
    if (client->wire == 0 || sse->stage != SSE_STREAMING) {
        if (client->world->plan.create_rooms) {
            client_fail(client, "has no stream");
        }
        return;
    }
    for (unsigned i = 0; i < sse->room_count; i++) {
        struct reading *reading = reading_of(client, &sse->rooms[i]);
        if (reading) {
            reader_complete(client, reading);
        }
        if (reading && sse->rooms[i].seq != reading->next - 1) {
            client_fail(client, "was not told its place in %s", sse->rooms[i].key);
        }
    }
}

static void close_state(struct client *client) {
    struct sse_client *sse = client->state;
    buffer_close(&sse->input);
    buffer_close(&sse->last_id);
    buffer_close(&sse->id);
    buffer_close(&sse->event);
    buffer_close(&sse->data);
}

const struct client_kind client_sse = {
    .name = "sse",
    .scheme = "ws",
    .state_size = sizeof(struct sse_client),
    .connected = connected,
    .receive = receive,
    .lost = lost,
    .act = act,
    .settled = settled,
    .close = close_state,
};
