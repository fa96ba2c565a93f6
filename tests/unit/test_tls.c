/* Two sessions, one of each side, whose bytes are carried from one to the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "io/tls.h"
#include "io/tls_internal.h"
#include "tls_files.h"

struct end {
    struct tls_session *session;
    struct buffer heard, output;
    enum tls_state state;
};

struct pair {
    struct end server, client;
};

static struct tls_files *files(void **state) {
    return *state;
}

static struct tls_context *server_with(const struct tls_file_pair *pairs, size_t count) {
    struct tls_certificate certificates[4];
    struct tls_context *context = NULL;
    char message[512] = "";

    for (size_t i = 0; i < count; i++)
        certificates[i] = (struct tls_certificate){pairs[i].chain, pairs[i].key};
    if (tls_context_for_server(certificates, count, &context, message, sizeof(message)) != 0)
        fail_msg("%s", message);
    return context;
}

static struct tls_context *client_trusting(const char *authorities) {
    struct tls_context *context = NULL;
    char message[512] = "";

    if (tls_context_for_client(authorities, false, &context, message, sizeof(message)) != 0)
        fail_msg("%s", message);
    return context;
}

/* Hands over what one end has to send, in steps of `step` bytes. */
static void carry(struct end *from, struct end *to, size_t step) {
    struct buffer bytes = from->output;

    from->output = (struct buffer){0};
    while (buffer_length(&bytes) > 0) {
        size_t count = buffer_length(&bytes) < step ? buffer_length(&bytes) : step;
        to->state = tls_receive(to->session, slice_from(buffer_slice(&bytes).data, count),
                                &to->heard, &to->output);
        buffer_consume(&bytes, count);
    }
    buffer_close(&bytes);
}

static void settle(struct pair *pair, size_t step) {
    while (buffer_length(&pair->client.output) > 0 || buffer_length(&pair->server.output) > 0) {
        carry(&pair->client, &pair->server, step);
        carry(&pair->server, &pair->client, step);
    }
}

static void begin(struct pair *pair, struct tls_context *server, struct tls_context *client,
                  const char *host) {
    *pair = (struct pair){.server.session = tls_accept(server, true, 1),
                          .client.session = tls_connect(client, host, true)};
    pair->client.state =
        tls_receive(pair->client.session, SLICE_NONE, &pair->client.heard, &pair->client.output);
}

static void end(struct pair *pair) {
    struct end *ends[] = {&pair->server, &pair->client};

    for (int i = 0; i < 2; i++) {
        tls_session_free(ends[i]->session);
        buffer_close(&ends[i]->heard);
        buffer_close(&ends[i]->output);
    }
}

static void open_pair(struct tls_files *made, struct pair *pair, size_t step) {
    struct tls_context *server, *client = client_trusting(made->authority);
    struct tls_file_pair file;

    tls_files_make(made, "DNS:one.test,IP:127.0.0.1", 10, &file);
    server = server_with(&file, 1);
    begin(pair, server, client, "one.test");
    settle(pair, step);
    assert_int_equal(pair->server.state, TLS_OPEN);
    assert_int_equal(pair->client.state, TLS_OPEN);
    tls_context_release(server); /* the sessions hold theirs */
    tls_context_release(client);
}

static void say(struct end *from, const char *text) {
    assert_int_equal(tls_send(from->session, slice_of_string(text), &from->output), 0);
}

static void expect_heard(struct end *end, const char *text) {
    assert_int_equal(buffer_length(&end->heard), strlen(text));
    assert_memory_equal(buffer_slice(&end->heard).data, text, strlen(text));
    buffer_clear(&end->heard);
}

static void both_sides_talk_however_the_bytes_come(void **state) {
    static const size_t steps[] = {1, 7, 1000000};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct pair pair;
        open_pair(files(state), &pair, steps[i]);
        say(&pair.client, "hello");
        say(&pair.client, " there");
        carry(&pair.client, &pair.server, steps[i]);
        expect_heard(&pair.server, "hello there");
        say(&pair.server, "welcome");
        carry(&pair.server, &pair.client, steps[i]);
        expect_heard(&pair.client, "welcome");
        end(&pair);
    }
}

static void a_full_record_is_one_record(void **state) {
    char *text = calloc(1, TLS_RECORD_MAX + 1);
    struct pair pair;

    memset(text, 'x', TLS_RECORD_MAX);
    open_pair(files(state), &pair, 1000);
    say(&pair.server, text);
    assert_in_range(buffer_length(&pair.server.output), TLS_RECORD_MAX,
                    TLS_RECORD_MAX + TLS_RECORD_OVERHEAD);
    assert_int_equal(tls_first_record(buffer_slice(&pair.server.output)), ERR_PROTOCOL);
    carry(&pair.server, &pair.client, 999);
    expect_heard(&pair.client, text);
    end(&pair);
    free(text);
}

