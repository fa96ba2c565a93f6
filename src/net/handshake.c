/* The beginning of TLS costs the server a signature: as much of its time as hundreds of messages,
 * and nothing for whoever asks for it. So handshakes do not go on when their bytes arrive, but in
 * turns: a step or two in each turn of the loop, and in each millisecond no more than a part of it,
 * so that somebody who only begins handshakes can neither delay messages nor use up the processor.
 * Until its turn comes a connection's bytes stay in its socket, and it costs nothing but its place
 * in a queue.
 *
 * First come those that have answered: they are nearly done, and hold memory. Then those that want
 * to begin, one of each address in a round, so that an address that has thousands of them delays
 * itself; and of its connections the latest. In a flood those that wait longest are given up by
 * whoever sent them, or were never meant, and somebody who comes to an address where thousands wait
 * is served before them.
 *
 * What holds memory is a handshake under way: one whose first record has come in part, or that
 * waits for the client's answer. They are counted, and when there are too many the oldest is given
 * up, of its address or of all. Who means it is through in two round trips; nobody gets pushed out
 * before that unless thousands do the same. */
#include <errno.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/memory.h"
#include "net/entrance.h"

/* How long the loop goes on with handshakes in one turn, and in all turns of one millisecond. One
 * step at least is made, even with a large RSA key. */
#define HANDSHAKE_TURN_NS 100000
#define HANDSHAKE_SHARE_NS 400000

static struct net *net_of(const struct entrance *entrance) {
    return connection_net(entrance->connection);
}

static struct admission_address *address_of(const struct entrance *entrance) {
    struct admission_address *address = entrance->connection->address;

    return address ? address : &net_of(entrance)->entrances.anonymous;
}

void handshake_wait(struct entrance *entrance) {
    struct entrances *entrances = &net_of(entrance)->entrances;
    struct admission_address *address = address_of(entrance);

    if (entrance->queued)
        return;
    entrance->queued = true;
    if (entrance->connection->secure) {
        list_append(&entrances->replies, &entrance->turn);
    } else {
        if (list_empty(&address->waiting))
            list_append(&entrances->addresses, &address->turn);
        list_append(&address->waiting, &entrance->turn);
    }
    connection_watch(entrance->connection);
}

static void leave_queue(struct entrance *entrance) {
    struct entrances *entrances = &net_of(entrance)->entrances;
    struct admission_address *address = address_of(entrance);

    if (!entrance->queued)
        return;
    entrance->queued = false;
    if (entrance->connection->secure) {
        list_remove(&entrances->replies, &entrance->turn);
        return;
    }
    list_remove(&address->waiting, &entrance->turn);
    if (list_empty(&address->waiting))
        list_remove(&entrances->addresses, &address->turn);
}

void handshake_drop(struct entrance *entrance) {
    struct entrances *entrances = &net_of(entrance)->entrances;
    struct admission_address *address = address_of(entrance);

    leave_queue(entrance);
    if (!entrance->counted)
        return;
    entrance->counted = false;
    list_remove(&entrances->handshakes, &entrance->all);
    list_remove(&address->handshakes, &entrance->own);
    entrances->handshake_count--;
    address->handshake_count--;
}

static void give_up(const struct entrance *entrance) {
    char source[ENDPOINT_PEER_LENGTH + 1];

    entrance_format_source(entrance, source);
    log_write(net_of(entrance)->log, LOG_DEBUG,
              "Giving up a handshake with %s: too many are under way", source);
    connection_leave(entrance->connection);
}

/* It holds memory from now on. */
static void count(struct entrance *entrance) {
    struct entrances *entrances = &net_of(entrance)->entrances;
    struct admission_address *address = address_of(entrance);

    if (entrance->counted)
        return;
    entrance->counted = true;
    list_append(&entrances->handshakes, &entrance->all);
    list_append(&address->handshakes, &entrance->own);
    entrances->handshake_count++;
    address->handshake_count++;
    if (address != &entrances->anonymous && address->handshake_count > LIMIT_HANDSHAKES_PER_ADDRESS)
        give_up(container_of(address->handshakes.first, struct entrance, own));
    else if (entrances->handshake_count > LIMIT_HANDSHAKES)
        give_up(container_of(entrances->handshakes.first, struct entrance, all));
}

