/* What a JSON client asks for. */
#include "sim/client_json.h"

#include <string.h>

#define PENDING_MOST 20

static struct pending *ask(struct client *client, enum asked asked, char letter, uint64_t number) {
    struct json_client *json = client->state;
    struct pending *pending = memory_new_struct(struct pending);
    struct pending **end = &json->pending;
    while (*end) {
        end = &(*end)->next;
    }
    *end = pending;
    pending->asked = asked;
    snprintf(pending->cid, sizeof pending->cid, "%c%llu", letter, (unsigned long long)number);
    return pending;
}

static struct pending *request(struct client *client, enum asked asked, json_t **object,
                               const char *type) {
    struct json_client *json = client->state;
    struct pending *pending = ask(client, asked, 'r', ++json->last_request);
    *object = json_pack("{s:s,s:s}", "type", type, "cid", pending->cid);
    client_note(client, "asks %s as %s", type, pending->cid);
    return pending;
}

static bool resumable(const struct json_client *json, const struct json_room *room) {
    bool twins = false; /* two rooms of one name cannot be told apart */
    for (const struct json_room *other = json->rooms; other; other = other->next) {
        twins |= other != room && room->index < 0 && other->sides == room->sides;
    }
    return room->wanted && room->reading && !twins && (json->v1 || room->index != 0);
}

static json_t *pack_resume(struct client *client) {
    struct json_client *json = client->state;
    json_t *resume = json_object();
    for (struct json_room *room = json->rooms; room; room = room->next) {
        room->resuming = false;
        if (!resumable(json, room) || room->stage != STAGE_OUT || chance(client->world, 10)) {
            continue;
        }
        room->resuming = true;
        room->after = room->reading->next - 1;
        json_t *point = json_pack("{s:I}", "after", (json_int_t)room->after);
        if (room->epoch[0] != '\0') {
            json_object_set_new(point, "epoch", json_string(room->epoch));
        }
        json_object_set_new(resume, room->name, point);
        client_note(client, "goes on in %s after %llu", room->name,
                    (unsigned long long)room->after);
    }
    return resume;
}

/* With its password, or with the token that it was given for that. */
static void log_in(struct client *client, json_t *object) {
    struct json_client *json = client->state;
    bool right = client->world->calm || chance(client->world, 85);
    unsigned spelling = (unsigned)draw(client->world, 2);
    if (right && json->session[0] != '\0') {
        return;
    }
    json_object_set_new(object, "name",
                        json_string(people_name((unsigned)client->account, spelling)));
    json_object_set_new(object, "password", json_string(right ? "right" : "wrong"));
    json->wrong_logins += !right;
}

void json_ask_hello(struct client *client) {
    struct json_client *json = client->state;
    json_t *object;
    bool returns = json->session[0] != '\0';
    struct pending *pending = request(client, ASKED_HELLO, &object, "hello");
    json->hello_sent = json->introduced = true;
    client->held = -1;
    client_note(client, "says hello%s as %s", returns ? " again" : "", pending->cid);
    if (client->account >= 0) {
        log_in(client, object);
    } else if (!client->world->calm && chance(client->world, returns ? 20 : 80)) {
        json_object_set_new(object, "name", json_string(client_pick_name(client)));
    }
    if (returns) {
        json_object_set_new(object, "session", json_string(json->session));
    }
    json_object_set_new(object, "resume", pack_resume(client));
    json_send(client, object);
}

static const char *const entry_types[] = {
    [ENTRY_MESSAGE] = "message", [ENTRY_EDIT] = "edit",   [ENTRY_DELETE] = "delete",
    [ENTRY_REACTION] = "react",  [ENTRY_TOPIC] = "topic",
};

/* Sends it, for the first time or again with the same words. */
static void utter(struct client *client, struct utterance *utterance) {
    json_t *object = json_pack("{s:s}", "type", entry_types[utterance->kind]);
    if (utterance->to) {
        json_object_set_new(object, "to", json_string(utterance->to));
    } else if (strcmp(utterance->room, "lobby") != 0 || client->view == VIEW_FULL) {
        json_object_set_new(object, "room", json_string(utterance->room));
    }
    if (utterance->content) {
        json_object_set_new(object, "content", json_string(utterance->content));
    }
    if (utterance->label) {
        json_object_set_new(object, "sender", json_string(utterance->label));
    }
    if (utterance->of > 0) {
        json_object_set_new(object, "of", json_integer((json_int_t)utterance->of));
    }
    if (utterance->key) {
        json_object_set_new(object, "key", json_string(utterance->key));
    }
    if (utterance->has_cid) {
        struct pending *pending = ask(client, ASKED_SAY, 'c', utterance->tag);
        pending->utterance = utterance;
        pending->as_itself = json_is_itself(client->state);
        json_object_set_new(object, "cid", json_string(pending->cid));
    }
    client_sends(client, utterance);
    json_send(client, object);
}

