/* Lines with a name. Every line must be an entry of a room this client is in, word for word, or one
 * of the few things the server says. */
#include <string.h>

#include "sim/client.h"
#include "sim/line_end.h"
#include "sim/world.h"

enum line_stage { LINE_BANNER, LINE_PROMPT, LINE_NAMING, LINE_IN };

struct line_client {
    struct line_end lines;
    enum line_stage stage;
    int asked;        /* the name under way; -1: none */
    int former;       /* the name it is to replace */
    unsigned room;    /* where what it says goes to */
    unsigned gone;    /* names, a bit each, that have disconnected and not come back */
    bool moved;       /* has been in more rooms than one */
    bool looked_back; /* has seen history, which looks like news */
    bool quitting;
    char token[64];
};

static void connected(struct client *client) {
    struct line_client *line = client->state;
    char token[sizeof line->token];
    memcpy(token, line->token, sizeof token);
    *line = (struct line_client){.asked = -1};
    memcpy(line->token, token, sizeof token);
    client->view = VIEW_LINE;
    reader_forget(client);
}

static void enter(struct client *client, unsigned room) {
    struct room_log *log =
        ledger_log(&client->world->ledger, slice_of_string(room_key(room)), NULL);
    if (log) {
        struct reading *reading = reader_open(client, log);
        reader_begin(reading, client->order);
        reading->staying =
            room == ((struct line_client *)client->state)->room; /* or is off already */
    }
}

/* Cuts `end` off the end of `line`; false: it does not end in that. */
static bool cut_end(struct slice *line, const char *end) {
    struct slice tail = slice_of_string(end);
    if (line->length < tail.length ||
        !slice_equal(slice_skip(*line, line->length - tail.length), tail)) {
        return false;
    }
    line->length -= tail.length;
    return true;
}

static bool cut_start(struct slice *line, const char *start) {
    if (!slice_starts_with(*line, slice_of_string(start))) {
        return false;
    }
    *line = slice_skip(*line, strlen(start));
    return true;
}

static void hear_before_name(struct client *client, struct slice line) {
    struct line_client *own = client->state;
    if (own->stage == LINE_BANNER) {
        world_check(client->world, slice_equal(line, SLICE("banter chat server")), "no banner");
        own->stage = LINE_NAMING; /* the prompt follows */
        return;
    }
    if (slice_equal(line, SLICE("Enter your name:"))) {
        own->stage = LINE_PROMPT;
        own->asked = -1;
    } else if (cut_end(&line, " has connected") ||
               (cut_start(&line, "You are ") && cut_end(&line, " again."))) {
        client_got_name(client, line);
    } else if (cut_start(&line, "Welcome ")) {
        own->stage = LINE_IN;
        client_note(client, "is in the lobby");
        enter(client, 0);
    } else if (own->stage == LINE_PROMPT && !client->world->log) { /* a log may be out of sight */
        client_fail(client, "reads \"%.*s\" before it has a name", SLICE_ARGS(line));
    }
}

static void append_prefix(const struct client *client, const struct record *record,
                          struct slice line, struct buffer *prefix) {
    const struct utterance *utterance = record->utterance;
    struct slice addressee = slice_skip(line, strlen("[you -> "));
    addressee = slice_cut(&addressee, ']');
    /* Of what comes as history the words tell by the name whose it is, and somebody may have taken
     * the name that the other side had. */
    bool renamed = client->world->log && slice_starts_with(line, SLICE("[you -> "));
    bool own = (utterance->author == client->index || renamed) && people_find(addressee) >= 0;
    if (utterance->to && own) {
        buffer_append_format(prefix, "[you -> %.*s] ", SLICE_ARGS(addressee));
        return;
    }
    if (utterance->to) {
        buffer_append_format(prefix, "[%s -> you] ", record->sender);
        return;
    }
    speech_append_sender(prefix, slice_of_string(record->sender));
    buffer_append_string(prefix, utterance->kind == ENTRY_EDIT    ? " edited: "
                                 : utterance->kind == ENTRY_TOPIC ? " set the topic: "
                                                                  : ": ");
}

/* The last words of somebody come before the news that he has gone; but not of one who has come to
 * another server, and is missed on the former one later. */
static void check_alive(struct client *client, const struct record *record) {
    struct line_client *own = client->state;
    const struct client *author = &client->world->clients[record->utterance->author];
    int name = people_find(slice_of_string(record->sender));
    bool told = client->world->plan.announce_limit >= 100 && !own->moved && !client->world->log;
    if (told && author->kind == &client_line && !record->utterance->to && name >= 0 &&
        own->gone & 1u << name) {
        client_fail(client, "hears %s after that one has disconnected", record->sender);
    }
}

