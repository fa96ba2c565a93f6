/* Who may do what in a room: decided here and nowhere else. Every request, every list and every
 * subscription that means a room asks. Private to hub/. */
#pragma once

#include "hub/internal.h"

struct room_rules;

enum access_action {
    ACCESS_LIST,  /* know that the room is there */
    ACCESS_ENTER, /* be in it */
    ACCESS_READ,  /* history, search, members */
    ACCESS_WRITE, /* messages, edits and deletes of one's own, typing */
    ACCESS_REACT,
    ACCESS_TOPIC,
    ACCESS_MODERATE, /* kick, ban, mute, invite; delete what others wrote */
    ACCESS_OWN,      /* everything else about its rules */
};

/* 0; ERR_NOT_FOUND: to this client the room must not seem to exist; ERR_FORBIDDEN; ERR_UNAVAILABLE:
 * the rules are not known yet. */
int access_check(struct hub *hub, const struct client *client, const struct place *place,
                 enum access_action action) MUST_USE;
/* place_find and access_check in one. */
int access_find(struct hub *hub, const struct client *client, struct slice name,
                enum access_action action, struct place *place) MUST_USE;
/* Whether a message signed with this label (of somebody without a name) may be written there.
 * ERR_FORBIDDEN. */
int access_check_label(struct hub *hub, const struct place *place, struct slice label) MUST_USE;
/* What the client is in the room, by the room's rules (NULL: it has none) and by what it is on the
 * server. */
enum role access_role(const struct client *client, const struct room_rules *room);
/* Who it is for the rules; NULL: nobody who could come back. */
const struct identity *access_identity(const struct client *client);

/* Whether the client, or somebody who would go by `name` (empty: as it is), is banned from the
 * whole server. */
bool access_is_banned(struct hub *hub, const struct client *client, struct slice name);
/* If so, closes it (4501), or, where it comes for one request only, answers. */
bool access_turn_away(struct hub *hub, struct client *client, struct slice name, struct slice cid);
