#include "sim/client_json.h"

#include <string.h>

int json_room_sides(struct slice name) {
    struct slice second = slice_skip(name, 1);
    struct slice first = slice_cut(&second, ',');
    return slice_starts_with(name, SLICE("@"))
               ? 1 + people_find(first) + PEOPLE * people_find(second)
               : 0;
}

struct json_room *json_room_find(struct json_client *json, struct slice name) {
    int index = room_find_name(name);
    for (struct json_room *room = json->rooms; room; room = room->next) {
        bool same =
            index >= 0 ? room->index == index : slice_equal(slice_of_string(room->name), name);
        if (same) {
            return room;
        }
    }
    return NULL;
}

struct json_room *json_room_get(struct client *client, struct slice name) {
    struct json_client *json = client->state;
    struct json_room *room = json_room_find(json, name);
    if (room) {
        return room;
    }
    room = memory_new_struct(struct json_room);
    room->name = memory_copy_string(name);
    room->index = room_find_name(name);
    room->sides = json_room_sides(name);
    room->next = json->rooms;
    json->rooms = room;
    return room;
}

struct room_log *json_room_log(struct client *client, const struct json_room *room) {
    if (room->index < 0) {
        return NULL;
    }
    return ledger_log(&client->world->ledger, slice_of_string(room_key((unsigned)room->index)),
                      NULL);
}

struct pending *json_pending_take(struct json_client *json, struct slice cid) {
    for (struct pending **link = &json->pending; *link; link = &(*link)->next) {
        if (slice_equal(slice_of_string((*link)->cid), cid)) {
            struct pending *pending = *link;
            *link = pending->next;
            return pending;
        }
    }
    return NULL;
}

bool json_pending_has(const struct json_client *json, struct slice cid) {
    for (const struct pending *pending = json->pending; pending; pending = pending->next) {
        if (slice_equal(slice_of_string(pending->cid), cid)) {
            return true;
        }
    }
    return false;
}

void json_send(struct client *client, json_t *object) {
    struct json_client *json = client->state;
    size_t flags = chance(client->world, 50) ? JSON_COMPACT : JSON_ENSURE_ASCII;
    char *text = json_dumps(object, flags);
    json_decref(object);
    websocket_end_send(&json->socket, client, WEBSOCKET_TEXT, slice_of_string(text));
    free(text);
}

bool json_is_itself(const struct json_client *json) {
    return json->welcomed || !json->hello;
}

void json_unsure(struct client *client, const struct pending *pending) {
    struct json_client *json = client->state;
    struct utterance *utterance = pending->utterance;
    if (utterance->to || !pending->as_itself) {
        return; /* the name may be somebody else's by then, or the cid that of a stranger */
    }
    if (json->unsure_count == json->unsure_capacity) {
        json->unsure_capacity = json->unsure_capacity * 2 + 8;
        json->unsure = memory_resize(json->unsure, json->unsure_capacity * sizeof json->unsure[0]);
    }
    json->unsure[json->unsure_count++] = utterance;
}

static void born(struct client *client) {
    struct json_client *json = client->state;
    json->v1 = chance(client->world, 60);
    json->hello = json->v1 || chance(client->world, 50);
    if (json->hello && client->world->plan.account_count > 0 && chance(client->world, 50)) {
        client->account = (int)draw(client->world, client->world->plan.account_count);
    }
    client->view = json->v1 ? VIEW_FULL : VIEW_PLAIN;
}

static void connected(struct client *client) {
    struct json_client *json = client->state;
    client->view = json->v1 ? VIEW_FULL : VIEW_PLAIN;
    /* One by one: the order in which arguments are drawn is the compiler's. */
    const char *path = chance(client->world, 50) ? "/ws" : "/";
    bool deflate = chance(client->world, 30);
    websocket_end_begin(&json->socket, client, path, json->v1 ? "banter.v1" : NULL, deflate);
}

