/* POST /hooks/SECRET: what is taken for a message, what is refused, and in which words. The
 * payloads in files are what Alertmanager, Grafana and a GitHub action send. */
#include "http_driver.h"
#include "protocol/hook_payload.h"

#define SECRET "hk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define JSON "Content-Type: application/json\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static void post(struct driver *driver, bool bytewise, const char *headers, struct slice body) {
    open_front(driver, &http_protocol, bytewise);
    buffer_append_format(&driver->input,
                         "POST /hooks/" SECRET
                         " HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n",
                         headers, body.length);
    buffer_append_slice(&driver->input, body);
}

static const struct request *accepted(struct driver *driver, bool bytewise, const char *headers,
                                      struct slice body) {
    post(driver, bytewise, headers, body);
    assert_int_equal(driver_next(driver), FEED_REQUEST);
    assert_int_equal(driver->feed.request.kind, REQUEST_PUBLISH);
    assert_int_equal(driver->feed.request.entry, ENTRY_MESSAGE);
    assert_int_equal(driver->feed.request.credential.kind, CREDENTIAL_HOOK);
    assert_slice_equal(driver->feed.request.credential.secret, SECRET);
    assert_int_equal(driver->feed.request.room.length, 0);
    assert_int_equal(driver->feed.request.to.length, 0);
    return &driver->feed.request;
}

static void expect(bool bytewise, const char *headers, const char *body, const char *content,
                   const char *sender) {
    struct driver driver;
    const struct request *request = accepted(&driver, bytewise, headers, slice_of_string(body));

    assert_slice_equal(request->content, content);
    assert_slice_equal(request->sender, sender);
    driver_free(&driver);
}

