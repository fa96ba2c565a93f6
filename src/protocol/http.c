/* The front of ws:// listeners: HTTP/1.1, out of which WebSocket connections are made. It serves
 * the browser client and the HTTP interface to rooms by itself.
 *
 * One request is under way at a time. What can be answered at once is; a request to the hub makes
 * feed say FEED_WAIT until reply has rendered its answer, so pipelined requests are answered in
 * order. To add a path, write its function and name it in the table of routes. */
#include "protocol/http.h"

#include "base/close_code.h"
#include "protocol/format.h"

static void http_open(void *state, const struct protocol_settings *settings,
                      const struct handover *handover, struct buffer *output) {
    (void)handover;
    (void)output;
    struct http_connection *connection = state;
    /* As JSON a character of content may take six bytes; the other members have room beside it. */
    connection->reader = http_reader_new(HTTP_SERVER, 6 * settings->max_message + 4096);
}

static void text_only_open(void *state, const struct protocol_settings *settings,
                           const struct handover *handover, struct buffer *output) {
    struct http_connection *connection = state;
    http_open(state, settings, handover, output);
    connection->text_only = true;
}

/* Gives back what the last request needed. */
static void release_request(struct http_connection *connection) {
    json_decref(connection->object);
    connection->object = NULL;
    http_subscription_free(connection->subscription);
    connection->subscription = NULL;
    buffer_close(&connection->scratch);
    buffer_close(&connection->shown);
    if (connection->holding) {
        http_reader_next(connection->reader);
        connection->holding = false;
    }
}

static void http_close(void *state) {
    struct http_connection *connection = state;
    release_request(connection);
    http_reader_free(connection->reader);
    connection->reader = NULL;
}

bool http_method_is(const struct http_message *message, const char *method) {
    return slice_equal(message->method, slice_of_string(method));
}

void http_answer(struct http_connection *connection, struct buffer *output, unsigned status,
                 const char *type, struct slice extra, struct slice body) {
    struct buffer headers = {0};
    buffer_append_slice(&headers, extra);
    if (connection->strict_transport) {
        buffer_append_string(&headers, "Strict-Transport-Security: max-age=31536000\r\n");
    }
    http_append_response(output, status, type, buffer_slice(&headers), body, connection->keep_alive,
                         connection->head_only);
    buffer_close(&headers);
    connection->awaiting = HTTP_AWAITS_NOTHING;
    connection->closing = !connection->keep_alive;
}

void http_answer_error(struct http_connection *connection, struct buffer *output, unsigned status,
                       int error, struct slice text, struct slice extra) {
    struct buffer body = {0}, headers = {0};
    buffer_append_slice(&headers, extra);
    if (status == 401) {
        http_append_challenge(connection, &headers);
    }
    buffer_append_string(&body, "{\"error\":");
    json_append_string(&body, slice_of_string(error_code(error)));
    json_append_string_member(&body, "message",
                              text.length > 0 ? text : slice_of_string(error_text(error)));
    buffer_append_string(&body, "}\n");
    http_answer(connection, output, status, "application/json", buffer_slice(&headers),
                buffer_slice(&body));
    buffer_close(&headers);
    buffer_close(&body);
}

void http_answer_not_allowed(struct http_exchange *exchange, const char *allowed) {
    struct buffer extra = {0};
    buffer_append_string(&extra, "Allow: ");
    buffer_append_string(&extra, allowed);
    buffer_append_string(&extra, "\r\n");
    http_answer_error(exchange->connection, exchange->feed->output, 405, ERR_BAD_REQUEST,
                      SLICE("This method is not allowed here"), buffer_slice(&extra));
    buffer_close(&extra);
}

static bool is_read(const struct http_message *message) {
    return http_method_is(message, "GET") || http_method_is(message, "HEAD");
}

