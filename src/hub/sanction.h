/* Sanctions: who may not be somewhere (bans), or may not speak there (mutes), for how long and why.
 * One is about a name and the identity that held it, or about addresses. Private to hub/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cidr.h"
#include "base/list.h"
#include "base/map.h"
#include "hub/entry.h"

struct sanction {
    struct list_node node;
    struct identity identity; /* none: only the name is known, or it is about addresses */
    struct cidr addresses;
    bool by_address;
    int64_t until_us;                               /* 0: for good */
    struct slice name, folded, address, reason, by; /* point into bytes */
    char bytes[];
};

/* Zeroed, and sanctions_init. */
struct sanctions {
    struct list order;                 /* the one that came first at the front */
    struct map *by_name, *by_identity; /* folded name; identity */
    struct map *by_address;            /* of addresses: their text */
    unsigned count;
};

/* Somebody who may be meant. */
struct suspect {
    struct slice folded;             /* the name or label, as it is compared; empty: none */
    const struct identity *identity; /* NULL: none */
    const struct address16 *address; /* NULL: none that is known */
};

void sanctions_init(struct sanctions *sanctions, uint64_t seed);
void sanctions_close(struct sanctions *sanctions);
/* Copies the texts of `from`. What there was about the same name, identity or addresses goes, and
 * so does what is over by `now_us`. */
void sanctions_add(struct sanctions *sanctions, const struct sanction *from, int64_t now_us);
/* Those about this name, the identity that held it, and these addresses (empty: none). */
void sanctions_lift(struct sanctions *sanctions, struct slice folded,
                    const struct identity *identity, struct slice address);
/* One that holds now; NULL: none. */
const struct sanction *sanctions_find(const struct sanctions *sanctions,
                                      const struct suspect *suspect, int64_t now_us);
bool sanction_over(const struct sanction *sanction, int64_t now_us);
