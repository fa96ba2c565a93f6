/* Raw text over WebSocket: each text frame is relayed as it is, and nothing else is ever said.
 * Elsewhere such a message is from "anonymous"; its key is what tells here that it is one of ours,
 * to be shown without a name. Messages of other protocols are shown as "NAME: content", also those
 * of people who call themselves anonymous.
 *
 * Errors cannot be told here. Too fast: the message is lost silently; too long: 1009; not stored:
 * 1013. */
#include <assert.h>

#include "base/close_code.h"
#include "protocol/format.h"
#include "protocol/websocket.h"

#define RAW_KEY SLICE("raw")

struct text_connection {
    struct websocket_link link;
    uint16_t close_wanted; /* 0: go on */
};

/* No more, and it stands in the peer itself (PEER_STATE_SIZE in delivery). */
static_assert(sizeof(struct text_connection) <= 32, "needs an allocation of its own");

static void text_open(void *state, const struct protocol_settings *settings,
                      const struct handover *handover, struct buffer *output) {
    (void)output;
    struct text_connection *connection = state;
    websocket_link_open(&connection->link, handover, settings->max_message);
    connection->close_wanted = connection->link.refuse_code;
}

static void text_close(void *state) {
    struct text_connection *connection = state;
    websocket_link_close(&connection->link);
}

static enum feed_result text_feed_bytes(void *state, const struct protocol_settings *settings,
                                        struct feed *feed) {
    struct text_connection *connection = state;
    struct websocket_message message;
    enum feed_result result;
    if (!websocket_link_next(&connection->link, settings, feed, &message, &result)) {
        return result;
    }
    feed->request = (struct request){
        .kind = message.opcode == WEBSOCKET_BINARY ? REQUEST_BINARY : REQUEST_PUBLISH,
        .entry = ENTRY_MESSAGE,
        .key = RAW_KEY,
        .content = message.payload,
    };
    return FEED_REQUEST;
}

static enum feed_result text_end_of_file(void *state, const struct protocol_settings *settings,
                                         struct feed *feed) {
    (void)settings;
    struct text_connection *connection = state;
    return websocket_link_end_of_file(&connection->link, feed);
}

static void text_reply(void *state, const struct protocol_settings *settings,
                       const struct reply *reply, struct buffer *output) {
    (void)settings;
    (void)output;
    struct text_connection *connection = state;
    if (reply->kind == REPLY_ERROR && reply->error == ERR_UNAVAILABLE) {
        connection->close_wanted = CLOSE_TRY_LATER;
    }
}

static void text_goodbye(void *state, const struct protocol_settings *settings, uint16_t close_code,
                         struct buffer *output) {
    (void)settings;
    struct text_connection *connection = state;
    websocket_link_goodbye(&connection->link, close_code, output);
}

static void text_ping(void *state, struct buffer *output) {
    struct text_connection *connection = state;
    websocket_link_ping(&connection->link, output);
}

static bool text_answered(const void *state) {
    const struct text_connection *connection = state;
    return !connection->link.awaiting_pong;
}

static bool text_half_read(const void *state) {
    const struct text_connection *connection = state;
    return websocket_half_read(&connection->link.reading);
}

static struct encoding text_encoding(const void *state) {
    const struct text_connection *connection = state;
    return (struct encoding){
        .format = FORMAT_TEXT,
        .window_bits = connection->link.window_bits,
    };
}

static uint16_t text_close_wanted(const void *state) {
    const struct text_connection *connection = state;
    return connection->close_wanted;
}

const struct protocol text_protocol = {
    .state_size = sizeof(struct text_connection),
    .traits = {.lobby_at_open = true, .default_room = true, .no_login = true},
    .opens = true,
    .open = text_open,
    .close = text_close,
    .feed = text_feed_bytes,
    .end_of_file = text_end_of_file,
    .reply = text_reply,
    .goodbye = text_goodbye,
    .ping = text_ping,
    .answered = text_answered,
    .half_read = text_half_read,
    .encoding = text_encoding,
    .close_wanted = text_close_wanted,
};

static bool feed_entry(enum format format, enum side side, const struct effect *show,
                       struct buffer *output) {
    (void)format;
    (void)side;
    const struct entry_body *body = &show->show.entry->body;
    if (body->kind != ENTRY_MESSAGE || body->deleted) {
        return false;
    }
    if (!slice_equal(body->key, RAW_KEY)) {
        buffer_append_slice(output, body->sender);
        buffer_append_string(output, ": ");
    }
    buffer_append_slice(output, body->content);
    return true;
}

static bool feed_signal(enum format format, enum side side, const struct effect *show,
                        struct buffer *output) {
    (void)format;
    (void)side;
    if (show->signal->kind != SIGNAL_BINARY) {
        return false;
    }
    buffer_append_slice(output, show->signal->payload);
    return true;
}

const struct feed_format text_feed = {
    .websocket = true,
    .binary_signals = true,
    .entry = feed_entry,
    .signal = feed_signal,
};