static const char *some_room(struct client *client) {
    return room_key((unsigned)draw(client->world, ROOMS));
}

static void say(struct client *client) {
    struct world *world = client->world;
    struct utterance *utterance = client_say(client, ENTRY_MESSAGE, MANNER_ANY);
    const char *label = chance(world, 30) ? speech_label(world) : NULL;
    utterance->has_cid = chance(world, 70);
    if (chance(world, 15)) {
        utterance->to =
            memory_copy_string(slice_of_string(people_name((unsigned)draw(world, PEOPLE), 0)));
    } else {
        utterance->room = memory_copy_string(slice_of_string(some_room(client)));
    }
    if (label) {
        utterance->label = memory_copy_string(slice_of_string(label));
    }
    utter(client, utterance);
}

/* Something about what was said before, mostly by this client. */
static void refer(struct client *client, enum entry_kind kind) {
    struct world *world = client->world;
    const char *room = some_room(client);
    const struct room_log *log = ledger_log(&world->ledger, slice_of_string(room), NULL);
    if (!log || log->last == 0) {
        return;
    }
    uint64_t of = 1 + draw(world, log->last);
    for (unsigned i = 0; i < 20; i++) {
        const struct record *record = ledger_record(log, of);
        if (record->utterance->author == client->index || kind == ENTRY_REACTION) {
            break;
        }
        of = 1 + draw(world, log->last);
    }
    struct utterance *utterance = client_say(client, kind, MANNER_ANY);
    utterance->room = memory_copy_string(slice_of_string(room));
    utterance->of = kind == ENTRY_TOPIC ? 0 : of;
    utterance->has_cid = true;
    if (kind == ENTRY_REACTION) {
        utterance->key = memory_copy_string(SLICE("\U0001f44d"));
    }
    utter(client, utterance);
}

static bool waits_for(const struct json_client *json, const struct json_room *room) {
    for (const struct pending *pending = json->pending; pending; pending = pending->next) {
        if (pending->room == room || pending->asked == ASKED_HELLO) {
            return true;
        }
    }
    return false;
}

static void join(struct client *client) {
    struct json_client *json = client->state;
    struct world *world = client->world;
    unsigned index = (unsigned)draw(world, ROOMS);
    struct json_room *room =
        json_room_get(client, slice_of_string(room_name(index, (unsigned)draw(world, 2))));
    if (waits_for(json, room) || (room->stage != STAGE_OUT && chance(world, 70))) {
        return;
    }
    json_t *object;
    struct pending *pending = request(client, ASKED_JOIN, &object, "join");
    pending->room = room;
    json_object_set_new(object, "room", json_string(room_name(index, (unsigned)draw(world, 2))));
    if (room->reading && chance(world, 80)) {
        uint64_t seen = room->reading->next - 1;
        pending->has_after = true;
        pending->after = chance(world, 80)   ? seen
                         : chance(world, 70) ? draw(world, seen + 1)
                                             : seen + 1000000;
        json_object_set_new(object, "after", json_integer((json_int_t)pending->after));
        if (room->epoch[0] != '\0' && chance(world, 80)) {
            json_object_set_new(object, "epoch", json_string(room->epoch));
            pending->has_epoch = true;
        }
    }
    if (room->stage == STAGE_OUT) { /* else it goes on as before until the answer */
        room->stage = STAGE_JOINING;
    }
    room->wanted = true;
    client_note(client, "joins %s as %s, after %lld", room->name, pending->cid,
                pending->has_after ? (long long)pending->after : -1);
    json_send(client, object);
}

static void leave(struct client *client) {
    struct json_client *json = client->state;
    json_t *object;
    struct json_room *room = json->rooms;
    for (uint64_t skip = draw(client->world, ROOMS); room && skip > 0; skip--) {
        room = room->next;
    }
    if (!room || room->index < 0 || waits_for(json, room) ||
        (room->stage != STAGE_LIVE && room->stage != STAGE_CATCHING)) {
        return;
    }
    struct pending *pending = request(client, ASKED_LEAVE, &object, "leave");
    pending->room = room;
    room->wanted = false;
    if (room->reading) {
        room->reading->staying = false;
    }
    json_object_set_new(object, "room", json_string(room->name));
    client_note(client, "leaves %s as %s", room->name, pending->cid);
    json_send(client, object);
}

static void look_back(struct client *client) {
    json_t *object;
    unsigned index = (unsigned)draw(client->world, ROOMS);
    struct pending *pending = request(client, ASKED_HISTORY, &object, "history");
    pending->room = json_room_get(client, slice_of_string(room_name(index, 0)));
    pending->limit = 1 + (unsigned)draw(client->world, 120);
    pending->before = chance(client->world, 50) ? 1 + draw(client->world, 200) : 0;
    json_object_set_new(object, "room", json_string(room_name(index, 0)));
    json_object_set_new(object, "limit", json_integer((json_int_t)pending->limit));
    if (pending->before > 0) {
        json_object_set_new(object, "before", json_integer((json_int_t)pending->before));
    }
    json_send(client, object);
}