static enum feed_result answer_health(struct http_exchange *exchange) {
    if (is_read(exchange->message)) {
        http_answer(exchange->connection, exchange->feed->output, 200, "text/plain; charset=utf-8",
                    SLICE_NONE, SLICE("ok\n"));
    } else {
        http_answer_not_allowed(exchange, "GET, HEAD");
    }
    return FEED_AGAIN;
}

/* A credential is not looked at: what asks is a load balancer. */
static enum feed_result ask_ready(struct http_exchange *exchange) {
    if (!is_read(exchange->message)) {
        http_answer_not_allowed(exchange, "GET, HEAD");
        return FEED_AGAIN;
    }
    if (exchange->settings->draining) {
        http_answer_error(exchange->connection, exchange->feed->output, 503, ERR_UNAVAILABLE,
                          SLICE("the server is being stopped"), SLICE_NONE);
        return FEED_AGAIN;
    }
    exchange->feed->request = (struct request){.kind = REQUEST_READY};
    exchange->connection->awaiting = HTTP_AWAITS_READY;
    return FEED_REQUEST;
}

static enum feed_result answer_websocket_path(struct http_exchange *exchange) {
    if (is_read(exchange->message)) {
        http_answer_upgrade_required(exchange);
    } else {
        http_answer_not_allowed(exchange, "GET");
    }
    return FEED_AGAIN;
}

/* What is stored compressed is sent so to whoever takes it, which every browser does. */
static void send_asset(struct http_exchange *exchange, const struct asset *asset) {
    struct slice headers = SLICE("Cache-Control: no-cache\r\n");
    struct slice content = asset->content;
    if (asset->compressed.length > 0) {
        headers = SLICE("Cache-Control: no-cache\r\nVary: Accept-Encoding\r\n");
    }
    if (asset->compressed.length > 0 &&
        http_header_has(exchange->message, "Accept-Encoding", "gzip")) {
        headers = SLICE("Cache-Control: no-cache\r\nVary: Accept-Encoding\r\n"
                        "Content-Encoding: gzip\r\n");
        content = asset->compressed;
    }
    http_answer(exchange->connection, exchange->feed->output, 200, asset->type, headers, content);
}

static enum feed_result answer_asset(struct http_exchange *exchange) {
    const struct protocol_settings *settings = exchange->settings;
    struct buffer *output = exchange->feed->output;
    for (size_t i = 0; i < settings->asset_count; i++) {
        const struct asset *asset = &settings->assets[i];
        if (!slice_equal(exchange->message->path, slice_of_string(asset->path))) {
            continue;
        }
        if (is_read(exchange->message)) {
            send_asset(exchange, asset);
        } else {
            http_answer_not_allowed(exchange, "GET, HEAD");
        }
        return FEED_AGAIN;
    }
    http_answer_error(exchange->connection, output, 404, ERR_NOT_FOUND, SLICE("No such page"),
                      SLICE_NONE);
    return FEED_AGAIN;
}

static const struct {
    const char *path; /* one that ends in '/' stands for all below it */
    enum feed_result (*answer)(struct http_exchange *exchange);
} routes[] = {
    {"/ws", answer_websocket_path}, {"/text", answer_websocket_path},
    {"/healthz", answer_health},    {"/readyz", ask_ready},
    {"/metrics", http_metrics},     {"/r/", http_room},
    {"/hooks/", http_hook},         {"/sse", http_sse},
    {"/auth/ticket", http_ticket},
};

static bool route_matches(const char *route, struct slice path) {
    struct slice known = slice_of_string(route);
    if (known.data[known.length - 1] == '/') {
        return path.length > known.length && slice_starts_with(path, known);
    }
    return slice_equal(path, known);
}

static void refuse_host(struct http_exchange *exchange, struct slice host) {
    struct buffer text = {0};
    buffer_append_string(&text, "This server is not known as ");
    buffer_append_slice(&text, host);
    buffer_append_string(&text, "; its operator can allow that with public_host = ");
    buffer_append_slice(&text, host);
    http_answer_error(exchange->connection, exchange->feed->output, 421, ERR_FORBIDDEN,
                      buffer_slice(&text), SLICE_NONE);
    buffer_close(&text);
    exchange->feed->note = "refused a request (421) whose Host is no name of this server; set "
                           "public_host to the names it is reached by";
}

