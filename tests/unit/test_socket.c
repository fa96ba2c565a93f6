/* Listening, dialling and accepting, on loopback and on socket files. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/dial.h"
#include "io/socket.h"

static char folder[] = "/tmp/banter-test-socket-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static int try_listen(const char *text, struct socket_listener *listener, char *message,
                      size_t size) {
    struct endpoint_address addresses[ENDPOINT_ADDRESSES];
    struct endpoint endpoint;
    size_t count = 0;

    assert_int_equal(endpoint_parse(slice_of_string(text), 0, &endpoint), 0);
    assert_int_equal(endpoint_resolve(&endpoint, true, addresses, &count, message, size), 0);
    return socket_listen(&addresses[0], listener, message, size);
}

static struct socket_listener listen_on(const char *text) {
    struct socket_listener listener;
    char message[256] = "";

    if (try_listen(text, &listener, message, sizeof(message)) != 0)
        fail_msg("%s", message);
    return listener;
}

static void write_address(const struct socket_listener *listener, char *text, size_t size) {
    struct buffer written = {0};

    endpoint_append_address(&listener->address, &written);
    snprintf(text, size, "%.*s", SLICE_ARGS(buffer_slice(&written)));
    buffer_close(&written);
}

static int dial(const char *text) {
    char message[256] = "";
    int descriptor = -1;

    if (io_dial(text, 5000, &descriptor, message, sizeof(message)) != 0)
        fail_msg("%s", message);
    return descriptor;
}

static int accept_next(const struct socket_listener *listener, struct endpoint_address *peer) {
    struct pollfd waiting = {.fd = listener->descriptor, .events = POLLIN};
    int descriptor;

    assert_int_equal(poll(&waiting, 1, 5000), 1);
    descriptor = socket_accept(listener->descriptor, peer);
    assert_true(descriptor >= 0);
    return descriptor;
}

static void assert_non_blocking_and_closed_on_exec(int descriptor) {
    assert_true(fcntl(descriptor, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
}

static void assert_connects(struct socket_listener *listener, const char *expected_peer) {
    struct endpoint_address peer;
    char address[256], text[ENDPOINT_PEER_LENGTH + 1];
    int client, server;

    write_address(listener, address, sizeof(address));
    client = dial(address);
    server = accept_next(listener, &peer);
    endpoint_format_peer(&peer, text);
    assert_string_equal(text, expected_peer);
    assert_non_blocking_and_closed_on_exec(client);
    assert_non_blocking_and_closed_on_exec(server);
    close(client);
    close(server);
}

static void a_client_reaches_a_listener_over_tcp(void **state) {
    struct socket_listener listener = listen_on("127.0.0.1:0");

    (void)state;
    assert_true(endpoint_address_port(&listener.address) > 0);
    assert_connects(&listener, "127.0.0.1");
    socket_listener_close(&listener);
}

static void a_client_reaches_a_listener_through_a_socket_file(void **state) {
    char path[128];
    struct socket_listener listener;

    (void)state;
    snprintf(path, sizeof(path), "unix:%s/one", folder);
    listener = listen_on(path);
    assert_connects(&listener, "unix");
    socket_listener_close(&listener);
    assert_int_equal(access(path + strlen("unix:"), F_OK), -1);
}

static void a_socket_file_is_open_to_everybody_on_the_machine(void **state) {
    char path[128];
    struct stat status;
    struct socket_listener listener;
    mode_t former = umask(0077);

    (void)state;
    snprintf(path, sizeof(path), "unix:%s/open", folder);
    listener = listen_on(path);
    umask(former);
    assert_int_equal(stat(path + strlen("unix:"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0666);
    socket_listener_close(&listener);
}

static void accepting_says_when_nobody_waits(void **state) {
    struct socket_listener listener = listen_on("127.0.0.1:0");
    struct endpoint_address peer;

    (void)state;
    assert_int_equal(socket_accept(listener.descriptor, &peer), -EAGAIN);
    socket_listener_close(&listener);
}

static void an_address_in_use_is_refused_with_advice(void **state) {
    struct socket_listener first = listen_on("127.0.0.1:0");
    struct socket_listener second;
    char address[256], message[256] = "";

    (void)state;
    write_address(&first, address, sizeof(address));
    assert_int_equal(try_listen(address, &second, message, sizeof(message)), ERR_IO);
    assert_non_null(strstr(message, address));
    assert_non_null(strstr(message, "another program listens there"));
    socket_listener_close(&first);
}

static void an_address_of_another_machine_is_told_apart(void **state) {
    struct socket_listener listener;
    char message[256] = "";

    (void)state;
    assert_int_equal(try_listen("192.0.2.1:0", &listener, message, sizeof(message)), ERR_NOT_FOUND);
}

static void a_socket_file_in_use_is_left_alone(void **state) {
    struct socket_listener first, second;
    char path[128], message[256] = "";

    (void)state;
    snprintf(path, sizeof(path), "unix:%s/busy", folder);
    first = listen_on(path);
    assert_int_equal(try_listen(path, &second, message, sizeof(message)), ERR_IO);
    assert_connects(&first, "unix");
    socket_listener_close(&first);
}

static void a_socket_file_left_behind_is_replaced(void **state) {
    struct socket_listener first, second;
    char path[128];

    (void)state;
    snprintf(path, sizeof(path), "unix:%s/stale", folder);
    first = listen_on(path);
    close(first.descriptor); /* as if killed: the file stays */
    second = listen_on(path);
    assert_connects(&second, "unix");
    socket_listener_close(&second);
}

