#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/arguments.h"
#include "server/config.h"
#include "server/redis_settings.h"
#include "server/room_settings.h"

struct fixture {
    struct config config;
    enum arguments_action action;
    char message[512];
    char path[64]; /* of a configuration file */
};

static int begin(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    int file;

    config_init(&fixture->config);
    strcpy(fixture->path, "/tmp/banter-test-config-XXXXXX");
    file = mkstemp(fixture->path);
    *state = fixture;
    return file < 0 ? -1 : close(file);
}

static int end(void **state) {
    struct fixture *fixture = *state;

    unlink(fixture->path);
    config_close(&fixture->config);
    free(fixture);
    return 0;
}

static void write_file(struct fixture *fixture, const char *text) {
    FILE *file = fopen(fixture->path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int load(struct fixture *fixture, const char *text) {
    write_file(fixture, text);
    return config_load(&fixture->config, fixture->path, fixture->message, sizeof(fixture->message));
}

static int set(struct fixture *fixture, const char *key, const char *value) {
    return config_set(&fixture->config, key, value, CONFIG_FROM_COMMAND_LINE, fixture->message,
                      sizeof(fixture->message));
}

static int check(struct fixture *fixture) {
    return config_check(&fixture->config, fixture->message, sizeof(fixture->message));
}

static int check_redis(struct fixture *fixture) {
    return redis_settings_check(&fixture->config, fixture->message, sizeof(fixture->message));
}

static int run(struct fixture *fixture, int count, const char **values) {
    return arguments_parse(count, (char **)values, &fixture->config, &fixture->action,
                           fixture->message, sizeof(fixture->message));
}

#define RUN(fixture, ...)                                                                          \
    run(fixture, (int)(sizeof((const char *[]){"banterd", __VA_ARGS__}) / sizeof(char *)),         \
        (const char *[]){"banterd", __VA_ARGS__, NULL})

static void assert_message(const struct fixture *fixture, const char *part) {
    if (!strstr(fixture->message, part))
        fail_msg("\"%s\" does not say \"%s\"", fixture->message, part);
    assert_null(strchr(fixture->message, '\n'));
}

static void the_defaults_are_those_of_the_protocol(void **state) {
    struct fixture *fixture = *state;
    const struct config *config = &fixture->config;

    assert_int_equal(config->listen.count, 2);
    assert_string_equal(config->listen.items[0], "ws://127.0.0.1:8765");
    assert_string_equal(config->listen.items[1], "line://127.0.0.1:8888");
    assert_string_equal(config->data, "./data");
    assert_string_equal(config->store, "sqlite");
    assert_int_equal(config->history, CONFIG_HISTORY_DURABLE);
    assert_true(config->create_rooms);
    assert_int_equal(config->rate_per_minute, 20);
    assert_int_equal(config->max_message, 65536);
    assert_int_equal(config->ping_interval_ms, 30000);
    assert_int_equal(config->session_linger_ms, 120000);
    assert_int_equal(config->stream_window, 4194304);
    assert_string_equal(config->banner, "banter chat server");
    assert_int_equal(config->log_level, LOG_INFO);
    assert_int_equal(check(fixture), 0);
}

static void a_file_sets_keys(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "# a comment\n"
                                   "\n"
                                   "rate_per_minute = 0\n"
                                   "  create_rooms=off\r\n"
                                   "banner = Welcome, all  ; said first\n"
                                   "ping_interval = 0.25\n"
                                   "max_message = 128K\n"
                                   "history = none\n"
                                   "log_level = warning"),
                     0);
    assert_int_equal(fixture->config.rate_per_minute, 0);
    assert_false(fixture->config.create_rooms);
    assert_string_equal(fixture->config.banner, "Welcome, all");
    assert_int_equal(fixture->config.ping_interval_ms, 250);
    assert_int_equal(fixture->config.max_message, 131072);
    assert_int_equal(fixture->config.history, CONFIG_HISTORY_NONE);
    assert_int_equal(fixture->config.log_level, LOG_WARNING);
}

static void an_unknown_key_is_told_with_its_line_and_what_was_meant(void **state) {
    struct fixture *fixture = *state;
    char expected[128];

    assert_int_equal(load(fixture, "data = /tmp\n\nlsten = ws://127.0.0.1:1\nnonsense\n"),
                     ERR_BAD_REQUEST);
    snprintf(expected, sizeof(expected), "%s:3: unknown key \"lsten\"; did you mean \"listen\"?",
             fixture->path);
    assert_string_equal(fixture->message, expected);
    assert_int_equal(load(fixture, "quux = 1\n"), ERR_BAD_REQUEST);
    assert_message(fixture, "unknown key \"quux\"; --print-config shows");
}

