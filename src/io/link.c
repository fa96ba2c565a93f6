#include "io/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/endpoint.h"
#include "io/tls.h"

#define READ_SIZE (64 * 1024)
/* Memory that is not given back after much was sent at once. */
#define KEEP_OUTPUT (1024 * 1024)

struct link {
    int descriptor;
    bool ended;
    struct tls_session *session; /* NULL: plain */
    struct buffer output;        /* what the socket did not take yet */
    struct buffer early;         /* what is to be said as soon as TLS is there */
};

static void begin(struct link *link, struct tls_context *tls, const char *host_port, bool http) {
    struct endpoint endpoint;
    const char *host = "localhost";

    if (endpoint_parse(slice_of_string(host_port), 0, &endpoint) == 0 && !endpoint.local &&
        endpoint.host[0] != 0)
        host = endpoint.host;
    link->session = tls_connect(tls, host, http);
    tls_receive(link->session, SLICE_NONE, &link->early, &link->output);
    link_flush(link);
}

struct link *link_new(int descriptor, struct tls_context *tls, const char *host_port, bool http) {
    struct link *link = memory_new_struct(struct link);

    link->descriptor = descriptor;
    if (tls)
        begin(link, tls, host_port, http);
    return link;
}

void link_free(struct link *link) {
    if (!link)
        return;
    if (link->session && !link->ended) {
        tls_end(link->session, &link->output);
        link_flush(link);
    }
    tls_session_free(link->session);
    close(link->descriptor);
    buffer_close(&link->output);
    buffer_close(&link->early);
    memory_free(link);
}

int link_descriptor(const struct link *link) {
    return link->descriptor;
}

bool link_wants_output(const struct link *link) {
    return buffer_length(&link->output) > 0;
}

size_t link_unsent(const struct link *link) {
    return buffer_length(&link->output) + buffer_length(&link->early);
}

const char *link_fault(const struct link *link) {
    bool failed = link->session && tls_session_state(link->session) == TLS_FAILED;

    return failed ? tls_session_fault(link->session) : NULL;
}

static void encipher(struct link *link, struct slice bytes) {
    while (bytes.length > 0) {
        size_t size = bytes.length < TLS_RECORD_MAX ? bytes.length : TLS_RECORD_MAX;
        if (tls_send(link->session, slice_from(bytes.data, size), &link->output) != 0)
            return;
        bytes = slice_skip(bytes, size);
    }
}

void link_send(struct link *link, struct slice bytes) {
    if (!link->session)
        buffer_append_slice(&link->output, bytes);
    else if (tls_session_state(link->session) == TLS_SHAKING_HANDS)
        buffer_append_slice(&link->early, bytes);
    else
        encipher(link, bytes);
}

void link_flush(struct link *link) {
    while (buffer_length(&link->output) > 0) {
        struct slice pending = buffer_slice(&link->output);
        ssize_t sent = send(link->descriptor, pending.data, pending.length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            /* A peer that is gone may have said why: that is still to be read. */
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                buffer_clear(&link->output);
            return;
        }
        buffer_consume(&link->output, (size_t)sent);
    }
    if (link->output.capacity > KEEP_OUTPUT)
        buffer_close(&link->output);
}

static void decipher(struct link *link, struct slice bytes, struct buffer *input) {
    bool shaking_hands = tls_session_state(link->session) == TLS_SHAKING_HANDS;
    enum tls_state state = tls_receive(link->session, bytes, input, &link->output);

    if (shaking_hands && state == TLS_OPEN) {
        encipher(link, buffer_slice(&link->early));
        buffer_close(&link->early);
    }
    link_flush(link);
    link->ended = state == TLS_ENDED || state == TLS_FAILED;
}

static ssize_t receive(int descriptor, char *space) {
    ssize_t got;

    do
        got = recv(descriptor, space, READ_SIZE, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

enum link_state link_receive(struct link *link, struct buffer *input) {
    struct buffer ciphertext = {0};
    struct buffer *read = link->session ? &ciphertext : input;
    ssize_t got;

    if (link->ended)
        return LINK_ENDED;
    got = receive(link->descriptor, buffer_reserve(read, READ_SIZE));
    if (got > 0) {
        buffer_commit(read, (size_t)got);
        if (link->session)
            decipher(link, buffer_slice(&ciphertext), input);
    } else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
        link->ended = true;
    }
    buffer_close(&ciphertext);
    return link->ended ? LINK_ENDED : LINK_OPEN;
}
