/* The JSON client's three files: its connection (client_json.c), what it asks for (json_ask.c) and
 * what it makes of what it hears (json_hear.c). */
#pragma once

#include <jansson.h>

#include "sim/client.h"
#include "sim/websocket_end.h"
#include "sim/world.h"

enum asked { ASKED_SAY, ASKED_HELLO, ASKED_JOIN, ASKED_LEAVE, ASKED_HISTORY, ASKED_LIST };

/* A request that waits for its answer. */
struct pending {
    struct pending *next;
    char cid[16];
    enum asked asked;
    struct utterance *utterance; /* SAY */
    bool as_itself;              /* SAY: under the identity that it will come back with */
    struct json_room *room;      /* JOIN, LEAVE, HISTORY */
    bool has_after, has_epoch;   /* JOIN */
    uint64_t after;
    uint64_t before; /* HISTORY: 0: no bound */
    unsigned limit;
};

enum stage { STAGE_OUT, STAGE_JOINING, STAGE_CATCHING, STAGE_LIVE };

/* A room as the client knows it; outlives connections. */
struct json_room {
    struct json_room *next;
    char *name; /* as the server writes it, or as it was asked for */
    int index;  /* of the pool; -1: direct */
    int sides;  /* of a direct one: whose, whatever the spelling */
    enum stage stage;
    char epoch[64];          /* empty: not known */
    struct reading *reading; /* NULL: nothing seen yet */
    uint64_t left_order;     /* what was stored later must not be shown after a leave */
    bool resuming;           /* part of the hello under way */
    bool wanted;             /* it should be in there */
    uint64_t after;          /* what it asked to go on after */
    bool anew;               /* direct: after a gap it begins somewhere, whatever was seen before */
    bool twins;              /* there are two of this name: then little can be expected */
    bool expect_gap;         /* because of an epoch, or of an end that is not there */
};

struct json_client {
    struct websocket_end socket;
    bool v1, hello; /* speaks banter.v1; says hello at all */
    bool welcomed;  /* on this connection */
    bool hello_sent;
    bool introduced;  /* has said hello on this connection, whether it was welcome or not */
    bool quitting;    /* asks for nothing more on this connection */
    char session[64]; /* the secret; empty: none */
    struct json_room *rooms;
    struct pending *pending; /* of this connection, oldest first */
    struct utterance **unsure;
    size_t unsure_count, unsure_capacity;
    uint64_t last_request;
    unsigned wrong_logins; /* on this connection */
    uint16_t expect_close; /* what a trick must be answered with */
};

/* Of "@ann,bob": a number that is the same for every spelling; else 0. */
int json_room_sides(struct slice name);
struct json_room *json_room_find(struct json_client *json, struct slice name);
struct json_room *json_room_get(struct client *client, struct slice name);
/* The log behind a public room; NULL: not known yet. */
struct room_log *json_room_log(struct client *client, const struct json_room *room);

void json_send(struct client *client, json_t *object); /* takes */
void json_ask_hello(struct client *client);
void json_act(struct client *client);
/* It is not known whether this was stored: to be said again, where that cannot mean anything else.
 */
void json_unsure(struct client *client, const struct pending *pending);
/* Whether it is now who it will be after a lost connection. */
bool json_is_itself(const struct json_client *json);
/* Takes it out of those that wait; NULL: there is none. Free it. */
struct pending *json_pending_take(struct json_client *json, struct slice cid);
bool json_pending_has(const struct json_client *json, struct slice cid);

void json_hear(struct client *client, struct slice text);
/* The utterance behind an entry that is shown, if all that the frame says of it is so; else NULL,
 * and failed. */
const struct utterance *json_check_entry(struct client *client, const json_t *frame);
