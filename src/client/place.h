/* The rooms a client reads and how far it has come in each: what it needs to go on after a lost
 * connection with neither a hole nor a repetition. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/slice.h"

struct place {
    struct list_node node;
    struct buffer name;  /* as the server writes it, once it has */
    struct buffer epoch; /* empty: not known yet */
    struct buffer cid;   /* of the join under way */
    uint64_t seen;       /* the last seq taken; everything up to it is done with */
    uint64_t awaited;    /* something of our own has this seq: it is still to be seen */
    uint64_t from_end;   /* at first only that many entries; 0: as many as the server sends */
    bool has_seen;       /* `seen` means something */
    bool live;           /* caught up on this connection */
};

/* A zeroed struct is empty. */
struct places {
    struct list list;
};

void places_close(struct places *places);
struct place *places_add(struct places *places, struct slice name);
void places_remove(struct places *places, struct place *place);
struct place *places_find(const struct places *places,
                          struct slice name); /* NULL when absent; ignoring ASCII case */
struct place *places_find_cid(const struct places *places, struct slice cid);

/* Whether an entry is new here; if so it counts as seen. */
bool place_take(struct place *place, uint64_t seq);

/* The answer to a join: the room's name, its epoch and its last seq. */
void place_joined(struct place *place, struct slice name, struct slice epoch, uint64_t last);

/* A gap: what comes next is `first`, of this epoch. */
void place_skip_to(struct place *place, struct slice epoch, uint64_t first);

/* The connection is gone. */
void places_interrupt(struct places *places);

/* Whether everything there is has been seen: all are live, and own messages have come back. */
bool places_settled(const struct places *places);

/* `{"room":{"epoch":…,"after":…},…}` of all places that can be resumed, appended to `out`. */
void places_append_resume(const struct places *places, struct buffer *out);
/* Whether a place is among those. */
bool place_resumable(const struct place *place);

/* A whole join request. */
void place_append_join(const struct place *place, struct buffer *out);
