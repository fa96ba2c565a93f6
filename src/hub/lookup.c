/* Requests that only look: lists of rooms and people, history, one's own secret. */
#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/membership.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/rules.h"
#include "hub/session.h"

void handle_rooms(struct hub *hub, struct client *client, const struct request *request) {
    struct slice cid = hub_keep(hub, request->cid);
    struct effect *effect = effects_add(hub->effects, EFFECT_LIST);

    effect->list.origin = client_origin(client);
    effect->list.cid = cid;
    client->listing = true;
    client_pause(hub, client);
    client_submit(hub, client);
}

static size_t at_most(size_t count) {
    return count < LIMIT_LIST_ITEMS ? count : LIMIT_LIST_ITEMS;
}

static struct reply_item item_of_head(struct hub *hub, const struct client *client,
                                      const struct room_head *head) {
    const struct room *room = room_find(hub, head->room_key);

    return (struct reply_item){
        .name = hub_keep(hub, head->room_name),
        .topic = hub_keep(hub, text_beginning(head->topic, LIMIT_LIST_TOPIC)),
        .epoch = hub_keep(hub, head->epoch),
        .last = head->last,
        .read = mark_seq(client->session, head->room_key, head->last),
        .client_count = room != NULL && room->state == ROOM_FOLLOWED ? room_client_count(room)
                                                                     : head->elsewhere,
    };
}

/* The store's rooms, and those where people are but nothing was said yet. */
static size_t list_rooms(struct hub *hub, const struct client *client, const struct event *event,
                         struct reply_item *items) {
    size_t count = 0;

    for (size_t i = 0; i < event->listed.count && count < LIMIT_LIST_ITEMS; i++) {
        const struct room_head *head = &event->listed.heads[i];
        struct place place = {NULL, head->room_key, head->room_name};

        if (access_check(hub, client, &place, ACCESS_LIST) == 0) {
            items[count++] = item_of_head(hub, client, head);
        }
    }
    for (struct list_node *node = hub->unwritten.first; node != NULL && count < LIMIT_LIST_ITEMS;
         node = node->next) {
        struct room *room = container_of(node, struct room, unwritten);
        struct place place = place_of(room);

        if (room->member_count > 0 && access_check(hub, client, &place, ACCESS_LIST) == 0) {
            items[count++] = room_item(hub, room);
        }
    }
    return count;
}

void lookup_listed(struct hub *hub, const struct event *event) {
    struct client *client = id_map_find(hub->clients, event->listed.origin.session);

    if (client == NULL) {
        return;
    }
    if (event->listed.error < 0) {
        answer_error(hub, client, event->listed.cid, event->listed.error, SLICE_NONE);
    } else if (client_hears(client)) {
        size_t most = at_most(event->listed.count + map_count(hub->rooms));
        struct reply_item *items = effects_allocate(hub->effects, most * sizeof(*items));
        size_t count = list_rooms(hub, client, event, items);
        struct reply *reply = answer(hub, client, REPLY_ROOMS, event->listed.cid);

        reply->items = items;
        reply->item_count = count;
    }
    client->listing = false;
    client_settle(hub, client);
}

/* What it is in the room, or on the server; who is here is a member of what is open to all. */
static enum role role_of(const struct hub *hub, const struct membership *membership) {
    const struct room_rules *rules = rules_find(hub->rules, membership->room->key);
    enum role role = access_role(membership->client, rules);

    return role > ROLE_MEMBER ? role : ROLE_MEMBER;
}

static size_t list_members(struct hub *hub, const struct room *room, struct reply_item *items) {
    size_t count = 0;

    for (struct list_node *node = room->members.first; node != NULL && count < LIMIT_LIST_ITEMS;
         node = node->next) {
        const struct membership *membership = container_of(node, struct membership, in_room);
        struct slice name = client_name(membership->client);

        if (name.length > 0 && membership->counts) {
            items[count].role = role_of(hub, membership);
            items[count++].name = hub_keep(hub, name);
        }
    }
    return count;
}