static void opened(struct client *client) {
    struct json_client *json = client->state;
    if (json->v1) {
        json_ask_hello(client);
    }
}

static void hear(struct client *client, enum websocket_opcode opcode, struct slice payload) {
    if (opcode != WEBSOCKET_TEXT) {
        client_fail(client, "got a binary frame");
        return;
    }
    json_hear(client, payload);
}

static void receive(struct client *client, struct slice bytes) {
    struct json_client *json = client->state;
    uint16_t before = json->socket.close_code;
    websocket_end_receive(&json->socket, client, bytes, opened, hear);
    uint16_t code = json->socket.close_code;
    if (code == before) {
        return;
    }
    bool guessed = code == 1008 && json->wrong_logins >= LIMIT_LOGIN_ATTEMPTS;
    /* It is known on another server by a name, or its former connection got there just now what it
     * had asked for. */
    bool moved = (code == 1012 || code == 4502) && client->world->log;
    bool homeless = code == 1013 && client->world->log; /* the lobby is out of sight */
    bool usual =
        code == json->expect_close || code == 1000 || code == 4000 || guessed || moved || homeless;
    if (!usual) {
        client_fail(client, "was told goodbye with %u", code);
    }
}

/* Without a secret nobody can come back as who he was. */
static void forget(struct client *client) {
    struct json_client *json = client->state;
    json->session[0] = '\0';
    json->unsure_count = 0;
    while (json->rooms) {
        struct json_room *room = json->rooms;
        json->rooms = room->next;
        memory_free(room->name);
        memory_free(room);
    }
    reader_forget(client);
}

/* By its secret, or as an account. */
static bool comes_back(const struct client *client) {
    const struct json_client *json = client->state;
    return json->session[0] != '\0' || client->account >= 0;
}

static void lost(struct client *client) {
    struct json_client *json = client->state;
    websocket_end_close(&json->socket);
    json->welcomed = json->hello_sent = json->introduced = json->quitting = false;
    json->expect_close = 0;
    json->wrong_logins = 0;
    while (json->pending) {
        struct pending *pending = json->pending;
        json->pending = pending->next;
        if (pending->asked == ASKED_SAY && comes_back(client)) {
            json_unsure(client, pending);
        }
        memory_free(pending);
    }
    for (struct json_room *room = json->rooms; room; room = room->next) {
        room->stage = STAGE_OUT;
        room->resuming = false;
        if (room->reading) {
            room->reading->staying = false;
        }
    }
    if (!comes_back(client) || chance(client->world, 3)) {
        forget(client);
    }
}

static void settled(struct client *client) {
    struct json_client *json = client->state;
    if (client->wire == 0) {
        client_fail(client, "could not come back");
        return;
    }
    if (json->pending) {
        client_fail(client, "never got an answer to %s", json->pending->cid);
    }
    if (json->v1 && !json->welcomed) {
        client_fail(client, "was never welcomed");
    }
    if (json->unsure_count > 0 && json->welcomed) {
        client_fail(client, "could not get rid of #%u", json->unsure[0]->tag);
    }
    for (struct json_room *room = json->rooms; room; room = room->next) {
        if (room->stage == STAGE_CATCHING || room->stage == STAGE_JOINING) {
            client_fail(client, "never was live in %s", room->name);
        }
        if (room->stage == STAGE_LIVE && room->reading) {
            reader_complete(client, room->reading);
        }
    }
}

static void close_state(struct client *client) {
    struct json_client *json = client->state;
    while (json->pending) {
        struct pending *pending = json->pending;
        json->pending = pending->next;
        memory_free(pending);
    }
    forget(client);
    websocket_end_close(&json->socket);
    memory_free(json->unsure);
}

const struct client_kind client_json = {
    .name = "json",
    .scheme = "ws",
    .state_size = sizeof(struct json_client),
    .born = born,
    .connected = connected,
    .receive = receive,
    .lost = lost,
    .act = json_act,
    .settled = settled,
    .close = close_state,
};
