#include "redis_server.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "redis/redis_reply.h"

#define WORDS_MAX 8

struct sending {
    uv_write_t request;
    char bytes[];
};

static void sent(uv_write_t *request, int status) {
    (void)status;
    memory_free(container_of(request, struct sending, request));
}

static void guest_closed(uv_handle_t *handle) {
    struct redis_guest *guest = handle->data;

    redis_reader_free(guest->reader);
    buffer_close(&guest->output);
    memory_free(guest);
}

static void cut_off(struct redis_guest *guest) {
    if (guest->gone)
        return;
    guest->gone = true;
    list_remove(&guest->server->guests, &guest->node);
    uv_close((uv_handle_t *)&guest->tcp, guest_closed);
}

static void send_some(struct redis_guest *guest, size_t size) {
    struct slice part = slice_from(buffer_slice(&guest->output).data, size);
    struct sending *sending = memory_new(sizeof(*sending) + size);
    uv_buf_t bytes = {.base = sending->bytes, .len = size};

    memcpy(sending->bytes, part.data, size);
    uv_write(&sending->request, (uv_stream_t *)&guest->tcp, &bytes, 1, sent);
    buffer_consume(&guest->output, size);
}

static void send_guest(struct redis_guest *guest) {
    size_t size = buffer_length(&guest->output);

    if (size > 0)
        send_some(guest, guest->server->bytewise ? 1 : size);
    else if (guest->ends)
        cut_off(guest);
}

static void send_all(uv_idle_t *sender) {
    struct redis_server *server = sender->data;
    bool more = false;

    for (struct list_node *node = server->guests.first, *next; node; node = next) {
        struct redis_guest *guest = container_of(node, struct redis_guest, node);
        next = node->next;
        more = more || buffer_length(&guest->output) > 0 || guest->ends;
        send_guest(guest);
    }
    if (!more)
        uv_idle_stop(sender);
}

void redis_guest_say(struct redis_guest *guest, struct slice bytes) {
    buffer_append_slice(&guest->output, bytes);
    uv_idle_start(&guest->server->sender, send_all);
}

void redis_guest_end(struct redis_guest *guest) {
    guest->ends = true;
    uv_idle_start(&guest->server->sender, send_all);
}

struct redis_guest *redis_server_guest(struct redis_server *server, size_t index) {
    struct list_node *node = server->guests.first;

    for (; node && index > 0; index--)
        node = node->next;
    return node ? container_of(node, struct redis_guest, node) : NULL;
}

static void say(struct redis_guest *guest, const char *text) {
    redis_guest_say(guest, slice_of_string(text));
}

static void say_bulk(struct redis_guest *guest, struct slice text) {
    char head[32];

    snprintf(head, sizeof(head), "$%zu\r\n", text.length);
    say(guest, head);
    redis_guest_say(guest, text);
    say(guest, "\r\n");
}

static bool is(struct slice word, const char *name) {
    return slice_equal_ignoring_case(word, slice_of_string(name));
}

static void say_info(struct redis_guest *guest) {
    char info[200];

    snprintf(info, sizeof(info), "# Server\r\nredis_mode:standalone\r\nrun_id:%s\r\nport:1\r\n",
             guest->server->run_id);
    say_bulk(guest, slice_of_string(info));
}

static void subscribe(struct redis_guest *guest, const struct slice *words, bool on) {
    char count[32];

    guest->channels += on ? 1 : guest->channels > 0 ? (size_t)-1 : 0;
    say(guest, on ? "*3\r\n$9\r\nsubscribe\r\n" : "*3\r\n$11\r\nunsubscribe\r\n");
    say_bulk(guest, words[1]);
    snprintf(count, sizeof(count), ":%zu\r\n", guest->channels);
    say(guest, count);
}

static void publish(struct redis_guest *from, const struct slice *words) {
    for (struct list_node *node = from->server->guests.first; node; node = node->next) {
        struct redis_guest *guest = container_of(node, struct redis_guest, node);
        if (guest->channels == 0)
            continue;
        say(guest, "*3\r\n$7\r\nmessage\r\n");
        say_bulk(guest, words[1]);
        say_bulk(guest, words[2]);
    }
    say(from, ":1\r\n");
}

