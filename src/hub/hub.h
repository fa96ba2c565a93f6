/* The hub: the deterministic core. It knows sessions, names, rooms and who is in them, and decides
 * what every request and completion means. hub_step is its only entrance; it never calls out, so it
 * can never be re-entered. It has no clock, no randomness, no threads, no sockets and no files: the
 * same events give the same effects. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hub/effect.h"
#include "hub/event.h"

struct hub;

/* Who may come in: AUTH_OPEN and AUTH_MIXED let in guests, and who shows a credential as whoever
 * that belongs to; the names of accounts are nobody else's. AUTH_REQUIRED lets in nobody without
 * a credential. */
enum auth_mode { AUTH_OPEN, AUTH_MIXED, AUTH_REQUIRED };

struct hub_options {
    enum auth_mode auth;
    uint64_t seed;            /* of the hash maps */
    unsigned rate_per_minute; /* messages of a session; 0: no limit */
    unsigned max_message;     /* bytes of content */
    unsigned session_linger_s;
    unsigned announce_limit; /* sessions */
    unsigned backlog;        /* entries sent on joining */
    unsigned ping_ms;        /* told to clients */
    bool create_rooms;       /* joining or publishing makes a room */
};

struct hub *hub_new(const struct hub_options *options);
void hub_free(struct hub *hub);

/* Appends what follows from `event` to `effects`. */
void hub_step(struct hub *hub, const struct event *event, struct effects *effects);

/* For checks and metrics. Clients are connections, and those of which something is still under way;
 * sessions may also be without one, and clients that are transient or have quit have none. */
size_t hub_client_count(const struct hub *hub);
size_t hub_session_count(const struct hub *hub);
/* Whether somebody with this identity is here or may come back. */
bool hub_has_session(const struct hub *hub, const struct identity *identity);
size_t hub_room_count(const struct hub *hub);
