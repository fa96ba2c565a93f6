/* A room's log over HTTP: POST /r/ROOM publishes, GET /r/ROOM reads. Each is one request to the
 * hub, whose reply becomes the response. Nobody is in a room by this; the caller's identity is the
 * address with the signature. */
#include <inttypes.h>

#include "base/limits.h"
#include "protocol/http.h"
#include "protocol/json.h"
#include "protocol/plain.h"
#include "wire/secret.h"

static struct slice room_of(const struct http_message *message) {
    return slice_skip(message->path, sizeof("/r/") - 1);
}

static enum feed_result refuse(struct http_exchange *exchange, unsigned status, int error,
                               struct slice text) {
    http_answer_error(exchange->connection, exchange->feed->output, status, error, text,
                      SLICE_NONE);
    return FEED_AGAIN;
}

static enum feed_result publish(struct http_exchange *exchange) {
    struct feed *feed = exchange->feed;
    struct slice text = SLICE_NONE;
    feed->request = (struct request){
        .kind = REQUEST_PUBLISH,
        .entry = ENTRY_MESSAGE,
        .room = room_of(exchange->message),
    };
    if (!http_take_credential(exchange, &feed->request.credential)) {
        return FEED_AGAIN;
    }
    int error = http_publish_parse(exchange, &text);
    if (error != 0) {
        return refuse(exchange, error == ERR_TOO_LARGE ? 413 : 400, error, text);
    }
    secret_digest_pair(feed->address, feed->request.sender, feed->request.session_identity.bytes);
    exchange->connection->awaiting = HTTP_AWAITS_ACK;
    return FEED_REQUEST;
}

/* A number of the query. False: it is there, but none. */
static bool query_number(struct slice query, const char *name, uint64_t *value, bool *present) {
    struct buffer text = {0};
    *present = http_query(query, name, &text);
    bool valid = !*present || slice_to_u64(buffer_slice(&text), value);
    buffer_close(&text);
    return valid;
}

/* The first of our types that the client names; JSON for all others. */
static enum http_listing listing_of(const struct http_message *message) {
    struct slice accepted = http_header(message, "Accept");
    while (accepted.length > 0) {
        struct slice type = slice_cut(&accepted, ',');
        type = slice_trim(slice_cut(&type, ';'));
        if (slice_equal_ignoring_case(type, SLICE("application/x-ndjson"))) {
            return HTTP_LISTING_NDJSON;
        }
        if (slice_equal_ignoring_case(type, SLICE("text/plain"))) {
            return HTTP_LISTING_TEXT;
        }
        if (slice_equal_ignoring_case(type, SLICE("application/json"))) {
            return HTTP_LISTING_JSON;
        }
    }
    return HTTP_LISTING_JSON;
}

static enum feed_result list(struct http_exchange *exchange) {
    const struct http_message *message = exchange->message;
    struct feed *feed = exchange->feed;
    struct request request = {.kind = REQUEST_HISTORY, .room = room_of(message)};
    uint64_t limit = 0;
    bool has_before, has_limit;
    if (!query_number(message->query, "after", &request.after, &request.has_after) ||
        !query_number(message->query, "before", &request.before, &has_before) ||
        !query_number(message->query, "limit", &limit, &has_limit)) {
        return refuse(exchange, 400, ERR_BAD_REQUEST,
                      SLICE("after, before and limit must be numbers"));
    }
    if (has_before && request.before == 0) {
        return refuse(exchange, 400, ERR_BAD_REQUEST, SLICE("before must be 1 or more"));
    }
    if (!http_take_credential(exchange, &request.credential)) {
        return FEED_AGAIN;
    }
    request.limit = limit > LIMIT_BATCH_ENTRIES ? LIMIT_BATCH_ENTRIES : (unsigned)limit;
    secret_digest_pair(feed->address, SLICE_NONE, request.session_identity.bytes);
    feed->request = request;
    exchange->connection->listing = listing_of(message);
    exchange->connection->awaiting = HTTP_AWAITS_ENTRIES;
    return FEED_REQUEST;
}

enum feed_result http_room(struct http_exchange *exchange) {
    if (http_method_is(exchange->message, "POST")) {
        return publish(exchange);
    }
    if (http_method_is(exchange->message, "GET") || http_method_is(exchange->message, "HEAD")) {
        return list(exchange);
    }
    http_answer_not_allowed(exchange, "GET, HEAD, POST");
    return FEED_AGAIN;
}

unsigned http_status_of(int error) {
    switch (error) {
    case ERR_BAD_REQUEST:
        return 400;
    case ERR_UNAUTHORIZED:
        return 401;
    case ERR_FORBIDDEN:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_NAME_TAKEN:
        return 409;
    case ERR_TOO_LARGE:
        return 413;
    case ERR_CID_REUSED:
        return 422;
    case ERR_RATE_LIMITED:
    case ERR_TOO_MANY:
        return 429;
    case ERR_UNAVAILABLE:
        return 503;
    default:
        return 500;
    }
}