static void expect_refusal(bool bytewise, struct slice body, const char *word) {
    struct driver driver;

    post(&driver, bytewise, JSON, body);
    assert_int_equal(driver_next(&driver), FEED_AGAIN);
    struct response response = take_response(&driver, 400, false);

    assert_slice_equal(response.body, word);
    assert_true(contains(response.head, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    driver_free(&driver);
}

static struct buffer read_file(const char *name) {
    struct buffer content = {0}, path = {0};
    char bytes[4096];
    size_t count;

    buffer_append_format(&path, TEST_DATA "/hooks/%s%c", name, '\0');
    FILE *file = fopen(buffer_slice(&path).data, "r");

    assert_non_null(file);
    while ((count = fread(bytes, 1, sizeof(bytes), file)) > 0) {
        buffer_append(&content, bytes, count);
    }
    fclose(file);
    buffer_close(&path);
    return content;
}

static void expect_file(bool bytewise, const char *name, const char *content, const char *sender) {
    struct buffer body = read_file(name);

    buffer_append_char(&body, '\0');
    expect(bytewise, JSON, buffer_slice(&body).data, content, sender);
    buffer_close(&body);
}

static void test_what_alertmanager_sends_can_be_read(void **state) {
    expect_file(*(bool *)*state, "alertmanager.json",
                "[FIRING:1] InstanceDown node1:9100 (node critical)"
                " (http://alertmanager.example.org:9093/#/alerts?receiver=banter)\n"
                "Summary: node1:9100 of job `node` is down & does not answer\n"
                "Graph: :chart_with_upwards_trend:"
                " (http://prometheus.example.org/graph?g0.expr=up+%3D%3D+0&g0.tab=1)\n"
                "Severity: critical\nJob: node",
                "Alertmanager");
}

static void test_what_grafana_sends_can_be_read(void **state) {
    expect_file(*(bool *)*state, "grafana.json",
                "[FIRING:1] High load (Servers web-1)\n"
                "[FIRING:1] High load (Servers web-1)"
                " (https://grafana.example.org/alerting/list)\n"
                "**Firing**\n\nValue: A=97.3, C=1\nLabels:\n - alertname = High load\n"
                " - grafana_folder = Servers\n - instance = web-1\nAnnotations:\n"
                " - summary = Load of web-1 is over 90 %\n"
                "Source: https://grafana.example.org/alerting/grafana/fdz1/view?orgId=1\n"
                "Silence: https://grafana.example.org/alerting/silence/new?alertmanager=grafana"
                "&matcher=alertname%3DHigh+load&orgId=1",
                "Grafana");
}

static void test_what_a_github_action_sends_can_be_read(void **state) {
    expect_file(*(bool *)*state, "github_action.json",
                "Build & test of main\n"
                "failure in hub#412 (https://github.com/example/hub/actions/runs/7100000000)"
                " by octocat (https://github.com/octocat)\n"
                "> Fix the build_cache of `make test`\n"
                "Branch\n`main`\n"
                "Commit\n0a1b2c3 (https://github.com/example/hub/commit/0a1b2c3)\n"
                "Feb 13 \xc2\xb7 @here",
                "");
}

static void test_an_event_of_github_itself_is_none_of_slacks(void **state) {
    struct buffer body = read_file("github_event.json");

    expect_refusal(*(bool *)*state, buffer_slice(&body), "no_text");
    buffer_close(&body);
}

static void test_json_and_forms_say_the_same(void **state) {
    static const char json[] = "{\"text\":\"a+b & c\",\"username\":\" CI \"}";
    static const char form[] =
        "x=1&payload=%7B%22text%22%3A%22a%2Bb+%26amp%3B+c%22%2C%22username%22%3A%22CI%22%7D";
    bool bytewise = *(bool *)*state;

    expect(bytewise, JSON, json, "a+b & c", "CI");
    expect(bytewise, FORM, form, "a+b & c", "CI");
    /* `curl -d`, and those that do not say what they send. */
    expect(bytewise, FORM, json, "a+b & c", "CI");
    expect(bytewise, "", json, "a+b & c", "CI");
    expect(bytewise, "", form, "a+b & c", "CI");
    expect(bytewise, "Content-Type: text/plain\r\n", " \r\n{\"text\":\"x\"}\n", "x", "");
    expect(bytewise, "Content-Type: application/json; charset=utf-8\r\n", json, "a+b & c", "CI");
}

static void test_a_message_is_put_together_of_its_parts(void **state) {
    const struct {
        const char *body, *content;
    } cases[] = {
        {"{\"text\":\" *a* \"}", "a"},
        {"{\"text\":\"*a*\",\"mrkdwn\":false}", "*a*"},
        {"{\"text\":\"a\",\"attachments\":null,\"blocks\":null,\"username\":null}", "a"},
        {"{\"text\":\"a\",\"attachments\":[{\"text\":\"b\",\"fallback\":\"c\"}]}", "a\nb"},
        {"{\"attachments\":[{\"fallback\":\"c\"},{\"fallback\":\"d\"}]}", "c\nd"},
        {"{\"text\":\"\",\"attachments\":[{\"pretext\":\"p\",\"title\":\"t\",\"text\":\"x\"}]}",
         "p\nt\nx"},
        {"{\"attachments\":[{\"title\":\"t\",\"title_link\":\"https://x.org\"}]}",
         "t (https://x.org)"},
        {"{\"attachments\":[{\"title_link\":\"https://x.org\",\"text\":\"x\"}]}", "x"},
        {"{\"attachments\":[{\"fields\":[{\"title\":\"a\",\"value\":\"1\"},{\"value\":\"2\"},"
         "{\"title\":\"c\"},{},5]}]}",
         "a: 1\n2\nc"},
        /* Blocks are there for those who show them, the text for others. */
        {"{\"text\":\"a\",\"blocks\":[{\"type\":\"section\",\"text\":{\"text\":\"b\"}}]}", "a"},
        {"{\"attachments\":[{\"blocks\":[{\"text\":{\"type\":\"plain_text\",\"text\":\"*b*\"}}]}]}",
         "*b*"},
        /* What is of a type that makes no sense counts as missing. */
        {"{\"text\":\"a\",\"username\":5,\"icon_emoji\":[],\"blocks\":7,\"channel\":{}}", "a"},
        {"{\"attachments\":[{\"text\":5,\"title\":[],\"fields\":{},\"fallback\":\"f\"}]}", "f"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect(*(bool *)*state, JSON, cases[i].body, cases[i].content, "");
    }
}

static void test_payloads_that_are_none_are_refused_in_slacks_words(void **state) {
    const struct {
        const char *body, *word;
    } cases[] = {
        {"", "invalid_payload"},
        {"text", "invalid_payload"},
        {"text=x", "invalid_payload"},
        {"payload=", "invalid_payload"},
        {"payload=x", "invalid_payload"},
        {"payload=%7B%22text%22%3A%22%FF%22%7D", "invalid_payload"},
        {"[{\"text\":\"x\"}]", "invalid_payload"},
        {"\"x\"", "invalid_payload"},
        {"{\"text\":\"x\"", "invalid_payload"},
        {"{\"text\":\"x\"} x", "invalid_payload"},
        {"{\"text\":\"x\",\"text\":\"y\"}", "invalid_payload"},
        {"{\"text\":\"\xff\"}", "invalid_payload"},
        {"{\"text\":\"\\ud800\"}", "invalid_payload"},
        {"{\"text\":5}", "invalid_payload"},
        {"{\"text\":{\"text\":\"x\"}}", "invalid_payload"},
        {"{\"text\":\"x\",\"attachments\":\"y\"}", "invalid_payload"},
        {"{\"text\":\"x\",\"attachments\":{}}", "invalid_payload"},
        {"{\"attachments\":[\"x\"]}", "invalid_payload"},
        {"{}", "no_text"},
        {"{\"text\":\" \\n\"}", "no_text"},
        {"{\"text\":\"\\u0000\"}", "no_text"},
        {"{\"attachments\":[]}", "no_text"},
        {"{\"attachments\":[{},{\"color\":\"good\"}]}", "no_text"},
        {"{\"username\":\"x\"}", "no_text"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_refusal(*(bool *)*state, slice_of_string(cases[i].body), cases[i].word);
    }
}

static void append_times(struct buffer *body, size_t times, const char *text) {
    for (size_t i = 0; i < times; i++) {
        buffer_append_string(body, text);
    }
}

static void test_a_payload_that_is_nested_without_end_is_refused(void **state) {
    static const size_t depths[] = {40, 1500};

    for (size_t i = 0; i < 2; i++) {
        struct buffer body = {0};

        buffer_append_string(&body, "{\"text\":\"x\",\"attachments\":[{\"text\":");
        append_times(&body, depths[i], "[");
        append_times(&body, depths[i], "]");
        buffer_append_string(&body, "}]}");
        expect_refusal(*(bool *)*state, buffer_slice(&body), "invalid_payload");
        buffer_close(&body);
    }
}

static void attach(struct buffer *body, size_t count) {
    buffer_append_string(body, "{\"attachments\":[{\"text\":\"x\"}");
    append_times(body, count - 1, ",{\"text\":\"y\"}");
    buffer_append_string(body, "]}");
}

static void test_attachments_are_counted(void **state) {
    struct buffer body = {0};
    struct driver driver;

    attach(&body, HOOK_ATTACHMENTS_MAX);
    assert_int_equal(accepted(&driver, *(bool *)*state, JSON, buffer_slice(&body))->content.length,
                     2 * HOOK_ATTACHMENTS_MAX - 1);
    driver_free(&driver);
    buffer_clear(&body);
    attach(&body, HOOK_ATTACHMENTS_MAX + 1);
    expect_refusal(*(bool *)*state, buffer_slice(&body), "too_many_attachments");
    buffer_close(&body);
}

static void test_a_long_text_is_cut_where_a_character_ends(void **state) {
    struct buffer body = {0};
    struct driver driver;

    buffer_append_string(&body, "{\"text\":\"");
    append_times(&body, MAX_MESSAGE, "\xc3\xa4");
    buffer_append_string(&body, "\"}");
    struct slice content = accepted(&driver, *(bool *)*state, JSON, buffer_slice(&body))->content;

    assert_int_equal(content.length, MAX_MESSAGE - 1); /* 498 characters of two bytes, one of 3 */
    assert_slice_equal(slice_skip(content, content.length - 5), "\xc3\xa4\xe2\x80\xa6");
    driver_free(&driver);
    buffer_close(&body);
}

static void test_a_long_username_is_cut(void **state) {
    struct buffer body = {0};
    struct driver driver;

    buffer_append_string(&body, "{\"text\":\"x\",\"username\":\"");
    append_times(&body, 500, "\xc3\xa4");
    buffer_append_string(&body, "\"}");
    struct slice sender = accepted(&driver, *(bool *)*state, JSON, buffer_slice(&body))->sender;

    assert_int_equal(sender.length, 2 * HOOK_SENDER_CHARACTERS);
    driver_free(&driver);
    buffer_close(&body);
}

static void test_the_idempotency_key_is_the_cid(void **state) {
    struct driver driver;
    const struct request *request = accepted(
        &driver, *(bool *)*state, JSON "Idempotency-Key: k-1\r\n", SLICE("{\"text\":\"x\"}"));

    assert_slice_equal(request->cid, "k-1");
    driver_free(&driver);
}

static void test_other_credentials_are_not_looked_at(void **state) {
    struct driver driver;

    accepted(&driver, *(bool *)*state, JSON "Authorization: Bearer bt_other\r\n",
             SLICE("{\"text\":\"x\"}"));
    driver_free(&driver);
}

static void test_what_can_be_no_hook_is_answered_at_once(void **state) {
    struct driver driver;

    open_front(&driver, &http_protocol, *(bool *)*state);
    struct response response = answer_to(&driver, "GET /hooks/" SECRET, "localhost", "", 405);
    assert_true(contains(response.head, "\r\nAllow: POST\r\n"));
    assert_slice_equal(response.body, "method_not_allowed");
    response = answer_to(&driver, "POST /hooks/a%0Ab", "localhost", "Content-Length: 0\r\n", 404);
    assert_slice_equal(response.body, "no_service");
    answer_to(&driver, "POST /hooks/", "localhost", "Content-Length: 0\r\n", 404);
    answer_to(&driver, "POST /hooks/" SECRET, "localhost",
              "Content-Length: 0\r\nOrigin: http://evil.example\r\n", 403);
    driver_free(&driver);
}

static void test_the_hub_answers_in_slacks_words(void **state) {
    const struct {
        struct reply reply;
        unsigned status;
        const char *word;
    } cases[] = {
        {{.kind = REPLY_ACK, .outcome = {.seq = 1}}, 200, "ok"},
        {{.kind = REPLY_ERROR, .error = ERR_BAD_REQUEST}, 400, "invalid_payload"},
        {{.kind = REPLY_ERROR, .error = ERR_UNAUTHORIZED}, 404, "no_service"},
        {{.kind = REPLY_ERROR, .error = ERR_FORBIDDEN}, 403, "action_prohibited"},
        {{.kind = REPLY_ERROR, .error = ERR_NOT_FOUND}, 404, "channel_not_found"},
        {{.kind = REPLY_ERROR, .error = ERR_CID_REUSED}, 422, "cid_reused"},
        {{.kind = REPLY_ERROR, .error = ERR_RATE_LIMITED, .retry_ms = 1001}, 429, "rate_limited"},
        {{.kind = REPLY_ERROR, .error = ERR_UNAVAILABLE}, 503, "unavailable"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct driver driver;

        accepted(&driver, *(bool *)*state, JSON, SLICE("{\"text\":\"x\"}"));
        driver_reply(&driver, &cases[i].reply);
        struct response response = take_response(&driver, cases[i].status, false);

        assert_slice_equal(response.body, cases[i].word);
        assert_true(contains(response.head, "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
        assert_false(contains(response.head, "WWW-Authenticate"));
        assert_int_equal(contains(response.head, "\r\nRetry-After: "),
                         cases[i].status == 429 || cases[i].status == 503);
        driver_free(&driver);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FED_BOTH_WAYS(test_what_alertmanager_sends_can_be_read),
        FED_BOTH_WAYS(test_what_grafana_sends_can_be_read),
        FED_BOTH_WAYS(test_what_a_github_action_sends_can_be_read),
        FED_BOTH_WAYS(test_an_event_of_github_itself_is_none_of_slacks),
        FED_BOTH_WAYS(test_json_and_forms_say_the_same),
        FED_BOTH_WAYS(test_a_message_is_put_together_of_its_parts),
        FED_BOTH_WAYS(test_payloads_that_are_none_are_refused_in_slacks_words),
        FED_BOTH_WAYS(test_a_payload_that_is_nested_without_end_is_refused),
        FED_BOTH_WAYS(test_attachments_are_counted),
        FED_BOTH_WAYS(test_a_long_text_is_cut_where_a_character_ends),
        FED_BOTH_WAYS(test_a_long_username_is_cut),
        FED_BOTH_WAYS(test_the_idempotency_key_is_the_cid),
        FED_BOTH_WAYS(test_other_credentials_are_not_looked_at),
        FED_BOTH_WAYS(test_what_can_be_no_hook_is_answered_at_once),
        FED_BOTH_WAYS(test_the_hub_answers_in_slacks_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
