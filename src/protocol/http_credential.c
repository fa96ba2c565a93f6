/* What an HTTP request shows to be let in: `Authorization: Bearer` or `Basic` (RFC 6750, RFC 7617),
 * `?token=`, or `?ticket=` for those that can set no header, which are browsers that open a
 * WebSocket or an event stream. A ticket is what a page should use there: a URL ends up in
 * histories and in the logs of whatever stands in between, and a ticket is worth nothing by then.
 *
 * A request that shows two different things is refused: whatever stands in front of us may have
 * looked at the other one. Which of them is right is never looked into here (see
 * hub/credential.h); only what cannot be right at all is told apart. */
#include "base/limits.h"
#include "protocol/http.h"
#include "wire/secret.h"

/* Adds what one place of the request shows. ERR_UNAUTHORIZED: cannot be right; ERR_BAD_REQUEST:
 * another place shows something else. */
static int add(struct http_exchange *exchange, const struct credential *shown,
               struct credential *credential) {
    struct buffer *bytes = &exchange->connection->shown;
    if (!credential_plausible(shown)) {
        return ERR_UNAUTHORIZED;
    }
    if (credential->kind != CREDENTIAL_NONE) {
        bool same = shown->kind == credential->kind && slice_equal(shown->name, credential->name) &&
                    slice_equal(shown->secret, credential->secret);
        return same ? 0 : ERR_BAD_REQUEST;
    }
    buffer_clear(bytes);
    buffer_append_slice(bytes, shown->name);
    buffer_append_slice(bytes, shown->secret);
    struct slice both = buffer_slice(bytes);
    credential->kind = shown->kind;
    credential->name = slice_from(both.data, shown->name.length);
    credential->secret = slice_skip(both, shown->name.length);
    return 0;
}

/* base64 of NAME:PASSWORD; the name holds no colon. */
static int add_basic(struct http_exchange *exchange, struct slice encoded,
                     struct credential *credential) {
    struct buffer decoded = {0};
    int error = base64_append_decoded(&decoded, encoded);
    if (error == 0) {
        struct slice password = buffer_slice(&decoded);
        struct slice name = slice_cut(&password, ':');
        struct credential shown = {CREDENTIAL_PASSWORD, name, password};
        error = add(exchange, &shown, credential);
    } else {
        error = ERR_UNAUTHORIZED;
    }
    buffer_close(&decoded);
    return error;
}

static int add_authorization(struct http_exchange *exchange, struct slice value,
                             struct credential *credential) {
    struct slice parameter = value;
    struct slice scheme = slice_cut(&parameter, ' ');
    parameter = slice_trim(parameter);
    if (slice_equal_ignoring_case(scheme, SLICE("Basic"))) {
        return add_basic(exchange, parameter, credential);
    }
    if (slice_equal_ignoring_case(scheme, SLICE("Bearer"))) {
        struct credential shown = {CREDENTIAL_TOKEN, SLICE_NONE, parameter};
        return add(exchange, &shown, credential);
    }
    return ERR_UNAUTHORIZED;
}

/* At most one header: which of two counts is read differently by different servers. */
static int add_header(struct http_exchange *exchange, struct credential *credential) {
    const struct http_message *message = exchange->message;
    const struct http_header *found = NULL;
    for (size_t i = 0; i < message->header_count; i++) {
        if (!slice_equal_ignoring_case(message->headers[i].name, SLICE("Authorization"))) {
            continue;
        }
        if (found != NULL) {
            return ERR_BAD_REQUEST;
        }
        found = &message->headers[i];
    }
    return found != NULL ? add_authorization(exchange, found->value, credential) : 0;
}

static int add_query(struct http_exchange *exchange, const char *parameter,
                     enum credential_kind kind, struct credential *credential) {
    struct slice query = exchange->message->query;
    struct buffer value = {0};
    int error = 0;
    while (error == 0 && http_query_next(&query, parameter, &value)) {
        struct credential shown = {kind, SLICE_NONE, buffer_slice(&value)};
        error = add(exchange, &shown, credential);
        buffer_clear(&value);
    }
    buffer_close(&value);
    return error;
}

int http_credential(struct http_exchange *exchange, struct credential *credential) {
    struct credential found = {0};
    int error = add_header(exchange, &found);
    if (error == 0) {
        error = add_query(exchange, "token", CREDENTIAL_TOKEN, &found);
    }
    if (error == 0) {
        error = add_query(exchange, "ticket", CREDENTIAL_TICKET, &found);
    }
    if (error == 0) {
        *credential = found;
    }
    return error;
}

void http_answer_credential_error(struct http_exchange *exchange, int error) {
    bool ambiguous = error == ERR_BAD_REQUEST;
    http_answer_error(exchange->connection, exchange->feed->output, ambiguous ? 400 : 401, error,
                      ambiguous ? SLICE("A request shows one credential")
                                : SLICE("Invalid credential"),
                      SLICE_NONE);
}

bool http_take_credential(struct http_exchange *exchange, struct credential *credential) {
    int error = http_credential(exchange, credential);
    if (error != 0) {
        http_answer_credential_error(exchange, error);
    }
    return error == 0;
}

void http_append_challenge(const struct http_connection *connection, struct buffer *headers) {
    buffer_append_string(headers, connection->from_browser
                                      ? "WWW-Authenticate: Bearer\r\n"
                                      : "WWW-Authenticate: Bearer, Basic realm=\"banter\"\r\n");
}

enum feed_result http_ticket(struct http_exchange *exchange) {
    struct http_connection *connection = exchange->connection;
    struct request request = {.kind = REQUEST_TICKET};
    if (!http_method_is(exchange->message, "POST")) {
        http_answer_not_allowed(exchange, "POST");
        return FEED_AGAIN;
    }
    if (!http_take_credential(exchange, &request.credential)) {
        return FEED_AGAIN;
    }
    /* One ticket for another would be a way to stay for ever. */
    if (request.credential.kind == CREDENTIAL_NONE ||
        request.credential.kind == CREDENTIAL_TICKET) {
        http_answer_error(connection, exchange->feed->output, 401, ERR_UNAUTHORIZED,
                          SLICE("A ticket is given for a token or a password"), SLICE_NONE);
        return FEED_AGAIN;
    }
    secret_digest_pair(exchange->feed->address, SLICE_NONE, request.session_identity.bytes);
    exchange->feed->request = request;
    connection->awaiting = HTTP_AWAITS_TICKET;
    return FEED_REQUEST;
}

void http_ticket_reply(struct http_connection *connection, const struct reply *reply,
                       struct buffer *output) {
    struct buffer body = {0};
    buffer_append_string(&body, "{\"ticket\":");
    json_append_string(&body, reply->session);
    json_append_u64_member(&body, "expires_in", LIMIT_TICKET_S);
    buffer_append_string(&body, "}\n");
    http_answer(connection, output, 200, "application/json", SLICE_NONE, buffer_slice(&body));
    buffer_close(&body);
}