static void hear_entry(struct client *client, const struct utterance *utterance,
                       struct slice line) {
    struct line_client *own = client->state;
    const struct record *record = client_shown(client, utterance);
    struct buffer prefix = {0};
    if (!record) {
        return;
    }
    append_prefix(client, record, line, &prefix);
    line_end_expect(&own->lines, client, buffer_slice(&prefix), utterance, line);
    buffer_close(&prefix);
    if (own->looked_back) {
        return;
    }
    check_alive(client, record);
    if (utterance->to) {
        reader_follow(client, utterance);
    } else if (!reader_find(client, utterance->log)) {
        client_fail(client, "is shown #%u of a room it never was in", utterance->tag);
    } else {
        reader_shown(client, reader_find(client, utterance->log), utterance->seq);
    }
}

/* The answer to a wish for another name. */
static void take_name(struct client *client, struct slice name) {
    struct line_client *own = client->state;
    client_got_name(client, name);
    own->asked = -1;
    if (own->quitting) { /* given up by the time it heard of it */
        client->held = -1;
    }
}

/* Somebody came, went, or goes by another name. True: it was that. */
static bool hear_presence(struct client *client, struct slice line) {
    struct line_client *own = client->state;
    bool came = cut_end(&line, " has connected");
    if (came || cut_end(&line, " has disconnected")) {
        int name = people_find(line);
        unsigned bit = name >= 0 ? 1u << name : 0;
        own->gone = came ? own->gone & ~bit : own->gone | bit;
        return name >= 0;
    }
    for (size_t i = 0; i < 2 * PEOPLE; i++) {
        struct slice rest = line;
        const char *former = people_name((unsigned)i / 2, (unsigned)i % 2);
        if (cut_start(&rest, former) && cut_start(&rest, " is now known as ")) {
            int name = people_find(rest);
            if (own->asked >= 0 && own->asked == name && own->former == (int)i / 2) {
                take_name(client, rest);
            }
            own->gone &= name >= 0 ? ~(1u << name) : ~0u;
            return name >= 0;
        }
    }
    return false;
}

/* What the server says to this client alone. True: it was that. */
static bool hear_answer(struct client *client, struct slice line) {
    struct line_client *own = client->state;
    if (cut_start(&line, "You are now known as ")) {
        take_name(client, line);
        return true;
    }
    if (cut_start(&line, "You are in ")) {
        struct slice name = slice_cut(&line, ' ');
        int room = cut_end(&name, ".") ? room_find_name(name) : -1;
        if (room < 0) {
            return false;
        }
        enter(client, (unsigned)room);
        return true;
    }
    if (cut_start(&line, "Your token is ")) {
        struct slice token = slice_cut(&line, ' ');
        snprintf(own->token, sizeof own->token, "%.*s", SLICE_ARGS(token));
        return true;
    }
    if (cut_start(&line, "error: ")) { /* about anything; this one about a name */
        bool taken = slice_equal(line, slice_of_string(error_text(ERR_NAME_TAKEN)));
        client_lost_name(client, line);
        own->asked = taken ? -1 : own->asked;
        return true;
    }
    if (client->world->log && cut_start(&line, "Welcome ")) {
        return true; /* it had lost its name to somebody on another server */
    }
    return cut_start(&line, "In ") || cut_start(&line, "There are no rooms") ||
           cut_start(&line, "Nothing has been said in ");
}

/* Lists and topics, whose words may be those of somebody's entry. */
static bool hear_list(struct client *client, struct slice line) {
    if (cut_start(&line, "The topic is ")) {
        return true;
    }
    struct slice name = line;
    ptrdiff_t blank = slice_find(line, ' ');
    if (blank < 0) {
        return false;
    }
    name.length = (size_t)blank;
    (void)client;
    return room_find_name(name) >= 0 &&
           slice_starts_with(slice_skip(line, name.length), SLICE(" - "));
}

static void hear(struct client *client, struct slice line) {
    struct line_client *own = client->state;
    if (own->stage != LINE_IN) {
        hear_before_name(client, line);
        return;
    }
    if (hear_list(client, line)) {
        return;
    }
    const struct utterance *utterance = line_end_utterance(client, line);
    if (utterance) {
        hear_entry(client, utterance, line);
    } else if (own->looked_back && (cut_end(&line, ": ") || cut_end(&line, "] "))) {
        /* Of what was deleted its author is left. */
    } else if (!hear_presence(client, line) && !hear_answer(client, line)) {
        client_fail(client, "reads a line that nobody wrote: %.*s", SLICE_ARGS(line));
    }
}