static void go_on(struct entrance *entrance, struct slice bytes) {
    struct connection *connection = entrance->connection;
    struct net *net = net_of(entrance);
    enum tls_state state = secure_decipher(connection, bytes);
    char source[ENDPOINT_PEER_LENGTH + 1];

    if (connection->state == CONNECTION_GONE)
        return;
    switch (state) {
    case TLS_SHAKING_HANDS:
        count(entrance);
        connection_watch(connection);
        break;
    case TLS_OPEN:
    case TLS_ENDED:
        entrance_pass(connection, state);
        break;
    case TLS_FAILED:
        entrance_format_source(entrance, source);
        log_write(net->log, LOG_DEBUG, "No TLS with %s: %s", source, secure_fault(connection));
        connection_linger(connection);
        break;
    }
}

/* Nothing is made of a first record before it is complete. */
static void take_hello(struct entrance *entrance, struct slice bytes) {
    ptrdiff_t length;

    buffer_append_slice(&entrance->hello, bytes);
    length = tls_first_record(buffer_slice(&entrance->hello));
    if (length < 0) {
        entrance_refuse_plain(entrance->connection, bytes);
    } else if (length > LIMIT_TLS_HELLO) {
        connection_leave(entrance->connection);
    } else if (length == 0 || buffer_length(&entrance->hello) < (size_t)length) {
        count(entrance);
        connection_watch(entrance->connection);
    } else {
        struct buffer hello = entrance->hello;
        entrance->hello = (struct buffer){0};
        secure_open(entrance->connection, entrance->service.http);
        go_on(entrance, buffer_slice(&hello));
        buffer_close(&hello);
    }
}

static void step(struct entrance *entrance) {
    struct connection *connection = entrance->connection;
    struct net *net = net_of(entrance);
    size_t room =
        connection->secure ? NET_INPUT_SIZE : LIMIT_TLS_HELLO - buffer_length(&entrance->hello);
    ssize_t count = recv(connection->descriptor, net->input, room, MSG_DONTWAIT);

    if (count > 0 && connection->secure)
        go_on(entrance, slice_from(net->input, (size_t)count));
    else if (count > 0)
        take_hello(entrance, slice_from(net->input, (size_t)count));
    else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        connection_watch(connection);
    else
        connection_leave(connection);
    buffer_clear(&net->plain);
}

/* The next one, out of its queue. Somebody waits. */
static struct entrance *take_next(struct entrances *entrances) {
    struct admission_address *address;
    struct entrance *entrance;

    if (!list_empty(&entrances->replies)) {
        entrance = container_of(entrances->replies.first, struct entrance, turn);
        leave_queue(entrance);
        return entrance;
    }
    address = container_of(entrances->addresses.first, struct admission_address, turn);
    entrance = container_of(address->waiting.last, struct entrance, turn);
    leave_queue(entrance);
    if (!list_empty(&address->waiting)) {
        list_remove(&entrances->addresses, &address->turn);
        list_append(&entrances->addresses, &address->turn);
    }
    return entrance;
}

static bool somebody_waits(const struct entrances *entrances) {
    return !list_empty(&entrances->replies) || !list_empty(&entrances->addresses);
}

bool handshake_turn(struct net *net) {
    struct entrances *entrances = &net->entrances;
    uint64_t begin_ns, passed_ns;

    if (!somebody_waits(entrances))
        return false;
    if (entrances->share_ms != uv_now(net->loop)) {
        entrances->share_ms = uv_now(net->loop);
        entrances->spent_ns = 0;
    }
    if (entrances->spent_ns >= HANDSHAKE_SHARE_NS)
        return false;
    begin_ns = uv_hrtime();
    do {
        step(take_next(entrances));
        passed_ns = uv_hrtime() - begin_ns;
    } while (passed_ns < HANDSHAKE_TURN_NS && somebody_waits(entrances));
    entrances->spent_ns += passed_ns;
    return somebody_waits(entrances) && entrances->spent_ns < HANDSHAKE_SHARE_NS;
}

bool handshake_next(const struct net *net, uint64_t *due_ms) {
    if (!somebody_waits(&net->entrances))
        return false;
    *due_ms = net->entrances.share_ms + 1;
    return true;
}
