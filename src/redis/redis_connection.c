/* Dialling, open, ended: the states run one way.
 *
 * Time-outs. The oldest command has command_timeout_ms from when it was sent or, if that is later,
 * from when anything came: a long queue that moves is no reason to hang up. Each quarter of that
 * time the server is asked something, and has the rest of it to answer, so that one that is gone
 * without a word is missed within command_timeout_ms. When the loop itself was held up the answer
 * may lie in the socket: it is read before anything is concluded.
 *
 * Callbacks may close the connection, so whoever calls one looks at the state again afterwards. The
 * memory stays until libuv has closed the handles, which is never before they have returned. */
#include "redis/redis_connection.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "io/dialling.h"
#include "io/link.h"
#include "io/socket.h"
#include "redis/redis_reply.h"

#define PROBES 4                          /* in the time for a command */
#define KEEP_OUTPUT ((size_t)1024 * 1024) /* memory that is not given back after a burst */
#define REASON_SIZE 400

enum state { STATE_DIALLING, STATE_OPEN, STATE_ENDED };

struct waiter {
    redis_answer *answer; /* NULL: nobody */
    void *context;
    uint64_t since_ms; /* when it was sent */
    unsigned patience_ms;
};

struct redis_connection {
    struct redis_connection_options options;
    const struct redis_connection_handlers *handlers;
    void *context;
    char *server; /* "HOST:PORT" or "unix:PATH" */
    enum state state;
    bool closed;  /* by its owner, who hears no more of it */
    bool probing; /* what is said is a probe */
    struct dialling *dialling;
    struct link *link;
    struct redis_reader *reader;
    struct buffer input, output;
    struct buffer waiters; /* struct waiter, the oldest first */
    size_t waiting;
    size_t unsent;     /* of them, the last ones */
    uint64_t heard_ms; /* the last time anything came */
    uint64_t probe_ms; /* when the next probe is due */
    unsigned handles;  /* that libuv has not closed yet */
    uv_timer_t timer;
    uv_poll_t poll;
    int events; /* that are polled for; 0: the poll is not in use */
};

static uint64_t now_ms(const struct redis_connection *connection) {
    return uv_now(connection->options.loop);
}

static void handle_closed(uv_handle_t *handle) {
    struct redis_connection *connection = handle->data;

    if (--connection->handles > 0)
        return;
    redis_reader_free(connection->reader);
    buffer_close(&connection->input);
    buffer_close(&connection->output);
    buffer_close(&connection->waiters);
    memory_free(connection->server);
    memory_free(connection);
}

static struct waiter take_waiter(struct redis_connection *connection) {
    struct waiter waiter;

    memcpy(&waiter, buffer_slice(&connection->waiters).data, sizeof(waiter));
    buffer_consume(&connection->waiters, sizeof(waiter));
    connection->waiting--;
    return waiter;
}

static void answer_next(struct redis_connection *connection, const struct redis_reply *reply) {
    struct waiter waiter = take_waiter(connection);

    if (waiter.answer)
        waiter.answer(waiter.context, reply);
}

/* Whoever is told may say something again, which belongs to another connection. */
static void end(struct redis_connection *connection) {
    if (connection->state == STATE_ENDED)
        return;
    connection->state = STATE_ENDED;
    uv_timer_stop(&connection->timer);
    if (connection->dialling)
        dialling_cancel(connection->dialling);
    connection->dialling = NULL;
    if (connection->events != 0)
        uv_close((uv_handle_t *)&connection->poll, handle_closed);
    connection->events = 0;
    link_free(connection->link);
    connection->link = NULL;
    while (connection->waiting > 0)
        answer_next(connection, &redis_reply_lost);
}

void redis_connection_lose(struct redis_connection *connection, const char *reason) {
    if (connection->state == STATE_ENDED)
        return;
    end(connection);
    if (!connection->closed)
        connection->handlers->lost(connection->context, reason);
}

void redis_connection_close(struct redis_connection *connection) {
    connection->closed = true;
    end(connection);
    uv_close((uv_handle_t *)&connection->timer, handle_closed);
}

static void lose_by_fault(struct redis_connection *connection) {
    const char *fault = link_fault(connection->link);
    char reason[REASON_SIZE];

    if (fault)
        snprintf(reason, sizeof(reason), "TLS with %s: %s", connection->server, fault);
    else
        snprintf(reason, sizeof(reason), "%s hung up", connection->server);
    redis_connection_lose(connection, reason);
}

