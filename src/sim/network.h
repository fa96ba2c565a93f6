/* Connections. Each is a wire with a pipe each way: what goes in comes out later, cut anywhere, as
 * far as the other side reads and there is room. Wires end in every way there is: politely, by a
 * reset that swallows what was under way, by silence, or by the server's death. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/slice.h"
#include "delivery/outlet.h"

struct client;
struct world;

enum ending { ENDING_NONE, ENDING_FINISH, ENDING_RESET };

struct packet {
    struct packet *next;
    int64_t arrives_us;
    uint64_t order;     /* world->order when it was sent */
    enum ending ending; /* of the pipe; then it holds no bytes */
    size_t length, offset;
    char data[];
};

struct pipe {
    struct packet *first, *last;
    size_t bytes;
    int64_t latest_us; /* nothing overtakes */
    bool ended;
};

struct wire {
    uint64_t id;
    struct world *world;
    struct client *client; /* NULL: it has let go */
    struct server *server; /* it leads to */
    struct peer *peer;     /* NULL: the server has let go */
    struct pipe up, down;
    size_t capacity;
    int64_t stalled_until_us; /* the client reads nothing before */
    int64_t sent_us;
    size_t read_most;     /* bytes at once; 0: all there is */
    bool choppy;          /* cut anywhere */
    bool whole;           /* one write of one side is one read of the other */
    bool blocked, paused; /* as the server's socket is */
    bool finished, dead;  /* the server has said goodbye; nothing gets through any more */
};

struct network {
    struct id_map *wires;
    uint64_t last_id;
};

extern const struct transport network_transport;
extern const struct transport network_transport_shared; /* sends to many at once */

void network_init(struct network *network);
void network_close(struct network *network);
struct wire *network_find(struct world *world, uint64_t id);

/* A new connection; NULL: the server is down. */
struct wire *wire_open(struct world *world, struct client *client, const char *scheme);
/* From the client. */
void wire_write(struct wire *wire, struct slice bytes);

enum leaving { LEAVE_POLITELY, LEAVE_RESET, LEAVE_SILENTLY };
/* The client is gone from it. */
void wire_leave(struct wire *wire, enum leaving how);

/* Something that was scheduled. */
void wire_up(struct wire *wire);
void wire_down(struct wire *wire);
void wire_writable(struct wire *wire);
void wire_gone(struct wire *wire);
/* The server has died: what it had sent may still arrive, up to any byte. */
void wire_orphan(struct wire *wire);
/* Whoever was slow reads again. */
void wire_recover(struct wire *wire);
