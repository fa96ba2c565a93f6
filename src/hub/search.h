/* Searching: what is asked of a store, and what it finds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hub/entry.h"

/* A room that may be searched. */
struct search_room {
    struct slice key, name;
};

/* Which messages. Those of no other rooms than these are ever found, whatever the text asks for. */
struct search_query {
    uint64_t ticket;   /* handed back */
    struct slice text; /* as it was typed; store/search_query.h tells what it can say */
    const struct search_room *rooms;
    size_t room_count;
    bool public_rooms;            /* and every public room … */
    const struct slice *excluded; /* … but those with these keys */
    size_t excluded_count;
    unsigned limit;  /* at most LIMIT_BATCH_ENTRIES */
    unsigned offset; /* of the best so many were seen already */
};

struct findings {
    uint64_t ticket;
    int error;              /* 0; ERR_BAD_REQUEST, ERR_UNAVAILABLE */
    const char *reason;     /* of an error: for people, static; NULL: the usual words */
    struct entry **entries; /* messages as they read now, the best first */
    struct slice *rooms;    /* of each: the name of its room */
    size_t count;
    bool more; /* there are others after these */
};
