/* Evictions: when a rule takes effect, whoever it excludes goes at once. They stop reading in the
 * same step, are told why, and leave through the room's queue like everybody else.
 *
 * Who has nowhere else to go is closed: one whose protocol knows only the lobby, or whom the whole
 * server wants no more. */
#include "base/close_code.h"
#include "hub/access.h"
#include "hub/client.h"
#include "hub/membership.h"
#include "hub/room.h"
#include "hub/rules.h"
#include "hub/session.h"

/* Why somebody goes. */
struct verdict {
    uint16_t close_code;
    struct slice text;
};

static void put_out(struct hub *hub, struct membership *membership, const struct verdict *verdict) {
    struct client *client = membership->client;
    bool was_current = client->current == membership;
    bool was_lobby = membership->room->lobby;
    struct slice name = hub_keep(hub, hub_text(membership->room->name));

    membership_unsubscribe(hub, membership);
    answer_error(hub, client, SLICE_NONE, ERR_FORBIDDEN, verdict->text)->room = name;
    membership_leave(hub, membership, SLICE_NONE);
    if (!was_current || client->state != CLIENT_LIVE) {
        return;
    }
    if (!was_lobby) {
        membership_return(hub, client);
    } else if (!client->traits.direct) {
        client_quit(hub, client, verdict->close_code, false);
    }
}

static bool may_stay(struct hub *hub, const struct membership *membership) {
    struct place place = place_of(membership->room);

    return membership->leaving || access_check(hub, membership->client, &place, ACCESS_ENTER) == 0;
}

void eviction_review(struct hub *hub, struct client *client) {
    static const struct verdict excluded = {CLOSE_BANNED, SLICE("You may not be in this room")};
    struct list_node *next;

    if (client->state != CLIENT_LIVE || access_turn_away(hub, client, SLICE_NONE, SLICE_NONE)) {
        return;
    }
    for (struct list_node *node = client->roster.memberships.first;
         node != NULL && client->state == CLIENT_LIVE; node = next) {
        struct membership *membership = container_of(node, struct membership, in_client);

        next = node->next;
        if (!may_stay(hub, membership)) {
            put_out(hub, membership, &excluded);
        }
    }
}

void eviction_review_all(struct hub *hub) {
    struct client *client;
    size_t cursor = 0;

    while ((client = id_map_next(hub->clients, &cursor)) != NULL) {
        if (!client->traits.transient) {
            eviction_review(hub, client);
        }
    }
}

static bool is_meant(struct hub *hub, const struct client *client, const struct rule *rule) {
    const struct identity *identity = access_identity(client);
    struct slice folded;

    if (identity != NULL && !identity_none(&rule->identity)) {
        return identity_equal(identity, &rule->identity);
    }
    return client->session != NULL && client->session->claim != NULL && rule->name.length > 0 &&
           hub_fold(hub, rule->name, &folded) == 0 &&
           slice_equal(folded, claim_folded(client->session->claim));
}

/* "ann has kicked you from ops: spam" */
static struct verdict verdict_of(struct hub *hub, const struct rule *rule,
                                 const struct entry *entry) {
    struct rule to_you = *rule;
    struct buffer *text = &hub->text;
    bool personal = rule->kind == RULE_KICK || rule->kind == RULE_BAN;

    to_you.name = personal ? SLICE("you") : rule->name;
    buffer_clear(text);
    rule_tell(&to_you, entry->body.sender, text);
    return (struct verdict){
        .close_code = rule->kind == RULE_KICK ? CLOSE_KICKED : CLOSE_BANNED,
        .text = hub_keep(hub, buffer_slice(text)),
    };
}

static void review_room(struct hub *hub, struct room *room, const struct rule *rule,
                        const struct entry *entry) {
    struct verdict verdict = verdict_of(hub, rule, entry);
    struct list_node *next;

    for (struct list_node *node = room->members.first; node != NULL; node = next) {
        struct membership *membership = container_of(node, struct membership, in_room);
        bool kicked = rule->kind == RULE_KICK && is_meant(hub, membership->client, rule);

        next = node->next;
        if (!membership->leaving && (kicked || !may_stay(hub, membership))) {
            put_out(hub, membership, &verdict);
        }
    }
}

/* From the whole server. */
static void review_server(struct hub *hub, const struct rule *rule) {
    struct client *client;
    size_t cursor = 0;

    while ((client = id_map_next(hub->clients, &cursor)) != NULL) {
        if (client->state != CLIENT_LIVE || client->traits.transient) {
            continue;
        }
        if (rule->kind == RULE_KICK && is_meant(hub, client, rule)) {
            client_quit(hub, client, CLOSE_KICKED, false);
        } else if (rule->kind == RULE_BAN) {
            access_turn_away(hub, client, SLICE_NONE, SLICE_NONE);
        }
    }
}

static void tell_invited(struct hub *hub, const struct rule *rule, const struct entry *entry) {
    const struct session *session = session_find(hub, &rule->identity);
    const struct client *client = NULL;

    while (session != NULL && (client = session_next_client(session, client)) != NULL) {
        notice_tell(hub, client, rule, entry);
    }
}

void eviction_enforce(struct hub *hub, const struct rule *rule, const struct entry *entry) {
    struct slice key;

    if (rule->kind == RULE_INVITE) {
        tell_invited(hub, rule, entry);
    }
    if (rule->room.length == 0) {
        review_server(hub, rule);
        return;
    }
    struct room *room = hub_fold(hub, rule->room, &key) == 0 ? room_find(hub, key) : NULL;
    bool excludes = rule->kind == RULE_KICK || rule->kind == RULE_BAN || rule->kind == RULE_SET ||
                    rule->kind == RULE_ROLE;

    if (room != NULL && excludes) {
        review_room(hub, room, rule, entry);
    }
    notice_show(hub, rule, entry);
}
