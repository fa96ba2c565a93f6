/* Clients: people with a program. Each has a kind, which knows one protocol: it speaks it at
 * random, keeps what it would remember over lost connections, and holds what it is shown against
 * the ledger. A kind is one file, client_KIND.c.
 *
 * To add one: write its `struct client_kind` and name it in the table of client.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "sim/ledger.h"
#include "sim/network.h"
#include "sim/reader.h"
#include "sim/speech.h"

struct client;
struct world;

struct client_kind {
    const char *name;
    const char *scheme;
    size_t state_size;
    void (*born)(struct client *client);      /* draws what it is like; NULL: nothing to draw */
    void (*connected)(struct client *client); /* a new wire */
    void (*receive)(struct client *client, struct slice bytes);
    void (*lost)(struct client *client); /* the wire is gone, whoever ended it */
    void (*act)(struct client *client);  /* something at random; in the calm only what it owes */
    void (*settled)(
        struct client *client);           /* nothing is under way: checks that nothing is missing */
    void (*close)(struct client *client); /* frees what is in the state */
};

extern const struct client_kind client_json, client_text, client_line, client_numbered,
    client_command, client_http, client_sse, client_garbage;

struct client {
    struct world *world;
    const struct client_kind *kind;
    void *state;
    struct reading *readings;
    uint64_t wire;  /* 0: not connected */
    uint64_t order; /* when what it receives now was sent */
    unsigned index;
    unsigned tried; /* names it has ever asked for, a bit each */
    int held;       /* the name it has for sure; -1: none */
    int account;    /* the one of the people that it logs in as; -1: a guest */
    enum view view;
    bool retired; /* it does not come back */
};

void clients_init(struct world *world);
void clients_close(struct world *world);

/* From the network. */
void client_received(struct client *client, struct slice bytes, uint64_t order);
void client_lost(struct client *client, enum ending ending);
/* From the schedule. */
void client_act(struct client *client);

/* A rule is broken in the eyes of this client. */
void client_fail(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void client_note(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct wire *client_wire(const struct client *client); /* NULL: not connected */
void client_send(struct client *client, struct slice bytes);
void client_hang_up(struct client *client, enum leaving how);

/* A name that nobody else is known to have, or one that somebody has. Counts as tried. */
const char *client_pick_name(struct client *client);
/* Whether both are devices of one account. */
bool client_is_same(const struct client *client, const struct client *other);
void client_got_name(struct client *client, struct slice name);
/* If that is what it is told: somebody on another server has it. */
void client_lost_name(struct client *client, struct slice told);

/* Something new to say; words already chosen. */
struct utterance *client_say(struct client *client, enum entry_kind kind, enum manner manner);
/* It goes out (again). */
void client_sends(struct client *client, struct utterance *utterance);
/* Who may read a direct message: its author, and who has had the name it is for. */
void client_check_audience(struct client *client, const struct utterance *utterance);
/* What was said is shown to this client now: checks audience, place in the log and all. NULL: not
 * stored, and failed. */
struct record *client_shown(struct client *client, const struct utterance *utterance);

/* Nobody signs with what others have as their name, or with what the author never asked for. */
void client_check_signature(struct world *world, const struct entry_body *body);
