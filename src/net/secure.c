/* TLS beneath a connection: between its socket and its peer.
 *
 * What the peer sends is enciphered one record at a time, as much in it as there is to send, and
 * only while the socket takes all of the one before; so at most one record waits in a connection,
 * and what a slow reader is behind stays in the streams, where it costs nothing. To the outlet a
 * record counts as sent as soon as it is enciphered: it cannot be taken back. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "net/internal.h"

/* Most that may wait: a record, and what TLS has to say by itself meanwhile. Whoever has it say
 * more without listening is up to no good. */
#define PENDING_MAX (2 * (TLS_RECORD_MAX + TLS_RECORD_OVERHEAD))

struct secure {
    struct tls_session *session;
    struct buffer pending; /* enciphered, and not taken by the socket yet */
};

void secure_open(struct connection *connection, bool http) {
    struct net *net = connection_net(connection);
    struct secure *secure = memory_new_struct(struct secure);

    secure->session = tls_accept(net->tls, http, uv_now(net->loop));
    connection->secure = secure;
}

void secure_close(struct connection *connection) {
    struct secure *secure = connection->secure;

    if (!secure)
        return;
    tls_session_free(secure->session);
    buffer_close(&secure->pending);
    memory_free(secure);
    connection->secure = NULL;
}

const char *secure_fault(const struct connection *connection) {
    return tls_session_fault(connection->secure->session);
}

bool secure_is_whole(const struct connection *connection) {
    return !tls_record_is_open(connection->secure->session);
}

/* How much of it the socket takes now; -1: it is broken. As what follows, on whatever thread; who
 * calls it on the loop settles the connection then. */
static ssize_t push(struct connection *connection, struct slice bytes) {
    const struct iovec vector = {(char *)bytes.data, bytes.length};
    ssize_t sent = connection_send_raw(connection->descriptor, &vector, 1);

    if (sent < 0)
        connection->broken = true;
    else if ((size_t)sent < bytes.length)
        connection->blocked = true;
    return sent;
}

/* Whether nothing is left of what the socket did not take before. */
static bool flush(struct connection *connection) {
    struct buffer *pending = &connection->secure->pending;
    ssize_t sent;

    if (buffer_length(pending) == 0)
        return true;
    sent = push(connection, buffer_slice(pending));
    if (sent < 0)
        return false;
    buffer_consume(pending, (size_t)sent);
    if (buffer_length(pending) > 0)
        return false;
    buffer_close(pending);
    return true;
}

bool secure_flush(struct connection *connection) {
    bool flushed = flush(connection);

    connection_settle(connection);
    return flushed;
}

/* Sends what TLS has put into `output`; what the socket does not take waits. */
static void put_out(struct connection *connection, struct buffer *output) {
    struct buffer *pending = &connection->secure->pending;
    ssize_t sent = 0;

    if (buffer_length(output) > 0 && connection->state != CONNECTION_GONE) {
        if (buffer_length(pending) == 0)
            sent = push(connection, buffer_slice(output));
        if (sent >= 0)
            buffer_append_slice(pending, slice_skip(buffer_slice(output), (size_t)sent));
        if (buffer_length(pending) > PENDING_MAX)
            connection->reset = connection->broken = true;
    }
    buffer_clear(output);
}

enum tls_state secure_decipher(struct connection *connection, struct slice bytes) {
    struct net *net = connection_net(connection);
    struct buffer *output = &net->space->ciphertext;
    enum tls_state state = tls_receive(connection->secure->session, bytes, &net->plain, output);

    put_out(connection, output);
    connection_settle(connection);
    return state;
}

void secure_receive(struct connection *connection, struct slice bytes) {
    struct net *net = connection_net(connection);
    enum tls_state state = secure_decipher(connection, bytes);

    if (buffer_length(&net->plain) > 0)
        outlet_receive(connection->peer, buffer_slice(&net->plain));
    buffer_clear(&net->plain);
    if (connection->state != CONNECTION_OPEN)
        return;
    if (state == TLS_ENDED) {
        connection_end_input(connection);
    } else if (state == TLS_FAILED) {
        log_write(net->log, LOG_DEBUG, "A TLS connection broke: %s", secure_fault(connection));
        connection_leave(connection);
    }
}

/* Without the end that TLS has for it (close_notify) nobody knows whether that was all: a line may
 * have been cut short by somebody in between. So what is incomplete is dropped, as when a
 * connection is reset. */
void secure_end_of_file(struct connection *connection) {
    log_write(connection_net(connection)->log, LOG_DEBUG,
              "A TLS connection ended without close_notify");
    connection_leave(connection);
}

/* What the vectors hold from `from` on, at most a record of it: where it lies, if in one piece,
 * else put together in `record`. */
static struct slice next_record(char *record, const struct iovec *vectors, int count, size_t from) {
    size_t length = 0;
    int i = 0;

    for (; i < count && from >= vectors[i].iov_len; i++)
        from -= vectors[i].iov_len;
    if (i == count)
        return SLICE_NONE;
    struct slice first =
        slice_from((const char *)vectors[i].iov_base + from, vectors[i].iov_len - from);
    if (first.length >= TLS_RECORD_MAX)
        return slice_from(first.data, TLS_RECORD_MAX);
    if (i == count - 1)
        return first;
    for (; i < count && length < TLS_RECORD_MAX; i++, from = 0) {
        size_t room = TLS_RECORD_MAX - length;
        size_t bytes = vectors[i].iov_len - from;
        bytes = bytes < room ? bytes : room;
        memcpy(record + length, (const char *)vectors[i].iov_base + from, bytes);
        length += bytes;
    }
    return slice_from(record, length);
}

ssize_t secure_send(struct connection *connection, const struct iovec *vectors, int count,
                    struct send_space *space) {
    struct slice record;
    size_t taken = 0;

    while (!connection->broken && flush(connection)) {
        record = next_record(space->record, vectors, count, taken);
        if (record.length == 0)
            break;
        if (tls_send(connection->secure->session, record, &space->ciphertext) != 0)
            connection->broken = true;
        put_out(connection, &space->ciphertext);
        taken += record.length;
    }
    return connection->broken ? -1 : (ssize_t)taken;
}

void secure_end(struct connection *connection) {
    struct buffer *output = &connection_net(connection)->space->ciphertext;

    tls_end(connection->secure->session, output);
    put_out(connection, output);
    connection_settle(connection);
}