static void a_record_that_came_in_part_is_open(void **state) {
    struct pair pair;
    struct slice bytes;

    open_pair(files(state), &pair, 1000);
    say(&pair.client, "hello");
    bytes = buffer_slice(&pair.client.output);
    tls_receive(pair.server.session, slice_from(bytes.data, 9), &pair.server.heard,
                &pair.server.output);
    assert_true(tls_record_is_open(pair.server.session));
    tls_receive(pair.server.session, slice_skip(bytes, 9), &pair.server.heard, &pair.server.output);
    assert_false(tls_record_is_open(pair.server.session));
    expect_heard(&pair.server, "hello");
    end(&pair);
}

static void who_ends_may_still_read(void **state) {
    struct pair pair;

    open_pair(files(state), &pair, 1000);
    say(&pair.client, "last words");
    tls_end(pair.client.session, &pair.client.output);
    carry(&pair.client, &pair.server, 1000);
    assert_int_equal(pair.server.state, TLS_ENDED);
    expect_heard(&pair.server, "last words");
    say(&pair.server, "heard");
    tls_end(pair.server.session, &pair.server.output);
    carry(&pair.server, &pair.client, 1000);
    expect_heard(&pair.client, "heard");
    assert_int_equal(pair.client.state, TLS_ENDED);
    end(&pair);
}

static void bytes_that_were_changed_on_the_way_end_it(void **state) {
    struct pair pair;

    open_pair(files(state), &pair, 1000);
    say(&pair.client, "hello");
    pair.client.output.data[pair.client.output.end - 1] ^= 1;
    carry(&pair.client, &pair.server, 1000);
    assert_int_equal(pair.server.state, TLS_FAILED);
    assert_int_equal(buffer_length(&pair.server.heard), 0);
    assert_true(buffer_length(&pair.server.output) > 0); /* the alert */
    assert_int_equal(tls_send(pair.server.session, SLICE("more"), &pair.server.output),
                     ERR_PROTOCOL);
    end(&pair);
}

static void expect_versions(struct tls_files *made, int most, enum tls_state expected) {
    struct tls_context *client = client_trusting(made->authority);
    struct tls_context *server;
    struct tls_file_pair file;
    struct pair pair;

    tls_files_make(made, "DNS:one.test", 10, &file);
    server = server_with(&file, 1);
    SSL_CTX_set_min_proto_version(client->contexts[0], TLS1_VERSION);
    SSL_CTX_set_max_proto_version(client->contexts[0], most);
    SSL_CTX_set_security_level(client->contexts[0], 0);
    SSL_CTX_set_cipher_list(client->contexts[0], "ALL");
    begin(&pair, server, client, "one.test");
    settle(&pair, 1000);
    assert_int_equal(pair.server.state, expected);
    end(&pair);
    tls_context_release(server);
    tls_context_release(client);
}

static void versions_before_1_2_are_refused(void **state) {
    expect_versions(files(state), TLS1_1_VERSION, TLS_FAILED);
    expect_versions(files(state), TLS1_2_VERSION, TLS_OPEN);
    expect_versions(files(state), TLS1_3_VERSION, TLS_OPEN);
}

static void nobody_may_negotiate_again(void **state) {
    struct tls_context *client = client_trusting(files(state)->authority);
    struct tls_context *server;
    struct tls_file_pair file;
    struct pair pair;

    tls_files_make(files(state), "DNS:one.test", 10, &file);
    server = server_with(&file, 1);
    SSL_CTX_set_max_proto_version(client->contexts[0], TLS1_2_VERSION);
    SSL_CTX_clear_options(client->contexts[0], SSL_OP_NO_RENEGOTIATION);
    begin(&pair, server, client, "one.test");
    settle(&pair, 1000);
    assert_int_equal(pair.client.state, TLS_OPEN);
    assert_int_equal(SSL_renegotiate(pair.client.session->ssl), 1);
    pair.client.session->output = &pair.client.output;
    SSL_do_handshake(pair.client.session->ssl);
    assert_true(buffer_length(&pair.client.output) > 0);
    carry(&pair.client, &pair.server, 1000);
    assert_int_equal(pair.server.state, TLS_OPEN); /* unimpressed */
    carry(&pair.server, &pair.client, 1000);
    assert_int_equal(pair.client.state, TLS_FAILED); /* was told no */
    end(&pair);
    tls_context_release(server);
    tls_context_release(client);
}

