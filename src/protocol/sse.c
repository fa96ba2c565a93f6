/* Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): a stream of
 * rooms over plain HTTP, for networks that break WebSocket and for programs that only read.
 *
 * To the hub it is one more client: it says hello with the rooms it wants and where it was in each.
 * The answer decides what it gets. Is a room not there or not for it, that is the HTTP answer, and
 * the connection closes; else the head of a 200 comes, and then what readers of other protocols get
 * too: gaps, pages of history, and the room's feed, in bytes that all readers share.
 *
 *   OPENING ── hello ──▶ ASKED ── welcome ──▶ STREAMING ── notice ──▶ REFUSED
 *                          └───────────────── error ──────────────────┘
 *
 * A reader of one room is told its place by each event: `id: EPOCH:SEQ`. With several rooms that
 * would have to name all of them in each event, and the bytes could not be shared; so the places
 * are told after each send, in a block that holds nothing but an `id:` (delivery calls `stands` and
 * `tell_places`). An id is never ahead of what stands before it in the stream. One comes with the
 * head too, where the client has none yet: who is cut off before the first event goes on there. */
#include <inttypes.h>

#include "base/close_code.h"
#include "base/memory.h"
#include "base/text.h"
#include "protocol/format.h"
#include "protocol/http.h"
#include "protocol/json.h"

/* How long clients wait before they come back: spread, so that all those of a server that went away
 * do not come at once. */
#define RETRY_SHORTEST_MS 500
#define RETRY_LONGEST_MS 8000
/* The same when a server sends its clients to another one, each at a time of its own. */
#define RETRY_RESTART_MS 1000

struct room_place {
    char *room, *epoch; /* of a fresh one there is no epoch until the welcome tells it */
    uint64_t seq;
    bool fresh;
};

enum sse_stage { SSE_OPENING, SSE_ASKED, SSE_STREAMING, SSE_REFUSED };

struct sse_state {
    enum sse_stage stage;
    uint8_t format;
    bool from_browser;
    uint64_t number; /* of the connection */
    struct room_place *places;
    struct resume_point *points; /* the same for the hello */
    size_t count;
    struct credential credential; /* for it, too; owned */
};

static void free_places(struct room_place *places, size_t count) {
    for (size_t i = 0; i < count; i++) {
        memory_free(places[i].room);
        memory_free(places[i].epoch);
    }
    memory_free(places);
}

static struct slice copy_text(struct slice text) {
    return slice_from(memory_copy_string(text), text.length);
}

static void open_sse(void *opaque, const struct protocol_settings *settings,
                     const struct handover *handover, struct buffer *output) {
    struct sse_state *state = opaque;
    (void)settings;
    (void)output;
    state->format = handover->format;
    state->from_browser = handover->from_browser;
    state->number = handover->number;
    state->credential = handover->introduction;
    state->credential.name = copy_text(handover->introduction.name);
    state->credential.secret = copy_text(handover->introduction.secret);
    state->count = handover->point_count;
    state->places = memory_new(state->count * sizeof(*state->places));
    state->points = memory_new(state->count * sizeof(*state->points));
    for (size_t i = 0; i < state->count; i++) {
        const struct resume_point *asked = &handover->points[i];
        struct room_place *place = &state->places[i];
        place->room = memory_copy_string(asked->room);
        place->epoch = memory_copy_string(asked->epoch);
        place->seq = asked->after;
        place->fresh = asked->fresh;
        state->points[i] = *asked;
        state->points[i].room = slice_of_string(place->room);
        state->points[i].epoch = slice_of_string(place->epoch);
    }
}

static void close_sse(void *opaque) {
    struct sse_state *state = opaque;
    free_places(state->places, state->count);
    memory_free(state->points);
    memory_free((char *)state->credential.name.data);
    memory_free((char *)state->credential.secret.data);
}

/* Asks once; whatever the client sends afterwards is not for us. */
static enum feed_result feed_sse(void *opaque, const struct protocol_settings *settings,
                                 struct feed *feed) {
    struct sse_state *state = opaque;
    (void)settings;
    if (state->stage != SSE_OPENING) {
        feed->consumed = feed->input.length;
        return FEED_MORE;
    }
    state->stage = SSE_ASKED;
    feed->request = (struct request){.kind = REQUEST_HELLO,
                                     .resume = state->points,
                                     .resume_count = state->count,
                                     .credential = state->credential,
                                     .whole = true};
    return FEED_REQUEST;
}

static void append_place(struct buffer *output, struct slice epoch, uint64_t seq) {
    buffer_append_slice(output, epoch);
    buffer_append_char(output, ':');
    buffer_append_u64(output, seq);
}

/* The line that tells where the reader is in all of its rooms. */
static void append_id(const struct sse_state *state, struct buffer *output) {
    buffer_append_string(output, "id: ");
    for (size_t i = 0; i < state->count; i++) {
        const struct room_place *place = &state->places[i];
        if (state->format == FORMAT_SSE_MANY) {
            buffer_append_string(output, i > 0 ? "," : "");
            buffer_append_string(output, place->room);
            buffer_append_char(output, '=');
        }
        append_place(output, slice_of_string(place->epoch), place->seq);
    }
    buffer_append_char(output, '\n');
}

