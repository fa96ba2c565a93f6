/* Connections over TLS, and what comes before them. The client is io/link.h. */
#include "net_world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cidr.h"
#include "io/link.h"
#include "io/socket.h"
#include "io/tls.h"
#include "tls_files.h"

struct secure_world {
    struct fixture net;
    struct tls_files files;
    struct tls_file_pair pair;
    struct tls_context *server, *client;
};

static struct tls_context *read_pair(const struct tls_file_pair *pair) {
    const struct tls_certificate files = {pair->chain, pair->key};
    struct tls_context *context = NULL;
    char message[256] = "";

    if (tls_context_for_server(&files, 1, &context, message, sizeof(message)) != 0)
        fail_msg("%s", message);
    return context;
}

static void begin(struct secure_world *world, struct net_options options) {
    char message[256];

    tls_files_init(&world->files);
    tls_files_make(&world->files, "IP:127.0.0.1", 10, &world->pair);
    world->server = read_pair(&world->pair);
    assert_int_equal(tls_context_for_client(world->files.authority, false, &world->client, message,
                                            sizeof(message)),
                     0);
    options.tls = world->server;
    set_up_with(&world->net, options, &(struct net_service){.secure = true});
}

static void end(struct secure_world *world) {
    tear_down(&world->net);
    tls_context_release(world->server);
    tls_context_release(world->client);
    tls_files_close(&world->files);
}

/* Lets both sides work, and reads what comes into `input`. Whether the client still hears. */
static bool turn(struct secure_world *world, struct link *link, struct buffer *input) {
    uv_run(&world->net.loop, UV_RUN_NOWAIT);
    link_flush(link);
    return link_receive(link, input) == LINK_OPEN;
}

#define TURN_UNTIL(world, link, input, condition)                                                  \
    do {                                                                                           \
        for (unsigned turned = 0; !(condition); turned++) {                                        \
            assert_true(turned < 1000000);                                                         \
            turn(world, link, input);                                                              \
        }                                                                                          \
    } while (0)

static struct link *meet(struct secure_world *world, struct peer **peer) {
    size_t before = world->net.delivery.outlet.opened;
    struct link *link = link_new(dial(&world->net), world->client, world->net.address, false);
    struct buffer input = {0};

    TURN_UNTIL(world, link, &input, world->net.delivery.outlet.opened > before);
    assert_int_equal(buffer_length(&input), 0);
    buffer_close(&input);
    *peer = world->net.delivery.outlet.peers;
    return link;
}

static void both_sides_talk(void **state) {
    struct secure_world world;
    struct buffer input = {0};
    struct peer *peer;
    struct link *link;

    (void)state;
    begin(&world, (struct net_options){0});
    link = meet(&world, &peer);
    assert_true(peer->secure);
    assert_string_equal(peer->address, "127.0.0.1");
    link_send(link, SLICE("hello"));
    TURN_UNTIL(&world, link, &input, peer->length == 5);
    assert_string_equal(peer->received, "hello");
    assert_int_equal(peer->read_ends, 1);
    assert_int_equal(reply(peer, "welcome"), 7);
    TURN_UNTIL(&world, link, &input, buffer_length(&input) == 7);
    assert_memory_equal(buffer_slice(&input).data, "welcome", 7);
    buffer_close(&input);
    link_free(link);
    WAIT_FOR(&world.net, peer->ends == 1);
    end(&world);
}

static void what_is_said_with_the_end_of_the_handshake_is_heard(void **state) {
    struct secure_world world;
    struct buffer input = {0};
    struct link *link;

    (void)state;
    begin(&world, (struct net_options){0});
    link = link_new(dial(&world.net), world.client, world.net.address, false);
    link_send(link, SLICE("early"));
    TURN_UNTIL(&world, link, &input,
               world.net.delivery.outlet.opened == 1 &&
                   world.net.delivery.outlet.peers->length == 5);
    assert_string_equal(world.net.delivery.outlet.peers->received, "early");
    assert_int_equal(world.net.delivery.outlet.peers->read_ends, 1);
    buffer_close(&input);
    link_free(link);
    end(&world);
}

/* Numbers that show where they stand. */
static void fill(char *block, size_t size, size_t from) {
    for (size_t i = 0; i < size; i++)
        block[i] = (char)((from + i) * 2654435761u >> 13);
}

