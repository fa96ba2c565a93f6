/* The hub: the deterministic core. It knows sessions, names, rooms and who is in them, and decides
 * what every request and completion means. hub_step is its only entrance; it never calls out, so it
 * can never be re-entered. It has no clock, no randomness, no threads, no sockets and no files: the
 * same events give the same effects. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hub/counters.h"
#include "hub/effect.h"
#include "hub/event.h"

struct hub;

/* Who may come in: AUTH_OPEN and AUTH_MIXED let in guests, and who shows a credential as whoever
 * that belongs to; the names of accounts are nobody else's. AUTH_REQUIRED lets in nobody without
 * a credential. */
enum auth_mode { AUTH_OPEN, AUTH_MIXED, AUTH_REQUIRED };

/* How much may be done; 0: no limit. What is refused is answered with ERR_RATE_LIMITED and the time
 * after which to try again. An address is an IPv4 address or a /64 of IPv6; local sockets have
 * none. The operator's words for these are in docs/operations.md. */
struct hub_limits {
    unsigned rate_per_minute;         /* messages of a session; of HTTP, of a caller */
    unsigned address_rate_per_minute; /* messages of an address, over all its sessions */
    unsigned senders_per_address;     /* over HTTP an address sends like so many callers at most */
    unsigned room_rate_per_second;    /* messages into a room, from whomever */
    unsigned bytes_per_minute;        /* of the content of a session's messages */
    unsigned joins_per_minute;        /* rooms that a session enters, or goes on reading */
    unsigned names_per_minute;        /* names that a session tries to claim */
    unsigned address_names_per_minute;
    unsigned rooms_per_hour; /* rooms that a session writes to first */
    unsigned address_rooms_per_hour;
};

struct hub_options {
    enum auth_mode auth;
    uint64_t seed; /* of the hash maps */
    struct hub_limits limits;
    unsigned introduction_ms; /* to say who one is, where that must be said; 0: all one wants */
    unsigned max_message;     /* bytes of content */
    unsigned session_linger_s;
    unsigned announce_limit; /* sessions */
    unsigned backlog;        /* entries sent on joining */
    unsigned ping_ms;        /* told to clients */
    bool shared;             /* the store is, with other nodes: see nodes.h */
    bool create_rooms;       /* joining or publishing makes a room */
};

struct hub *hub_new(const struct hub_options *options);
void hub_free(struct hub *hub);

/* Appends what follows from `event` to `effects`. */
void hub_step(struct hub *hub, const struct event *event, struct effects *effects);

/* Whether it knows the rules of rooms; until then every request is answered ERR_UNAVAILABLE. True
 * unless EVENT_STARTED told it to ask for them. */
bool hub_is_ready(const struct hub *hub);

/* For checks and metrics. Clients are connections, and those of which something is still under way;
 * sessions may also be without one, and clients that are transient or have quit have none. */
size_t hub_client_count(const struct hub *hub);
size_t hub_session_count(const struct hub *hub);
/* Whether this is an account's. */
bool hub_knows_identity(const struct hub *hub, const struct identity *identity);
/* Whether somebody with this identity is here or may come back. */
bool hub_has_session(const struct hub *hub, const struct identity *identity);
/* Sessions in a room, as the other nodes were told, and those there, as is known here; false: the
 * room is not followed. */
bool hub_count_members(const struct hub *hub, struct slice room_key, unsigned *here,
                       unsigned *elsewhere);
size_t hub_room_count(const struct hub *hub);
const struct hub_counters *hub_counters(const struct hub *hub);
