/* Somebody who speaks no protocol, or only the beginning of one. Nothing it sends is a request that
 * does anything; the server must get rid of it sooner or later, and mind nothing. */
#include "sim/client.h"
#include "sim/world.h"

struct garbage_client {
    unsigned sent;
};

static void connected(struct client *client) {
    struct garbage_client *garbage = client->state;
    garbage->sent = 0;
}

static void receive(struct client *client, struct slice bytes) {
    (void)client;
    (void)bytes;
}

static void lost(struct client *client) {
    (void)client;
}

/* No UTF-8, so that no line of it can be a message. */
static void send_noise(struct client *client) {
    struct buffer noise = {0};
    size_t length = (size_t)draw(client->world, 3000);
    for (size_t i = 0; i < length; i++) {
        buffer_append_char(&noise, (char)(0x80 + draw(client->world, 128)));
        if (chance(client->world, 2)) {
            buffer_append_string(&noise, "\xff\n");
        }
    }
    client_send(client, buffer_slice(&noise));
    buffer_close(&noise);
}

static void act(struct client *client) {
    static const char *const starts[] = {
        "GET / HTTP/1.1\r\nHost: ",
        "GET /ws HTTP/1.1\r\n",
        "POST /r/lobby HTTP/1.1\r\nHost: x\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
        "\x16\x03\x01",
        "POST /r/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\nx",
        ("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
    };
    struct garbage_client *garbage = client->state;
    struct world *world = client->world;
    if (world->calm) {
        return;
    }
    if (garbage->sent++ == 0) {
        client_send(client, slice_of_string(starts[draw(world, sizeof starts / sizeof starts[0])]));
    } else if (chance(world, 70)) {
        send_noise(client);
    } else {
        client_hang_up(client, LEAVE_POLITELY);
    }
}

static void settled(struct client *client) {
    (void)client;
}

const struct client_kind client_garbage = {
    .name = "garbage",
    .scheme = "ws",
    .state_size = sizeof(struct garbage_client),
    .connected = connected,
    .receive = receive,
    .lost = lost,
    .act = act,
    .settled = settled,
    .close = lost,
};