static void a_reader_that_blocks_gets_every_byte_once(void **state) {
    static char block[100000], expected[100000];
    struct iovec vectors[] = {{block, 1}, {block + 1, 40000}, {block + 40001, 59999}};
    struct secure_world world;
    struct buffer input = {0};
    size_t sent = 0, heard = 0;
    struct peer *peer;
    struct link *link;

    (void)state;
    begin(&world, (struct net_options){0});
    link = meet(&world, &peer);
    for (;;) {
        fill(block, sizeof(block), sent);
        ssize_t count = net_transport.send(peer->owner, vectors, 3);
        assert_true(count >= 0);
        sent += (size_t)count;
        if ((size_t)count < sizeof(block))
            break;
    }
    fill(block, sizeof(block), sent);
    assert_int_equal(net_transport.send(peer->owner, vectors, 3), 0); /* not a byte more */
    uv_run(&world.net.loop, UV_RUN_NOWAIT);
    assert_int_equal(peer->writables, 0);
    while (heard < sent) {
        turn(&world, link, &input);
        size_t length = buffer_length(&input);
        if (length == 0 || (length < sizeof(expected) && heard + length < sent))
            continue;
        length = length < sizeof(expected) ? length : sizeof(expected);
        fill(expected, length, heard);
        assert_memory_equal(buffer_slice(&input).data, expected, length);
        buffer_consume(&input, length);
        heard += length;
    }
    TURN_UNTIL(&world, link, &input, peer->writables > 0);
    assert_int_equal(buffer_length(&input), 0);
    buffer_close(&input);
    link_free(link);
    end(&world);
}

static void finishing_sends_what_is_left_and_says_the_end(void **state) {
    static char block[1 << 20];
    struct iovec vector = {block, sizeof(block)};
    struct secure_world world;
    struct buffer input = {0};
    size_t sent = 0;
    struct peer *peer;
    struct link *link;
    ssize_t count;

    (void)state;
    begin(&world, (struct net_options){0});
    link = meet(&world, &peer);
    do {
        count = net_transport.send(peer->owner, &vector, 1);
        sent += (size_t)count;
    } while (count == (ssize_t)sizeof(block));
    net_transport.finish(peer->owner);
    while (turn(&world, link, &input))
        ;
    assert_int_equal(buffer_length(&input), sent);
    assert_null(link_fault(link));
    buffer_close(&input);
    link_free(link);
    WAIT_FOR(&world.net, peer->gone);
    end(&world);
}

static void give(int client, struct buffer *output) {
    struct slice bytes = buffer_slice(output);

    if (bytes.length > 0)
        assert_int_equal(send(client, bytes.data, bytes.length, MSG_NOSIGNAL), bytes.length);
    buffer_clear(output);
}