/* The name that the server showed, or why the client did not like it. */
static void expect_shown(struct tls_context *server, struct tls_context *client, const char *host,
                         const char *shown, const char *fault) {
    struct pair pair;

    begin(&pair, server, client, host);
    settle(&pair, 1000);
    if (shown) {
        X509 *certificate = SSL_get0_peer_certificate(pair.client.session->ssl);
        assert_int_equal(pair.client.state, TLS_OPEN);
        assert_int_equal(X509_check_host(certificate, shown, 0, 0, NULL), 1);
    } else {
        assert_int_equal(pair.client.state, TLS_FAILED);
        assert_non_null(strstr(tls_session_fault(pair.client.session), fault));
    }
    end(&pair);
}

static void the_certificate_is_for_the_name_that_is_asked_for(void **state) {
    struct tls_context *client = client_trusting(files(state)->authority);
    struct tls_context *server;
    struct tls_file_pair pairs[3];

    tls_files_make(files(state), "DNS:first.test,IP:127.0.0.1", 10, &pairs[0]);
    tls_files_make(files(state), "DNS:*.many.test,DNS:wild.test", 10, &pairs[1]);
    tls_files_make(files(state), "DNS:one.many.test,DNS:own.test", 10, &pairs[2]);
    server = server_with(pairs, 3);
    expect_shown(server, client, "first.test", "first.test", NULL);
    expect_shown(server, client, "127.0.0.1", "first.test", NULL);
    expect_shown(server, client, "two.many.test", "wild.test", NULL);
    expect_shown(server, client, "one.many.test", "own.test", NULL);
    expect_shown(server, client, "a.b.many.test", NULL, "for another host");
    expect_shown(server, client, "nobody.test", NULL, "for another host");
    expect_shown(server, client, "127.0.0.2", NULL, "for another host");
    tls_context_release(server);
    tls_context_release(client);
}

static void a_client_says_what_is_wrong_with_a_certificate(void **state) {
    struct tls_context *trusting = client_trusting(files(state)->authority);
    struct tls_context *system = client_trusting(NULL);
    struct tls_context *expired, *valid;
    struct tls_file_pair pairs[2];

    tls_files_make(files(state), "DNS:one.test", -1, &pairs[0]);
    tls_files_make(files(state), "DNS:one.test", 10, &pairs[1]);
    expired = server_with(&pairs[0], 1);
    valid = server_with(&pairs[1], 1);
    expect_shown(expired, trusting, "one.test", NULL, "has expired");
    expect_shown(valid, system, "one.test", NULL, "not trusted here");
    expect_shown(valid, trusting, "one.test", "one.test", NULL);
    tls_context_release(expired);
    tls_context_release(valid);
    tls_context_release(trusting);
    tls_context_release(system);
}

static void expect_alpn(struct tls_files *made, struct slice offer, bool http,
                        enum tls_state expected) {
    struct tls_context *client = client_trusting(made->authority);
    struct tls_context *server;
    struct tls_file_pair file;
    struct pair pair;

    tls_files_make(made, "DNS:one.test", 10, &file);
    server = server_with(&file, 1);
    pair = (struct pair){.server.session = tls_accept(server, http, 1),
                         .client.session = tls_connect(client, "one.test", false)};
    if (offer.length > 0)
        SSL_set_alpn_protos(pair.client.session->ssl, (const unsigned char *)offer.data,
                            (unsigned)offer.length);
    tls_receive(pair.client.session, SLICE_NONE, &pair.client.heard, &pair.client.output);
    settle(&pair, 1000);
    assert_int_equal(pair.server.state, expected);
    end(&pair);
    tls_context_release(server);
    tls_context_release(client);
}

static void http_is_spoken_in_its_version_1_1_only(void **state) {
    expect_alpn(files(state), SLICE("\x02h2\x08http/1.1"), true, TLS_OPEN);
    expect_alpn(files(state), SLICE_NONE, true, TLS_OPEN);
    expect_alpn(files(state), SLICE("\x02h2"), true, TLS_FAILED);
    expect_alpn(files(state), SLICE("\x02h2"), false, TLS_OPEN);
}

