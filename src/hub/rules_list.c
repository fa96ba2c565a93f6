/* The rules of a room, shown: how it is set and who is what to everybody who may see the room; bans
 * and mutes, and the log of all changes, to those who moderate it. */
#include "hub/access.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/rules.h"

/* What of a long list was asked for. */
struct window {
    unsigned skip, left;
    bool more;
};

static bool takes(struct window *window) {
    if (window->skip > 0) {
        window->skip--;
        return false;
    }
    if (window->left == 0) {
        window->more = true;
        return false;
    }
    window->left--;
    return true;
}

static void add_grants(struct hub *hub, const struct room_rules *room, struct window *window,
                       struct reply_rules *list) {
    for (struct list_node *node = room->grants.first; node != NULL && !window->more;
         node = node->next) {
        const struct grant *grant = container_of(node, struct grant, node);

        if (takes(window)) {
            list->items[list->count++] =
                (struct reply_rule){.kind = SLICE("role"),
                                    .name = hub_keep(hub, grant->name),
                                    .role = slice_of_string(role_name(grant->role))};
        }
    }
}

static void add_sanctions(struct hub *hub, const struct sanctions *sanctions, struct slice kind,
                          struct window *window, struct reply_rules *list) {
    for (struct list_node *node = sanctions->order.first; node != NULL && !window->more;
         node = node->next) {
        const struct sanction *sanction = container_of(node, struct sanction, node);

        if (!sanction_over(sanction, hub->now_us) && takes(window)) {
            list->items[list->count++] =
                (struct reply_rule){.kind = kind,
                                    .name = hub_keep(hub, sanction->name),
                                    .address = hub_keep(hub, sanction->address),
                                    .reason = hub_keep(hub, sanction->reason),
                                    .by = hub_keep(hub, sanction->by),
                                    .until_us = sanction->until_us};
        }
    }
}

static unsigned limit_of(const struct request *request) {
    bool usual = request->limit == 0 || request->limit > LIMIT_RULES_ITEMS;

    return usual ? LIMIT_RULES_ITEMS : request->limit;
}

/* `room` NULL: there are no rules, which is that everybody may do everything. */
static struct reply_rules *list_rules(struct hub *hub, const struct room_rules *room,
                                      bool moderates, struct window *window) {
    struct reply_rules *list = effects_allocate(hub->effects, sizeof(*list));

    list->access = slice_of_string(room_access_word(room != NULL ? room->access : 0));
    list->posting = slice_of_string(room_posting_word(room != NULL ? room->posting : 0));
    if (room == NULL) {
        return list;
    }
    list->slow_s = room->slow_s;
    list->registered_only = room->registered_only;
    list->topic_lock = room->topic_lock;
    list->items = effects_allocate(hub->effects, window->left * sizeof(*list->items));
    add_grants(hub, room, window, list);
    if (moderates) {
        add_sanctions(hub, &room->bans, SLICE("ban"), window, list);
        add_sanctions(hub, &room->mutes, SLICE("mute"), window, list);
    }
    return list;
}

/* Nothing was ever said in it, nobody is in it, and nobody has made rules for it. */
static bool is_unheard_of(const struct room_rules *rules, const struct place *place) {
    return rules == NULL && (place->room == NULL || place->room->direct != NULL);
}

static int find_rules(struct hub *hub, const struct client *client, const struct request *request,
                      struct place *place, const struct room_rules **rules) {
    if (request->everywhere) {
        *rules = hub->rules->server;
        return client_role(client) >= ROLE_MODERATOR ? 0 : ERR_FORBIDDEN;
    }
    int error = access_find(hub, client, request->room, ACCESS_READ, place);

    if (error == 0) {
        *rules = rules_find(hub->rules, place->key);
        error = is_unheard_of(*rules, place) ? ERR_NOT_FOUND : 0;
    }
    return error;
}

void handle_rules(struct hub *hub, struct client *client, const struct request *request) {
    struct place place = {0};
    const struct room_rules *room = NULL;
    struct window window = {.skip = request->offset, .left = limit_of(request)};
    int error = find_rules(hub, client, request, &place, &room);

    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    bool moderates = request->everywhere || access_check(hub, client, &place, ACCESS_MODERATE) == 0;
    struct slice name = hub_keep(hub, place.name);
    const struct reply_rules *list = list_rules(hub, room, moderates, &window);
    struct reply *reply = answer(hub, client, REPLY_RULES, request->cid);

    reply->room = name;
    reply->rules = list;
    reply->more = window.more;
}

static int check_audit(struct hub *hub, const struct client *client, const struct request *request,
                       struct place *place) {
    if (request->everywhere) {
        return client_role(client) >= ROLE_MODERATOR ? 0 : ERR_FORBIDDEN;
    }
    return access_find(hub, client, request->room, ACCESS_MODERATE, place);
}

void handle_audit(struct hub *hub, struct client *client, const struct request *request) {
    struct place place = {0};
    int error = check_audit(hub, client, request, &place);

    if (error < 0) {
        answer_error(hub, client, request->cid, error, SLICE_NONE);
        return;
    }
    struct slice cid = hub_keep(hub, request->cid);
    struct slice key = hub_keep(hub, place.key);
    struct slice name = hub_keep(hub, place.name);
    struct effect *effect = effects_add(hub->effects, EFFECT_AUDIT);

    effect->connection = client->connection;
    effect->audit.cid = cid;
    effect->audit.room_key = key;
    effect->audit.room = name;
    effect->audit.all = request->everywhere && access_role(client, NULL) == ROLE_OWNER;
    effect->audit.before = request->before;
    effect->audit.limit = limit_of(request);
}
