/* Connecting in the background: to somebody, to nobody, and given up before it is done. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "client/dialer.h"

#define PATIENCE_MS 5000

/* A socket of this machine that nobody else has. `listens`: connections to it are taken. */
static int open_port(bool listens, char *host_port, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(descriptor, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &length), 0);
    if (listens)
        assert_int_equal(listen(descriptor, 1), 0);
    snprintf(host_port, size, "127.0.0.1:%u", ntohs(address.sin_port));
    return descriptor;
}

static int wait_and_take(struct dialer *dialer, int *descriptor, char *message, size_t size) {
    struct pollfd bell = {.fd = dialer_descriptor(dialer), .events = POLLIN};
    int error = 1;

    assert_int_equal(poll(&bell, 1, PATIENCE_MS), 1);
    assert_true(dialer_take(dialer, &error, descriptor, message, size));
    return error;
}

static void it_rings_when_it_is_connected(void **state) {
    char host_port[64], message[128] = "";
    int port = open_port(true, host_port, sizeof host_port);
    int descriptor = -1;
    struct dialer *dialer = dialer_start(host_port, PATIENCE_MS);

    (void)state;
    assert_int_equal(wait_and_take(dialer, &descriptor, message, sizeof message), 0);
    assert_true(descriptor >= 0);
    dialer_free(dialer);
    assert_int_equal(close(descriptor), 0); /* it was ours */
    close(port);
}

static void it_rings_when_nobody_answers(void **state) {
    char host_port[64], message[128] = "";
    int port = open_port(false, host_port, sizeof host_port);
    int descriptor = -1;
    struct dialer *dialer = dialer_start(host_port, PATIENCE_MS);

    (void)state;
    assert_int_equal(wait_and_take(dialer, &descriptor, message, sizeof message), ERR_IO);
    assert_int_equal(descriptor, -1);
    assert_non_null(strstr(message, "cannot connect"));
    dialer_free(dialer);
    close(port);
}

static void it_can_be_given_up_at_any_time(void **state) {
    char host_port[64];
    int port = open_port(true, host_port, sizeof host_port);

    (void)state;
    for (int i = 0; i < 50; i++)
        dialer_free(dialer_start(host_port, PATIENCE_MS));
    dialer_free(NULL);
    close(port);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_rings_when_it_is_connected),
        cmocka_unit_test(it_rings_when_nobody_answers),
        cmocka_unit_test(it_can_be_given_up_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
