/* Connections over loopback. Each test turns the loop until what it waits for has happened. */
#include "net_world.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket.h"

static void bytes_arrive_with_the_end_of_their_run(void **state) {
    struct fixture fixture;
    struct peer *peer;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    assert_string_equal(peer->address, "127.0.0.1");
    assert_int_equal(peer->length, 0);
    say(client, "hello");
    WAIT_FOR(&fixture, peer->length == 5);
    assert_string_equal(peer->received, "hello");
    assert_int_equal(peer->read_ends, 1);
    close(client);
    tear_down(&fixture);
}

static void what_is_sent_reaches_the_client_in_one_piece(void **state) {
    struct iovec vectors[] = {{"one ", 4}, {"two ", 4}, {"three", 5}};
    struct fixture fixture;
    struct peer *peer;
    char text[64] = "";
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    assert_int_equal(net_transport.send(peer->owner, vectors, 3), 13);
    assert_int_equal(hear(client, text, sizeof(text)), 13);
    assert_string_equal(text, "one two three");
    close(client);
    tear_down(&fixture);
}

static void a_client_that_only_ends_its_input_is_still_answered(void **state) {
    struct fixture fixture;
    struct peer *peer;
    char text[16] = "";
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    say(client, "last words");
    shutdown(client, SHUT_WR);
    WAIT_FOR(&fixture, peer->ends == 1);
    assert_string_equal(peer->received, "last words");
    assert_false(peer->gone);
    assert_int_equal(reply(peer, "heard"), 5);
    assert_int_equal(hear(client, text, sizeof(text)), 5);
    net_transport.finish(peer->owner);
    WAIT_FOR(&fixture, peer->gone);
    assert_int_equal(hear(client, text, sizeof(text)), 0);
    assert_int_equal(peer->ends, 1);
    close(client);
    tear_down(&fixture);
}

static void what_was_said_before_a_reset_is_heard(void **state) {
    struct fixture fixture;
    struct peer *peer;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    say(client, "and gone");
    socket_reset_on_close(client);
    close(client);
    WAIT_FOR(&fixture, peer->gone);
    assert_string_equal(peer->received, "and gone");
    tear_down(&fixture);
}

static void a_paused_connection_is_not_read_until_it_goes_on(void **state) {
    struct fixture fixture;
    struct peer *peer;
    unsigned turns;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    net_transport.pause(peer->owner, true);
    say(client, "wait");
    shutdown(client, SHUT_WR);
    turns = fixture.delivery.outlet.turns;
    WAIT_FOR(&fixture, fixture.delivery.outlet.turns > turns + 2);
    assert_int_equal(peer->length, 0);
    assert_int_equal(peer->ends, 0);
    net_transport.pause(peer->owner, false);
    WAIT_FOR(&fixture, peer->ends == 1);
    assert_string_equal(peer->received, "wait");
    close(client);
    tear_down(&fixture);
}

static void a_half_closed_paused_connection_does_not_keep_the_loop_busy(void **state) {
    struct fixture fixture;
    struct peer *peer;
    uint64_t begin_ms;
    unsigned turns;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    net_transport.pause(peer->owner, true);
    shutdown(client, SHUT_WR);
    turns = fixture.delivery.outlet.turns;
    begin_ms = uv_now(&fixture.loop);
    WAIT_FOR(&fixture, uv_now(&fixture.loop) >= begin_ms + 300);
    assert_true(fixture.delivery.outlet.turns < turns + 10); /* ticks, and the one event */
    close(client);
    tear_down(&fixture);
}

static void a_paused_connection_that_is_reset_is_noticed(void **state) {
    struct fixture fixture;
    struct peer *peer;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    net_transport.pause(peer->owner, true);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    socket_reset_on_close(client);
    close(client);
    WAIT_FOR(&fixture, peer->gone);
    tear_down(&fixture);
}

static void a_reader_that_blocks_is_told_when_there_is_room_again(void **state) {
    static char block[1 << 16];
    struct iovec vector = {block, sizeof(block)};
    struct fixture fixture;
    struct peer *peer;
    size_t sent = 0, heard = 0;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    for (;;) {
        ssize_t count = net_transport.send(peer->owner, &vector, 1);
        assert_true(count >= 0);
        sent += (size_t)count;
        if ((size_t)count < sizeof(block))
            break;
    }
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    assert_int_equal(peer->writables, 0);
    while (heard < sent)
        heard += (size_t)hear(client, block, sizeof(block));
    WAIT_FOR(&fixture, peer->writables > 0);
    assert_int_equal(peer->writables, 1);
    assert_int_equal(reply(peer, "more"), 4);
    close(client);
    tear_down(&fixture);
}

static void finishing_lets_the_client_read_everything_first(void **state) {
    struct fixture fixture;
    struct peer *peer;
    char text[16] = "";
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    say(client, "unread");
    assert_int_equal(reply(peer, "bye"), 3);
    net_transport.finish(peer->owner);
    assert_int_equal(hear(client, text, sizeof(text)), 3);
    assert_int_equal(hear(client, text, sizeof(text)), 0);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    assert_false(peer->gone);
    assert_int_equal(peer->length, 0);
    close(client);
    WAIT_FOR(&fixture, peer->gone);
    tear_down(&fixture);
}

static void a_client_that_does_not_close_is_waited_for_three_seconds(void **state) {
    struct fixture fixture;
    struct peer *peer;
    uint64_t begin_ms;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    begin_ms = uv_now(&fixture.loop);
    net_transport.wake_later(peer->owner, 5); /* dropped: there is nothing to send any more */
    net_transport.finish(peer->owner);
    WAIT_FOR(&fixture, peer->gone);
    assert_int_equal(peer->writables, 0);
    assert_in_range(uv_now(&fixture.loop) - begin_ms, 3000, 20000); /* not before; and it ends */
    close(client);
    tear_down(&fixture);
}