static void a_line_that_is_no_pair_is_told(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "data = /tmp\nlisten\ndata = /\n"), ERR_BAD_REQUEST);
    assert_message(fixture, ":2: ");
    assert_int_equal(load(fixture, "[server]\ndata = /tmp\n"), ERR_BAD_REQUEST);
    assert_message(fixture, ":2: there are no [sections]");
}

static void a_line_too_long_to_read_is_refused_instead_of_cut(void **state) {
    struct fixture *fixture = *state;
    char text[400] = "\nbanner = ";

    memset(text + strlen(text), 'x', 300);
    strcat(text, "\nbacklog = 1\n");
    assert_int_equal(load(fixture, text), ERR_BAD_REQUEST);
    assert_message(fixture, ":2: the line is longer than 198 bytes");
    strcpy(text + 1 + 199, "\n");
    assert_int_equal(load(fixture, text), ERR_BAD_REQUEST);
    strcpy(text + 1 + 198, "\n");
    assert_int_equal(load(fixture, text), 0);
}

static void a_file_that_cannot_be_read_is_told(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(config_load(&fixture->config, "/nowhere/banter.conf", fixture->message,
                                 sizeof(fixture->message)),
                     ERR_IO);
    assert_string_equal(fixture->message, "/nowhere/banter.conf: No such file or directory");
    assert_int_equal(
        config_load(&fixture->config, "/tmp", fixture->message, sizeof(fixture->message)), ERR_IO);
    assert_string_equal(fixture->message, "/tmp: Is a directory");
}

static void values_out_of_bounds_are_refused_and_change_nothing(void **state) {
    static const char *const cases[][2] = {
        {"rate_per_minute", "-1"},
        {"rate_per_minute", "1000001"},
        {"rate_per_minute", "2.5"},
        {"rate_per_minute", "20x"},
        {"rate_per_minute", ""},
        {"max_message", "0"},
        {"max_message", "17M"},
        {"max_message", "K"},
        {"max_message", "99999999999M"},
        {"ping_interval", "1.2345"},
        {"ping_interval", "1."},
        {"ping_interval", ".5"},
        {"ping_interval", "99999999"},
        {"create_rooms", "maybe"},
        {"store", "redis:/localhost"},
        {"history", "Durable"},
        {"log_format", ""},
        {"backlog", "18446744073709551617"},
    };
    struct fixture *fixture = *state;
    struct buffer before = {0}, after = {0};

    config_print(&fixture->config, &before);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (set(fixture, cases[i][0], cases[i][1]) != ERR_BAD_REQUEST)
            fail_msg("%s = %s was taken", cases[i][0], cases[i][1]);
        assert_message(fixture, cases[i][0]);
    }
    config_print(&fixture->config, &after);
    assert_true(slice_equal(buffer_slice(&before), buffer_slice(&after)));
    buffer_close(&before);
    buffer_close(&after);
}

static void ages_and_sizes_take_their_units(void **state) {
    struct fixture *fixture = *state;
    struct buffer text = {0};

    assert_int_equal(set(fixture, "retention_age", "30d"), 0);
    assert_int_equal(fixture->config.retention_age_s, 30 * 86400);
    config_print(&fixture->config, &text);
    *buffer_reserve(&text, 1) = 0;
    assert_non_null(strstr(buffer_slice(&text).data, "\nretention_age = 30d\n"));
    buffer_close(&text);
    assert_int_equal(set(fixture, "retention_age", "90m"), 0);
    assert_int_equal(fixture->config.retention_age_s, 5400);
    assert_int_equal(set(fixture, "retention_age", "45"), 0);
    assert_int_equal(fixture->config.retention_age_s, 45);
    assert_int_equal(set(fixture, "retention_bytes", "2G"), 0);
    assert_int_equal(fixture->config.retention_bytes, 2147483648);
    assert_int_equal(set(fixture, "retention_age", "1w"), ERR_BAD_REQUEST);
    assert_int_equal(set(fixture, "retention_age", "d"), ERR_BAD_REQUEST);
    assert_int_equal(set(fixture, "retention_age", "-1d"), ERR_BAD_REQUEST);
    assert_int_equal(set(fixture, "retention_count", "10K"), ERR_BAD_REQUEST);
    assert_int_equal(fixture->config.retention_age_s, 45);
}

