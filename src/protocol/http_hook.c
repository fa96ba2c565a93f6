/* POST /hooks/SECRET: messages to one room from programs that know how to talk to Slack.
 *
 * The secret in the address is all that is shown, and all that is looked at: what stands in front
 * of us may have asked for an Authorization of its own. Which room it is for only the authority
 * knows, so the request names none. Answers are Slack's, a word as plain text, because senders
 * look for it, and try again or give up by it. */
#include "base/limits.h"
#include "protocol/hook_payload.h"
#include "protocol/http.h"
#include "wire/secret.h"

static const char text_type[] = "text/plain; charset=utf-8";

static enum feed_result refuse(struct http_exchange *exchange, unsigned status, const char *word,
                               struct slice headers) {
    http_answer(exchange->connection, exchange->feed->output, status, text_type, headers,
                slice_of_string(word));
    return FEED_AGAIN;
}

enum feed_result http_hook(struct http_exchange *exchange) {
    struct http_connection *connection = exchange->connection;
    const struct http_message *message = exchange->message;
    struct request request = {
        .kind = REQUEST_PUBLISH,
        .entry = ENTRY_MESSAGE,
        .credential = {.kind = CREDENTIAL_HOOK,
                       .secret = slice_skip(message->path, sizeof("/hooks/") - 1)},
    };
    struct hook_payload payload;
    const char *word;

    if (!http_method_is(message, "POST")) {
        return refuse(exchange, 405, "method_not_allowed", SLICE("Allow: POST\r\n"));
    }
    if (!credential_plausible(&request.credential)) {
        return refuse(exchange, 404, "no_service", SLICE_NONE);
    }
    if (http_idempotency_key(message, &request.cid) != 0) {
        return refuse(exchange, 400, "invalid_idempotency_key", SLICE_NONE);
    }
    if (hook_payload_parse(message->body, exchange->settings->max_message, &payload, &word) != 0) {
        return refuse(exchange, 400, word, SLICE_NONE);
    }
    connection->scratch = payload.text;
    connection->shown = payload.sender;
    request.content = slice_trim(buffer_slice(&connection->scratch));
    request.sender = buffer_slice(&connection->shown);
    secret_digest_pair(exchange->feed->address, SLICE_NONE, request.session_identity.bytes);
    exchange->feed->request = request;
    connection->awaiting = HTTP_AWAITS_HOOK;
    return FEED_REQUEST;
}

/* Slack's word where it has one. A secret that is no good is an address where nothing is. */
static const char *word_of(int error, unsigned *status) {
    *status = http_status_of(error);
    switch (error) {
    case ERR_BAD_REQUEST:
        return "invalid_payload";
    case ERR_UNAUTHORIZED:
        *status = 404;
        return "no_service";
    case ERR_FORBIDDEN:
        return "action_prohibited";
    case ERR_NOT_FOUND:
        return "channel_not_found";
    default:
        return error_code(error);
    }
}

void http_hook_reply(struct http_connection *connection, const struct reply *reply,
                     struct buffer *output) {
    struct buffer headers = {0};
    unsigned status = 200;
    const char *word = "ok";

    if (reply->kind == REPLY_ERROR) {
        word = word_of(reply->error, &status);
        http_append_retry_after(reply, &headers);
    }
    http_answer(connection, output, status, text_type, buffer_slice(&headers),
                slice_of_string(word));
    buffer_close(&headers);
}
