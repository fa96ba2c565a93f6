#include "auth/tickets.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "auth/vouch.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "wire/secret.h"

#define PREFIX "tk_"
#define TICKETS_MAX 10000
#define LIFE_US (INT64_C(1000000) * LIMIT_TICKET_S)

static_assert(sizeof(PREFIX) - 1 + SECRET_LENGTH == TICKET_LENGTH, "a prefix and a secret");

/* Found by its digest, so that how long looking takes says nothing of the tickets there are. */
struct ticket {
    uint8_t digest[IDENTITY_SIZE];
    int64_t until_us;
    struct list_node node;
    struct principal *principal;
};

struct tickets {
    struct map *by_digest;
    struct list by_age;
};

static struct slice key_of(const struct ticket *ticket) {
    return slice_from(ticket->digest, sizeof(ticket->digest));
}

struct tickets *tickets_new(uint64_t seed) {
    struct tickets *tickets = memory_new_struct(struct tickets);

    tickets->by_digest = map_new(seed);
    return tickets;
}

static struct ticket *ticket_of(struct list_node *node) {
    return node ? container_of(node, struct ticket, node) : NULL;
}

/* Its principal is the caller's then. */
static struct principal *drop(struct tickets *tickets, struct ticket *ticket) {
    struct principal *principal = ticket->principal;

    map_remove(tickets->by_digest, key_of(ticket));
    list_remove(&tickets->by_age, &ticket->node);
    memory_free(ticket);
    return principal;
}

void tickets_free(struct tickets *tickets) {
    struct ticket *ticket;

    while ((ticket = ticket_of(tickets->by_age.first)))
        principal_free(drop(tickets, ticket));
    map_free(tickets->by_digest);
    memory_free(tickets);
}

static void drop_old(struct tickets *tickets, int64_t now_us) {
    struct ticket *ticket;

    while ((ticket = ticket_of(tickets->by_age.first)) &&
           (ticket->until_us <= now_us || map_count(tickets->by_digest) >= TICKETS_MAX))
        principal_free(drop(tickets, ticket));
}

void tickets_format(char text[TICKET_LENGTH + 1]) {
    uint8_t random[SECRET_BYTES];

    randombytes_buf(random, sizeof(random));
    memcpy(text, PREFIX, sizeof(PREFIX) - 1);
    secret_format(random, text + sizeof(PREFIX) - 1);
    sodium_memzero(random, sizeof(random));
}

void tickets_make(struct tickets *tickets, const struct principal *principal, int64_t now_us,
                  char text[TICKET_LENGTH + 1]) {
    struct ticket *ticket = memory_new_struct(struct ticket);

    drop_old(tickets, now_us);
    tickets_format(text);
    secret_digest(slice_of_string(text), ticket->digest);
    ticket->until_us = now_us + LIFE_US;
    ticket->principal = principal_copy(principal);
    map_put(tickets->by_digest, key_of(ticket), ticket);
    list_append(&tickets->by_age, &ticket->node);
}

struct principal *tickets_take(struct tickets *tickets, struct slice text, int64_t now_us) {
    uint8_t digest[IDENTITY_SIZE];
    struct ticket *ticket;

    drop_old(tickets, now_us);
    secret_digest(text, digest);
    ticket = map_find(tickets->by_digest, slice_from(digest, sizeof(digest)));
    return ticket ? drop(tickets, ticket) : NULL;
}

void tickets_revoke(struct tickets *tickets, const struct identity *identity,
                    const struct identity *device) {
    struct list_node *next;

    for (struct list_node *node = tickets->by_age.first; node; node = next) {
        struct ticket *ticket = ticket_of(node);
        const struct principal *principal = ticket->principal;
        next = node->next;
        if (identity_equal(&principal->identity, identity) &&
            (identity_none(device) || identity_equal(&principal->device, device)))
            principal_free(drop(tickets, ticket));
    }
}