static void a_room_differs_in_what_is_said_of_it(void **state) {
    struct fixture *fixture = *state;
    struct room_settings_list list;

    assert_int_equal(load(fixture, "retention_count = 7\n"
                                   "room = Ops history=memory retention_age=2h\n"
                                   "room = news retention_count=0 retention_bytes=1M\n"
                                   "room = ops history=none\n"),
                     0);
    assert_int_equal(
        room_settings_read(&fixture->config, &list, fixture->message, sizeof(fixture->message)), 0);
    assert_int_equal(list.count, 2);
    assert_true(slice_equal(buffer_slice(&list.items[0].key), SLICE("ops")));
    assert_int_equal(list.items[0].history, CONFIG_HISTORY_NONE);
    assert_int_equal(list.items[0].retention_age_s, 0);
    assert_int_equal(list.items[0].retention_count, 7);
    assert_int_equal(list.items[1].history, CONFIG_HISTORY_DURABLE);
    assert_int_equal(list.items[1].retention_count, 0);
    assert_int_equal(list.items[1].retention_bytes, 1048576);
    room_settings_close(&list);
}

static void what_room_says_is_checked(void **state) {
    static const char *const wrong[] = {
        "",
        "@ann,bob",
        "a b",
        "ops history",
        "ops history=sometimes",
        "ops backlog=3",
        "ops retention_count=",
        "ops retention_count=many",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(set(fixture, "room", wrong[i]), ERR_BAD_REQUEST);
        assert_message(fixture, "room = ");
    }
}

static void a_choice_names_the_words_it_takes(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(set(fixture, "history", "forever"), ERR_BAD_REQUEST);
    assert_string_equal(fixture->message, "history = forever: must be one of: none memory durable");
}

static void lists_add_up_within_a_source_and_replace_a_lower_one(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "listen = ws://127.0.0.1:1\nlisten = line://127.0.0.1:2\n"), 0);
    assert_int_equal(fixture->config.listen.count, 2);
    assert_string_equal(fixture->config.listen.items[1], "line://127.0.0.1:2");
    assert_int_equal(set(fixture, "listen", "command://127.0.0.1:3"), 0);
    assert_int_equal(set(fixture, "listen", "numbered://127.0.0.1:4"), 0);
    assert_int_equal(fixture->config.listen.count, 2);
    assert_string_equal(fixture->config.listen.items[0], "command://127.0.0.1:3");
    assert_string_equal(fixture->config.listen.items[1], "numbered://127.0.0.1:4");
}

static void flags_beat_the_file_wherever_they_stand(void **state) {
    struct fixture *fixture = *state;

    write_file(fixture, "data = /from/file\nbacklog = 7\nlisten = ws://127.0.0.1:1\n");
    assert_int_equal(RUN(fixture, "--data", "/from/flag", "--listen=line://127.0.0.1:2", "--config",
                         fixture->path),
                     0);
    assert_int_equal(fixture->action, ARGUMENTS_RUN);
    assert_string_equal(fixture->config.data, "/from/flag");
    assert_int_equal(fixture->config.backlog, 7);
    assert_int_equal(fixture->config.listen.count, 1);
    assert_string_equal(fixture->config.listen.items[0], "line://127.0.0.1:2");
}

static void set_takes_any_key(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(RUN(fixture, "--set", "banner=a=b", "--set=rate_per_minute=0", "--store",
                         "memory", "--check"),
                     0);
    assert_int_equal(fixture->action, ARGUMENTS_CHECK);
    assert_string_equal(fixture->config.banner, "a=b");
    assert_int_equal(fixture->config.rate_per_minute, 0);
    assert_string_equal(fixture->config.store, "memory");
    assert_int_equal(RUN(fixture, "--set", "banner"), ERR_BAD_REQUEST);
    assert_message(fixture, "--set KEY=VALUE");
    assert_int_equal(RUN(fixture, "--set", "baner=x"), ERR_BAD_REQUEST);
    assert_message(fixture, "did you mean \"banner\"?");
    assert_int_equal(RUN(fixture, "--set", "rate=3"), ERR_BAD_REQUEST);
    assert_message(fixture, "did you mean \"rate_per_minute\"?");
    assert_int_equal(RUN(fixture, "--set", "max_conections=3"), ERR_BAD_REQUEST);
    assert_message(fixture, "did you mean \"max_connections\"?");
    assert_int_equal(RUN(fixture, "--set", "zzz=3"), ERR_BAD_REQUEST);
    assert_message(fixture, "--print-config shows those there are");
}

