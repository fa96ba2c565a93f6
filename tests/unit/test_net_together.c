/* Sends to many connections at once: what goes out, and what is noticed, is what comes of sending
 * to one after the other. */
#include "net_world.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/workers.h"

#define CLIENTS (2 * WORKERS_LEAST)

struct crowd {
    struct fixture fixture;
    int clients[CLIENTS];
    struct peer *peers[CLIENTS];
    char texts[CLIENTS][32];
    struct iovec vectors[CLIENTS][2];
    struct send_job jobs[CLIENTS];
};

/* To each its number, in two pieces. */
static void put_together(struct crowd *crowd) {
    for (unsigned i = 0; i < CLIENTS; i++) {
        size_t length =
            (size_t)snprintf(crowd->texts[i], sizeof(crowd->texts[i]), "for %u alone", i);
        crowd->vectors[i][0] = (struct iovec){crowd->texts[i], 4};
        crowd->vectors[i][1] = (struct iovec){crowd->texts[i] + 4, length - 4};
        crowd->jobs[i] = (struct send_job){.owner = crowd->peers[i]->owner,
                                           .vectors = crowd->vectors[i],
                                           .count = 2,
                                           .bytes = length,
                                           .taken = (ssize_t)length,
                                           .affinity = i};
    }
}

static void gather(struct crowd *crowd, unsigned threads) {
    set_up(&crowd->fixture, 0, 0);
    if (threads > 0)
        assert_int_equal(net_start_threads(crowd->fixture.net, threads), 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        crowd->peers[i] = connect_peer(&crowd->fixture, &crowd->clients[i]);
    put_together(crowd);
}

static void disperse(struct crowd *crowd) {
    for (unsigned i = 0; i < CLIENTS; i++)
        close(crowd->clients[i]);
    tear_down(&crowd->fixture);
}

static void assert_heard(struct crowd *crowd, unsigned number) {
    char text[32] = "";

    assert_int_equal(hear(crowd->clients[number], text, sizeof(text)), crowd->jobs[number].bytes);
    assert_string_equal(text, crowd->texts[number]);
}

static void each_gets_what_is_meant_for_it(void **state) {
    static struct crowd crowd;
    (void)state;

    for (unsigned threads = 0; threads <= 3; threads++) {
        gather(&crowd, threads);
        net_transport.send_many(crowd.jobs, CLIENTS);
        for (unsigned i = 0; i < CLIENTS; i++) {
            assert_int_equal(crowd.jobs[i].taken, crowd.jobs[i].bytes);
            assert_heard(&crowd, i);
        }
        struct net_sends sends = net_sends(crowd.fixture.net);
        assert_int_equal(sends.by_loop + sends.by_threads, threads > 0 ? CLIENTS : 0);
        disperse(&crowd);
    }
}

/* As a client that is killed does. */
static void break_off(int client) {
    const struct linger at_once = {.l_onoff = 1};

    setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(client);
}

static void broken_connections_are_noticed_and_go_when_the_turn_ends(void **state) {
    static struct crowd crowd;
    (void)state;

    gather(&crowd, 2);
    for (unsigned i = 0; i < CLIENTS; i += 3)
        break_off(crowd.clients[i]);
    net_transport.send_many(crowd.jobs, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(crowd.jobs[i].taken, i % 3 == 0 ? -1 : (ssize_t)crowd.jobs[i].bytes);
        assert_false(crowd.peers[i]->gone);
        if (i % 3 != 0)
            assert_heard(&crowd, i);
    }
    WAIT_FOR(&crowd.fixture, crowd.fixture.delivery.outlet.gone == (CLIENTS + 2) / 3);
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(crowd.peers[i]->gone, i % 3 == 0);
    for (unsigned i = 0; i < CLIENTS; i += 3)
        crowd.clients[i] = dup(STDERR_FILENO); /* for the end to close */
    disperse(&crowd);
}

static void fill(struct peer *peer) {
    static char block[1 << 16];
    const struct iovec vector = {block, sizeof(block)};

    while (net_transport.send(peer->owner, &vector, 1) == (ssize_t)sizeof(block))
        ;
}

static void drain(int client) {
    static char block[1 << 16];

    while (recv(client, block, sizeof(block), MSG_DONTWAIT) > 0)
        ;
}

static void those_that_take_nothing_are_told_when_there_is_room(void **state) {
    static struct crowd crowd;
    (void)state;

    gather(&crowd, 2);
    for (unsigned i = 0; i < CLIENTS; i += 50)
        fill(crowd.peers[i]);
    net_transport.send_many(crowd.jobs, CLIENTS);
    for (unsigned i = 0; i < CLIENTS; i++)
        assert_int_equal(crowd.jobs[i].taken, i % 50 == 0 ? 0 : (ssize_t)crowd.jobs[i].bytes);
    for (unsigned i = 0; i < CLIENTS; i += 50) {
        assert_int_equal(crowd.peers[i]->writables, 0);
        WAIT_FOR(&crowd.fixture, (drain(crowd.clients[i]), crowd.peers[i]->writables == 1));
    }
    disperse(&crowd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gets_what_is_meant_for_it),
        cmocka_unit_test(broken_connections_are_noticed_and_go_when_the_turn_ends),
        cmocka_unit_test(those_that_take_nothing_are_told_when_there_is_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