static bool is_message(const struct redis_connection *connection, const struct redis_reply *reply) {
    return connection->options.subscriber && reply->kind == REDIS_ARRAY && reply->count == 3 &&
           slice_equal(reply->items[0].text, SLICE("message"));
}

static void take_reply(struct redis_connection *connection, const struct redis_reply *reply) {
    if (is_message(connection, reply)) {
        connection->handlers->message(connection->context, reply->items[1].text,
                                      reply->items[2].text);
    } else if (connection->waiting > 0) {
        answer_next(connection, reply);
        if (reply->kind == REDIS_ERROR && connection->state == STATE_OPEN &&
            connection->handlers->error)
            connection->handlers->error(connection->context, reply);
    } else {
        char reason[REASON_SIZE];
        /* Some say why they hang up before they are asked anything. */
        snprintf(reason, sizeof(reason), "%s said what nobody asked: %.*s", connection->server,
                 reply->text.length < 200 ? (int)reply->text.length : 200,
                 reply->text.data ? reply->text.data : "");
        redis_connection_lose(connection, reason);
    }
}

static void read_replies(struct redis_connection *connection) {
    struct slice input = buffer_slice(&connection->input);
    const struct redis_reply *reply = NULL;
    char reason[REASON_SIZE];
    int error = 0;

    do {
        error = redis_reader_next(connection->reader, &input, &reply);
        if (error || !reply)
            break;
        take_reply(connection, reply);
    } while (connection->state == STATE_OPEN);
    buffer_clear(&connection->input);
    if (error) {
        snprintf(reason, sizeof(reason), "%s does not talk like a Redis: %s", connection->server,
                 error == ERR_TOO_LARGE ? "an answer is too large" : "no RESP");
        redis_connection_lose(connection, reason);
    }
}

/* What has come counts although it is the last. */
static void receive(struct redis_connection *connection) {
    bool ended = link_receive(connection->link, &connection->input) == LINK_ENDED;

    if (buffer_length(&connection->input) > 0)
        connection->heard_ms = now_ms(connection);
    read_replies(connection);
    if (connection->state == STATE_OPEN && ended)
        lose_by_fault(connection);
}

static void became_ready(uv_poll_t *poll, int status, int events);

static void update_poll(struct redis_connection *connection) {
    int events = UV_READABLE | (link_wants_output(connection->link) ? UV_WRITABLE : 0);

    if (events != connection->events)
        uv_poll_start(&connection->poll, events, became_ready);
    connection->events = events;
}

static void became_ready(uv_poll_t *poll, int status, int events) {
    struct redis_connection *connection = poll->data;

    (void)status; /* what is wrong shows when reading */
    if (events & UV_WRITABLE)
        link_flush(connection->link);
    receive(connection);
    if (connection->state == STATE_OPEN)
        update_poll(connection);
}

/* When the oldest command has waited too long. */
static uint64_t patience_ends_ms(const struct redis_connection *connection) {
    struct waiter oldest;
    uint64_t since_ms;

    if (connection->waiting == connection->unsent)
        return UINT64_MAX;
    memcpy(&oldest, buffer_slice(&connection->waiters).data, sizeof(oldest));
    since_ms = oldest.since_ms > connection->heard_ms ? oldest.since_ms : connection->heard_ms;
    return since_ms + oldest.patience_ms;
}

static void probe(struct redis_connection *connection) {
    connection->probe_ms = now_ms(connection) + connection->options.command_timeout_ms / PROBES;
    connection->probing = true;
    connection->handlers->probe(connection->context);
    connection->probing = false;
    redis_connection_flush(connection);
}

static void check_time(uv_timer_t *timer);

/* A command that is given later is not due before the next probe. */
static void set_timer(struct redis_connection *connection) {
    uint64_t due_ms = patience_ends_ms(connection);
    uint64_t now = now_ms(connection);

    if (due_ms > connection->probe_ms)
        due_ms = connection->probe_ms;
    uv_timer_start(&connection->timer, check_time, due_ms > now ? due_ms - now : 0, 0);
}