static void unknown_options_are_refused(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(RUN(fixture, "--prot"), ERR_BAD_REQUEST);
    assert_message(fixture, "--prot is no option");
    assert_int_equal(RUN(fixture, "--history=none"), ERR_BAD_REQUEST);
    assert_message(fixture, "write --set history=VALUE");
    assert_int_equal(RUN(fixture, "-xy"), ERR_BAD_REQUEST);
    assert_message(fixture, "-x is no option");
    assert_int_equal(RUN(fixture, "serve"), ERR_BAD_REQUEST);
    assert_message(fixture, "serve is no option");
    assert_int_equal(RUN(fixture, "--listen"), ERR_BAD_REQUEST);
    assert_message(fixture, "--listen needs a value");
}

static void what_listen_says_is_checked(void **state) {
    static const char *const cases[][2] = {
        {"127.0.0.1:8765", "write it as ws://"},
        {"wss://127.0.0.1:8765", "needs a certificate"},
        {"line+tls://127.0.0.1:8888", "needs a certificate"},
        {"http://127.0.0.1:80", "the protocol must be"},
        {"ws://127.0.0.1:eighty", "HOST:PORT"},
        {"numbered://127.0.0.1", "HOST:PORT"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fresh = {0};
        config_init(&fresh.config);
        if (set(&fresh, "listen", cases[i][0]) == 0)
            assert_int_equal(check(&fresh), ERR_BAD_REQUEST);
        assert_message(&fresh, cases[i][0]);
        assert_message(&fresh, cases[i][1]);
        config_close(&fresh.config);
    }
    assert_int_equal(set(fixture, "listen", "ws://unix:/tmp/chat.sock"), 0);
    assert_int_equal(set(fixture, "listen", "line://localhost"), 0);
    assert_int_equal(check(fixture), 0);
}

static void the_stream_window_must_hold_16_messages(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(set(fixture, "max_message", "256K"), 0);
    assert_int_equal(check(fixture), 0);
    assert_int_equal(set(fixture, "max_message", "262145"), 0);
    assert_int_equal(check(fixture), ERR_BAD_REQUEST);
    assert_message(fixture, "set it to 4194320");
}

static void redis_must_have_the_time_to_ask_its_replicas(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "store = redis://localhost\nwait_replicas = 1\n"
                                   "redis_timeout = 3\nwait_timeout = 1.5\n"),
                     0);
    assert_int_equal(check_redis(fixture), 0);
    assert_int_equal(set(fixture, "wait_timeout", "2"), 0);
    assert_int_equal(check_redis(fixture), ERR_BAD_REQUEST);
    assert_message(fixture, "wait_timeout must be at most half of redis_timeout");
    assert_int_equal(set(fixture, "wait_replicas", "0"), 0);
    assert_int_equal(check_redis(fixture), 0);
}

static void a_printed_configuration_can_be_loaded(void **state) {
    struct fixture *fixture = *state;
    struct buffer printed = {0}, again = {0};

    assert_int_equal(set(fixture, "listen", "ws://127.0.0.1:1"), 0);
    assert_int_equal(set(fixture, "ping_interval", "0.05"), 0);
    assert_int_equal(set(fixture, "create_rooms", "off"), 0);
    assert_int_equal(set(fixture, "banner", ";no comment"), 0);
    config_print(&fixture->config, &printed);
    buffer_append_char(&printed, 0);
    config_close(&fixture->config);
    config_init(&fixture->config);
    if (load(fixture, buffer_slice(&printed).data) != 0)
        fail_msg("%s", fixture->message);
    assert_int_equal(fixture->config.listen.count, 1);
    assert_int_equal(fixture->config.ping_interval_ms, 50);
    assert_false(fixture->config.create_rooms);
    assert_string_equal(fixture->config.banner, ";no comment");
    config_print(&fixture->config, &again);
    buffer_append_char(&again, 0);
    assert_string_equal(buffer_slice(&printed).data, buffer_slice(&again).data);
    buffer_close(&printed);
    buffer_close(&again);
}

static void a_list_is_looked_at_line_by_line(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "backlog = 5\nlisten = ws://*:1\nlisten = nonsense\n"),
                     ERR_BAD_REQUEST);
    assert_message(fixture, ":3: listen = nonsense: ");
    assert_int_equal(load(fixture, "\nroom = ops\nroom = ops colour=red\n"), ERR_BAD_REQUEST);
    assert_message(fixture, ":3: room = ops colour=red: ");
}

