/* What a request shows to be let in, over HTTP. The texts in base64 were made with coreutils. */
#include "http_driver.h"
#include "wire/secret.h"

#define HANDSHAKE                                                                                  \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ANN_SECRET "YW5uOnNlY3JldA==" /* ann:secret */

static void ask(struct driver *driver, bool bytewise, const char *line, const char *headers) {
    open_front(driver, &http_protocol, bytewise);
    write_head(driver, line, "localhost", headers);
}

static const struct credential *shown(struct driver *driver, bool bytewise, const char *line,
                                      const char *headers) {
    ask(driver, bytewise, line, headers);
    assert_int_equal(driver_next(driver), FEED_REQUEST);
    return &driver->feed.request.credential;
}

static void test_each_way_to_show_a_credential_is_understood(void **state) {
    const struct {
        const char *line, *headers;
        enum credential_kind kind;
        const char *name, *secret;
    } cases[] = {
        {"GET /r/ops", "", CREDENTIAL_NONE, "", ""},
        {"GET /r/ops", "Authorization: Bearer bt_x-Y.~+/=\r\n", CREDENTIAL_TOKEN, "",
         "bt_x-Y.~+/="},
        {"GET /r/ops", "authorization: bEARER   tok\r\n", CREDENTIAL_TOKEN, "", "tok"},
        {"GET /r/ops", "Authorization: Basic " ANN_SECRET "\r\n", CREDENTIAL_PASSWORD, "ann",
         "secret"},
        {"GET /r/ops", "Authorization: Basic YW5uOmE6Yg==\r\n", CREDENTIAL_PASSWORD, "ann", "a:b"},
        {"GET /r/ops", "Authorization: Basic asO8cmdlbjpww6Rzcw==\r\n", CREDENTIAL_PASSWORD,
         "j\xc3\xbcrgen", "p\xc3\xa4ss"},
        {"GET /r/ops?token=a%2Bb", "", CREDENTIAL_TOKEN, "", "a+b"},
        {"GET /r/ops?limit=3&ticket=abc", "", CREDENTIAL_TICKET, "", "abc"},
        {"GET /r/ops?token=tok&token=tok", "Authorization: Bearer tok\r\n", CREDENTIAL_TOKEN, "",
         "tok"},
        {"GET /r/ops?tokens=x&Token=y", "", CREDENTIAL_NONE, "", ""},
        {"POST /auth/ticket", "Content-Length: 0\r\nAuthorization: Basic " ANN_SECRET "\r\n",
         CREDENTIAL_PASSWORD, "ann", "secret"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        const struct credential *credential =
            shown(&driver, *(bool *)*state, cases[i].line, cases[i].headers);
        assert_int_equal(credential->kind, cases[i].kind);
        assert_slice_equal(credential->name, cases[i].name);
        assert_slice_equal(credential->secret, cases[i].secret);
        driver_free(&driver);
    }
}

/* Everything that no authority need be asked about. */
static const char *const impossible[] = {
    "Authorization: \r\n",
    "Authorization: Basic\r\n",
    "Authorization: Basic " ANN_SECRET "=\r\n",           /* too much padding */
    "Authorization: Basic YW5uOnNlY3JldA\r\n",            /* too little */
    "Authorization: Basic YW5uOnNl Y3JldA==\r\n",         /* a blank inside */
    "Authorization: Basic YW5uOnNlY3JldA!=\r\n",          /* not of the alphabet */
    "Authorization: Basic " ANN_SECRET ANN_SECRET "\r\n", /* two in one */
    "Authorization: Basic YW5u\r\n",                      /* no colon */
    "Authorization: Basic OnNlY3JldA==\r\n",              /* no name */
    "Authorization: Basic YW5uOg==\r\n",                  /* no password */
    "Authorization: Basic YW5uOnNlAGNyZXQ=\r\n",          /* a zero in the password */
    "Authorization: Basic YW4AbjpzZWNyZXQ=\r\n",          /* and in the name */
    "Authorization: Basic YW5uOnNlCmNyZXQ=\r\n",          /* a line feed */
    "Authorization: Basic YW5uOv8=\r\n",                  /* not UTF-8 */
    "Authorization: Basic YSBiOnNlY3JldA==\r\n",          /* "a b" is no name */
    "Authorization: Bearer\r\n",
    "Authorization: Bearer \xff\r\n",
    "Authorization: Bearer a\tb\r\n",
    "Authorization: Digest username=\"ann\"\r\n",
    "Authorization: " ANN_SECRET "\r\n",
};

#define IMPOSSIBLE_COUNT (sizeof(impossible) / sizeof(impossible[0]))

static void test_what_cannot_be_a_credential_is_refused(void **state) {
    for (size_t i = 0; i < IMPOSSIBLE_COUNT; i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        struct response response =
            answer_to(&driver, "GET /r/ops", "localhost", impossible[i], 401);
        assert_slice_equal(response.body,
                           "{\"error\":\"unauthorized\",\"message\":\"Invalid credential\"}\n");
        driver_free(&driver);
    }
    static const char *const targets[] = {"GET /r/ops?token=", "GET /r/ops?token",
                                          "GET /r/ops?ticket=%00", "GET /r/ops?token=%ff"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        answer_to(&driver, targets[i], "localhost", "", 401);
        driver_free(&driver);
    }
}

static void test_a_secret_has_a_longest_length(void **state) {
    static char headers[LIMIT_SECRET + 64];
    for (size_t over = 0; over < 2; over++) {
        struct driver driver;
        size_t length = LIMIT_SECRET + over;
        strcpy(headers, "Authorization: Bearer ");
        size_t start = strlen(headers);
        memset(headers + start, 'x', length);
        strcpy(headers + start + length, "\r\n");
        ask(&driver, *(bool *)*state, "GET /r/ops", headers);
        assert_int_equal(driver_next(&driver), over ? FEED_AGAIN : FEED_REQUEST);
        if (over) {
            take_response(&driver, 401, false);
        } else {
            assert_int_equal(driver.feed.request.credential.secret.length, length);
        }
        driver_free(&driver);
    }
}

static void test_two_different_credentials_are_refused(void **state) {
    const struct {
        const char *line, *headers;
    } cases[] = {
        {"GET /r/ops?token=a&token=b", ""},
        {"GET /r/ops?token=a&ticket=a", ""},
        {"GET /r/ops?token=a", "Authorization: Bearer b\r\n"},
        {"GET /r/ops?token=secret", "Authorization: Basic " ANN_SECRET "\r\n"},
        {"GET /r/ops", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"},
        {"GET /r/ops", "Authorization: Bearer a\r\nauthorization: Bearer a\r\n"},
        {"GET /?token=a&token=b", HANDSHAKE},
        {"GET /text?token=a", HANDSHAKE "Authorization: Bearer b\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        struct response response =
            answer_to(&driver, cases[i].line, "localhost", cases[i].headers, 400);
        assert_slice_equal(
            response.body,
            "{\"error\":\"bad_request\",\"message\":\"A request shows one credential\"}\n");
        driver_free(&driver);
    }
}

static void test_a_program_is_told_of_passwords_and_a_page_is_not(void **state) {
    const struct {
        const char *headers, *challenge;
    } cases[] = {
        {"Authorization: Bearer\r\n", "\r\nWWW-Authenticate: Bearer, Basic realm=\"banter\"\r\n"},
        {"Authorization: Bearer\r\nOrigin: http://localhost\r\n",
         "\r\nWWW-Authenticate: Bearer\r\n"},
        {"Authorization: Bearer\r\nSec-Fetch-Mode: cors\r\n", "\r\nWWW-Authenticate: Bearer\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        struct response response =
            answer_to(&driver, "GET /r/ops", "localhost", cases[i].headers, 401);
        assert_true(contains(response.head, cases[i].challenge));
        driver_free(&driver);
    }
}

static void test_the_hubs_refusal_has_the_challenge_too(void **state) {
    struct driver driver;
    shown(&driver, *(bool *)*state, "GET /r/ops", "Authorization: Bearer tok\r\n");
    driver_reply(&driver, &(struct reply){.kind = REPLY_ERROR, .error = ERR_UNAUTHORIZED});
    assert_true(contains(take_response(&driver, 401, false).head, "\r\nWWW-Authenticate: Bearer,"));
    driver_free(&driver);
}

static void test_no_answer_repeats_a_secret(void **state) {
    static const char *const lines[] = {"GET /nowhere?token=hushhush", "PUT /r/ops?token=hushhush",
                                        "GET /r/?token=hushhush", "GET /?token=hushhush",
                                        "GET /r/ops?limit=x&token=hushhush"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct driver driver;
        ask(&driver, *(bool *)*state, lines[i], "");
        assert_int_equal(driver_next(&driver), FEED_AGAIN);
        assert_false(contains(buffer_slice(&driver.output), "hushhush"));
        assert_true(driver.feed.note == NULL);
        driver_free(&driver);
    }
}

static void test_a_handshake_hands_its_credential_over(void **state) {
    const struct {
        const char *line, *headers;
        enum credential_kind kind;
        const char *secret;
    } cases[] = {
        {"GET /?token=tok", HANDSHAKE, CREDENTIAL_TOKEN, "tok"},
        {"GET /ws?ticket=tick", HANDSHAKE, CREDENTIAL_TICKET, "tick"},
        {"GET /text", HANDSHAKE "Authorization: Basic " ANN_SECRET "\r\n", CREDENTIAL_PASSWORD,
         "secret"},
        {"GET /", HANDSHAKE, CREDENTIAL_NONE, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        ask(&driver, *(bool *)*state, cases[i].line, cases[i].headers);
        assert_int_equal(driver_next(&driver), FEED_SWITCH);
        assert_int_equal(driver.feed.handover.refuse, 0);
        assert_int_equal(driver.feed.handover.credential.kind, cases[i].kind);
        assert_slice_equal(driver.feed.handover.credential.secret, cases[i].secret);
        driver_free(&driver);
    }
}

/* A page can read a close code, but not a refused handshake. */
static void test_a_handshake_with_no_credential_at_all_is_closed_with_a_reason(void **state) {
    for (size_t i = 0; i < IMPOSSIBLE_COUNT; i++) {
        struct driver driver;
        struct buffer headers = {0};
        buffer_append_string(&headers, HANDSHAKE);
        buffer_append_string(&headers, impossible[i]);
        buffer_append_char(&headers, '\0');
        ask(&driver, *(bool *)*state, "GET /", buffer_slice(&headers).data);
        assert_int_equal(driver_next(&driver), FEED_SWITCH);
        assert_int_equal(driver.feed.handover.refuse, 1008);
        assert_false(driver.feed.handover.wrong_origin);
        assert_int_equal(driver.feed.handover.credential.kind, CREDENTIAL_NONE);
        buffer_close(&headers);
        driver_free(&driver);
    }
}

/* What a browser adds by itself to a request of any page counts for nothing. */
static void test_a_foreign_page_gains_nothing_by_a_password_that_the_browser_knows(void **state) {
    static const char page[] =
        "Origin: http://evil.example\r\nAuthorization: Basic " ANN_SECRET "\r\n";
    static const char *const lines[] = {"GET /r/ops", "GET /healthz"};
    struct driver driver;
    for (size_t i = 0; i < 2; i++) {
        open_front(&driver, &http_protocol, *(bool *)*state);
        answer_to(&driver, lines[i], "localhost", page, 403);
        driver_free(&driver);
    }
    static const char *const posts[] = {"POST /r/ops", "POST /auth/ticket"};
    for (size_t i = 0; i < 2; i++) {
        struct buffer headers = {0};
        buffer_append_format(&headers, "Content-Length: 0\r\n%s", page);
        buffer_append_char(&headers, '\0');
        open_front(&driver, &http_protocol, *(bool *)*state);
        answer_to(&driver, posts[i], "localhost", buffer_slice(&headers).data, 403);
        buffer_close(&headers);
        driver_free(&driver);
    }
    struct buffer headers = {0};
    buffer_append_format(&headers, HANDSHAKE "%s", page);
    buffer_append_char(&headers, '\0');
    ask(&driver, *(bool *)*state, "GET /", buffer_slice(&headers).data);
    assert_int_equal(driver_next(&driver), FEED_SWITCH);
    assert_int_equal(driver.feed.handover.refuse, 1008);
    assert_true(driver.feed.handover.wrong_origin);
    buffer_close(&headers);
    driver_free(&driver);
}

static void test_a_ticket_is_given_for_a_credential(void **state) {
    struct driver driver;
    shown(&driver, *(bool *)*state, "POST /auth/ticket",
          "Content-Length: 0\r\nAuthorization: Bearer tok\r\n");
    assert_int_equal(driver.feed.request.kind, REQUEST_TICKET);
    assert_int_equal(driver_next(&driver), FEED_WAIT);
    driver_reply(&driver, &(struct reply){.kind = REPLY_TICKET, .session = SLICE("abc")});
    struct response response = take_response(&driver, 200, false);
    assert_slice_equal(response.body, "{\"ticket\":\"abc\",\"expires_in\":30}\n");
    assert_true(contains(response.head, "\r\nCache-Control: no-store\r\n"));
    assert_false(contains(response.head, "Access-Control"));
    driver_free(&driver);
}

static void test_a_ticket_is_given_for_nothing_else(void **state) {
    const struct {
        const char *line, *headers;
        unsigned status;
    } cases[] = {
        {"POST /auth/ticket", "Content-Length: 0\r\n", 401},
        {"POST /auth/ticket?ticket=abc", "Content-Length: 0\r\n", 401},
        {"GET /auth/ticket", "Authorization: Bearer tok\r\n", 405},
        {"OPTIONS /auth/ticket", "", 405},
        {"POST /auth/ticket/", "Content-Length: 0\r\n", 404},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;
        open_front(&driver, &http_protocol, *(bool *)*state);
        answer_to(&driver, cases[i].line, "localhost", cases[i].headers, cases[i].status);
        driver_free(&driver);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FED_BOTH_WAYS(test_each_way_to_show_a_credential_is_understood),
        FED_BOTH_WAYS(test_what_cannot_be_a_credential_is_refused),
        FED_BOTH_WAYS(test_a_secret_has_a_longest_length),
        FED_BOTH_WAYS(test_two_different_credentials_are_refused),
        FED_BOTH_WAYS(test_a_program_is_told_of_passwords_and_a_page_is_not),
        FED_BOTH_WAYS(test_the_hubs_refusal_has_the_challenge_too),
        FED_BOTH_WAYS(test_no_answer_repeats_a_secret),
        FED_BOTH_WAYS(test_a_handshake_hands_its_credential_over),
        FED_BOTH_WAYS(test_a_handshake_with_no_credential_at_all_is_closed_with_a_reason),
        FED_BOTH_WAYS(test_a_foreign_page_gains_nothing_by_a_password_that_the_browser_knows),
        FED_BOTH_WAYS(test_a_ticket_is_given_for_a_credential),
        FED_BOTH_WAYS(test_a_ticket_is_given_for_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