static void a_reset_reaches_the_client(void **state) {
    struct fixture fixture;
    struct peer *peer;
    char byte;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    net_transport.reset(peer->owner);
    net_transport.reset(peer->owner);
    assert_false(peer->gone); /* never from within a call of the outlet's */
    WAIT_FOR(&fixture, peer->gone);
    assert_int_equal(hear(client, &byte, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    close(client);
    tear_down(&fixture);
}

static void a_wake_comes_when_it_is_due(void **state) {
    struct fixture fixture;
    struct peer *peer;
    uint64_t begin_ms;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    begin_ms = uv_now(&fixture.loop);
    net_transport.wake_later(peer->owner, 20);
    WAIT_FOR(&fixture, peer->writables == 1);
    assert_true(uv_now(&fixture.loop) - begin_ms >= 20);
    net_transport.wake_later(peer->owner, 5);
    net_transport.reset(peer->owner); /* a wake that is not due any more is dropped */
    WAIT_FOR(&fixture, peer->gone);
    assert_int_equal(peer->writables, 1);
    close(client);
    tear_down(&fixture);
}

static void the_loop_does_not_sleep_while_there_is_more_to_do(void **state) {
    struct fixture fixture;
    unsigned turns;

    (void)state;
    set_up(&fixture, 0, 0);
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    turns = fixture.delivery.outlet.turns;
    fixture.delivery.more = true;
    uv_run(&fixture.loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_backend_timeout(&fixture.loop), 0);
    uv_run(&fixture.loop, UV_RUN_ONCE);
    assert_int_equal(fixture.delivery.outlet.turns, turns + 2);
    tear_down(&fixture);
}

static void connections_over_the_limit_are_closed_at_once(void **state) {
    struct fixture fixture;
    int clients[3];
    char byte;

    (void)state;
    set_up(&fixture, 2, 0);
    connect_peer(&fixture, &clients[0]);
    connect_peer(&fixture, &clients[1]);
    clients[2] = dial(&fixture);
    uv_run(&fixture.loop, UV_RUN_ONCE);
    assert_true(hear(clients[2], &byte, 1) <= 0);
    assert_int_equal(fixture.delivery.outlet.opened, 2);
    close(clients[0]);
    shutdown(clients[1], SHUT_WR);
    net_transport.reset(fixture.delivery.outlet.peers->next->owner);
    WAIT_FOR(&fixture, fixture.delivery.outlet.gone == 1);
    connect_peer(&fixture, &clients[0]);
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    tear_down(&fixture);
}

static void stopped_reading_leaves_input_in_the_socket(void **state) {
    struct fixture fixture;
    struct peer *peer;
    unsigned turns;
    int client;

    (void)state;
    set_up(&fixture, 0, 0);
    peer = connect_peer(&fixture, &client);
    net_stop_accepting(fixture.net);
    net_stop_reading(fixture.net);
    say(client, "too late");
    turns = fixture.delivery.outlet.turns;
    WAIT_FOR(&fixture, fixture.delivery.outlet.turns > turns + 3);
    assert_int_equal(peer->length, 0);
    net_goodbye(fixture.net, 1001);
    close(client);
    WAIT_FOR(&fixture, peer->gone);
    tear_down(&fixture);
}

static void many_clients_come_and_go(void **state) {
    enum { CLIENTS = 200 };
    struct fixture fixture;
    int clients[CLIENTS];

    (void)state;
    set_up(&fixture, 0, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = dial(&fixture);
        say(clients[i], "hi");
    }
    WAIT_FOR(&fixture, fixture.delivery.outlet.opened == CLIENTS);
    assert_int_equal(net_connection_count(fixture.net), CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    WAIT_FOR(&fixture, fixture.delivery.outlet.peers->ends == 1);
    for (struct peer *peer = fixture.delivery.outlet.peers; peer; peer = peer->next)
        net_transport.finish(peer->owner);
    WAIT_FOR(&fixture, fixture.delivery.outlet.gone == CLIENTS);
    for (struct peer *peer = fixture.delivery.outlet.peers; peer; peer = peer->next)
        assert_string_equal(peer->received, "hi");
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_with_the_end_of_their_run),
        cmocka_unit_test(what_is_sent_reaches_the_client_in_one_piece),
        cmocka_unit_test(a_client_that_only_ends_its_input_is_still_answered),
        cmocka_unit_test(what_was_said_before_a_reset_is_heard),
        cmocka_unit_test(a_paused_connection_is_not_read_until_it_goes_on),
        cmocka_unit_test(a_half_closed_paused_connection_does_not_keep_the_loop_busy),
        cmocka_unit_test(a_paused_connection_that_is_reset_is_noticed),
        cmocka_unit_test(a_reader_that_blocks_is_told_when_there_is_room_again),
        cmocka_unit_test(finishing_lets_the_client_read_everything_first),
        cmocka_unit_test(a_client_that_does_not_close_is_waited_for_three_seconds),
        cmocka_unit_test(a_reset_reaches_the_client),
        cmocka_unit_test(a_wake_comes_when_it_is_due),
        cmocka_unit_test(the_loop_does_not_sleep_while_there_is_more_to_do),
        cmocka_unit_test(connections_over_the_limit_are_closed_at_once),
        cmocka_unit_test(stopped_reading_leaves_input_in_the_socket),
        cmocka_unit_test(many_clients_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
