/* Raw text over WebSocket: no names, no answers, no history. */
#include <string.h>

#include "sim/client.h"
#include "sim/websocket_end.h"
#include "sim/world.h"

struct text_client {
    struct websocket_end socket;
    bool quitting;
};

static void connected(struct client *client) {
    struct text_client *text = client->state;
    text->quitting = false;
    client->view = VIEW_TEXT;
    reader_forget(client);
    websocket_end_begin(&text->socket, client, "/text", NULL, chance(client->world, 30));
}

static void opened(struct client *client) {
    (void)client;
}

static bool raw(const struct client *client, const struct utterance *utterance) {
    return client->world->clients[utterance->author].kind == &client_text;
}

static void hear_text(struct client *client, struct slice payload) {
    struct slice words = payload;
    ptrdiff_t at = slice_find(payload, '#');
    if (at > 0) {
        words = slice_skip(payload, (size_t)at);
    }
    const struct utterance *utterance = ledger_by_text(&client->world->ledger, words);
    const struct record *record = utterance ? client_shown(client, utterance) : NULL;
    if (!record) {
        client_fail(client, "is shown what nobody has said");
        return;
    }
    struct buffer expected = {0};
    if (!raw(client, utterance)) {
        buffer_append_format(&expected, "%s: ", record->sender);
    }
    buffer_append_string(&expected, utterance->content);
    if (!slice_equal(buffer_slice(&expected), payload)) {
        client_fail(client, "is shown #%u in other words", utterance->tag);
    }
    buffer_close(&expected);
    reader_follow(client, utterance);
}

static void hear(struct client *client, enum websocket_opcode opcode, struct slice payload) {
    if (opcode == WEBSOCKET_TEXT) {
        hear_text(client, payload);
    } else if (!slice_starts_with(payload, SLICE("\x01\xff"))) {
        client_fail(client, "gets bytes that nobody sent");
    }
}

static void receive(struct client *client, struct slice bytes) {
    struct text_client *text = client->state;
    websocket_end_receive(&text->socket, client, bytes, opened, hear);
    uint16_t code = text->socket.close_code;
    if (code != 0 && code != 1000 && code != 1013 && code != 4000) {
        client_fail(client, "was told goodbye with %u", code);
    }
}

static void lost(struct client *client) {
    struct text_client *text = client->state;
    websocket_end_close(&text->socket);
}

static void act(struct client *client) {
    struct text_client *text = client->state;
    struct world *world = client->world;
    if (world->calm || !text->socket.open || text->socket.close_code != 0 || text->quitting) {
        return;
    }
    switch (draw(world, 30)) {
    case 0:
        text->quitting = true;
        client_note(client, "quits");
        websocket_end_quit(&text->socket, client, 1000);
        return;
    case 1:
    case 2:
        websocket_end_send(&text->socket, client, WEBSOCKET_BINARY, SLICE("\x01\xff\x00 bytes"));
        return;
    default:
        break;
    }
    struct utterance *utterance = client_say(client, ENTRY_MESSAGE, MANNER_ANY);
    utterance->room = memory_copy_string(SLICE("lobby"));
    client_sends(client, utterance);
    websocket_end_send(&text->socket, client, WEBSOCKET_TEXT, slice_of_string(utterance->content));
}

static void settled(struct client *client) {
    if (client->wire == 0) {
        client_fail(client, "could not come back");
    }
    reader_settle_lobby(client);
}

const struct client_kind client_text = {
    .name = "text",
    .scheme = "ws",
    .state_size = sizeof(struct text_client),
    .connected = connected,
    .receive = receive,
    .lost = lost,
    .act = act,
    .settled = settled,
    .close = lost,
};
