/* A scenario from its first line to its last. */
#include <stdarg.h>

#include "base/memory.h"
#include "sim/replay.h"
#include "store/store_memory.h"

#define ROUNDS_MOST 1000
#define TIMES_MOST 10000
#define END_US INT64_C(400000000) /* after it nobody lingers any more */

bool replay_fail(struct replay *replay, const char *format, ...) {
    char text[512];
    va_list arguments;
    if (replay->failed) {
        return false;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    replay->failed = true;
    buffer_append_format(&replay->complaint, "%s:%u: %s%s\n", replay->path, replay->line, text,
                         replay->bytewise ? " (when bytes arrive one by one)" : "");
    return false;
}

void replay_fail_detail(struct replay *replay, const char *label, struct slice bytes) {
    buffer_append_format(&replay->complaint, "    %8s  ", label);
    replay_words_show(&replay->complaint, bytes);
    buffer_append_char(&replay->complaint, '\n');
}

struct replay_client *replay_find_client(const struct replay *replay, struct slice name) {
    struct replay_client *client = replay->clients;
    while (client && !slice_equal(slice_of_string(client->name), name)) {
        client = client->next;
    }
    return client;
}

static bool listen_all(struct replay *replay) {
    bool answered = false;
    for (struct replay_client *client = replay->clients; client; client = client->next) {
        answered |= replay_client_listen(client);
        if (client->broken) {
            return replay_fail(replay, "%s: %s", client->name, client->broken);
        }
    }
    return answered;
}

bool replay_settle(struct replay *replay) {
    for (unsigned rounds = 0; rounds < ROUNDS_MOST && !replay->failed; rounds++) {
        if (!replay_server_settle(&replay->server)) {
            break;
        }
        if (!listen_all(replay)) {
            return !replay->failed;
        }
    }
    return replay_fail(replay, "the server never comes to rest");
}

/* "ann bob< …": the place of the arrow; 0: it is none. */
static size_t find_arrow(const struct replay *replay, struct slice statement) {
    for (size_t i = 0; i < statement.length; i++) {
        if (statement.data[i] == '<' || statement.data[i] == '>') {
            struct slice names = {statement.data, i};
            return replay_find_client(replay, slice_cut(&names, ' ')) ? i : 0;
        }
    }
    return 0;
}

static bool run_once(struct replay *replay, struct slice statement) {
    size_t arrow = find_arrow(replay, statement);
    return arrow > 0 ? replay_run_speech(replay, statement, arrow)
                     : replay_run_action(replay, statement);
}

static bool run_times(struct replay *replay, uint64_t times, struct slice statement) {
    if (times > TIMES_MOST) {
        return replay_fail(replay, "at most %d times", TIMES_MOST);
    }
    for (uint64_t i = 1; i <= times; i++) {
        json_t *count = json_integer((json_int_t)i);
        replay_variable_set(&replay->variables, SLICE("i"), count);
        json_decref(count);
        if (!run_once(replay, statement)) {
            return false;
        }
    }
    return true;
}

static bool run(struct replay *replay, struct slice statement) {
    struct slice rest = statement;
    uint64_t times;
    if (replay->trace) {
        fprintf(replay->trace, "%4u  %.*s\n", replay->line, SLICE_ARGS(statement));
    }
    if (slice_to_u64(slice_cut(&rest, ' '), &times) &&
        slice_equal(slice_cut(&rest, ' '), SLICE("times"))) {
        return run_times(replay, times, slice_trim(rest));
    }
    return run_once(replay, statement);
}

static bool run_statement(struct replay *replay, struct buffer *statement) {
    struct slice words = slice_trim(buffer_slice(statement));
    bool fine = words.length == 0 || run(replay, words);
    buffer_clear(statement);
    return fine;
}

static void run_lines(struct replay *replay, struct slice text) {
    struct buffer statement = {0};
    unsigned number = 0;
    while (text.data && !replay->failed) {
        struct slice line = slice_cut(&text, '\n'), words = slice_trim(line);
        number++;
        bool comment = slice_starts_with(words, SLICE("#"));
        bool goes_on = words.length > 0 && words.data > line.data;
        if (comment || goes_on) {
            buffer_append_slice(&statement, comment ? SLICE_NONE : words);
            continue;
        }
        if (run_statement(replay, &statement)) {
            replay->line = number;
            buffer_append_slice(&statement, words);
        }
    }
    if (!replay->failed) {
        run_statement(replay, &statement);
    }
    buffer_close(&statement);
}

/* Whoever is still there goes, and nothing must stay behind. */
static void check_end(struct replay *replay) {
    struct replay_server *server = &replay->server;
    for (struct replay_client *client = replay->clients; client; client = client->next) {
        if (!replay_check_unheard(replay, client)) {
            return;
        }
        replay_socket_drop(client->socket);
    }
    if (!server->delivery) {
        return;
    }
    store_memory_release_all(server->store);
    store_memory_release_all_reads(server->store);
    for (int64_t end_us = server->now_us + END_US; server->now_us < end_us && !replay->failed;) {
        replay_server_advance(server, end_us);
        replay_settle(replay);
    }
    size_t peers = outlet_peer_count(delivery_outlet(server->delivery));
    size_t pending = delivery_pending(server->delivery);
    if (!replay->failed && (peers > 0 || pending > 0)) {
        replay_fail(replay, "when all were gone, %zu peers and %zu requests stayed", peers,
                    pending);
    }
}

void replay_play(const char *path, struct slice text, bool bytewise, FILE *trace,
                 struct replay_verdict *verdict) {
    struct replay replay = {.path = path, .trace = trace, .bytewise = bytewise};
    replay_server_init(&replay.server);
    run_lines(&replay, text);
    if (!replay.failed) {
        check_end(&replay);
    }
    replay_server_close(&replay.server);
    while (replay.clients) {
        struct replay_client *client = replay.clients;
        replay.clients = client->next;
        replay_client_free(client);
    }
    replay_variables_close(&replay.variables);
    verdict->passed = !replay.failed;
    verdict->complaint = replay.complaint;
}