static void tell_places(void *opaque, struct buffer *output) {
    append_id(opaque, output);
    buffer_append_char(output, '\n');
}

static struct room_place *find_place(const struct sse_state *state, struct slice room) {
    for (size_t i = 0; i < state->count; i++) {
        if (slice_equal(slice_of_string(state->places[i].room), room)) {
            return &state->places[i];
        }
    }
    return NULL;
}

static void stands(void *opaque, struct slice room, uint64_t seq) {
    struct room_place *place = find_place(opaque, room);
    if (place != NULL) {
        place->seq = seq;
    }
}

/* The place in this room, however its name is written; NULL: none. */
static struct room_place *find_folded(const struct sse_state *state, struct slice room) {
    struct buffer folded = {0}, other = {0};
    struct room_place *found = find_place(state, room);
    int error = label_fold(room, &folded);
    for (size_t i = 0; found == NULL && error == 0 && i < state->count; i++) {
        buffer_clear(&other);
        if (label_fold(slice_of_string(state->places[i].room), &other) == 0 &&
            slice_equal(buffer_slice(&folded), buffer_slice(&other))) {
            found = &state->places[i];
        }
    }
    buffer_close(&folded);
    buffer_close(&other);
    return found;
}

/* The rooms by the names that their feeds have. A room that was asked for under two spellings is
 * among the items once. What cannot be gone on with is told right behind, as a gap. */
static void take_rooms(struct sse_state *state, const struct reply *welcome) {
    struct room_place *places = memory_new(welcome->item_count * sizeof(*places));
    for (size_t i = 0; i < welcome->item_count; i++) {
        const struct reply_item *item = &welcome->items[i];
        const struct room_place *asked = find_folded(state, item->name);
        bool fresh = asked == NULL || asked->fresh;
        bool dated = !fresh && asked->epoch[0] != '\0';
        places[i] = (struct room_place){
            .room = memory_copy_string(item->name),
            .epoch = memory_copy_string(dated ? slice_of_string(asked->epoch) : item->epoch),
            .seq = fresh ? item->last : asked->seq,
            .fresh = fresh};
    }
    free_places(state->places, state->count);
    state->places = places;
    state->count = welcome->item_count;
}

static bool any_fresh(const struct sse_state *state) {
    for (size_t i = 0; i < state->count; i++) {
        if (state->places[i].fresh) {
            return true;
        }
    }
    return false;
}

/* Connections are numbered one by one; multiplied in this way (Fibonacci hashing) numbers in a row
 * are spread evenly. */
static unsigned retry_ms(uint64_t number) {
    uint64_t spread = number * UINT64_C(0x9E3779B97F4A7C15) >> 32;
    return RETRY_SHORTEST_MS + (unsigned)(spread % (RETRY_LONGEST_MS - RETRY_SHORTEST_MS + 1));
}

static void append_stream_head(struct buffer *output) {
    http_append_stream_head(output, "text/event-stream", SLICE("X-Accel-Buffering: no\r\n"));
}

static void start(struct sse_state *state, const struct reply *welcome, struct buffer *output) {
    take_rooms(state, welcome);
    state->stage = SSE_STREAMING;
    append_stream_head(output);
    buffer_append_format(output, "retry: %u\n", retry_ms(state->number));
    if (any_fresh(state)) {
        append_id(state, output);
    }
    buffer_append_char(output, '\n');
}

/* What HTTP would have answered. But a browser gives up for good on any answer that is no stream;
 * so what only has to be asked again later is, to it, a stream that ends at once. */
static void refuse(struct sse_state *state, unsigned status, int error, struct slice text,
                   unsigned retry_s, struct buffer *output) {
    struct http_connection connection = {.from_browser = state->from_browser};
    struct buffer extra = {0};
    state->stage = SSE_REFUSED;
    if (retry_s > 0 && state->from_browser) {
        append_stream_head(output);
        buffer_append_format(output, "retry: %u\n\n", retry_s * 1000);
        return;
    }
    if (retry_s > 0) {
        buffer_append_format(&extra, "Retry-After: %u\r\n", retry_s);
    }
    http_answer_error(&connection, output, status, error, text, buffer_slice(&extra));
    buffer_close(&extra);
}

static void reply_error(struct sse_state *state, const struct reply *reply, struct buffer *output) {
    bool later = reply->error == ERR_RATE_LIMITED || reply->error == ERR_UNAVAILABLE;
    unsigned retry_s = later ? 1 + reply->retry_ms / 1000 : 0;
    if (state->stage == SSE_ASKED) {
        refuse(state, http_status_of(reply->error), reply->error, reply->text, retry_s, output);
    } else if (state->stage == SSE_STREAMING) {
        /* An event of the name `error` could not be told from what EventSource itself reports. */
        buffer_append_string(output, ": ");
        text_append_line(output, reply->text.length > 0
                                     ? reply->text
                                     : slice_of_string(error_text(reply->error)));
        buffer_append_string(output, "\n\n");
        state->stage = SSE_REFUSED; /* put out of a room: it comes back and is told */
    }
}