static void note_key(void *context, const char *key, bool reload) {
    buffer_append_format(context, "%s%s ", key, reload ? "" : "!");
}

static void assert_differences(const struct config *config, const struct config *other,
                               const char *expected) {
    struct buffer names = {0};

    config_compare(config, other, note_key, &names);
    buffer_append_char(&names, 0);
    assert_string_equal(buffer_slice(&names).data, expected);
    buffer_close(&names);
}

static void what_can_change_trades_places_and_the_rest_stays(void **state) {
    struct fixture *fixture = *state;
    struct config other;

    config_init(&other);
    assert_differences(&fixture->config, &other, "");
    assert_int_equal(set(fixture, "listen", "ws://*:1"), 0);
    assert_int_equal(set(fixture, "backlog", "5"), 0);
    assert_int_equal(set(fixture, "banner", "hello"), 0);
    assert_int_equal(set(fixture, "public_host", "chat.example.org"), 0);
    assert_int_equal(set(fixture, "create_rooms", "off"), 0);
    assert_differences(&fixture->config, &other,
                       "listen! create_rooms public_host backlog banner ");
    config_exchange(&fixture->config, &other);
    assert_int_equal(other.backlog, 5);
    assert_string_equal(other.banner, "hello");
    assert_string_equal(other.public_host.items[0], "chat.example.org");
    assert_int_equal(fixture->config.public_host.count, 0);
    assert_string_equal(fixture->config.listen.items[0], "ws://*:1");
    assert_differences(&fixture->config, &other,
                       "listen! create_rooms public_host backlog banner ");
    config_exchange(&fixture->config, &other);
    assert_int_equal(fixture->config.backlog, 5);
    config_close(&other);
}

static void note_file(void *context, const char *path) {
    buffer_append_format(context, "%s;", path);
}

static void the_files_it_names_are_told(void **state) {
    struct fixture *fixture = *state;
    struct buffer files = {0}, expected = {0};

    assert_int_equal(load(fixture, "tls_cert = /etc/a b/../cert.pem\n"), 0);
    assert_int_equal(set(fixture, "jwt_key", "keys/jwks.json"), 0);
    assert_int_equal(set(fixture, "banner", "/no/file"), 0);
    config_each_file(&fixture->config, note_file, &files);
    buffer_append_format(&expected, "%s;", fixture->path);
    buffer_append_string(&expected, "/etc/a b/../cert.pem;keys/jwks.json;");
    assert_true(slice_equal(buffer_slice(&files), buffer_slice(&expected)));
    buffer_close(&files);
    buffer_close(&expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_defaults_are_those_of_the_protocol, begin, end),
        cmocka_unit_test_setup_teardown(a_file_sets_keys, begin, end),
        cmocka_unit_test_setup_teardown(ages_and_sizes_take_their_units, begin, end),
        cmocka_unit_test_setup_teardown(a_room_differs_in_what_is_said_of_it, begin, end),
        cmocka_unit_test_setup_teardown(what_room_says_is_checked, begin, end),
        cmocka_unit_test_setup_teardown(an_unknown_key_is_told_with_its_line_and_what_was_meant,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_line_that_is_no_pair_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_line_too_long_to_read_is_refused_instead_of_cut, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_told, begin, end),
        cmocka_unit_test_setup_teardown(values_out_of_bounds_are_refused_and_change_nothing, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_choice_names_the_words_it_takes, begin, end),
        cmocka_unit_test_setup_teardown(lists_add_up_within_a_source_and_replace_a_lower_one, begin,
                                        end),
        cmocka_unit_test_setup_teardown(flags_beat_the_file_wherever_they_stand, begin, end),
        cmocka_unit_test_setup_teardown(set_takes_any_key, begin, end),
        cmocka_unit_test_setup_teardown(unknown_options_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(what_listen_says_is_checked, begin, end),
        cmocka_unit_test_setup_teardown(the_stream_window_must_hold_16_messages, begin, end),
        cmocka_unit_test_setup_teardown(redis_must_have_the_time_to_ask_its_replicas, begin, end),
        cmocka_unit_test_setup_teardown(a_printed_configuration_can_be_loaded, begin, end),
        cmocka_unit_test_setup_teardown(a_list_is_looked_at_line_by_line, begin, end),
        cmocka_unit_test_setup_teardown(what_can_change_trades_places_and_the_rest_stays, begin,
                                        end),
        cmocka_unit_test_setup_teardown(the_files_it_names_are_told, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
