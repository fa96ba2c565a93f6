/* GET /sse?room=a&room=b: which rooms are asked for, and where in each to go on. What is wrong is
 * answered here, while this is HTTP; the rest is up to the protocol switched to (sse.c).
 *
 * A browser's EventSource sends the last `id:` it has read in the Last-Event-ID header when it
 * comes back by itself. Those that cannot set headers (polyfills, and pages that start anew) have
 * it in the query as `lastEventId` or `last_event_id`. It counts more than `after`, because the URL
 * of an EventSource stays the same however often it comes back. */
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "protocol/format.h"
#include "protocol/http.h"

/* What the handover points into. */
struct http_subscription {
    struct buffer last_id;
    struct buffer rooms[LIMIT_SSE_ROOMS];
    struct resume_point points[LIMIT_SSE_ROOMS];
    size_t count;
};

void http_subscription_free(struct http_subscription *subscription) {
    if (subscription == NULL) {
        return;
    }
    for (size_t i = 0; i < LIMIT_SSE_ROOMS; i++) {
        buffer_close(&subscription->rooms[i]);
    }
    buffer_close(&subscription->last_id);
    memory_free(subscription);
}

static bool asked_before(const struct http_subscription *subscription, struct slice room) {
    for (size_t i = 0; i < subscription->count; i++) {
        if (slice_equal(buffer_slice(&subscription->rooms[i]), room)) {
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with them. */
static const char *take_rooms(struct http_subscription *subscription, struct slice query) {
    struct buffer room = {0};
    const char *wrong = NULL;
    while (wrong == NULL && http_query_next(&query, "room", &room)) {
        struct slice name = buffer_slice(&room);
        if (name.length == 0 || !utf8_valid(name)) {
            wrong = "A room has a name";
        } else if (!asked_before(subscription, name) && subscription->count == LIMIT_SSE_ROOMS) {
            wrong = "These are too many rooms for one stream";
        } else if (!asked_before(subscription, name)) {
            size_t index = subscription->count++;
            buffer_append_slice(&subscription->rooms[index], name);
            subscription->points[index] = (struct resume_point){
                .room = buffer_slice(&subscription->rooms[index]), .fresh = true};
        }
        buffer_clear(&room);
    }
    buffer_close(&room);
    return wrong == NULL && subscription->count == 0 ? "Which room? /sse?room=NAME" : wrong;
}

/* "EPOCH:SEQ" */
static bool parse_place(struct slice text, struct slice *epoch, uint64_t *seq) {
    *epoch = slice_cut(&text, ':');
    for (size_t i = 0; i < epoch->length; i++) {
        char c = epoch->data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) {
            return false;
        }
    }
    return epoch->length > 0 && slice_to_u64(text, seq);
}

/* Rooms are compared as the hub compares them: the id tells a room's name as it was written first,
 * which need not be how this client writes it. */
static bool same_room(struct slice left, struct slice right) {
    struct buffer folded[2] = {{0}, {0}};
    bool same = slice_equal(left, right);
    if (!same && label_fold(left, &folded[0]) == 0 && label_fold(right, &folded[1]) == 0) {
        same = slice_equal(buffer_slice(&folded[0]), buffer_slice(&folded[1]));
    }
    buffer_close(&folded[0]);
    buffer_close(&folded[1]);
    return same;
}

static void go_on_at(struct resume_point *point, struct slice epoch, uint64_t seq) {
    point->epoch = epoch;
    point->after = seq;
    point->fresh = false;
}

/* Of the rooms in the id that are not asked for any more nothing is wanted; those that it does not
 * name are new. */
static void go_on_in(struct http_subscription *subscription, struct slice room, struct slice epoch,
                     uint64_t seq) {
    for (size_t i = 0; i < subscription->count; i++) {
        if (same_room(subscription->points[i].room, room)) {
            go_on_at(&subscription->points[i], epoch, seq);
        }
    }
}

/* "EPOCH:SEQ" of the only room, or "a=EPOCH:SEQ,b=EPOCH:SEQ". The name of a direct-message room has
 * a comma in it, no name has a '='. */
static bool take_last_id(struct http_subscription *subscription, struct slice id) {
    struct slice epoch, rest = id;
    uint64_t seq;
    if (parse_place(id, &epoch, &seq)) {
        go_on_at(&subscription->points[0], epoch, seq);
        return subscription->count == 1;
    }
    while (rest.length > 0) {
        struct slice room = slice_cut(&rest, '=');
        if (room.length == 0 || !parse_place(slice_cut(&rest, ','), &epoch, &seq)) {
            return false;
        }
        go_on_in(subscription, room, epoch, seq);
    }
    return true;
}

static struct slice last_id_of(struct http_subscription *subscription,
                               const struct http_message *message) {
    struct slice header = http_header(message, "Last-Event-ID");
    if (header.length > 0) {
        return header;
    }
    if (!http_query(message->query, "lastEventId", &subscription->last_id)) {
        (void)http_query(message->query, "last_event_id", &subscription->last_id);
    }
    return buffer_slice(&subscription->last_id);
}

/* NULL, or what is wrong. */
static const char *take_after(struct http_subscription *subscription, struct slice query) {
    struct buffer text = {0};
    uint64_t after = 0;
    bool present = http_query(query, "after", &text);
    bool valid = !present || slice_to_u64(buffer_slice(&text), &after);
    buffer_close(&text);
    if (!valid) {
        return "after must be a number";
    }
    if (present && subscription->count > 1) {
        return "after needs one room; of several, Last-Event-ID tells the places";
    }
    if (present) {
        go_on_at(&subscription->points[0], SLICE_NONE, after);
    }
    return NULL;
}

static const char *take_places(struct http_subscription *subscription,
                               const struct http_message *message) {
    struct slice id = last_id_of(subscription, message);
    const char *wrong = take_after(subscription, message->query);
    if (wrong == NULL && id.length > 0 && !take_last_id(subscription, id)) {
        wrong = "Last-Event-ID is none of ours";
    }
    return wrong;
}

enum feed_result http_sse(struct http_exchange *exchange) {
    struct http_connection *connection = exchange->connection;
    struct feed *feed = exchange->feed;
    struct credential credential = {0};
    if (!http_method_is(exchange->message, "GET")) {
        http_answer_not_allowed(exchange, "GET");
        return FEED_AGAIN;
    }
    if (!http_take_credential(exchange, &credential)) {
        return FEED_AGAIN;
    }
    struct http_subscription *subscription = memory_new_struct(struct http_subscription);
    connection->subscription = subscription;
    const char *wrong = take_rooms(subscription, exchange->message->query);
    if (wrong == NULL) {
        wrong = take_places(subscription, exchange->message);
    }
    if (wrong != NULL) {
        http_answer_error(connection, feed->output, 400, ERR_BAD_REQUEST, slice_of_string(wrong),
                          SLICE_NONE);
        return FEED_AGAIN;
    }
    feed->next = &sse_protocol;
    feed->handover = (struct handover){
        .traits = sse_protocol.traits,
        .format = subscription->count == 1 ? FORMAT_SSE : FORMAT_SSE_MANY,
        .introduction = credential,
        .points = subscription->points,
        .point_count = subscription->count,
        .from_browser = connection->from_browser,
        .number = feed->number,
    };
    return FEED_SWITCH;
}
