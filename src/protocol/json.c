/* JSON over WebSocket, as it was agreed on at the handshake: plain, or the subprotocol banter.v1.
 *
 * A text frame holds one object, which is one request (json_request.c); what goes back is one
 * object in a frame (json_reply.c, json_feed.c). A frame that is not a request we know is answered
 * with an error and forgotten: the connection stays. Only a broken WebSocket ends it, or a binary
 * frame. */
#include "protocol/json.h"

#include <assert.h>

#include "base/close_code.h"
#include "base/memory.h"
#include "protocol/format.h"
#include "protocol/websocket.h"

struct json_connection {
    struct websocket_link link;
    struct json_request *request; /* what the last one given out points into; NULL between them */
};

/* No more, and it stands in the peer itself (PEER_STATE_SIZE in delivery). */
static_assert(sizeof(struct json_connection) <= 32, "needs an allocation of its own");

static void json_open(void *state, const struct protocol_settings *settings,
                      const struct handover *handover, struct buffer *output) {
    (void)output;
    struct json_connection *connection = state;
    /* A character of content takes up to six bytes of JSON (\u001f); the rest of the object has
     * room beside it. */
    websocket_link_open(&connection->link, handover, 6 * settings->max_message + 4096);
    if (handover == NULL)
        connection->link.format = FORMAT_JSON_PLAIN;
}

static void forget_request(struct json_connection *connection) {
    if (connection->request == NULL)
        return;
    json_request_close(connection->request);
    memory_free(connection->request);
    connection->request = NULL;
}

static void json_close(void *state) {
    struct json_connection *connection = state;
    websocket_link_close(&connection->link);
    forget_request(connection);
}

static void append_frame(const struct json_connection *connection,
                         const struct protocol_settings *settings, struct slice object,
                         struct buffer *output) {
    websocket_append_message(output, WEBSOCKET_TEXT, object, settings->deflater,
                             connection->link.window_bits);
}

static void append_object(const struct json_connection *connection,
                          const struct protocol_settings *settings, const struct reply *reply,
                          struct buffer *output) {
    struct buffer object = {0};
    json_append_reply(&object, connection->link.format, settings, reply);
    if (buffer_length(&object) > 0) {
        append_frame(connection, settings, buffer_slice(&object), output);
    }
    buffer_close(&object);
}

/* True: feed->request is one. False: it was answered with an error. */
static bool take_request(struct json_connection *connection,
                         const struct protocol_settings *settings, struct feed *feed,
                         struct slice text) {
    connection->request = memory_new_struct(struct json_request);
    int error = json_request_parse(text, connection->request, &feed->request);
    if (error != 0) {
        struct reply reply = {
            .kind = REPLY_ERROR,
            .error = error,
            .text = connection->request->error_text,
            .cid = feed->request.cid,
        };
        append_object(connection, settings, &reply, feed->output);
        return false;
    }
    if (feed->request.kind == REQUEST_HELLO && connection->link.format == FORMAT_JSON_PLAIN) {
        connection->link.format = FORMAT_JSON_FULL;
    }
    return true;
}

static enum feed_result json_feed_bytes(void *state, const struct protocol_settings *settings,
                                        struct feed *feed) {
    struct json_connection *connection = state;
    struct websocket_message message;
    enum feed_result result;
    forget_request(connection);
    if (!websocket_link_next(&connection->link, settings, feed, &message, &result)) {
        return result;
    }
    if (message.opcode == WEBSOCKET_BINARY) {
        return websocket_link_fail(&connection->link, feed, CLOSE_UNSUPPORTED);
    }
    return take_request(connection, settings, feed, message.payload) ? FEED_REQUEST : FEED_AGAIN;
}

static enum feed_result json_end_of_file(void *state, const struct protocol_settings *settings,
                                         struct feed *feed) {
    (void)settings;
    struct json_connection *connection = state;
    return websocket_link_end_of_file(&connection->link, feed);
}

static void append_batch(const struct json_connection *connection,
                         const struct protocol_settings *settings, const struct reply *reply,
                         struct slice items, bool more, struct buffer *output) {
    struct buffer object = {0};
    json_append_batch(&object, reply, items, more);
    append_frame(connection, settings, buffer_slice(&object), output);
    buffer_close(&object);
}

/* A page on the way to live: as many batches as it takes, and as single messages for those who know
 * no batches. Where batches said that there is more, one must come even if none of it is shown. */
static void catch_up(const struct json_connection *connection,
                     const struct protocol_settings *settings, const struct reply *reply,
                     const struct json_items *items, struct buffer *output) {
    bool one_by_one = connection->link.format == FORMAT_JSON_PLAIN && !reply->batched;
    size_t count;
    if (items->count == 0 && reply->entry_count > 0 && !one_by_one) {
        append_batch(connection, settings, reply, SLICE_NONE, reply->more, output);
    }
    for (size_t first = 0; first < items->count; first += count) {
        if (one_by_one) {
            count = 1;
            append_frame(connection, settings, json_items_slice(items, first, 1), output);
            continue;
        }
        count = json_items_fit(items, first);
        append_batch(connection, settings, reply, json_items_slice(items, first, count),
                     reply->more || first + count < items->count, output);
    }
}

static void reply_batch(const struct json_connection *connection,
                        const struct protocol_settings *settings, const struct reply *reply,
                        struct buffer *output) {
    struct json_items items = {0};
    json_items_render(&items, connection->link.format, reply);
    if (reply->catching_up) {
        catch_up(connection, settings, reply, &items, output);
    } else {
        size_t first, count;
        json_items_answer(&items, reply, &first, &count);
        append_batch(connection, settings, reply, json_items_slice(&items, first, count),
                     reply->more || count < items.count, output);
    }
    json_items_close(&items);
}

static void json_reply(void *state, const struct protocol_settings *settings,
                       const struct reply *reply, struct buffer *output) {
    const struct json_connection *connection = state;
    if (reply->kind == REPLY_BATCH || reply->kind == REPLY_FOUND) {
        reply_batch(connection, settings, reply, output);
    } else {
        append_object(connection, settings, reply, output);
    }
}

static void json_goodbye(void *state, const struct protocol_settings *settings, uint16_t close_code,
                         struct buffer *output) {
    (void)settings;
    struct json_connection *connection = state;
    websocket_link_goodbye(&connection->link, close_code, output);
}

static void json_ping(void *state, struct buffer *output) {
    struct json_connection *connection = state;
    websocket_link_ping(&connection->link, output);
}

static bool json_answered(const void *state) {
    const struct json_connection *connection = state;
    return !connection->link.awaiting_pong;
}

static bool json_half_read(const void *state) {
    const struct json_connection *connection = state;
    return websocket_half_read(&connection->link.reading);
}

static struct encoding json_encoding(const void *state) {
    const struct json_connection *connection = state;
    return (struct encoding){
        .format = connection->link.format,
        .window_bits = connection->link.window_bits,
    };
}

static uint16_t json_close_wanted(const void *state) {
    const struct json_connection *connection = state;
    return connection->link.refuse_code;
}

const struct protocol json_protocol = {
    .state_size = sizeof(struct json_connection),
    .traits = {.lobby_at_open = true,
               .default_room = true,
               .backlog = true,
               .direct = true,
               .lingers = true},
    .opens = true,
    .open = json_open,
    .close = json_close,
    .feed = json_feed_bytes,
    .end_of_file = json_end_of_file,
    .reply = json_reply,
    .goodbye = json_goodbye,
    .ping = json_ping,
    .answered = json_answered,
    .half_read = json_half_read,
    .encoding = json_encoding,
    .close_wanted = json_close_wanted,
};