static void check_time(uv_timer_t *timer) {
    struct redis_connection *connection = timer->data;
    char reason[REASON_SIZE];

    if (patience_ends_ms(connection) <= now_ms(connection))
        receive(connection);
    if (connection->state == STATE_OPEN && patience_ends_ms(connection) <= now_ms(connection)) {
        snprintf(reason, sizeof(reason), "%s does not answer", connection->server);
        redis_connection_lose(connection, reason);
    }
    if (connection->state == STATE_OPEN && connection->probe_ms <= now_ms(connection))
        probe(connection);
    if (connection->state == STATE_OPEN)
        set_timer(connection);
}

static void open_link(struct redis_connection *connection, int descriptor) {
    connection->state = STATE_OPEN;
    socket_limit_unacknowledged(descriptor, connection->options.command_timeout_ms);
    connection->link = link_new(descriptor, connection->options.tls, connection->server, false);
    uv_poll_init(connection->options.loop, &connection->poll, descriptor);
    connection->poll.data = connection;
    connection->handles++;
    connection->heard_ms = now_ms(connection);
    connection->probe_ms = connection->heard_ms + connection->options.command_timeout_ms / PROBES;
    update_poll(connection);
    set_timer(connection);
}

static void dialled(void *context, int descriptor, const char *message) {
    struct redis_connection *connection = context;

    connection->dialling = NULL;
    if (descriptor < 0) {
        redis_connection_lose(connection, message);
        return;
    }
    open_link(connection, descriptor);
    connection->handlers->opened(connection->context);
    redis_connection_flush(connection);
}

static char *spell_server(const char *server) {
    size_t size = strlen("unix:") + strlen(server) + 1;
    char *spelt = memory_new(size);

    snprintf(spelt, size, "%s%s", server[0] == '/' ? "unix:" : "", server);
    return spelt;
}

struct redis_connection *redis_connection_new(const struct redis_connection_options *options,
                                              const struct redis_connection_handlers *handlers,
                                              void *context) {
    struct redis_connection *connection = memory_new_struct(struct redis_connection);

    connection->options = *options;
    connection->options.server = NULL;
    connection->server = spell_server(options->server);
    connection->handlers = handlers;
    connection->context = context;
    connection->reader = redis_reader_new();
    connection->handles = 1;
    uv_timer_init(options->loop, &connection->timer);
    connection->timer.data = connection;
    connection->dialling = dialling_new(options->loop, connection->server,
                                        options->connect_timeout_ms, dialled, connection);
    return connection;
}

void redis_connection_command(struct redis_connection *connection, const struct slice *arguments,
                              size_t count, redis_answer *answer, void *context) {
    struct waiter waiter = {
        .answer = answer,
        .context = context,
        .patience_ms = connection->options.command_timeout_ms,
    };

    if (connection->probing)
        waiter.patience_ms -= waiter.patience_ms / PROBES;
    redis_append_command(&connection->output, arguments, count);
    buffer_append(&connection->waiters, &waiter, sizeof(waiter));
    connection->waiting++;
    connection->unsent++;
}

/* Their time begins now, which is not what the loop believes it is if this turn took long. */
static void begin_waiting(struct redis_connection *connection) {
    struct slice all = buffer_slice(&connection->waiters);
    char *place = (char *)all.data + all.length - connection->unsent * sizeof(struct waiter);
    struct waiter waiter;

    uv_update_time(connection->options.loop);
    for (; connection->unsent > 0; connection->unsent--, place += sizeof(waiter)) {
        memcpy(&waiter, place, sizeof(waiter));
        waiter.since_ms = now_ms(connection);
        memcpy(place, &waiter, sizeof(waiter));
    }
}

void redis_connection_flush(struct redis_connection *connection) {
    if (connection->state != STATE_OPEN || buffer_length(&connection->output) == 0)
        return;
    begin_waiting(connection);
    link_send(connection->link, buffer_slice(&connection->output));
    if (connection->output.capacity > KEEP_OUTPUT)
        buffer_close(&connection->output);
    buffer_clear(&connection->output);
    link_flush(connection->link);
    update_poll(connection);
}

size_t redis_connection_unsent(const struct redis_connection *connection) {
    return buffer_length(&connection->output) +
           (connection->link ? link_unsent(connection->link) : 0);
}

size_t redis_connection_waiting(const struct redis_connection *connection) {
    return connection->waiting;
}
