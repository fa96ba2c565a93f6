/* What the files of the HTTP front share: http.c (the protocol), http_upgrade.c (to WebSocket),
 * http_room.c and http_publish.c (a room's log over HTTP), http_origin.c (who may ask at all),
 * http_credential.c (what is shown to be let in), http_hook.c (messages in Slack's form).
 * Private to protocol/. */
#pragma once

#include "protocol/protocol.h"
#include "wire/http.h"
#include "wire/json.h"

enum http_awaiting {
    HTTP_AWAITS_NOTHING,
    HTTP_AWAITS_ACK,
    HTTP_AWAITS_ENTRIES,
    HTTP_AWAITS_TICKET,
    HTTP_AWAITS_READY,
    HTTP_AWAITS_HOOK
};
enum http_listing { HTTP_LISTING_JSON, HTTP_LISTING_NDJSON, HTTP_LISTING_TEXT };

/* What the caller's browser, if it is one, takes the connection for. */
enum http_scheme { HTTP_SCHEME_UNKNOWN, HTTP_SCHEME_HTTP, HTTP_SCHEME_HTTPS };

struct http_connection {
    struct http_reader *reader;
    json_t *object;                         /* these two: what the request under way points into */
    struct http_subscription *subscription; /* see http_sse.c */
    struct buffer scratch;
    struct buffer shown; /* the credential of the request under way; of a hook, the sender */
    enum http_awaiting awaiting; /* the hub's answer to the request under way */
    enum http_listing listing;   /* how the answer is to list entries */
    bool text_only;              /* every path upgrades to raw text */
    bool holding;                /* the reader holds a message that was dealt with */
    bool reading;                /* a request has begun to arrive, and is not complete */
    bool established;            /* a whole request has arrived, at some time */
    bool keep_alive, head_only;  /* of the request under way */
    bool from_browser;           /* it was sent by a page, not by a program */
    bool strict_transport;       /* the host it was asked for is one to be reached over TLS only */
    bool closing;                /* after the last answer: nothing more is read */
    bool quit;                   /* the hub was told so */
    char caller[ADDRESS_TEXT_LENGTH + 1]; /* behind a proxy: whom the request comes from */
};

/* A request and where its answer goes. */
struct http_exchange {
    struct http_connection *connection;
    const struct protocol_settings *settings;
    struct feed *feed;
    const struct http_message *message;
    enum http_scheme scheme; /* unknown: not TLS, but there may be a proxy that speaks it */
};

/* Appends the answer to the request under way. `extra`: header lines, each ending in CR LF. */
void http_answer(struct http_connection *connection, struct buffer *output, unsigned status,
                 const char *type, struct slice extra, struct slice body);
/* The same with {"error":…,"message":…}; `error` is an ERR_…, `text` for people. */
void http_answer_error(struct http_connection *connection, struct buffer *output, unsigned status,
                       int error, struct slice text, struct slice extra);
void http_answer_not_allowed(struct http_exchange *exchange, const char *allowed);

bool http_method_is(const struct http_message *message, const char *method);

/* Whether the client asks to leave HTTP for WebSocket. */
bool http_upgrade_wanted(const struct http_message *message);
/* Answers with 101 (FEED_SWITCH) or an error (FEED_AGAIN). */
enum feed_result http_upgrade(struct http_exchange *exchange);
void http_answer_upgrade_required(struct http_exchange *exchange);

/* /r/ROOM. FEED_REQUEST, or FEED_AGAIN: was answered with an error. */
enum feed_result http_room(struct http_exchange *exchange);
void http_room_reply(struct http_connection *connection, const struct reply *reply,
                     struct buffer *output);

/* GET /sse: FEED_SWITCH, or FEED_AGAIN: was answered with an error. */
enum feed_result http_sse(struct http_exchange *exchange);
void http_subscription_free(struct http_subscription *subscription);

/* The status that tells of this ERR_…. */
unsigned http_status_of(int error);

/* What the request shows to be let in (http_credential.c); of kind CREDENTIAL_NONE: nothing. Its
 * slices live as long as the request. ERR_UNAUTHORIZED: it cannot be right; ERR_BAD_REQUEST: there
 * are two, and they differ. */
int http_credential(struct http_exchange *exchange, struct credential *credential) MUST_USE;
void http_answer_credential_error(struct http_exchange *exchange, int error);
/* Both in one; false: was answered. */
bool http_take_credential(struct http_exchange *exchange, struct credential *credential);
/* The header that every 401 has. Not Basic for pages: a browser would put up a dialog of its own,
 * whatever the page would have done with the answer. */
void http_append_challenge(const struct http_connection *connection, struct buffer *headers);

/* POST /auth/ticket. */
enum feed_result http_ticket(struct http_exchange *exchange);
void http_ticket_reply(struct http_connection *connection, const struct reply *reply,
                       struct buffer *output);

/* Makes a REQUEST_PUBLISH of body and headers. ERR_BAD_REQUEST or ERR_TOO_LARGE: `*text` says why.
 * */
int http_publish_parse(struct http_exchange *exchange, struct slice *text) MUST_USE;

/* The Idempotency-Key header, which is the cid; empty: there is none. ERR_BAD_REQUEST: it is none.
 */
int http_idempotency_key(const struct http_message *message, struct slice *key) MUST_USE;
/* The header of an error that does not last. */
void http_append_retry_after(const struct reply *reply, struct buffer *headers);

/* POST /hooks/SECRET. FEED_REQUEST, or FEED_AGAIN: was answered. */
enum feed_result http_hook(struct http_exchange *exchange);
void http_hook_reply(struct http_connection *connection, const struct reply *reply,
                     struct buffer *output);

/* The Host header: 0; ERR_BAD_REQUEST: none, several or malformed; ERR_FORBIDDEN: not a name of
 * this server's, which is how DNS rebinding looks. HTTP/1.0, which no browser speaks, may do
 * without (the probes of some load balancers do). `*host` is the name without port, where there is
 * one. */
int http_host_check(const struct protocol_settings *settings, const struct http_message *message,
                    struct slice *host) MUST_USE;
/* Looks behind the proxies that are trusted (http_forwarded.c): from here on feed->address and
 * feed->secure are those of the caller. */
void http_find_caller(struct http_exchange *exchange);
/* Whether somebody between, trusted or not, says that the request is not its own. */
bool http_is_forwarded(const struct http_message *message);
/* GET /metrics (http_metrics.c). */
enum feed_result http_metrics(struct http_exchange *exchange);

/* Whether there is one Origin header at most. */
bool http_origin_is_plain(const struct http_message *message);
/* The Origin header: absent, this server's own or an allowed one. */
bool http_origin_allowed(const struct http_exchange *exchange);