static void a_client_that_ends_its_side_is_still_answered(void **state) {
    struct secure_world world;
    struct buffer input = {0}, output = {0}, plain = {0};
    struct tls_session *session;
    struct peer *peer;
    char bytes[4096];
    int client;

    (void)state;
    begin(&world, (struct net_options){0});
    client = dial(&world.net);
    session = tls_connect(world.client, "127.0.0.1", false);
    tls_receive(session, SLICE_NONE, &plain, &output);
    while (tls_session_state(session) == TLS_SHAKING_HANDS) {
        ssize_t got;
        give(client, &output);
        uv_run(&world.net.loop, UV_RUN_NOWAIT);
        got = recv(client, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (got > 0)
            tls_receive(session, slice_from(bytes, (size_t)got), &plain, &output);
    }
    assert_int_equal(tls_send(session, SLICE("last words"), &output), 0);
    tls_end(session, &output);
    give(client, &output);
    WAIT_FOR(&world.net,
             world.net.delivery.outlet.opened == 1 && world.net.delivery.outlet.peers->ends == 1);
    peer = world.net.delivery.outlet.peers;
    assert_string_equal(peer->received, "last words");
    assert_int_equal(reply(peer, "heard"), 5);
    net_transport.finish(peer->owner);
    WAIT_FOR(&world.net, peer->gone);
    while (tls_session_state(session) == TLS_OPEN) {
        ssize_t got = hear(client, bytes, sizeof(bytes));
        assert_true(got > 0);
        tls_receive(session, slice_from(bytes, (size_t)got), &plain, &input);
    }
    assert_int_equal(buffer_length(&plain), 5);
    assert_memory_equal(buffer_slice(&plain).data, "heard", 5);
    tls_session_free(session);
    buffer_close(&input);
    buffer_close(&output);
    buffer_close(&plain);
    close(client);
    end(&world);
}

static void an_end_without_close_notify_is_a_loss(void **state) {
    struct secure_world world;
    struct peer *peer;
    struct link *link;

    (void)state;
    begin(&world, (struct net_options){0});
    link = meet(&world, &peer);
    shutdown(link_descriptor(link), SHUT_WR);
    WAIT_FOR(&world.net, peer->gone);
    assert_int_equal(peer->ends, 0);
    link_free(link);
    end(&world);
}

static void nobody_has_a_peer_before_the_handshake_is_over(void **state) {
    struct secure_world world;
    char byte;
    int client;

    (void)state;
    begin(&world, (struct net_options){.handshake_timeout_ms = 50});
    client = dial(&world.net);
    say(client, "\x16");
    WAIT_FOR(&world.net, recv(client, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
    assert_int_equal(net_connection_count(world.net.net), 0);
    assert_int_equal(world.net.delivery.outlet.opened, 0);
    close(client);
    end(&world);
}

static void of_one_address_so_many_handshakes_are_under_way_and_no_more(void **state) {
    enum { CLIENTS = 600, MOST = 500 };
    struct secure_world world;
    struct peer *peer;
    struct link *link;
    int clients[CLIENTS];

    (void)state;
    begin(&world, (struct net_options){0});
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = dial(&world.net);
        say(clients[i], "\x16\x03\x01\x02");
        uv_run(&world.net.loop, UV_RUN_NOWAIT);
    }
    WAIT_FOR(&world.net, net_connection_count(world.net.net) == MOST);
    link = meet(&world, &peer); /* whoever means it comes in */
    assert_true(peer->secure);
    link_free(link);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    WAIT_FOR(&world.net, net_connection_count(world.net.net) <= 1);
    end(&world);
}

static void who_only_holds_a_place_gives_way_to_who_means_it(void **state) {
    struct secure_world world;
    struct peer *peers[2];
    struct link *links[2];
    int clients[2];
    char byte;

    (void)state;
    begin(&world, (struct net_options){.max_connections = 2, .handshake_timeout_ms = 60000});
    for (int i = 0; i < 2; i++) {
        clients[i] = dial(&world.net);
        WAIT_FOR(&world.net, net_connection_count(world.net.net) == (size_t)i + 1);
    }
    links[0] = meet(&world, &peers[0]);
    assert_true(hear(clients[0], &byte, 1) <= 0);
    links[1] = meet(&world, &peers[1]);
    assert_true(hear(clients[1], &byte, 1) <= 0);
    close(clients[0]);
    clients[0] = dial(&world.net); /* those who are inside stay */
    uv_run(&world.net.loop, UV_RUN_ONCE);
    assert_true(hear(clients[0], &byte, 1) <= 0);
    assert_false(peers[0]->gone);
    assert_false(peers[1]->gone);
    for (int i = 0; i < 2; i++) {
        close(clients[i]);
        link_free(links[i]);
    }
    end(&world);
}

static void new_certificates_are_for_those_who_come_later(void **state) {
    struct secure_world world;
    struct tls_file_pair later;
    struct tls_context *context;
    struct buffer input = {0};
    struct peer *before, *after;
    struct link *links[2];

    (void)state;
    begin(&world, (struct net_options){0});
    links[0] = meet(&world, &before);
    tls_files_make(&world.files, "IP:127.0.0.1,DNS:later.test", 10, &later);
    context = read_pair(&later);
    net_configure(world.net.net, &(struct net_options){.tls = context});
    tls_context_release(context);
    links[1] = meet(&world, &after);
    for (int i = 0; i < 2; i++) {
        struct peer *peer = i == 0 ? before : after;
        link_send(links[i], SLICE("here"));
        TURN_UNTIL(&world, links[i], &input, peer->length == 4);
        link_free(links[i]);
    }
    buffer_close(&input);
    end(&world);
}

static void a_proxys_header_comes_before_anything_else(void **state) {
    struct fixture fixture;
    struct cidr loopback;
    struct peer *peer;
    int client;

    (void)state;
    assert_int_equal(cidr_parse(SLICE("127.0.0.0/8"), &loopback), 0);
    set_up_with(&fixture,
                (struct net_options){
                    .proxy_protocol = true, .trusted_proxies = &loopback, .trusted_proxy_count = 1},
                &(struct net_service){0});
    client = dial(&fixture);
    say(client, "PROXY TCP6 2001:db8::7 2001:");
    WAIT_FOR(&fixture, net_connection_count(fixture.net) == 1);
    assert_int_equal(fixture.delivery.outlet.opened, 0);
    say(client, "db8::1 1 2\r\nhello");
    WAIT_FOR(&fixture, fixture.delivery.outlet.opened == 1);
    peer = fixture.delivery.outlet.peers;
    WAIT_FOR(&fixture, peer->length == 5);
    assert_string_equal(peer->received, "hello");
    assert_string_equal(peer->address, "2001:db8::7");
    assert_false(peer->secure);
    close(client);
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_talk),
        cmocka_unit_test(what_is_said_with_the_end_of_the_handshake_is_heard),
        cmocka_unit_test(a_reader_that_blocks_gets_every_byte_once),
        cmocka_unit_test(finishing_sends_what_is_left_and_says_the_end),
        cmocka_unit_test(a_client_that_ends_its_side_is_still_answered),
        cmocka_unit_test(an_end_without_close_notify_is_a_loss),
        cmocka_unit_test(nobody_has_a_peer_before_the_handshake_is_over),
        cmocka_unit_test(of_one_address_so_many_handshakes_are_under_way_and_no_more),
        cmocka_unit_test(who_only_holds_a_place_gives_way_to_who_means_it),
        cmocka_unit_test(new_certificates_are_for_those_who_come_later),
        cmocka_unit_test(a_proxys_header_comes_before_anything_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