static void a_file_that_is_no_socket_is_left_alone(void **state) {
    struct socket_listener listener;
    struct stat status;
    char path[128], message[256] = "";
    int file;

    (void)state;
    snprintf(path, sizeof(path), "unix:%s/file", folder);
    file = open(path + strlen("unix:"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(try_listen(path, &listener, message, sizeof(message)), ERR_IO);
    assert_int_equal(stat(path + strlen("unix:"), &status), 0);
    assert_true(S_ISREG(status.st_mode));
    unlink(path + strlen("unix:"));
}

static void dialling_says_why_it_failed(void **state) {
    struct socket_listener listener = listen_on("127.0.0.1:0");
    char address[256], message[256] = "";
    int descriptor = -1;

    (void)state;
    write_address(&listener, address, sizeof(address));
    socket_listener_close(&listener);
    assert_int_equal(io_dial(address, 5000, &descriptor, message, sizeof(message)), ERR_IO);
    assert_non_null(strstr(message, "Connection refused"));
    assert_int_equal(io_dial("nonsense", 5000, &descriptor, message, sizeof(message)),
                     ERR_BAD_REQUEST);
    assert_int_equal(descriptor, -1);
}

static void a_reset_is_seen_as_one_by_the_other_side(void **state) {
    struct socket_listener listener = listen_on("127.0.0.1:0");
    struct endpoint_address peer;
    struct pollfd waiting = {.events = POLLIN};
    char address[256], byte;
    int server;

    (void)state;
    write_address(&listener, address, sizeof(address));
    waiting.fd = dial(address);
    server = accept_next(&listener, &peer);
    socket_reset_on_close(server);
    close(server);
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    assert_int_equal(recv(waiting.fd, &byte, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(waiting.fd);
    socket_listener_close(&listener);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_reaches_a_listener_over_tcp),
        cmocka_unit_test(a_client_reaches_a_listener_through_a_socket_file),
        cmocka_unit_test(a_socket_file_is_open_to_everybody_on_the_machine),
        cmocka_unit_test(accepting_says_when_nobody_waits),
        cmocka_unit_test(an_address_in_use_is_refused_with_advice),
        cmocka_unit_test(an_address_of_another_machine_is_told_apart),
        cmocka_unit_test(a_socket_file_in_use_is_left_alone),
        cmocka_unit_test(a_socket_file_left_behind_is_replaced),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(dialling_says_why_it_failed),
        cmocka_unit_test(a_reset_is_seen_as_one_by_the_other_side),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