static void reply_gap(struct sse_state *state, const struct reply *reply, struct buffer *output) {
    struct room_place *place = find_folded(state, reply->room);
    if (state->stage != SSE_STREAMING || place == NULL) {
        return;
    }
    memory_free(place->room); /* a log that began anew may have been named anew */
    memory_free(place->epoch);
    place->room = memory_copy_string(reply->room);
    place->epoch = memory_copy_string(reply->epoch);
    place->seq = reply->last;
    buffer_append_string(output, "event: gap\n");
    append_id(state, output);
    buffer_append_string(output, "data: ");
    json_append_gap(output, reply);
    buffer_append_string(output, "\n\n");
}

/* JSON has no line breaks in it, so it is one line of data. */
static bool append_event(enum format format, struct slice room, struct slice epoch,
                         const struct entry *entry, struct buffer *output) {
    if (format == FORMAT_SSE) {
        buffer_append_string(output, "id: ");
        append_place(output, epoch, entry->seq);
        buffer_append_char(output, '\n');
    }
    buffer_append_string(output, "data: ");
    json_append_entry(output, FORMAT_JSON_FULL, room, entry);
    buffer_append_string(output, "\n\n");
    return true;
}

static void reply_sse(void *opaque, const struct protocol_settings *settings,
                      const struct reply *reply, struct buffer *output) {
    struct sse_state *state = opaque;
    (void)settings;
    switch (reply->kind) {
    case REPLY_WELCOME:
        start(state, reply, output);
        break;
    case REPLY_ERROR:
        reply_error(state, reply, output);
        break;
    case REPLY_GAP:
        reply_gap(state, reply, output);
        break;
    case REPLY_NOTICE: /* it may have been put out of a room: it comes back and is told */
        state->stage = SSE_REFUSED;
        break;
    case REPLY_BATCH:
        for (size_t i = 0; i < reply->entry_count; i++) {
            append_event(state->format, reply->room, reply->epoch, reply->entries[i], output);
        }
        break;
    default:
        break;
    }
}

/* A stream just ends; the client comes back by itself, after a restart sooner. Who waits for its
 * beginning is told why there is none. */
static void goodbye(void *opaque, const struct protocol_settings *settings, uint16_t close_code,
                    struct buffer *output) {
    struct sse_state *state = opaque;
    (void)settings;
    if (state->stage == SSE_STREAMING && close_code == CLOSE_RESTART) {
        buffer_append_format(output, "retry: %u\n\n", RETRY_RESTART_MS);
    }
    if (state->stage == SSE_STREAMING || state->stage == SSE_REFUSED) {
        return;
    }
    if (close_code == CLOSE_POLICY) {
        refuse(state, 401, ERR_UNAUTHORIZED, SLICE("Invalid token"), 0, output);
    } else if (close_code >= CLOSE_KICKED) {
        refuse(state, 403, ERR_FORBIDDEN, SLICE_NONE, 0, output);
    } else {
        refuse(state, 503, ERR_UNAVAILABLE, SLICE_NONE, 1, output);
    }
}

/* A comment: keeps whatever stands in between from closing a silent connection. */
static void ping(void *opaque, struct buffer *output) {
    const struct sse_state *state = opaque;
    if (state->stage == SSE_STREAMING) {
        buffer_append_string(output, ":\n\n");
    }
}

static bool answered(const void *opaque) {
    (void)opaque;
    return true;
}

static struct encoding encoding(const void *opaque) {
    const struct sse_state *state = opaque;
    return (struct encoding){.format = state->format};
}

static uint16_t close_wanted(const void *opaque) {
    const struct sse_state *state = opaque;
    return state->stage == SSE_REFUSED ? 1000 : 0;
}

static bool sse_entry(enum format format, enum side side, const struct effect *show,
                      struct buffer *output) {
    (void)side; /* the room and the sender tell all there is to tell */
    return append_event(format, show->room, show->show.epoch, show->show.entry, output);
}

/* What is not kept cannot be gone on with, so it is no part of this feed. */
static bool sse_signal(enum format format, enum side side, const struct effect *show,
                       struct buffer *output) {
    (void)format;
    (void)side;
    (void)show;
    (void)output;
    return false;
}

const struct feed_format sse_feed = {.entry = sse_entry, .signal = sse_signal};

const struct protocol sse_protocol = {
    .state_size = sizeof(struct sse_state),
    .traits = {.backlog = true, .quiet = true},
    .opens = true,
    .only_reads = true,
    .open = open_sse,
    .close = close_sse,
    .feed = feed_sse,
    .reply = reply_sse,
    .goodbye = goodbye,
    .ping = ping,
    .answered = answered,
    .encoding = encoding,
    .close_wanted = close_wanted,
    .stands = stands,
    .tell_places = tell_places,
};
