/* Rooms: what the hub knows of a room's log, and who reads it. A room is followed while somebody
 * is in it or about to be, and forgotten when nobody is; its log stays in the store.
 *
 * While a room is being followed nothing is known of it: what the store reports before its
 * answer belongs to an earlier time of following and is already part of the head that comes. */
#include <string.h>

#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/elsewhere.h"
#include "hub/membership.h"
#include "hub/requests.h"
#include "hub/room.h"
#include "hub/rules.h"

static const struct slice lobby_key = SLICE("lobby");

struct room *room_find(const struct hub *hub, struct slice key) {
    return map_find(hub->rooms, key);
}

struct place place_of(struct room *room) {
    return (struct place){room, room->key, hub_text(room->name)};
}

struct place place_lobby(struct hub *hub) {
    return (struct place){room_find(hub, lobby_key), lobby_key, lobby_key};
}

static int find_direct(struct hub *hub, const struct client *client, struct slice name,
                       struct place *place) {
    struct room *room = client->session != NULL ? direct_find(hub, client->session, name) : NULL;

    if (room == NULL && client->session == NULL && client_account(client) != NULL) {
        return direct_find_stored(hub, client_account(client), name, place);
    }
    if (room == NULL) {
        return ERR_NOT_FOUND;
    }
    *place = place_of(room);
    return 0;
}

int place_find(struct hub *hub, const struct client *client, struct slice name,
               struct place *place) {
    struct slice folded;

    if (name.length == 0) {
        if (!client->traits.default_room) {
            return ERR_BAD_REQUEST;
        }
        *place = client->current != NULL ? place_of(client->current->room) : place_lobby(hub);
        return 0;
    }
    if (name.data[0] == '@') {
        return find_direct(hub, client, name, place);
    }
    if (name.data[0] == '$') {
        return ERR_NOT_FOUND;
    }
    if (hub_fold(hub, name, &folded) < 0) {
        return ERR_BAD_REQUEST;
    }
    struct room *room = room_find(hub, folded);

    if (room != NULL) {
        *place = place_of(room);
    } else if (slice_equal(folded, lobby_key)) {
        *place = place_lobby(hub);
    } else {
        *place = (struct place){NULL, hub_keep(hub, folded), name};
    }
    return 0;
}

struct room *room_new(struct hub *hub, struct slice key, struct slice name) {
    struct room *room = memory_new(sizeof(*room) + key.length);

    memcpy(room->bytes, key.data, key.length);
    room->key = slice_from(room->bytes, key.length);
    room->name = blob_new(name);
    room->lobby = slice_equal(key, lobby_key);
    map_put(hub->rooms, room->key, room);
    return room;
}

struct room *room_open(struct hub *hub, const struct place *place) {
    struct room *room = place->room != NULL ? place->room : room_find(hub, place->key);

    if (room == NULL) {
        room = room_new(hub, place->key, place->name);
    }
    if (room->state == ROOM_UNFOLLOWED) {
        struct slice key = hub_keep(hub, room->key);
        struct slice name = hub_keep(hub, hub_text(room->name));
        struct effect *effect = effects_add(hub->effects, EFFECT_FOLLOW);

        effect->room_key = key;
        effect->room = name;
        room->state = ROOM_FOLLOWING;
    }
    return room;
}

bool room_is_missing(const struct hub *hub, const struct room *room) {
    bool must_exist =
        room->direct != NULL ? room->direct->doubtful : !hub->options.create_rooms && !room->lobby;

    return must_exist && room->state == ROOM_FOLLOWED && !room->exists &&
           rules_find(hub->rules, room->key) == NULL;
}

void room_wait(struct room *room, struct draft *draft) {
    struct draft **end = &room->waiting;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = draft;
}

void room_free(struct room *room) {
    while (room->waiting != NULL) {
        struct draft *draft = room->waiting;

        room->waiting = draft->next;
        draft_free(draft);
    }
    blob_unref(room->name);
    blob_unref(room->epoch);
    blob_unref(room->topic);
    memory_free(room->direct);
    memory_free(room);
}

static void mark_unwritten(struct hub *hub, struct room *room, bool unwritten) {
    if (unwritten == room->is_unwritten || room->direct != NULL) {
        return;
    }
    room->is_unwritten = unwritten;
    if (unwritten) {
        list_append(&hub->unwritten, &room->unwritten);
    } else {
        list_remove(&hub->unwritten, &room->unwritten);
    }
}

static void add_room_effect(struct hub *hub, enum effect_kind kind, struct slice key) {
    key = hub_keep(hub, key);
    effects_add(hub->effects, kind)->room_key = key;
}

/* A room that is being followed must stay: were it followed again before the answer, that would
 * be taken for the next. */
