#include "io/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Connections that may wait to be accepted; the system lowers it to net.core.somaxconn. */
#define SOCKET_BACKLOG 4096
/* Bytes that the system takes for a connection beyond what is on its way to the other side. Else
 * it would hold megabytes for each one that does not read. */
#define SOCKET_UNSENT_MAX (64 * 1024)

/* Whoever is on this machine may connect, as with 127.0.0.1, whatever the umask says. Who shall not
 * is kept out by the folder that the file is in. */
#define LOCAL_MODE 0666

static const char *local_path(const struct endpoint_address *address) {
    return ((const struct sockaddr_un *)(const void *)&address->storage)->sun_path;
}

static bool is_local(const struct endpoint_address *address) {
    return address->storage.ss_family == AF_UNIX;
}

/* Whether the socket file is left over from a server that is gone: nobody answers there. */
static bool is_abandoned(const struct endpoint_address *address) {
    struct stat status;
    bool refused;
    int probe;

    if (lstat(local_path(address), &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return false;
    refused = connect(probe, (const struct sockaddr *)&address->storage, address->length) != 0 &&
              errno == ECONNREFUSED;
    close(probe);
    return refused;
}

/* Returns an errno. */
static int bind_address(int descriptor, const struct endpoint_address *address) {
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;

    if (bind(descriptor, name, address->length) == 0)
        return 0;
    if (errno != EADDRINUSE || !is_local(address) || !is_abandoned(address))
        return errno;
    if (unlink(local_path(address)) != 0 || bind(descriptor, name, address->length) != 0)
        return errno;
    return 0;
}

static int describe_failure(const struct endpoint_address *address, int problem, char *message,
                            size_t size) {
    struct buffer text = {0};
    const char *advice = "";

    if (problem == EADDRINUSE)
        advice = "; another program listens there: stop it, or choose another address";
    else if (problem == EACCES)
        advice = "; ports below 1024 and folders of others need more rights";
    endpoint_append_address(address, &text);
    snprintf(message, size, "cannot listen on %.*s: %s%s", SLICE_ARGS(buffer_slice(&text)),
             strerror(problem), advice);
    buffer_close(&text);
    return problem == EADDRNOTAVAIL || problem == EAFNOSUPPORT ? ERR_NOT_FOUND : ERR_IO;
}

int socket_listen(const struct endpoint_address *address, struct socket_listener *listener,
                  char *message, size_t size) {
    struct socket_listener opened = {.address.length = sizeof(struct sockaddr_storage)};
    int one = 1;
    int problem;

    opened.descriptor =
        socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (opened.descriptor < 0)
        return describe_failure(address, errno, message, size);
    if (!is_local(address))
        setsockopt(opened.descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    problem = bind_address(opened.descriptor, address);
    if (problem == 0 && is_local(address) && chmod(local_path(address), LOCAL_MODE) != 0)
        problem = errno;
    if (problem == 0 && listen(opened.descriptor, SOCKET_BACKLOG) != 0)
        problem = errno;
    if (problem != 0) {
        close(opened.descriptor);
        return describe_failure(address, problem, message, size);
    }
    getsockname(opened.descriptor, (struct sockaddr *)&opened.address.storage,
                &opened.address.length);
    *listener = opened;
    return 0;
}

void socket_listener_close(struct socket_listener *listener) {
    if (is_local(&listener->address))
        unlink(local_path(&listener->address));
    close(listener->descriptor);
    listener->descriptor = -1;
}

static void limit_unsent(int descriptor) {
    int bytes = SOCKET_UNSENT_MAX;

    setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

int socket_accept(int listener, struct endpoint_address *peer) {
    int descriptor;

    do {
        peer->length = sizeof(peer->storage);
        descriptor = accept4(listener, (struct sockaddr *)&peer->storage, &peer->length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0)
        return -errno;
    if (!is_local(peer)) {
        socket_disable_delay(descriptor);
        limit_unsent(descriptor);
    }
    return descriptor;
}

int socket_connect(const struct endpoint_address *address, bool *under_way) {
    int opened = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int problem;

    if (opened < 0)
        return -errno;
    socket_disable_delay(opened);
    *under_way = false;
    if (connect(opened, (const struct sockaddr *)&address->storage, address->length) == 0)
        return opened;
    problem = errno;
    *under_way = problem == EINPROGRESS || problem == EINTR;
    if (*under_way)
        return opened;
    close(opened);
    return -problem;
}

int socket_connection_problem(int descriptor) {
    socklen_t length = sizeof(int);
    int problem = 0;

    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &length) != 0 ? errno : problem;
}

void socket_disable_delay(int descriptor) {
    int one = 1;

    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void socket_limit_unacknowledged(int descriptor, unsigned timeout_ms) {
    setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

void socket_reset_on_close(int descriptor) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}