static void note(struct redis_server *server, const struct slice *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buffer_append_string(&server->spoken, i > 0 ? " " : "");
        buffer_append_slice(&server->spoken, words[i]);
    }
    buffer_append_char(&server->spoken, '\n');
}

/* What a greeting consists of, and what is asked now and then. True: it was that. */
static bool greet(struct redis_guest *guest, struct slice command) {
    char role[64];

    if (is(command, "ROLE")) {
        snprintf(role, sizeof(role), "*3\r\n$%zu\r\n%s\r\n:0\r\n*0\r\n",
                 strlen(guest->server->role), guest->server->role);
        say(guest, role);
    } else if (is(command, "INFO")) {
        say_info(guest);
    } else if (is(command, "PING") || is(command, "CLIENT")) {
        say(guest, guest->channels > 0 ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n" : "+PONG\r\n");
    } else {
        return false;
    }
    return true;
}

static void serve(struct redis_guest *guest, const struct slice *words, size_t count) {
    struct redis_server *server = guest->server;

    server->commands++;
    if (server->serve && server->serve(guest, words, count))
        return;
    if (greet(guest, words[0]))
        return;
    note(server, words, count);
    if (is(words[0], "SUBSCRIBE"))
        subscribe(guest, words, true);
    else if (is(words[0], "UNSUBSCRIBE"))
        subscribe(guest, words, false);
    else if (is(words[0], "PUBLISH"))
        publish(guest, words);
    else if (is(words[0], "ECHO"))
        say_bulk(guest, words[1]);
    else
        say(guest, server->fallback);
}

static void received(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes) {
    struct redis_guest *guest = stream->data;
    struct slice input = slice_from(bytes->base, got > 0 ? (size_t)got : 0);
    struct slice words[WORDS_MAX];
    const struct redis_reply *command = NULL;
    size_t count;

    if (got < 0)
        cut_off(guest);
    while (!guest->gone) {
        int error = redis_reader_next(guest->reader, &input, &command);
        assert(error == 0);
        if (!command)
            break;
        for (count = 0; count < command->count && count < WORDS_MAX; count++)
            words[count] = command->items[count].text;
        serve(guest, words, count);
    }
    memory_free(bytes->base);
}

static void lend(uv_handle_t *handle, size_t size, uv_buf_t *bytes) {
    (void)handle;
    bytes->base = memory_new(size);
    bytes->len = size;
}

static void arrived(uv_stream_t *listener, int status) {
    struct redis_server *server = listener->data;
    struct redis_guest *guest = memory_new_struct(struct redis_guest);

    assert(status == 0);
    guest->server = server;
    guest->reader = redis_reader_new();
    uv_tcp_init(server->loop, &guest->tcp);
    guest->tcp.data = guest;
    uv_accept(listener, (uv_stream_t *)&guest->tcp);
    uv_tcp_nodelay(&guest->tcp, 1);
    list_append(&server->guests, &guest->node);
    server->accepted++;
    uv_read_start((uv_stream_t *)&guest->tcp, lend, received);
}

void redis_server_open(struct redis_server *server, uv_loop_t *loop, const char *run_id) {
    struct sockaddr_in address;
    int length = sizeof(address);

    *server = (struct redis_server){
        .loop = loop, .role = "master", .run_id = run_id, .fallback = "+OK\r\n"};
    uv_tcp_init(loop, &server->listener);
    uv_idle_init(loop, &server->sender);
    server->listener.data = server->sender.data = server;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
    uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &length);
    snprintf(server->address, sizeof(server->address), "127.0.0.1:%u", ntohs(address.sin_port));
    uv_listen((uv_stream_t *)&server->listener, 16, arrived);
}

void redis_server_close(struct redis_server *server) {
    while (server->guests.first)
        cut_off(container_of(server->guests.first, struct redis_guest, node));
    uv_close((uv_handle_t *)&server->listener, NULL);
    uv_close((uv_handle_t *)&server->sender, NULL);
    buffer_close(&server->spoken);
}