void room_settle(struct hub *hub, struct room *room) {
    if (room->references > 0 || room->state == ROOM_FOLLOWING) {
        return;
    }
    if (room->direct != NULL && !direct_over(room)) {
        return;
    }
    if (room->direct != NULL && direct_is_lost(hub, room)) {
        add_room_effect(hub, EFFECT_ERASE, room->key);
    }
    if (room->direct != NULL) {
        direct_unlink(hub, room);
    }
    if (room->state == ROOM_FOLLOWED) {
        share_count(hub, room);
        add_room_effect(hub, EFFECT_UNFOLLOW, room->key);
    }
    if (room->is_changed) {
        list_remove(&hub->changed, &room->changed);
    }
    mark_unwritten(hub, room, false);
    map_remove(hub->rooms, room->key);
    room_free(room);
}

static void replace_text(struct blob **blob, struct slice text) {
    if (!slice_equal(hub_text(*blob), text)) {
        blob_unref(*blob);
        *blob = blob_new(text);
    }
}

static void take_head(struct hub *hub, struct room *room, const struct room_head *head) {
    room->first = head->first;
    room->last = head->last;
    room->exists = head->exists || head->last > 0;
    replace_text(&room->epoch, head->epoch);
    replace_text(&room->topic, head->topic);
    if (room->direct == NULL && !room->lobby && head->room_name.length > 0) {
        replace_text(&room->name, head->room_name);
    }
    mark_unwritten(hub, room, !room->exists);
}

/* The log of a followed room is not what it was: it belongs to another epoch, or has lost its
 * end. What is merely new comes as committed entries. */
static void take_new_head(struct hub *hub, struct room *room, const struct room_head *head) {
    bool same_epoch = slice_equal(hub_text(room->epoch), head->epoch);
    uint64_t after = room->last;

    share_followed(hub, room, head);
    if (same_epoch && head->last >= room->last) {
        return;
    }
    take_head(hub, room, head);
    for (struct list_node *node = room->members.first; node != NULL; node = node->next) {
        struct membership *membership = container_of(node, struct membership, in_room);

        if (membership->subscribed) {
            entrance_restart(hub, membership, after, same_epoch);
        }
    }
    ahead_advance(hub, room);
}

void room_followed(struct hub *hub, const struct event *event) {
    const struct room_head *head = &event->followed.head;
    int error = event->followed.error;
    struct room *room = room_find(hub, head->room_key);

    if (room == NULL) {
        return;
    }
    if (room->state == ROOM_FOLLOWED) {
        if (error == 0) {
            take_new_head(hub, room, head);
        }
        return;
    }
    room->state = error == 0 ? ROOM_FOLLOWED : ROOM_UNFOLLOWED;
    if (error == 0) {
        take_head(hub, room, head);
        share_followed(hub, room, head);
    }
    publish_waiting(hub, room, error);
    room_settle(hub, room);
}

/* What an entry changes about its room. */
static void advance(struct hub *hub, struct room *room, const struct entry *entry) {
    room->last = entry->seq;
    if (entry->timestamp_us > room->shown_us) {
        room->shown_us = entry->timestamp_us;
    }
    if (!room->exists) {
        room->exists = true;
        mark_unwritten(hub, room, false);
    }
    if (entry->body.kind == ENTRY_TOPIC) {
        replace_text(&room->topic, entry->body.content);
    }
}

void room_committed(struct hub *hub, const struct event *event) {
    struct room *room = room_find(hub, event->committed.room_key);

    if (room == NULL || room->state != ROOM_FOLLOWED) {
        return;
    }
    struct slice key = hub_keep(hub, room->key);
    struct slice name = hub_keep(hub, hub_text(room->name));
    struct slice epoch = hub_keep(hub, hub_text(room->epoch));

    for (size_t i = 0; i < event->committed.count; i++) {
        struct entry *entry = event->committed.entries[i];

        if (entry->seq <= room->last) {
            continue;
        }
        advance(hub, room, entry);
        hub->counters.shown += !list_empty(&room->members);
        if (!list_empty(&room->members)) {
            struct effect *effect = effects_add(hub->effects, EFFECT_SHOW_ENTRY);

            effect->room_key = key;
            effect->room = name;
            effect->show.entry = entry_ref(entry);
            effect->show.epoch = epoch;
            effect->show.author = direct_side_of(room, &entry->body.identity);
        }
    }
    ahead_advance(hub, room);
}

void room_trimmed(struct hub *hub, const struct event *event) {
    struct room *room = room_find(hub, event->trimmed.room_key);

    if (room != NULL && room->state == ROOM_FOLLOWED && event->trimmed.first > room->first) {
        room->first = event->trimmed.first;
    }
}

struct reply_item room_item(struct hub *hub, const struct room *room) {
    return (struct reply_item){
        .name = hub_keep(hub, hub_text(room->name)),
        .topic = hub_keep(hub, text_beginning(hub_text(room->topic), LIMIT_LIST_TOPIC)),
        .epoch = hub_keep(hub, hub_text(room->epoch)),
        .last = room->last,
        .client_count = room_client_count(room),
    };
}
