/* Commands: names and direct messages, with a line ending after each or with none ever. One that
 * knows none takes what one read brings for one answer, so its network must keep writes apart. */
#include <string.h>

#include "sim/client.h"
#include "sim/line_end.h"
#include "sim/world.h"

struct command_client {
    struct line_end lines;
    bool framed;
    bool registering, registered, listing;
    int asked; /* the name that was asked for */
};

static void born(struct client *client) {
    struct command_client *command = client->state;
    command->framed = chance(client->world, 50);
}

static void connected(struct client *client) {
    struct command_client *command = client->state;
    struct wire *wire = client_wire(client);
    client->view = VIEW_COMMAND;
    command->registering = command->registered = command->listing = false;
    reader_forget(client);
    if (!command->framed) {
        wire->whole = true;
        wire->choppy = false;
        wire->capacity = 1 << 24;
    } else {
        client_send(
            client,
            SLICE("\n")); /* or a first line that comes in parts would be taken for several */
    }
}

static void command_send(struct client *client, const char *verb, const char *parameter,
                         const char *text) {
    struct command_client *command = client->state;
    struct buffer line = {0};
    buffer_append_format(&line, "%s,%s%s%s%s", verb, parameter, text ? "," : "", text ? text : "",
                         command->framed ? "\n" : "");
    client_note(client, "asks %s,%s", verb, parameter);
    client_send(client, buffer_slice(&line));
    buffer_close(&line);
}

static void check_names(struct client *client, struct slice names) {
    unsigned seen = 0;
    while (names.length > 0) {
        struct slice name = slice_cut(&names, ',');
        int index = people_find(name);
        if (index < 0 || seen & 1u << index) {
            client_fail(client, "hears of %.*s, nobody or twice", SLICE_ARGS(name));
            return;
        }
        seen |= 1u << index;
    }
}

static void hear_message(struct client *client, const struct utterance *utterance,
                         struct slice text) {
    const struct record *record = client_shown(client, utterance);
    if (!record) {
        return;
    }
    struct buffer expected = {0};
    speech_append_sender(&expected, slice_of_string(record->sender));
    buffer_append_string(&expected, " says ");
    speech_append_flat(&expected, slice_of_string(utterance->content));
    if (!slice_equal(buffer_slice(&expected), text)) {
        client_fail(client, "is shown #%u in other words", utterance->tag);
    }
    buffer_close(&expected);
    reader_follow(client, utterance);
}

static void hear(struct client *client, struct slice text) {
    struct command_client *command = client->state;
    const struct utterance *utterance = line_end_utterance(client, text);
    if (utterance) {
        hear_message(client, utterance, text);
    } else if (slice_equal(text, SLICE("ack")) && command->registering) {
        command->registering = false;
        command->registered = true;
        client_got_name(client, slice_of_string(people_name((unsigned)command->asked, 0)));
    } else if (slice_starts_with(text, SLICE("error: "))) {
        client_lost_name(client, slice_skip(text, strlen("error: ")));
        command->registering = false; /* lists are never refused, so it is about something else … */
        if (slice_equal(text, SLICE("error: Register a name first"))) {
            command->listing = false; /* … unless its name was lost to another server */
        }
    } else if (command->listing) {
        command->listing = false;
        check_names(client, text);
    } else {
        client_fail(client, "reads what nobody wrote: %.*s", SLICE_ARGS(text));
    }
}

static void receive(struct client *client, struct slice bytes) {
    struct command_client *command = client->state;
    if (command->framed) {
        line_end_receive(&command->lines, client, bytes, hear);
        return;
    }
    do { /* what it has missed of a conversation comes as one, a line each */
        hear(client, slice_cut(&bytes, '\n'));
    } while (bytes.length > 0);
}

static void lost(struct client *client) {
    struct command_client *command = client->state;
    line_end_close(&command->lines);
}

static void chat(struct client *client) {
    struct utterance *utterance = client_say(client, ENTRY_MESSAGE, MANNER_LINE);
    utterance->to =
        memory_copy_string(slice_of_string(people_name((unsigned)draw(client->world, PEOPLE), 0)));
    client_sends(client, utterance);
    command_send(client, "chat", utterance->to, utterance->content);
}

static void act(struct client *client) {
    struct command_client *command = client->state;
    struct world *world = client->world;
    if (world->calm || command->registering || command->listing) {
        return;
    }
    if (!command->registered) {
        const char *name = client_pick_name(client);
        command->registering = true;
        command->asked = people_find(slice_of_string(name));
        command_send(client, "register", name, NULL);
        return;
    }
    switch (draw(world, 10)) {
    case 0:
    case 1:
        command->listing = true;
        command_send(client, "list", "friends", NULL);
        break;
    case 2:
        command_send(client, "fly", "away", NULL);
        break;
    default:
        chat(client);
        break;
    }
}

static void settled(struct client *client) {
    struct command_client *command = client->state;
    if (client->wire == 0) {
        client_fail(client, "could not come back");
    }
    if (command->registering || command->listing) {
        client_fail(client, "never got an answer");
    }
    for (struct reading *r = client->readings; r; r = r->next_reading) {
        reader_complete(client, r);
    }
}

const struct client_kind client_command = {
    .name = "command",
    .scheme = "command",
    .state_size = sizeof(struct command_client),
    .born = born,
    .connected = connected,
    .receive = receive,
    .lost = lost,
    .act = act,
    .settled = settled,
    .close = lost,
};
