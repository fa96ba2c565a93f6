/* Lines without names. */
#include "sim/client.h"
#include "sim/line_end.h"
#include "sim/world.h"

struct numbered_client {
    struct line_end lines;
    bool quitting;
};

static void connected(struct client *client) {
    struct numbered_client *numbered = client->state;
    *numbered = (struct numbered_client){0};
    client->view = VIEW_NUMBERED;
    reader_forget(client);
}

static void hear(struct client *client, struct slice line) {
    struct numbered_client *numbered = client->state;
    const struct utterance *utterance = line_end_utterance(client, line);
    if (!utterance) {
        if (!slice_starts_with(line, SLICE("error: "))) {
            client_fail(client, "reads a line that nobody wrote: %.*s", SLICE_ARGS(line));
        }
        return;
    }
    const struct record *record = client_shown(client, utterance);
    if (!record) {
        return;
    }
    struct buffer prefix = {0};
    speech_append_sender(&prefix, slice_of_string(record->sender));
    buffer_append_string(&prefix, ": ");
    line_end_expect(&numbered->lines, client, buffer_slice(&prefix), utterance, line);
    buffer_close(&prefix);
    reader_follow(client, utterance);
}

static void receive(struct client *client, struct slice bytes) {
    struct numbered_client *numbered = client->state;
    line_end_receive(&numbered->lines, client, bytes, hear);
}

static void lost(struct client *client) {
    struct numbered_client *numbered = client->state;
    line_end_close(&numbered->lines);
}

static void act(struct client *client) {
    struct numbered_client *numbered = client->state;
    struct world *world = client->world;
    if (world->calm || numbered->quitting) {
        return;
    }
    switch (draw(world, 40)) {
    case 0:
        client_send(client, SLICE("\n"));
        client_note(client, "quits");
        numbered->quitting = true;
        return;
    case 1:
        client_send(client, SLICE("\xff\xfe no text\n"));
        return;
    case 2:
        line_end_send_too_long(client);
        return;
    default:
        break;
    }
    struct utterance *utterance = client_say(client, ENTRY_MESSAGE, MANNER_LINE);
    utterance->room = memory_copy_string(SLICE("lobby"));
    client_sends(client, utterance);
    line_end_send(client, "", slice_of_string(utterance->content));
}

static void settled(struct client *client) {
    if (client->wire == 0) {
        client_fail(client, "could not come back");
    }
    reader_settle_lobby(client);
}

const struct client_kind client_numbered = {
    .name = "numbered",
    .scheme = "numbered",
    .state_size = sizeof(struct numbered_client),
    .connected = connected,
    .receive = receive,
    .lost = lost,
    .act = act,
    .settled = settled,
    .close = lost,
};
