#include "hub/access.h"

#include "base/close_code.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/direct.h"
#include "hub/room.h"
#include "hub/rules.h"
#include "hub/session.h"

const struct identity *access_identity(const struct client *client) {
    const struct identity *account = client_account(client);

    if (account != NULL) {
        return account;
    }
    return client->session != NULL ? &client->session->identity : NULL;
}

/* The operator has made it for its room, so it writes there as a member does, and also where only
 * moderators do. Bans, mutes and the pace of a slow room are for it as for everybody. */
static bool is_hook(const struct client *client) {
    return client_hook_room(client).length > 0;
}

/* What somebody is on the whole server counts in every room; but rooms that are for their members
 * only are none of a moderator's business. */
enum role access_role(const struct client *client, const struct room_rules *room) {
    enum role server = client_role(client);
    bool closed = room != NULL && room->access == ROOM_ACCESS_MEMBERS;

    if (server == ROLE_OWNER) {
        return ROLE_OWNER;
    }
    if (is_hook(client)) {
        return ROLE_MEMBER;
    }
    enum role role = rules_role(room, access_identity(client));

    return server == ROLE_MODERATOR && !closed && role < server ? server : role;
}

/* Who the client may be taken for by a ban or a mute. */
static struct suspect suspect_of(const struct client *client) {
    const struct session *session = client->session;
    struct suspect suspect = {.identity = access_identity(client),
                              .address = client_address(client)};

    if (session != NULL && session->claim != NULL) {
        suspect.folded = claim_folded(session->claim);
    }
    return suspect;
}

static bool is_sanctioned(const struct hub *hub, const struct client *client,
                          const struct sanctions *sanctions) {
    if (sanctions->count == 0) {
        return false;
    }
    struct suspect suspect = suspect_of(client);

    return sanctions_find(sanctions, &suspect, hub->now_us) != NULL;
}

static bool is_banned(const struct hub *hub, const struct client *client,
                      const struct room_rules *room) {
    return is_sanctioned(hub, client, &room->bans);
}

/* A mute from the whole server holds in one's own room, too. `role`: what it is in this one. */
static bool is_muted(const struct hub *hub, const struct client *client,
                     const struct room_rules *room, enum role role) {
    bool everywhere = is_sanctioned(hub, client, &hub->rules->server->mutes);
    bool here = room != NULL && role < ROLE_MODERATOR && is_sanctioned(hub, client, &room->mutes);

    return client_role(client) < ROLE_MODERATOR && (everywhere || here);
}

/* All but looking. */
static bool is_speaking(enum access_action action) {
    return action == ACCESS_WRITE || action == ACCESS_REACT || action == ACCESS_TOPIC;
}

static enum role role_wanted(const struct room_rules *room, enum access_action action) {
    switch (action) {
    case ACCESS_LIST:
    case ACCESS_ENTER:
    case ACCESS_READ:
    case ACCESS_REACT:
        return ROLE_GUEST;
    case ACCESS_TOPIC:
        if (room != NULL && room->topic_lock) {
            return ROLE_MODERATOR;
        }
        __attribute__((fallthrough));
    case ACCESS_WRITE:
        if (room == NULL || room->posting == POSTING_ALL) {
            return ROLE_GUEST;
        }
        return room->posting == POSTING_MEMBERS ? ROLE_MEMBER : ROLE_MODERATOR;
    case ACCESS_MODERATE:
        return ROLE_MODERATOR;
    case ACCESS_OWN:
        return ROLE_OWNER;
    }
    return ROLE_OWNER;
}

static int check_direct(const struct hub *hub, const struct client *client, const struct room *room,
                        enum access_action action) {
    if (!client_may_see(client, room->direct->folded)) {
        return ERR_NOT_FOUND;
    }
    bool refused = action == ACCESS_MODERATE || action == ACCESS_OWN ||
                   (is_speaking(action) && is_muted(hub, client, NULL, ROLE_GUEST));

    return refused ? ERR_FORBIDDEN : 0;
}

