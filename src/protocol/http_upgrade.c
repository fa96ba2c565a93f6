/* From HTTP to WebSocket (RFC 6455 section 4.2): what is asked for at which path, and what both
 * sides agree on. */
#include "base/close_code.h"
#include "protocol/format.h"
#include "protocol/http.h"
#include "wire/websocket.h"

/* A client of banter.v1 is in no room until it asks to be. */
static const struct traits v1_traits = {.backlog = true, .direct = true, .lingers = true};

bool http_upgrade_wanted(const struct http_message *message) {
    return http_header_has(message, "Upgrade", "websocket");
}

void http_answer_upgrade_required(struct http_exchange *exchange) {
    http_answer_error(exchange->connection, exchange->feed->output, 426, ERR_BAD_REQUEST,
                      SLICE("Only WebSocket is spoken here"),
                      SLICE("Upgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\n"));
}

static const struct protocol *target_of(const struct http_exchange *exchange) {
    struct slice path = exchange->message->path;
    if (exchange->connection->text_only || slice_equal(path, SLICE("/text"))) {
        return &text_protocol;
    }
    if (slice_equal(path, SLICE("/")) || slice_equal(path, SLICE("/ws"))) {
        return &json_protocol;
    }
    return NULL;
}

/* False: was answered. */
static bool request_valid(struct http_exchange *exchange) {
    const struct http_message *message = exchange->message;
    if (!http_method_is(message, "GET")) {
        http_answer_not_allowed(exchange, "GET");
        return false;
    }
    if (!slice_equal(http_header(message, "Sec-WebSocket-Version"), SLICE("13"))) {
        http_answer_upgrade_required(exchange);
        return false;
    }
    if (message->minor == 0 || !http_header_has(message, "Connection", "upgrade") ||
        !message->upgrade || !websocket_key_valid(http_header(message, "Sec-WebSocket-Key"))) {
        http_answer_error(exchange->connection, exchange->feed->output, 400, ERR_BAD_REQUEST,
                          SLICE("Not a valid WebSocket handshake"), SLICE_NONE);
        return false;
    }
    return true;
}

/* Appends the header that accepts permessage-deflate, where it was offered in a form we can have.
 * */
static void negotiate_deflate(struct http_exchange *exchange) {
    const struct http_message *message = exchange->message;
    struct handover *handover = &exchange->feed->handover;
    if (exchange->settings->inflater == NULL || exchange->settings->deflater == NULL) {
        return;
    }
    struct buffer offers = {0}, answer = {0};
    for (size_t i = 0; i < message->header_count; i++) {
        if (slice_equal_ignoring_case(message->headers[i].name,
                                      SLICE("Sec-WebSocket-Extensions"))) {
            buffer_append_string(&offers, buffer_length(&offers) > 0 ? ", " : "");
            buffer_append_slice(&offers, message->headers[i].value);
        }
    }
    int window_bits;
    if (websocket_accept_deflate(buffer_slice(&offers), &window_bits, &answer)) {
        handover->inflate = true;
        handover->window_bits = (uint8_t)window_bits;
        buffer_append_string(exchange->feed->output, "Sec-WebSocket-Extensions: ");
        buffer_append_slice(exchange->feed->output, buffer_slice(&answer));
        buffer_append_string(exchange->feed->output, "\r\n");
    }
    buffer_close(&offers);
    buffer_close(&answer);
}

static void negotiate_format(struct http_exchange *exchange) {
    struct handover *handover = &exchange->feed->handover;
    handover->traits = exchange->feed->next->traits;
    if (exchange->feed->next == &text_protocol) {
        handover->format = FORMAT_TEXT;
    } else if (http_header_has(exchange->message, "Sec-WebSocket-Protocol", "banter.v1")) {
        handover->traits = v1_traits;
        handover->format = FORMAT_JSON_V1;
        buffer_append_string(exchange->feed->output, "Sec-WebSocket-Protocol: banter.v1\r\n");
    } else {
        handover->format = FORMAT_JSON_PLAIN;
    }
}

enum feed_result http_upgrade(struct http_exchange *exchange) {
    struct feed *feed = exchange->feed;
    const struct protocol *target = target_of(exchange);
    exchange->connection->keep_alive = false; /* where it fails: what follows may be anything */
    if (target == NULL) {
        http_answer_error(exchange->connection, feed->output, 404, ERR_NOT_FOUND,
                          SLICE("WebSocket is spoken at /, /ws and /text"), SLICE_NONE);
        return FEED_AGAIN;
    }
    if (!request_valid(exchange)) {
        return FEED_AGAIN;
    }
    struct credential credential = {0};
    int error = http_credential(exchange, &credential);
    if (error == ERR_BAD_REQUEST) {
        http_answer_credential_error(exchange, error);
        return FEED_AGAIN;
    }
    feed->next = target;
    feed->handover = (struct handover){.credential = credential};
    buffer_append_string(feed->output, "HTTP/1.1 101 Switching Protocols\r\n"
                                       "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                       "Sec-WebSocket-Accept: ");
    websocket_append_accept(feed->output, http_header(exchange->message, "Sec-WebSocket-Key"));
    buffer_append_string(feed->output, "\r\n");
    negotiate_format(exchange);
    negotiate_deflate(exchange);
    buffer_append_string(feed->output, "\r\n");
    /* A refusal in HTTP would look like a network failure to a page; a close code can be read. */
    if (!http_origin_allowed(exchange)) {
        feed->handover.refuse = CLOSE_POLICY;
        feed->handover.wrong_origin = true;
    } else if (error != 0) {
        feed->handover.refuse = CLOSE_POLICY;
    }
    return FEED_SWITCH;
}