void http_append_retry_after(const struct reply *reply, struct buffer *headers) {
    unsigned retry_s = (reply->retry_ms + 999) / 1000;
    if (reply->error == ERR_RATE_LIMITED || reply->error == ERR_UNAVAILABLE) {
        buffer_append_format(headers, "Retry-After: %u\r\n", retry_s > 0 ? retry_s : 1);
    }
}

static void reply_error(struct http_connection *connection, const struct reply *reply,
                        struct buffer *output) {
    struct buffer extra = {0};
    http_append_retry_after(reply, &extra);
    http_answer_error(connection, output, http_status_of(reply->error), reply->error, reply->text,
                      buffer_slice(&extra));
    buffer_close(&extra);
}

static void reply_ack(struct http_connection *connection, const struct reply *reply,
                      struct buffer *output) {
    struct buffer body = {0};
    buffer_append_string(&body, "{\"room\":");
    json_append_string(&body, reply->room);
    json_append_u64_member(&body, "seq", reply->outcome.seq);
    json_append_string_member(&body, "id", slice_of_string(reply->outcome.id));
    json_append_timestamp_member(&body, reply->outcome.timestamp_us);
    buffer_append_string(&body, "}\n");
    http_answer(connection, output, 200, "application/json", SLICE_NONE, buffer_slice(&body));
    buffer_close(&body);
}

static void append_listing(struct buffer *body, const struct reply *reply) {
    struct json_items items = {0};
    size_t first, count;
    json_items_render(&items, FORMAT_JSON_FULL, reply);
    json_items_answer(&items, reply, &first, &count);
    buffer_append_string(body, "{\"room\":");
    json_append_string(body, reply->room);
    json_append_string_member(body, "epoch", reply->epoch);
    json_append_u64_member(body, "first", reply->first);
    json_append_u64_member(body, "last", reply->last);
    json_append_key(body, "items");
    buffer_append_char(body, '[');
    buffer_append_slice(body, json_items_slice(&items, first, count));
    buffer_append_string(body, reply->more || count < items.count ? "],\"more\":true}\n"
                                                                  : "],\"more\":false}\n");
    json_items_close(&items);
}

static void append_ndjson(struct buffer *body, const struct reply *reply) {
    for (size_t i = 0; i < reply->entry_count; i++) {
        if (json_append_entry(body, FORMAT_JSON_FULL, reply->room, reply->entries[i])) {
            buffer_append_char(body, '\n');
        }
    }
}

/* As people of the line protocol see them. */
static void append_lines(struct buffer *body, const struct reply *reply) {
    plain_append_batch(body, &line_feed, FORMAT_LINE, reply);
}

/* Where the listing has no place for it: which entries these are, and whether there are more. */
static void append_extent(struct buffer *headers, const struct reply *reply) {
    if (reply->entry_count == 0) {
        return;
    }
    buffer_append_format(headers,
                         "X-Banter-First-Seq: %" PRIu64 "\r\nX-Banter-Last-Seq: %" PRIu64 "\r\n",
                         reply->entries[0]->seq, reply->entries[reply->entry_count - 1]->seq);
    if (reply->more) {
        buffer_append_string(headers, "X-Banter-More: true\r\n");
    }
}

static void reply_entries(struct http_connection *connection, const struct reply *reply,
                          struct buffer *output) {
    static const struct {
        void (*append)(struct buffer *body, const struct reply *reply);
        const char *type;
    } listings[] = {
        [HTTP_LISTING_JSON] = {append_listing, "application/json"},
        [HTTP_LISTING_NDJSON] = {append_ndjson, "application/x-ndjson"},
        [HTTP_LISTING_TEXT] = {append_lines, "text/plain; charset=utf-8"},
    };
    struct buffer body = {0}, headers = {0};
    listings[connection->listing].append(&body, reply);
    if (connection->listing != HTTP_LISTING_JSON) {
        append_extent(&headers, reply);
    }
    http_answer(connection, output, 200, listings[connection->listing].type, buffer_slice(&headers),
                buffer_slice(&body));
    buffer_close(&body);
    buffer_close(&headers);
}

void http_room_reply(struct http_connection *connection, const struct reply *reply,
                     struct buffer *output) {
    if (connection->awaiting == HTTP_AWAITS_NOTHING) {
        return;
    }
    if (connection->awaiting == HTTP_AWAITS_HOOK) {
        http_hook_reply(connection, reply, output);
    } else if (reply->kind == REPLY_ERROR) {
        reply_error(connection, reply, output);
    } else if (reply->kind == REPLY_ACK && connection->awaiting == HTTP_AWAITS_ACK) {
        reply_ack(connection, reply, output);
    } else if (reply->kind == REPLY_BATCH && connection->awaiting == HTTP_AWAITS_ENTRIES) {
        reply_entries(connection, reply, output);
    } else if (reply->kind == REPLY_ACK && connection->awaiting == HTTP_AWAITS_READY) {
        http_answer(connection, output, 200, "text/plain; charset=utf-8", SLICE_NONE,
                    SLICE("ready\n"));
    } else if (reply->kind == REPLY_TICKET && connection->awaiting == HTTP_AWAITS_TICKET) {
        http_ticket_reply(connection, reply, output);
    }
}
