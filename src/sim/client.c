#include "sim/client.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "sim/world.h"

/* How often each kind is met. */
static const struct {
    const struct client_kind *kind;
    unsigned weight;
} kinds[] = {
    {&client_json, 10},   {&client_line, 4}, {&client_numbered, 2}, {&client_text, 2},
    {&client_command, 3}, {&client_http, 2}, {&client_sse, 3},      {&client_garbage, 1},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

static const struct client_kind *pick_kind(struct world *world, unsigned index) {
    unsigned total = 0;
    if (index < KINDS) {
        return kinds[index].kind; /* one of each at least, where there are enough */
    }
    for (size_t i = 0; i < KINDS; i++) {
        total += kinds[i].weight;
    }
    unsigned at = (unsigned)draw(world, total);
    for (size_t i = 0;; i++) {
        if (at < kinds[i].weight) {
            return kinds[i].kind;
        }
        at -= kinds[i].weight;
    }
}

void clients_init(struct world *world) {
    size_t count = world->plan.client_count;
    world->clients = memory_new(count * sizeof world->clients[0]);
    for (unsigned i = 0; i < count; i++) {
        struct client *client = &world->clients[i];
        client->world = world;
        client->index = i;
        client->held = client->account = -1;
        client->kind = pick_kind(world, i);
        client->state = memory_new(client->kind->state_size);
        if (client->kind->born) {
            client->kind->born(client);
        }
        world_later(world, (int64_t)draw(world, 2000000), HAPPEN_ACT, i + 1);
    }
}

void clients_close(struct world *world) {
    for (size_t i = 0; i < world->plan.client_count; i++) {
        struct client *client = &world->clients[i];
        client->kind->close(client);
        reader_forget(client);
        memory_free(client->state);
    }
    memory_free(world->clients);
}

void client_fail(struct client *client, const char *format, ...) {
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    world_fail(client->world, "%s %u: %s", client->kind->name, client->index + 1, text);
}

void client_note(struct client *client, const char *format, ...) {
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    trace_note(&client->world->trace, client->world->now_us, client->kind->name, client->index + 1,
               "%s", text);
}

struct wire *client_wire(const struct client *client) {
    return network_find(client->world, client->wire);
}

void client_send(struct client *client, struct slice bytes) {
    struct wire *wire = client_wire(client);
    if (wire) {
        wire_write(wire, bytes);
    }
}

static void lose(struct client *client) {
    client->wire = 0;
    client->held = -1;
    client->kind->lost(client);
}

void client_hang_up(struct client *client, enum leaving how) {
    static const char *const ways[] = {"hangs up", "breaks off", "vanishes"};
    struct wire *wire = client_wire(client);
    client_note(client, "%s", ways[how]);
    lose(client);
    if (wire) {
        wire_leave(wire, how);
    }
}

void client_received(struct client *client, struct slice bytes, uint64_t order) {
    client->order = order;
    client->kind->receive(client, bytes);
}

void client_lost(struct client *client, enum ending ending) {
    client_note(client, "connection %s", ending == ENDING_FINISH ? "closed" : "lost");
    lose(client);
}

static void connect(struct client *client) {
    struct wire *wire = wire_open(client->world, client, client->kind->scheme);
    if (!wire) {
        return;
    }
    client->wire = wire->id;
    client_note(client, "connects by wire %llu", (unsigned long long)wire->id);
    client->kind->connected(client);
}

/* What happens to a connection whatever is spoken over it. True: something did. */
static bool misfortune(struct client *client) {
    struct world *world = client->world;
    struct wire *wire = client_wire(client);
    switch (draw(world, 120)) {
    case 0:
        client_hang_up(client, LEAVE_RESET);
        return true;
    case 1:
        client_hang_up(client, LEAVE_SILENTLY);
        return true;
    case 2:
        client_hang_up(client, LEAVE_POLITELY);
        return true;
    case 3:
    case 4:
        wire->stalled_until_us = world->now_us + (int64_t)draw(world, 8000000);
        world_later(world, wire->stalled_until_us - world->now_us, HAPPEN_DOWN, wire->id);
        client_note(client, "reads nothing for a while");
        return true;
    case 5:
        wire->read_most = wire->whole ? 0 : 1 + (size_t)draw(world, 2000);
        client_note(client, "reads slowly");
        return true;
    case 6:
        wire_recover(wire);
        return true;
    default:
        return false;
    }
}

void client_act(struct client *client) {
    struct world *world = client->world;
    struct wire *wire = client_wire(client);
    if (client->retired) {
        return;
    }
    int64_t pause_us = 1000 * (int64_t)(1 + draw(world, 2 * world->plan.act_ms));
    world_later(world, pause_us, HAPPEN_ACT, client->index + 1);
    if (!wire) {
        connect(client);
    } else if (wire->stalled_until_us <= world->now_us && (world->calm || !misfortune(client))) {
        client->kind->act(client);
    }
}

const char *client_pick_name(struct client *client) {
    unsigned index = (unsigned)draw(client->world, PEOPLE);
    client->tried |= 1u << index;
    return people_name(index, (unsigned)draw(client->world, 2));
}

bool client_is_same(const struct client *client, const struct client *other) {
    return client == other || (client->account >= 0 && client->account == other->account);
}

/* To a name that is an account's only its devices have one, and they to no other; to others whoever
 * has ever asked for it. */
static bool has_right(const struct client *client, int name) {
    bool is_account = name < (int)client->world->plan.account_count;
    return is_account ? client->account == name : (client->tried & 1u << name) != 0;
}

void client_got_name(struct client *client, struct slice name) {
    int index = people_find(name);
    if (index < 0 || !has_right(client, index)) {
        client_fail(client, "is called %.*s and never asked for that", SLICE_ARGS(name));
        return;
    }
    client->held = index;
}

void client_lost_name(struct client *client, struct slice told) {
    if (slice_equal(told, SLICE("Somebody else holds your name now"))) {
        client->held = -1;
    }
}

struct utterance *client_say(struct client *client, enum entry_kind kind, enum manner manner) {
    struct world *world = client->world;
    struct utterance *utterance = ledger_say(&world->ledger, client->index, kind);
    if (kind != ENTRY_DELETE && kind != ENTRY_REACTION) {
        utterance->content = speech_words(world, utterance->tag, manner, world->plan.max_message);
    }
    return utterance;
}

void client_sends(struct client *client, struct utterance *utterance) {
    utterance->sends++;
    utterance->wire = client->wire;
    client_note(client, "says #%u %s %s%s", utterance->tag, utterance->to ? "to" : "in",
                utterance->to ? utterance->to : utterance->room,
                utterance->sends > 1 ? " again" : "");
}

void client_check_audience(struct client *client, const struct utterance *utterance) {
    if (!utterance->to || client_is_same(client, &client->world->clients[utterance->author])) {
        return;
    }
    int index = people_find(slice_of_string(utterance->to));
    if (index < 0 || !has_right(client, index)) {
        client_fail(client, "reads #%u, which is for %s alone", utterance->tag, utterance->to);
    }
}

struct record *client_shown(struct client *client, const struct utterance *utterance) {
    struct room_log *log = utterance->log;
    client_check_audience(client, utterance);
    if (!log) {
        client_fail(client, "is shown #%u, which is not stored", utterance->tag);
        return NULL;
    }
    return ledger_record(log, utterance->seq);
}

/* Where there are several servers, a name may be lost to somebody on another one before its holder
 * hears of it; who has it then is looked at in the calm. */
static bool in_use(const struct client *client, int name) {
    const struct wire *wire = client_wire(client);
    return client->held == name && wire && wire->peer && !wire->dead && !wire->finished;
}

static bool may_sign(const struct client *author, const struct utterance *utterance,
                     struct slice sender, int name) {
    if (name >= 0 && has_right(author, name)) {
        return true;
    }
    if (name >= 0 && name < (int)author->world->plan.account_count) {
        return false;
    }
    if (utterance->label) {
        return slice_equal(sender, slice_of_string(utterance->label));
    }
    return slice_equal(sender, SLICE("anonymous")) || slice_starts_with(sender, SLICE("Client "));
}

void client_check_signature(struct world *world, const struct entry_body *body) {
    const struct utterance *utterance = body->cid.length > 0
                                            ? ledger_by_cid(&world->ledger, body->cid)
                                            : ledger_by_text(&world->ledger, body->content);
    int name = people_find(body->sender);
    if (!utterance) {
        world_fail(world, "what nobody has said is to be stored: %.*s, signed %.*s",
                   SLICE_ARGS(body->content), SLICE_ARGS(body->sender));
        return;
    }
    world_check(world, may_sign(&world->clients[utterance->author], utterance, body->sender, name),
                "#%u is signed %.*s, by somebody who never asked for that", utterance->tag,
                SLICE_ARGS(body->sender));
    for (size_t i = 0; i < world->plan.client_count && name >= 0; i++) {
        const struct client *other = &world->clients[i];
        world_check(world,
                    client_is_same(other, &world->clients[utterance->author]) ||
                        !in_use(other, name) || world->log,
                    "#%u is signed with the name that client %zu has", utterance->tag, i + 1);
    }
}