/* All that listens on somebody's own machine has this name; that one of it speaks TLS says nothing
 * about the others. */
static bool is_localhost(struct slice host) {
    return slice_equal_ignoring_case(host, SLICE("localhost"));
}

/* False: was answered. */
static bool host_valid(struct http_exchange *exchange) {
    struct slice host;
    exchange->connection->strict_transport = false;
    switch (http_host_check(exchange->settings, exchange->message, &host)) {
    case 0:
        exchange->connection->strict_transport = exchange->feed->secure && !is_localhost(host);
        return true;
    case ERR_FORBIDDEN:
        refuse_host(exchange, host);
        return false;
    default:
        http_answer_error(exchange->connection, exchange->feed->output, 400, ERR_BAD_REQUEST,
                          SLICE("A request needs one valid Host header"), SLICE_NONE);
        return false;
    }
}

/* FEED_AGAIN: was answered. */
static enum feed_result handle(struct http_exchange *exchange) {
    if (!host_valid(exchange)) {
        return FEED_AGAIN;
    }
    if (!http_origin_is_plain(exchange->message)) {
        http_answer_error(exchange->connection, exchange->feed->output, 400, ERR_BAD_REQUEST,
                          SLICE("A request has one Origin at most"), SLICE_NONE);
        return FEED_AGAIN;
    }
    if (http_upgrade_wanted(exchange->message)) {
        return http_upgrade(exchange);
    }
    if (exchange->message->upgrade) {
        exchange->connection->keep_alive =
            false; /* the reader takes what follows for another protocol */
    }
    if (!http_origin_allowed(exchange)) {
        http_answer_error(exchange->connection, exchange->feed->output, 403, ERR_FORBIDDEN,
                          SLICE("Invalid origin"), SLICE_NONE);
        return FEED_AGAIN;
    }
    if (exchange->connection->text_only) {
        return answer_websocket_path(exchange);
    }
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (route_matches(routes[i].path, exchange->message->path)) {
            return routes[i].answer(exchange);
        }
    }
    return answer_asset(exchange);
}

static void answer_unreadable(struct http_connection *connection, struct feed *feed, int error) {
    connection->keep_alive = false;
    connection->head_only = false;
    connection->reading = false;
    if (error != ERR_TOO_LARGE) {
        http_answer_error(connection, feed->output, 400, ERR_BAD_REQUEST,
                          SLICE("Not a valid HTTP request"), SLICE_NONE);
    } else if (http_reader_body_too_large(connection->reader)) {
        http_answer_error(connection, feed->output, 413, ERR_TOO_LARGE, SLICE_NONE, SLICE_NONE);
    } else {
        http_answer_error(connection, feed->output, 431, ERR_TOO_LARGE,
                          SLICE("The request's headers are too large"), SLICE_NONE);
    }
}

/* After the last answer: tells the hub once, and drops what still comes. */
static enum feed_result finish(struct http_connection *connection, struct feed *feed) {
    feed->consumed = feed->input.length;
    if (connection->quit) {
        return FEED_MORE;
    }
    connection->quit = true;
    feed->request = (struct request){.kind = REQUEST_QUIT, .close_code = CLOSE_NORMAL};
    return FEED_REQUEST;
}

/* FEED_REQUEST, FEED_SWITCH, or FEED_AGAIN: was answered. */
static enum feed_result take_request(struct http_connection *connection,
                                     const struct protocol_settings *settings, struct feed *feed) {
    struct http_exchange exchange = {
        .connection = connection,
        .settings = settings,
        .feed = feed,
        .message = http_reader_message(connection->reader),
    };
    connection->holding = true;
    connection->reading = false;
    connection->established = true;
    connection->keep_alive = exchange.message->keep_alive && !settings->draining;
    connection->head_only = http_method_is(exchange.message, "HEAD");
    connection->from_browser = http_header(exchange.message, "Origin").data != NULL ||
                               http_header(exchange.message, "Sec-Fetch-Mode").data != NULL;
    http_find_caller(&exchange);
    enum feed_result result = handle(&exchange);
    feed->request.address = feed->address;
    feed->handover.address = feed->address;
    return result;
}