static void answer_members(struct hub *hub, const struct client *client, struct slice cid,
                           struct slice name, const struct reply_item *items, size_t count) {
    name = hub_keep(hub, name);
    struct reply *reply = answer(hub, client, REPLY_MEMBERS, cid);

    reply->room = name;
    reply->items = items;
    reply->item_count = count;
}

/* Who is there on other nodes is asked of the store; until that comes the client waits. */
static void gather(struct hub *hub, struct client *client, const struct request *request,
                   const struct place *place) {
    struct slice cid = hub_keep(hub, request->cid);
    struct slice key = hub_keep(hub, place->key);
    struct slice name = hub_keep(hub, place->name);
    struct effect *effect = effects_add(hub->effects, EFFECT_GATHER);

    effect->room_key = key;
    effect->room = name;
    effect->list.origin = client_origin(client);
    effect->list.cid = cid;
    client->listing = true;
    client_pause(hub, client);
    client_submit(hub, client);
}

void handle_members(struct hub *hub, struct client *client, const struct request *request) {
    struct place place = {0};
    int error = access_find(hub, client, request->room, ACCESS_READ, &place);

    if (error == 0 && hub->options.shared) {
        gather(hub, client, request, &place);
        return;
    }
    if (error == 0 && place.room == NULL) {
        error = ERR_NOT_FOUND;
    }
    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    size_t most = at_most(place.room->references);
    struct reply_item *items = effects_allocate(hub->effects, most * sizeof(*items));
    size_t count = list_members(hub, place.room, items);

    answer_members(hub, client, request->cid, place.name, items, count);
}

/* Somebody of whom nothing is here but what the rules and the accounts say. */
static enum role role_elsewhere(const struct hub *hub, const struct identity *identity,
                                const struct room_rules *rules) {
    const struct account *account = account_find(hub, identity);
    enum role server = account != NULL ? (enum role)account->role : ROLE_GUEST;
    bool closed = rules != NULL && rules->access == ROOM_ACCESS_MEMBERS;
    enum role role = rules_role(rules, identity);

    if (server == ROLE_OWNER || (server == ROLE_MODERATOR && !closed && role < server)) {
        role = server;
    }
    return role > ROLE_MEMBER ? role : ROLE_MEMBER;
}

static bool is_member(struct hub *hub, const struct room *room, const struct identity *identity) {
    const struct session *session = session_find(hub, identity);
    const struct client *client = NULL;

    while (room != NULL && session != NULL &&
           (client = session_next_client(session, client)) != NULL) {
        const struct membership *membership = roster_find(&client->roster, room);

        if (membership != NULL && membership->state == MEMBERSHIP_JOINED) {
            return true;
        }
    }
    return false;
}

/* Of several by one name one is listed: an account is on several nodes, and somebody may have lost
 * a name without their node having heard of it. */
static bool is_listed(struct hub *hub, struct map *names, struct slice name) {
    struct slice folded;

    if (hub_fold(hub, name, &folded) < 0 || map_find(names, folded) != NULL) {
        return true;
    }
    map_put(names, hub_keep(hub, folded), hub);
    return false;
}

static size_t list_gathered(struct hub *hub, const struct event *event, const struct room *room,
                            struct reply_item *items) {
    const struct room_rules *rules = rules_find(hub->rules, event->gathered.room_key);
    struct map *names = map_new(hub->options.seed);
    size_t count = room != NULL ? list_members(hub, room, items) : 0;

    for (size_t i = 0; i < count; i++) {
        (void)is_listed(hub, names, items[i].name);
    }
    for (size_t i = 0; i < event->gathered.count && count < LIMIT_LIST_ITEMS; i++) {
        const struct other_member *member = &event->gathered.members[i];

        if (!is_member(hub, room, &member->identity) && !is_listed(hub, names, member->name)) {
            items[count].role = role_elsewhere(hub, &member->identity, rules);
            items[count++].name = hub_keep(hub, member->name);
        }
    }
    map_free(names);
    return count;
}