static int check_public(const struct hub *hub, const struct client *client,
                        const struct room_rules *room, enum access_action action) {
    enum role role = access_role(client, room);

    if (room != NULL && role < ROLE_MODERATOR) {
        bool closed = room->access == ROOM_ACCESS_MEMBERS;
        bool banned = is_banned(hub, client, room);

        if (closed && (banned || role < ROLE_MEMBER)) {
            return ERR_NOT_FOUND;
        }
        if (action == ACCESS_LIST) {
            return 0;
        }
        if (banned || (room->registered_only && client_account(client) == NULL)) {
            return ERR_FORBIDDEN;
        }
    }
    if (role < role_wanted(room, action) && !is_hook(client)) {
        return ERR_FORBIDDEN;
    }
    return is_speaking(action) && is_muted(hub, client, room, role) ? ERR_FORBIDDEN : 0;
}

int access_check(struct hub *hub, const struct client *client, const struct place *place,
                 enum access_action action) {
    if (!hub->rules->loaded) {
        return ERR_UNAVAILABLE;
    }
    if (is_hook(client) && action != ACCESS_WRITE) {
        return ERR_FORBIDDEN;
    }
    if (place->room != NULL && place->room->direct != NULL) {
        return check_direct(hub, client, place->room, action);
    }
    if (!client_may_see(client, place->key)) {
        return ERR_NOT_FOUND;
    }
    const struct room_rules *room = rules_find(hub->rules, place->key);
    int error = check_public(hub, client, room, action);
    bool unknown = room == NULL && place->room == NULL;

    /* A closed room must look like one that is not there; so one that is not there looks like a
     * closed room to who would moderate it. */
    return error == ERR_FORBIDDEN && unknown && action >= ACCESS_MODERATE ? ERR_NOT_FOUND : error;
}

int access_find(struct hub *hub, const struct client *client, struct slice name,
                enum access_action action, struct place *place) {
    struct place found = {0};
    int error = place_find(hub, client, name, &found);

    if (error == 0) {
        error = access_check(hub, client, &found, action);
    }
    if (error == 0) {
        *place = found;
    }
    return error;
}

static bool is_label_sanctioned(const struct hub *hub, const struct room_rules *room,
                                const struct suspect *suspect) {
    return room != NULL && (sanctions_find(&room->bans, suspect, hub->now_us) != NULL ||
                            sanctions_find(&room->mutes, suspect, hub->now_us) != NULL);
}

int access_check_label(struct hub *hub, const struct place *place, struct slice label) {
    struct suspect suspect = {0};

    buffer_clear(&hub->folded);
    if (label_fold(label, &hub->folded) < 0) {
        return ERR_BAD_REQUEST;
    }
    suspect.folded = slice_trim(buffer_slice(&hub->folded));
    bool sanctioned = is_label_sanctioned(hub, hub->rules->server, &suspect) ||
                      is_label_sanctioned(hub, rules_find(hub->rules, place->key), &suspect);

    return sanctioned ? ERR_FORBIDDEN : 0;
}

bool access_is_banned(struct hub *hub, const struct client *client, struct slice name) {
    const struct sanctions *bans = &hub->rules->server->bans;
    struct suspect suspect = {0};

    if (bans->count == 0 || client_role(client) >= ROLE_MODERATOR) {
        return false;
    }
    if (is_sanctioned(hub, client, bans)) {
        return true;
    }
    buffer_clear(&hub->folded);
    if (name.length == 0 || label_fold(name, &hub->folded) < 0) {
        return false;
    }
    suspect.folded = slice_trim(buffer_slice(&hub->folded));
    return sanctions_find(bans, &suspect, hub->now_us) != NULL;
}

bool access_turn_away(struct hub *hub, struct client *client, struct slice name, struct slice cid) {
    if (!access_is_banned(hub, client, name)) {
        return false;
    }
    if (client->traits.transient || cid.length > 0) {
        answer_error(hub, client, cid, ERR_FORBIDDEN, SLICE("You are banned from this server"));
    }
    if (!client->traits.transient) {
        client_quit(hub, client, CLOSE_BANNED, false);
    }
    return true;
}