static void expect_refused(const char *chain, const char *key, int expected, const char *words) {
    const struct tls_certificate certificate = {chain, key};
    struct tls_context *context = NULL;
    char message[512] = "";

    assert_int_equal(tls_context_for_server(&certificate, 1, &context, message, sizeof(message)),
                     expected);
    assert_null(context);
    if (!strstr(message, words))
        fail_msg("\"%s\" does not say \"%s\"", message, words);
}

static void files_that_are_of_no_use_are_named(void **state) {
    char nonsense[TLS_FILES_PATH];
    struct tls_file_pair one, other;

    tls_files_make(files(state), "DNS:one.test", 10, &one);
    tls_files_make(files(state), "DNS:other.test", 10, &other);
    tls_files_write(files(state), "nonsense\n", nonsense);
    expect_refused("/no/such.pem", one.key, ERR_IO,
                   "cannot read the certificate /no/such.pem: No such file or directory");
    expect_refused(one.chain, "/no/such.key", ERR_IO, "cannot read the key /no/such.key");
    expect_refused(one.chain, other.key, ERR_BAD_REQUEST, "does not belong to the certificate");
    expect_refused(nonsense, one.key, ERR_BAD_REQUEST, "is not PEM");
    expect_refused(one.chain, nonsense, ERR_BAD_REQUEST, "is no private key in PEM");
    expect_refused(one.key, one.chain, ERR_BAD_REQUEST, "is not PEM");
}

static void an_encrypted_key_is_refused_and_nobody_is_asked(void **state) {
    char path[TLS_FILES_PATH];
    struct tls_file_pair one;

    tls_files_make(files(state), "DNS:one.test", 10, &one);
    tls_files_encrypt(files(state), &one, path);
    expect_refused(one.chain, path, ERR_BAD_REQUEST, "is encrypted");
}

static void the_first_record_is_measured_before_anything_is_made_of_it(void **state) {
    (void)state;
    assert_int_equal(tls_first_record(SLICE_NONE), 0);
    assert_int_equal(tls_first_record(SLICE("\x16\x03\x01\x02")), 0);
    assert_int_equal(tls_first_record(SLICE("\x16\x03\x01\x02\x05")), 5 + 0x205);
    assert_int_equal(tls_first_record(SLICE("\x16\x03\x01\xff\xff")), 5 + 0xffff);
    assert_int_equal(tls_first_record(SLICE("G")), ERR_PROTOCOL);
    assert_int_equal(tls_first_record(SLICE("\x16\x02")), ERR_PROTOCOL);
    assert_int_equal(tls_first_record(SLICE("\x15\x03\x01\x00\x02")), ERR_PROTOCOL);
}

static void an_oversized_hello_ends_it(void **state) {
    struct buffer hello = {0};
    struct tls_context *server;
    struct tls_file_pair file;
    struct end end = {0};

    tls_files_make(files(state), "DNS:one.test", 10, &file);
    server = server_with(&file, 1);
    end.session = tls_accept(server, true, 1);
    buffer_append_slice(&hello, SLICE("\x16\x03\x01\x40\x01"));
    for (int i = 0; i < 0x4001; i++)
        buffer_append_char(&hello, '\1');
    end.state = tls_receive(end.session, buffer_slice(&hello), &end.heard, &end.output);
    assert_int_equal(end.state, TLS_FAILED);
    buffer_close(&hello);
    buffer_close(&end.output);
    buffer_close(&end.heard);
    tls_session_free(end.session);
    tls_context_release(server);
}

static int set_up(void **state) {
    *state = calloc(1, sizeof(struct tls_files));
    tls_files_init(*state);
    return 0;
}

static int tear_down(void **state) {
    tls_files_close(*state);
    free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_talk_however_the_bytes_come),
        cmocka_unit_test(a_full_record_is_one_record),
        cmocka_unit_test(a_record_that_came_in_part_is_open),
        cmocka_unit_test(who_ends_may_still_read),
        cmocka_unit_test(bytes_that_were_changed_on_the_way_end_it),
        cmocka_unit_test(versions_before_1_2_are_refused),
        cmocka_unit_test(nobody_may_negotiate_again),
        cmocka_unit_test(the_certificate_is_for_the_name_that_is_asked_for),
        cmocka_unit_test(a_client_says_what_is_wrong_with_a_certificate),
        cmocka_unit_test(http_is_spoken_in_its_version_1_1_only),
        cmocka_unit_test(files_that_are_of_no_use_are_named),
        cmocka_unit_test(an_encrypted_key_is_refused_and_nobody_is_asked),
        cmocka_unit_test(the_first_record_is_measured_before_anything_is_made_of_it),
        cmocka_unit_test(an_oversized_hello_ends_it),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