/* Where the others could not be asked, those who are known here are better than none. */
static void tell_gathered(struct hub *hub, const struct client *client, const struct event *event) {
    struct room *room = room_find(hub, event->gathered.room_key);
    struct place place = {room, event->gathered.room_key, event->gathered.room_key};
    struct slice name = room != NULL ? place_of(room).name : place.key;
    int error = access_check(hub, client, &place, ACCESS_READ);

    if (room == NULL && slice_starts_with(place.key, SLICE("@"))) {
        error = ERR_NOT_FOUND; /* the conversation is over */
    } else if (error == 0 && room == NULL && event->gathered.count == 0) {
        error = event->gathered.error < 0 ? event->gathered.error : ERR_NOT_FOUND;
    }
    if (error < 0) {
        answer_error(hub, client, event->gathered.cid, error, SLICE_NONE);
        return;
    }
    size_t own = room != NULL ? room->references : 0;
    size_t most = at_most(own + event->gathered.count);
    struct reply_item *items = effects_allocate(hub->effects, most * sizeof(*items));
    size_t count = list_gathered(hub, event, room, items);

    answer_members(hub, client, event->gathered.cid, name, items, count);
}

void lookup_gathered(struct hub *hub, const struct event *event) {
    uint64_t session = event->gathered.origin.session;
    struct client *client = session != 0 ? id_map_find(hub->clients, session) : NULL;

    if (session == 0) {
        ahead_told(hub, event);
    }
    if (client == NULL) {
        return;
    }
    tell_gathered(hub, client, event);
    client->listing = false;
    client_settle(hub, client);
}

/* Whether the room is there even if nothing was said in it yet: somebody is in it or about to be.
 * Of any other only the store knows. */
static bool is_known(struct hub *hub, const struct place *place) {
    const struct room *room = place->room;

    if (slice_equal(place->key, place_lobby(hub).key)) {
        return true;
    }
    return room != NULL &&
           (room->direct != NULL || (hub->options.create_rooms && room->references > 0));
}

static int find_history(struct hub *hub, const struct client *client, const struct request *request,
                        struct place *place) {
    struct slice room = request->room;
    int error = request->to.length > 0 ? direct_name_with(hub, client, request->to, &room) : 0;

    return error < 0 ? error : access_find(hub, client, room, ACCESS_READ, place);
}

void handle_history(struct hub *hub, struct client *client, const struct request *request) {
    struct place place;
    int error = find_history(hub, client, request, &place);
    unsigned limit = request->limit;

    if (error < 0) {
        bool unknown = request->to.length > 0 && error == ERR_NOT_FOUND;

        answer_error(hub, client, request->cid, error,
                     unknown ? SLICE("You have no conversation with anybody of that name")
                             : SLICE_NONE);
        return;
    }
    if (limit == 0 || limit > LIMIT_BATCH_ENTRIES) {
        limit = LIMIT_BATCH_ENTRIES;
    }
    struct slice cid = hub_keep(hub, request->cid);
    struct slice key = hub_keep(hub, place.key);
    struct slice name = hub_keep(hub, place.name);
    bool exists = is_known(hub, &place);
    struct effect *effect = effects_add(hub->effects, EFFECT_READ);

    effect->connection = client->connection;
    effect->room_key = key;
    effect->room = name;
    effect->read.cid = cid;
    effect->read.has_after = request->has_after;
    effect->read.after = request->after;
    effect->read.before = request->before;
    effect->read.limit = limit;
    effect->read.exists = exists;
}

void handle_token(struct hub *hub, struct client *client, const struct request *request) {
    static const struct slice nothing =
        SLICE("This session has no token: it comes back with what it came with");
    struct slice secret = hub_keep(hub, client_secret(client));

    if (secret.length == 0) {
        answer_error(hub, client, request->cid, ERR_NOT_FOUND, nothing);
        return;
    }
    client->introduced = true;
    answer(hub, client, REPLY_TOKEN, request->cid)->session = secret;
}