static void look_around(struct client *client) {
    static const char *const types[] = {"rooms", "members", "typing", "read"};
    json_t *object;
    const char *type = types[draw(client->world, sizeof types / sizeof types[0])];
    request(client, ASKED_LIST, &object, type);
    if (strcmp(type, "rooms") != 0) {
        json_object_set_new(object, "room", json_string(some_room(client)));
    }
    json_send(client, object);
}

/* What no honest client sends. Those that break the protocol must be answered with the code that it
 * has for them. */
static void cheat(struct client *client) {
    static const char *const texts[] = {
        "not json",
        "[1]",
        "{\"content\":5}",
        "{\"type\":\"nope\"}",
        "{\"type\":\"join\"}",
        "{\"content\":null}",
        "{\"type\":\"message\",\"content\":{}}",
        "{\"type\":7}",
        "{\"type\":\"hello\",\"resume\":[]}",
        "{\"type\":\"history\",\"room\":\"@ann,none\"}",
        "{\"type\":\"join\",\"room\":\"$ready\"}",
        "{\"type\":\"edit\",\"room\":\"lobby\"}",
    };
    struct json_client *json = client->state;
    struct world *world = client->world;
    struct slice text = slice_of_string(texts[draw(world, sizeof texts / sizeof texts[0])]);
    struct websocket_end plain = {0};
    switch (draw(world, 20)) {
    case 0:
        json->expect_close = 1003;
        websocket_end_send(&plain, client, WEBSOCKET_BINARY, text);
        break;
    case 1:
        json->expect_close = 1007;
        websocket_end_send(&plain, client, WEBSOCKET_TEXT, SLICE("\xff\xfe"));
        break;
    case 2:
        json->expect_close = 1002;
        client_send(client, SLICE("\x83\x80zzzz"));
        break;
    default:
        websocket_end_send(&json->socket, client, WEBSOCKET_TEXT, text);
        return;
    }
    json->quitting = true;
    client->held = -1;
}

static void too_large(struct client *client) {
    struct world *world = client->world;
    struct utterance *utterance = client_say(client, ENTRY_MESSAGE, MANNER_LINE);
    struct buffer text = {0};
    buffer_append_format(&text, "#%u# ", utterance->tag);
    while (buffer_length(&text) <= world->plan.max_message) {
        buffer_append_string(&text, "too much ");
    }
    memory_free(utterance->content);
    utterance->content = memory_copy_string(buffer_slice(&text));
    buffer_close(&text);
    utterance->room = memory_copy_string(SLICE("lobby"));
    utterance->has_cid = true;
    utter(client, utterance);
}

static void quit(struct client *client) {
    struct json_client *json = client->state;
    client_note(client, "quits");
    json->quitting = true;
    json->session[0] = '\0';
    client->held = -1;
    websocket_end_quit(&json->socket, client, 1000);
}

static void resend(struct client *client) {
    struct json_client *json = client->state;
    while (json->unsure_count > 0) {
        struct utterance *utterance = json->unsure[--json->unsure_count];
        utter(client, utterance);
    }
}

static void act_at_random(struct client *client) {
    struct json_client *json = client->state;
    unsigned at = (unsigned)draw(client->world, 100);
    if (at < 50) {
        say(client);
    } else if (at < 62) {
        join(client);
    } else if (at < 67) {
        leave(client);
    } else if (at < 72) {
        look_back(client);
    } else if (at < 80) {
        refer(client, ENTRY_EDIT + (enum entry_kind)draw(client->world, 4));
    } else if (at < 86) {
        look_around(client);
    } else if (at < 89) {
        cheat(client);
    } else if (at < 91) {
        too_large(client);
    } else if (at < 92) {
        quit(client);
    } else if (at < 95 && json->hello && !json->hello_sent) {
        json_ask_hello(client);
    }
}

void json_act(struct client *client) {
    struct json_client *json = client->state;
    unsigned waiting = 0;
    for (const struct pending *pending = json->pending; pending; pending = pending->next) {
        waiting++;
    }
    if (!json->socket.open || json->socket.close_code != 0 || json->quitting ||
        waiting > PENDING_MOST) {
        return;
    }
    if (json->v1 && !json->welcomed && !json->hello_sent) {
        json_ask_hello(client);
        return;
    }
    if (json->unsure_count > 0 && json_is_itself(json)) {
        resend(client);
    }
    if (!client->world->calm && (json->welcomed || !json->v1)) {
        act_at_random(client);
    }
}
