/* Who may come in: counts connections, altogether and for each address, and how often an address
 * connects. Bounded memory: an address is kept while it has connections, and of those that connect
 * often as many as ADMISSION_RATES. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/list.h"

/* Addresses whose rate is remembered. */
#define ADMISSION_RATES 20000

struct map;
struct quota_table;

struct admission_limits {
    /* 0: none */
    size_t connections, connections_per_address;
    unsigned rate_per_address; /* connections in a minute */
};

enum admission_answer {
    ADMISSION_GRANTED,
    ADMISSION_FULL,
    ADMISSION_ADDRESS_FULL,
    ADMISSION_TOO_OFTEN,
    ADMISSION_ANSWERS
};

struct admission {
    struct admission_limits limits;
    uint64_t refused[ADMISSION_ANSWERS]; /* for metrics */
    bool tracks;                         /* addresses are kept though nothing limits them */
    uint64_t seed;
    size_t count;
    struct map *addresses;     /* of struct admission_address, by key */
    struct quota_table *rates; /* NULL: nobody was looked at yet */
};

/* An address that has connections; of IPv6 one /64. */
struct admission_address {
    size_t count;
    size_t key_length;
    char key[sizeof(struct address16)];

    /* Kept by handshake.c. */
    struct list_node turn;  /* in the net's round of addresses, while somebody waits */
    struct list waiting;    /* connections whose first words have arrived */
    struct list handshakes; /* those under way, the oldest first */
    size_t handshake_count;
};

void admission_init(struct admission *admission, const struct admission_limits *limits,
                    uint64_t seed);
void admission_close(struct admission *admission);

/* Counts one more. ADMISSION_GRANTED or ADMISSION_FULL. */
enum admission_answer admission_enter(struct admission *admission);

/* Whose it is, once that is known: counts it for this address, or refuses it for the address's
 * sake; it must then leave. `*address` is for admission_leave; NULL where nobody asks for it. */
enum admission_answer admission_identify(struct admission *admission,
                                         const struct address16 *source, int64_t now_us,
                                         struct admission_address **address);

/* `address` is NULL when it was not identified. */
void admission_leave(struct admission *admission, struct admission_address *address);
