/* TLS 1.2 and 1.3 over OpenSSL, without sockets: bytes that arrived go in, bytes that are to be
 * sent come out, and what they say stands between. A context is what the sessions of one side
 * share; a session is one connection.
 *
 * A session keeps no bytes of its own but the beginning of a record that is not complete (at most
 * 16 KiB, given back once it is): what it wants sent is appended to the caller's buffer at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

/* Bytes of the longest plain text one record carries (RFC 8446 section 5.1), and how many more it
 * may have on the wire. */
#define TLS_RECORD_MAX (16 * 1024)
#define TLS_RECORD_OVERHEAD 256

struct tls_context;
struct tls_session;

/* A certificate with those that vouch for it behind it, and its key: PEM files. */
struct tls_certificate {
    const char *chain, *key;
};

/* For servers. The first certificate is for whoever asks for no name, or for one that none has;
 * else the one whose names (subjectAltName) include it, those without a wildcard first. `count` is
 * at least 1. ERR_IO: a file cannot be read; ERR_BAD_REQUEST: what is in it is of no use. Both with
 * one line in `message` that names the file. */
int tls_context_for_server(const struct tls_certificate *certificates, size_t count,
                           struct tls_context **context, char *message, size_t size) MUST_USE;

/* For clients. Servers must prove their names by the authorities in the PEM file `authorities`
 * (NULL: by the system's), unless `insecure`. Errors as above. */
int tls_context_for_client(const char *authorities, bool insecure, struct tls_context **context,
                           char *message, size_t size) MUST_USE;

/* A context lives as long as anybody holds it; each session does. */
struct tls_context *tls_context_hold(struct tls_context *context);
void tls_context_release(struct tls_context *context); /* NULL is fine */

/* When the first of the certificates expires, in seconds of Unix time. */
int64_t tls_context_expiry(const struct tls_context *context);

enum tls_state {
    TLS_SHAKING_HANDS,
    TLS_OPEN,
    TLS_ENDED, /* the other side said that it sends no more; it may still read */
    TLS_FAILED /* see tls_session_fault */
};

/* The server's end of a connection. `http`: it speaks HTTP/1.1, and whoever offers other protocols
 * only (ALPN) is refused; else what is offered does not matter. `now_ms` is of a monotonic clock.
 */
struct tls_session *tls_accept(struct tls_context *context, bool http, uint64_t now_ms);

/* The client's end; `host` is the name or address it must prove. tls_receive without input
 * begins. */
struct tls_session *tls_connect(struct tls_context *context, const char *host, bool http);

void tls_session_free(struct tls_session *session); /* NULL is fine */

enum tls_state tls_session_state(const struct tls_session *session);

/* Takes all of `input`; appends what it says to `plain`, and what must be sent in answer to
 * `output` (also when it has failed: the alert). */
enum tls_state tls_receive(struct tls_session *session, struct slice input, struct buffer *plain,
                           struct buffer *output);

/* Appends one record that says `plain`: 1 to TLS_RECORD_MAX bytes. Once open. ERR_PROTOCOL: the
 * session has failed. */
int tls_send(struct tls_session *session, struct slice plain, struct buffer *output) MUST_USE;

/* Says that nothing more will be sent (close_notify). */
void tls_end(struct tls_session *session, struct buffer *output);

/* Whether a record has come in part. */
bool tls_record_is_open(const struct tls_session *session);

/* Why it failed, for people; one line. */
const char *tls_session_fault(const struct tls_session *session);

/* Of a connection's first bytes as a server sees them: how many the first record has, head
 * included. 0: they do not show yet. ERR_PROTOCOL: they are no beginning of TLS. */
ptrdiff_t tls_first_record(struct slice bytes);