static enum feed_result http_feed(void *state, const struct protocol_settings *settings,
                                  struct feed *feed) {
    struct http_connection *connection = state;
    feed->consumed = 0;
    if (connection->awaiting != HTTP_AWAITS_NOTHING) {
        return FEED_WAIT;
    }
    if (connection->closing) {
        return finish(connection, feed);
    }
    release_request(connection);
    struct slice input = feed->input;
    int status = http_reader_feed(connection->reader, &input);
    feed->consumed = feed->input.length - input.length;
    connection->reading = connection->reading || feed->consumed > 0;
    if (status > 0) {
        return take_request(connection, settings, feed);
    }
    if (status < 0) {
        answer_unreadable(connection, feed, status);
        return FEED_AGAIN;
    }
    if (http_reader_take_expectation(connection->reader)) {
        buffer_append_string(feed->output, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    return FEED_MORE;
}

static void http_reply(void *state, const struct protocol_settings *settings,
                       const struct reply *reply, struct buffer *output) {
    (void)settings;
    http_room_reply(state, reply, output);
}

/* HTTP has no farewell; but a client that waits for an answer gets one. */
static void http_goodbye(void *state, const struct protocol_settings *settings, uint16_t close_code,
                         struct buffer *output) {
    (void)settings;
    struct http_connection *connection = state;
    bool stopping = close_code == CLOSE_GOING_AWAY || close_code == CLOSE_RESTART ||
                    close_code == CLOSE_TRY_LATER;
    bool asked = connection->awaiting != HTTP_AWAITS_NOTHING;
    if (close_code == CLOSE_NORMAL || connection->closing || !(asked || connection->reading)) {
        return;
    }
    connection->keep_alive = false;
    connection->head_only = connection->head_only && asked;
    if (asked || stopping) {
        http_answer_error(connection, output, 503, ERR_UNAVAILABLE, SLICE_NONE,
                          SLICE("Retry-After: 1\r\n"));
    } else {
        http_answer_error(connection, output, 408, ERR_BAD_REQUEST,
                          SLICE("The request took too long"), SLICE_NONE);
    }
}

static struct encoding http_encoding(const void *state) {
    (void)state;
    return (struct encoding){.format = FORMAT_NONE};
}

static bool http_established(const void *state) {
    const struct http_connection *connection = state;
    return connection->reading ? http_reader_in_body(connection->reader) : connection->established;
}

static bool http_half_read(const void *state) {
    const struct http_connection *connection = state;
    return connection->reading;
}

/* Of an answer that came by reply; after others feed says so itself. */
static uint16_t http_close_wanted(const void *state) {
    const struct http_connection *connection = state;
    return connection->closing && !connection->quit ? CLOSE_NORMAL : 0;
}

const struct protocol http_protocol = {
    .scheme = "ws",
    .state_size = sizeof(struct http_connection),
    .traits = {.transient = true},
    .opens = false,
    .open = http_open,
    .close = http_close,
    .feed = http_feed,
    .reply = http_reply,
    .goodbye = http_goodbye,
    .encoding = http_encoding,
    .established = http_established,
    .half_read = http_half_read,
    .close_wanted = http_close_wanted,
};

const struct protocol text_only_protocol = {
    .scheme = "ws+text",
    .state_size = sizeof(struct http_connection),
    .traits = {.transient = true},
    .opens = false,
    .open = text_only_open,
    .close = http_close,
    .feed = http_feed,
    .reply = http_reply,
    .goodbye = http_goodbye,
    .encoding = http_encoding,
    .established = http_established,
    .half_read = http_half_read,
    .close_wanted = http_close_wanted,
};