static void receive(struct client *client, struct slice bytes) {
    struct line_client *own = client->state;
    line_end_receive(&own->lines, client, bytes, hear);
}

static void lost(struct client *client) {
    struct line_client *own = client->state;
    line_end_close(&own->lines);
}

static void answer_prompt(struct client *client) {
    struct line_client *own = client->state;
    own->stage = LINE_NAMING;
    if (own->token[0] != '\0' && chance(client->world, 50)) {
        client_note(client, "comes back with its token");
        line_end_send(client, "/resume ", slice_of_string(own->token));
        return;
    }
    const char *name = client_pick_name(client);
    client_note(client, "says it is %s", name);
    line_end_send(client, "", slice_of_string(name));
}

static void say(struct client *client, const char *command, enum entry_kind kind, bool direct) {
    struct line_client *own = client->state;
    struct world *world = client->world;
    struct utterance *utterance = client_say(client, kind, MANNER_LINE);
    struct buffer start = {0};
    buffer_append_string(&start, command);
    if (direct) {
        utterance->to =
            memory_copy_string(slice_of_string(people_name((unsigned)draw(world, PEOPLE), 0)));
        buffer_append_format(&start, "%s ", utterance->to);
    } else {
        utterance->room = memory_copy_string(slice_of_string(room_key(own->room)));
    }
    buffer_append_char(&start, '\0');
    client_sends(client, utterance);
    line_end_send(client, buffer_slice(&start).data, slice_of_string(utterance->content));
    buffer_close(&start);
}

static void move(struct client *client) {
    struct line_client *own = client->state;
    unsigned room = (unsigned)draw(client->world, ROOMS);
    if (!client->world->plan.create_rooms || room == own->room) {
        return;
    }
    for (struct reading *r = client->readings; r; r = r->next_reading) {
        r->staying = r->staying && r->log->direct;
    }
    own->room = room;
    own->moved = true;
    client_note(client, "goes to %s", room_key(room));
    line_end_send(client, "/join ", slice_of_string(room_name(room, 1)));
}

static void rename_self(struct client *client) {
    struct line_client *own = client->state;
    const char *name = client_pick_name(client);
    own->former = client->held;
    client->held = -1;
    own->asked = people_find(slice_of_string(name));
    client_note(client, "wants to be %s", name);
    line_end_send(client, "/nick ", slice_of_string(name));
}

static void quit(struct client *client) {
    struct line_client *own = client->state;
    client_note(client, "quits");
    own->quitting = true;
    own->token[0] = '\0';
    client->held = -1;
    line_end_send(client, chance(client->world, 50) ? "QUIT" : "/quit", SLICE_NONE);
}

static void act_at_random(struct client *client) {
    struct line_client *own = client->state;
    static const char *const odd[] = {"/who",   "/rooms",  "/nonsense", "\xff\xfe", "  ",
                                      "/token", "/nick  ", "/msg ann",  "/token",   "/join $ready"};
    unsigned at = (unsigned)draw(client->world, 100);
    if (at < 65) {
        say(client, "", ENTRY_MESSAGE, false);
    } else if (at < 75) {
        say(client, "/msg ", ENTRY_MESSAGE, true);
    } else if (at < 78) {
        say(client, "/topic ", ENTRY_TOPIC, false);
    } else if (at < 82) {
        move(client);
    } else if (at < 84 && own->asked < 0) {
        rename_self(client);
    } else if (at < 85) {
        quit(client);
    } else if (at < 86) {
        line_end_send_too_long(client);
    } else if (at < 88) {
        own->looked_back = true;
        line_end_send(client, "/history ", SLICE("30"));
    } else {
        const char *text = odd[draw(client->world, sizeof odd / sizeof odd[0])];
        line_end_send(client, "", slice_of_string(text));
    }
}

static void act(struct client *client) {
    struct line_client *own = client->state;
    if (own->quitting) {
        return;
    }
    if (own->stage == LINE_PROMPT) {
        answer_prompt(client);
    } else if (own->stage == LINE_IN && !client->world->calm) {
        act_at_random(client);
    }
}

static void settled(struct client *client) {
    struct line_client *own = client->state;
    if (client->wire == 0) {
        client_fail(client, "could not come back");
    }
    if (own->stage == LINE_BANNER) {
        client_fail(client, "was never greeted");
    }
    for (struct reading *r = client->readings; r && !own->looked_back; r = r->next_reading) {
        reader_complete(client, r);
    }
}

const struct client_kind client_line = {
    .name = "line",
    .scheme = "line",
    .state_size = sizeof(struct line_client),
    .connected = connected,
    .receive = receive,
    .lost = lost,
    .act = act,
    .settled = settled,
    .close = lost,
};
