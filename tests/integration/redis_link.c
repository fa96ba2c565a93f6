/* src/redis from outside: says on its standard output what happens to a connection to Redis, and
 * does what its standard input asks for. test_redis_link.py drives it.
 *
 *   redis_link OPTION=VALUE…   server, sentinel (both may be repeated), master, username, password,
 *                              sentinel_password, database, ca, timeout (milliseconds)
 *
 * Input, a line each:    do NUMBER WORD…     a command; the number is said with its answer
 *                        burst COUNT WORD…   the same command so many times, in one turn
 *                        subscribe CHANNEL, unsubscribe CHANNEL
 *                        hold MILLISECONDS   the loop is busy with something else
 * Output, a line each:   up RUN_ID | down REASON | message CHANNEL PAYLOAD | subscribed CHANNEL
 *                        answer NUMBER REPLY | burst ANSWERED LOST
 * At the end of the input everything is closed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/tls.h"
#include "redis/redis.h"

#define LIST_MAX 8
#define WORDS_MAX 16

struct program {
    uv_loop_t loop;
    uv_poll_t input;
    struct log log;
    struct redis_options options;
    const char *servers[LIST_MAX], *sentinels[LIST_MAX];
    struct redis *redis;
    struct buffer line;
    size_t burst, burst_answered, burst_lost;
};

static void print_reply(const struct redis_reply *reply) {
    switch (reply->kind) {
    case REDIS_STATUS:
    case REDIS_BULK:
        printf("%.*s", SLICE_ARGS(reply->text));
        break;
    case REDIS_ERROR:
        printf("error %.*s", SLICE_ARGS(reply->text));
        break;
    case REDIS_INTEGER:
        printf("%lld", (long long)reply->integer);
        break;
    case REDIS_NIL:
        printf("nil");
        break;
    case REDIS_LOST:
        printf("lost");
        break;
    case REDIS_ARRAY:
        for (size_t i = 0; i < reply->count; i++) {
            printf(i > 0 ? " " : "");
            print_reply(&reply->items[i]);
        }
        break;
    }
}

static void up(void *context, struct slice run_id) {
    (void)context;
    printf("up %.*s\n", SLICE_ARGS(run_id));
}

static void down(void *context, const char *reason) {
    (void)context;
    printf("down %s\n", reason);
}

static void message(void *context, struct slice channel, struct slice payload) {
    (void)context;
    printf("message %.*s %.*s\n", SLICE_ARGS(channel), SLICE_ARGS(payload));
}

static const struct redis_handlers handlers = {.up = up, .down = down, .message = message};

static void answered(void *context, const struct redis_reply *reply) {
    char *number = context;

    printf("answer %s ", number);
    print_reply(reply);
    printf("\n");
    memory_free(number);
}

static void burst_answered(void *context, const struct redis_reply *reply) {
    struct program *program = context;

    if (reply->kind == REDIS_LOST)
        program->burst_lost++;
    else
        program->burst_answered++;
    if (program->burst_answered + program->burst_lost < program->burst)
        return;
    printf("burst %zu %zu\n", program->burst_answered, program->burst_lost);
    program->burst = program->burst_answered = program->burst_lost = 0;
}

static void subscribed(void *context, const struct redis_reply *reply) {
    char *channel = context;

    printf("%s %s\n", reply->kind == REDIS_LOST ? "unsubscribed" : "subscribed", channel);
    memory_free(channel);
}

static void hold(struct slice milliseconds) {
    uint64_t value = 0;

    if (slice_to_u64(milliseconds, &value))
        nanosleep(&(struct timespec){(time_t)(value / 1000), (long)(value % 1000) * 1000000}, NULL);
    printf("held\n");
}

static void burst(struct program *program, const struct slice *words, size_t count) {
    uint64_t times = 0;

    if (count == 0 || !slice_to_u64(words[0], &times))
        return;
    program->burst = times;
    for (uint64_t i = 0; i < times; i++)
        redis_command(program->redis, words + 1, count - 1, burst_answered, program);
}

static void obey(struct program *program, struct slice line) {
    struct slice words[WORDS_MAX];
    size_t count = 0;

    while (line.length > 0 && count < WORDS_MAX)
        words[count++] = slice_cut(&line, ' ');
    if (count >= 3 && slice_equal(words[0], SLICE("do")))
        redis_command(program->redis, words + 2, count - 2, answered, memory_copy_string(words[1]));
    else if (count == 2 && slice_equal(words[0], SLICE("subscribe")))
        redis_subscribe(program->redis, words[1], subscribed, memory_copy_string(words[1]));
    else if (count == 2 && slice_equal(words[0], SLICE("unsubscribe")))
        redis_unsubscribe(program->redis, words[1]);
    else if (count == 2 && slice_equal(words[0], SLICE("hold")))
        hold(words[1]);
    else if (count > 2 && slice_equal(words[0], SLICE("burst")))
        burst(program, words + 1, count - 1);
}

static void read_input(uv_poll_t *poll, int status, int events) {
    struct program *program = poll->data;
    ssize_t got = read(0, buffer_reserve(&program->line, 4096), 4096);
    ptrdiff_t end;

    (void)status, (void)events;
    if (got <= 0) {
        uv_close((uv_handle_t *)poll, NULL);
        redis_close(program->redis);
        return;
    }
    buffer_commit(&program->line, (size_t)got);
    while ((end = slice_find(buffer_slice(&program->line), '\n')) >= 0) {
        obey(program, slice_from(buffer_slice(&program->line).data, (size_t)end));
        buffer_consume(&program->line, (size_t)end + 1);
    }
}

static int set_option(struct program *program, const char *name, const char *value) {
    struct redis_options *options = &program->options;
    char message_text[300];

    if (strcmp(name, "server") == 0 && options->server_count < LIST_MAX)
        program->servers[options->server_count++] = value;
    else if (strcmp(name, "sentinel") == 0 && options->sentinel_count < LIST_MAX)
        program->sentinels[options->sentinel_count++] = value;
    else if (strcmp(name, "master") == 0)
        options->master = value;
    else if (strcmp(name, "username") == 0)
        options->username = value;
    else if (strcmp(name, "password") == 0)
        options->password = value;
    else if (strcmp(name, "sentinel_password") == 0)
        options->sentinel_password = value;
    else if (strcmp(name, "database") == 0)
        options->database = (unsigned)atoi(value);
    else if (strcmp(name, "timeout") == 0)
        options->command_timeout_ms = (unsigned)atoi(value);
    else if (strcmp(name, "ca") == 0)
        return tls_context_for_client(value, false, &options->tls, message_text,
                                      sizeof(message_text));
    else
        return -1;
    return 0;
}

int main(int count, char **arguments) {
    struct program program = {
        .log = {.level = LOG_INFO, .descriptor = 2},
        .options = {.connect_timeout_ms = 2000, .command_timeout_ms = 2000, .seed = 1},
    };

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < count; i++) {
        char *value = strchr(arguments[i], '=');
        if (value)
            *value++ = 0;
        if (!value || set_option(&program, arguments[i], value) != 0)
            return 2;
    }
    program.options.servers = program.servers;
    program.options.sentinels = program.sentinels;
    program.options.log = &program.log;
    uv_loop_init(&program.loop);
    program.redis = redis_new(&program.loop, &program.options, &handlers, &program);
    uv_poll_init(&program.loop, &program.input, 0);
    program.input.data = &program;
    uv_poll_start(&program.input, UV_READABLE, read_input);
    uv_run(&program.loop, UV_RUN_DEFAULT);
    uv_loop_close(&program.loop);
    tls_context_release(program.options.tls);
    buffer_close(&program.line);
    return 0;
}
