#include "net_world.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/dial.h"

/* The outlet the net sees in this test: takes the place of delivery's own when linking. */

void outlet_set_time(struct outlet *outlet, int64_t now_us, uint64_t monotonic_ms) {
    (void)monotonic_ms;
    assert_true(now_us >= outlet->now_us);
    outlet->now_us = now_us;
}

struct peer *outlet_open(struct outlet *outlet, const struct protocol *protocol, void *owner,
                         const struct peer_source *source) {
    struct peer *peer = calloc(1, sizeof(*peer));

    (void)protocol;
    peer->outlet = outlet;
    peer->owner = owner;
    peer->secure = source->secure;
    snprintf(peer->address, sizeof(peer->address), "%.*s", SLICE_ARGS(source->address));
    peer->next = outlet->peers;
    outlet->peers = peer;
    outlet->opened++;
    return peer;
}

void outlet_receive(struct peer *peer, struct slice bytes) {
    size_t most = sizeof(peer->received) - 1;
    size_t room = peer->length < most ? most - peer->length : 0;

    assert_false(peer->gone);
    assert_true(bytes.length > 0);
    if (room > 0)
        memcpy(peer->received + peer->length, bytes.data,
               bytes.length < room ? bytes.length : room);
    peer->length += bytes.length;
}

void outlet_read_end(struct peer *peer) {
    assert_false(peer->gone);
    peer->read_ends++;
}

void outlet_end_of_file(struct peer *peer) {
    assert_false(peer->gone);
    peer->ends++;
}

void outlet_writable(struct peer *peer) {
    assert_false(peer->gone);
    peer->writables++;
}

void outlet_gone(struct peer *peer) {
    assert_false(peer->gone);
    peer->gone = true;
    peer->outlet->gone++;
}

void outlet_close_all(struct outlet *outlet, uint16_t close_code) {
    (void)close_code;
    for (struct peer *peer = outlet->peers; peer; peer = peer->next)
        net_transport.finish(peer->owner);
}

void outlet_reset_all(struct outlet *outlet) {
    for (struct peer *peer = outlet->peers; peer; peer = peer->next) {
        if (!peer->gone)
            net_transport.reset(peer->owner);
    }
}

size_t outlet_send_away(struct outlet *outlet, uint64_t newest, size_t count, uint16_t close_code) {
    (void)outlet, (void)newest, (void)count, (void)close_code;
    return 0;
}

struct outlet *delivery_outlet(struct delivery *delivery) {
    return &delivery->outlet;
}

bool delivery_turn(struct delivery *delivery) {
    bool more = delivery->more;

    delivery->outlet.turns++;
    delivery->more = false;
    return more;
}

bool delivery_next_turn(const struct delivery *delivery, uint64_t *due_ms) {
    (void)delivery, (void)due_ms;
    return false;
}

void delivery_tick(struct delivery *delivery) {
    (void)delivery;
}

void set_up(struct fixture *fixture, size_t limit, size_t limit_per_address) {
    set_up_with(fixture,
                (struct net_options){.max_connections = limit,
                                     .max_connections_per_address = limit_per_address},
                &(struct net_service){0});
}

void set_up_with(struct fixture *fixture, struct net_options options,
                 const struct net_service *service) {
    struct endpoint endpoint;
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    struct socket_listener listener;
    struct buffer text = {0};
    char message[256];
    size_t count;

    memset(fixture, 0, sizeof(*fixture));
    fixture->log = (struct log){.level = LOG_ERROR, .descriptor = STDERR_FILENO};
    uv_loop_init(&fixture->loop);
    options.log = &fixture->log;
    fixture->net = net_new(&fixture->loop, &options);
    net_attach(fixture->net, &fixture->delivery);
    assert_int_equal(endpoint_parse(SLICE("127.0.0.1:0"), 0, &endpoint), 0);
    assert_int_equal(endpoint_resolve(&endpoint, true, addresses, &count, message, sizeof(message)),
                     0);
    assert_int_equal(socket_listen(addresses, &listener, message, sizeof(message)), 0);
    endpoint_append_address(&listener.address, &text);
    snprintf(fixture->address, sizeof(fixture->address), "%.*s", SLICE_ARGS(buffer_slice(&text)));
    buffer_close(&text);
    net_listen(fixture->net, &listener, service);
}

void tear_down(struct fixture *fixture) {
    struct peer *peer;

    net_disconnect(fixture->net);
    assert_int_equal(fixture->delivery.outlet.gone, fixture->delivery.outlet.opened);
    assert_int_equal(net_connection_count(fixture->net), 0);
    net_close(fixture->net);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    net_free(fixture->net);
    while ((peer = fixture->delivery.outlet.peers)) {
        fixture->delivery.outlet.peers = peer->next;
        free(peer);
    }
}

int dial(struct fixture *fixture) {
    char message[256] = "";
    int client = -1;

    if (io_dial(fixture->address, 5000, &client, message, sizeof(message)) != 0)
        fail_msg("%s", message);
    return client;
}

struct peer *connect_peer(struct fixture *fixture, int *client) {
    size_t before = fixture->delivery.outlet.opened;

    *client = dial(fixture);
    WAIT_FOR(fixture, fixture->delivery.outlet.opened > before);
    return fixture->delivery.outlet.peers;
}

void say(int client, const char *text) {
    assert_int_equal(send(client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

ssize_t reply(struct peer *peer, const char *text) {
    const struct iovec vector = {.iov_base = (char *)text, .iov_len = strlen(text)};

    return net_transport.send(peer->owner, &vector, 1);
}

ssize_t hear(int client, char *text, size_t size) {
    struct pollfd waiting = {.fd = client, .events = POLLIN};

    assert_int_equal(poll(&waiting, 1, 5000), 1);
    return recv(client, text, size, 0);
}
