/* How much everybody may do: here it is decided, and nowhere else (struct hub_limits says what
 * there is, and the operator sets it).
 *
 * Whatever is asked for may be charged to several at once: a message to its session, to the address
 * and to the room. All are looked at before any is charged, so that what is refused has cost
 * nothing; then one who goes on knocking does not make it worse, for himself or for others behind
 * the same address.
 *
 * A session carries its own buckets, and they go with it when it is taken over; an account has one
 * session, whatever the number of its devices, and what it has used up is remembered when it goes.
 * Since anybody can have new sessions, what is charged to addresses bounds all that come from one.
 * These are in a table of a fixed size that nobody can flood to be forgotten (see base/quota.c).
 * Callers without a session have buckets too, see caller.c. */
#include "hub/limits.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/session.h"

#define MINUTE_S 60
#define HOUR_S 3600
#define SENDERS_MOST 1000000000 /* messages in a minute, of all senders together */

enum address_bucket {
    ADDRESS_MESSAGES,
    ADDRESS_SENDERS,
    ADDRESS_NAMES,
    ADDRESS_ROOMS,
    ADDRESS_BUCKETS
};

/* What one thing would take from one bucket. */
struct charge {
    struct quota_bucket *bucket;
    struct quota_rule rule;
    uint64_t tokens;
    enum refusal refusal;
};

#define CHARGES_MOST 4

struct charges {
    struct charge items[CHARGES_MOST];
    size_t count;
};

const char *refusal_name(enum refusal refusal) {
    static const char *const names[REFUSAL_COUNT] = {
        [REFUSED_RATE] = "rate_per_minute",
        [REFUSED_BYTES] = "bytes_per_minute",
        [REFUSED_JOINS] = "joins_per_minute",
        [REFUSED_NAMES] = "names_per_minute",
        [REFUSED_ROOMS] = "rooms_per_hour",
        [REFUSED_ADDRESS_RATE] = "address_rate_per_minute",
        [REFUSED_SENDERS] = "senders_per_address",
        [REFUSED_ADDRESS_NAMES] = "address_names_per_minute",
        [REFUSED_ADDRESS_ROOMS] = "address_rooms_per_hour",
        [REFUSED_ROOM_RATE] = "room_rate_per_second",
        [REFUSED_LOGINS] = "login_attempts",
        [REFUSED_INTRODUCTION] = "introduction_timeout",
    };

    return names[refusal];
}

static void add_charge(struct charges *charges, struct quota_bucket *bucket, struct quota_rule rule,
                       uint64_t tokens, enum refusal refusal) {
    if (bucket != NULL && rule.amount > 0) {
        charges->items[charges->count++] = (struct charge){bucket, rule, tokens, refusal};
    }
}

/* The longest wait, and for what. */
static unsigned charges_wait(const struct charges *charges, int64_t now_us, enum refusal *refusal) {
    unsigned longest_ms = 0;

    for (size_t i = 0; i < charges->count; i++) {
        const struct charge *charge = &charges->items[i];
        unsigned wait_ms = quota_wait(charge->bucket, charge->rule, charge->tokens, now_us);

        if (wait_ms > longest_ms) {
            longest_ms = wait_ms;
            *refusal = charge->refusal;
        }
    }
    return longest_ms;
}

static unsigned charges_take(struct hub *hub, const struct charges *charges) {
    enum refusal refusal = REFUSED_RATE;
    unsigned wait_ms = charges_wait(charges, hub->now_us, &refusal);

    if (wait_ms > 0) {
        hub->counters.refused[refusal]++;
        return wait_ms;
    }
    for (size_t i = 0; i < charges->count; i++) {
        const struct charge *charge = &charges->items[i];

        quota_spend(charge->bucket, charge->rule, charge->tokens, hub->now_us);
    }
    return 0;
}

/* Who is charged for messages. */
struct payer {
    struct purse *purse; /* NULL: nobody, the client has quit */
    unsigned rate_per_minute;
};

static struct payer payer_of(struct hub *hub, const struct client *client,
                             const struct identity *identity) {
    struct session *session = client->session;
    struct payer payer = {0};

    if (session == NULL && client_account(client) != NULL) {
        session = session_find(hub, client_account(client));
    }
    if (!client_has_rate(client, &payer.rate_per_minute)) {
        payer.rate_per_minute = hub->options.limits.rate_per_minute;
    }
    if (session != NULL) {
        payer.purse = &session_open_belongings(session)->purse;
    } else if (client->traits.transient) {
        payer.purse = &caller_find(hub, identity)->purse;
    }
    return payer;
}

static unsigned payer_wait(const struct payer *payer, int64_t now_us) {
    return payer->purse != NULL ? rate_wait(payer->purse->rate, payer->rate_per_minute, now_us) : 0;
}

/* NULL: it comes from no address (a local socket). */
static struct quota_bucket *address_buckets(struct hub *hub, const struct client *client) {
    const struct address16 *address = client_address(client);

    if (address == NULL) {
        return NULL;
    }
    return quota_table_find(hub->addresses, address16_customer(address), hub->now_us);
}

static struct quota_rule per_minute(unsigned amount) {
    return (struct quota_rule){amount, MINUTE_S};
}

static struct quota_rule per_hour(unsigned amount) {
    return (struct quota_rule){amount, HOUR_S};
}

/* So many senders' worth of messages; who is let in by a credential is no mere sender. */
static struct quota_rule senders_rule(const struct hub *hub, const struct client *client) {
    const struct hub_limits *limits = &hub->options.limits;
    uint64_t amount = (uint64_t)limits->senders_per_address * limits->rate_per_minute;

    if (!client->traits.transient || client_passport(client) != NULL) {
        return per_minute(0);
    }
    return per_minute(amount < SENDERS_MOST ? (unsigned)amount : SENDERS_MOST);
}

static struct charges message_charges(struct hub *hub, const struct client *client,
                                      struct purse *purse, struct slice room_key, size_t bytes) {
    const struct hub_limits *limits = &hub->options.limits;
    struct quota_rule senders = senders_rule(hub, client);
    struct charges charges = {0};

    add_charge(&charges, purse != NULL ? &purse->bytes : NULL, per_minute(limits->bytes_per_minute),
               bytes, REFUSED_BYTES);
    if (limits->address_rate_per_minute > 0 || senders.amount > 0) {
        struct quota_bucket *address = address_buckets(hub, client);

        if (address != NULL) {
            add_charge(&charges, &address[ADDRESS_MESSAGES],
                       per_minute(limits->address_rate_per_minute), 1, REFUSED_ADDRESS_RATE);
            add_charge(&charges, &address[ADDRESS_SENDERS], senders, 1, REFUSED_SENDERS);
        }
    }
    if (limits->room_rate_per_second > 0) {
        add_charge(&charges, quota_table_find(hub->busy_rooms, room_key, hub->now_us),
                   (struct quota_rule){limits->room_rate_per_second, 1}, 1, REFUSED_ROOM_RATE);
    }
    return charges;
}

unsigned limit_message(struct hub *hub, const struct client *client,
                       const struct identity *identity, struct slice room_key, size_t bytes) {
    struct payer payer = payer_of(hub, client, identity);
    struct charges charges = message_charges(hub, client, payer.purse, room_key, bytes);
    unsigned wait_ms = payer_wait(&payer, hub->now_us);

    if (wait_ms > 0) {
        hub->counters.refused[REFUSED_RATE]++;
        return wait_ms;
    }
    wait_ms = charges_take(hub, &charges);
    if (wait_ms == 0 && payer.purse != NULL) {
        rate_count(&payer.purse->rate, payer.rate_per_minute, hub->now_us);
    }
    return wait_ms;
}

unsigned limit_message_wait(struct hub *hub, const struct client *client,
                            const struct draft *draft) {
    enum refusal refusal;
    struct payer payer = payer_of(hub, client, &draft->body.identity);
    struct charges charges =
        message_charges(hub, client, payer.purse, draft->room_key, draft->body.content.length);
    unsigned wait_ms = charges_wait(&charges, hub->now_us, &refusal);
    unsigned rate_ms = payer_wait(&payer, hub->now_us);

    return wait_ms > rate_ms ? wait_ms : rate_ms;
}

unsigned limit_account_rate(const struct hub *hub, const struct client *client) {
    unsigned rate_per_minute = 0;

    if (client_account(client) == NULL) {
        return 0;
    }
    return client_has_rate(client, &rate_per_minute) ? rate_per_minute
                                                     : hub->options.limits.rate_per_minute;
}

unsigned limit_joins(struct hub *hub, struct session *session, size_t count) {
    struct charges charges = {0};

    add_charge(&charges, &session->joins, per_minute(hub->options.limits.joins_per_minute), count,
               REFUSED_JOINS);
    return charges_take(hub, &charges);
}

unsigned limit_name(struct hub *hub, const struct client *client, struct session *session) {
    const struct hub_limits *limits = &hub->options.limits;
    struct quota_bucket *address =
        limits->address_names_per_minute > 0 ? address_buckets(hub, client) : NULL;
    struct charges charges = {0};

    add_charge(&charges, &session->names, per_minute(limits->names_per_minute), 1, REFUSED_NAMES);
    if (address != NULL) {
        add_charge(&charges, &address[ADDRESS_NAMES], per_minute(limits->address_names_per_minute),
                   1, REFUSED_ADDRESS_NAMES);
    }
    return charges_take(hub, &charges);
}

bool limit_counts_rooms(const struct hub *hub) {
    const struct hub_limits *limits = &hub->options.limits;

    return limits->rooms_per_hour > 0 || limits->address_rooms_per_hour > 0;
}

unsigned limit_new_room(struct hub *hub, const struct client *client,
                        const struct identity *identity) {
    const struct hub_limits *limits = &hub->options.limits;
    struct purse *purse = payer_of(hub, client, identity).purse;
    struct quota_bucket *address =
        limits->address_rooms_per_hour > 0 ? address_buckets(hub, client) : NULL;
    struct charges charges = {0};

    add_charge(&charges, purse != NULL ? &purse->rooms : NULL, per_hour(limits->rooms_per_hour), 1,
               REFUSED_ROOMS);
    if (address != NULL) {
        add_charge(&charges, &address[ADDRESS_ROOMS], per_hour(limits->address_rooms_per_hour), 1,
                   REFUSED_ADDRESS_ROOMS);
    }
    return charges_take(hub, &charges);
}

bool limit_failed_login(struct hub *hub, struct client *client) {
    if (++client->failed_logins < LIMIT_LOGIN_ATTEMPTS) {
        return false;
    }
    hub->counters.refused[REFUSED_LOGINS]++;
    return true;
}

void limit_open(struct hub *hub) {
    uint64_t seed = hub->options.seed;

    hub->callers = map_new(seed);
    hub->addresses = quota_table_new(LIMIT_QUOTA_KEYS, ADDRESS_BUCKETS, seed);
    hub->busy_rooms = quota_table_new(LIMIT_QUOTA_KEYS, 1, seed);
}

void limit_tick(struct hub *hub) {
    callers_tick(hub);
    quota_table_sweep(hub->addresses, hub->now_us);
    quota_table_sweep(hub->busy_rooms, hub->now_us);
}

void limit_close(struct hub *hub) {
    callers_close(hub);
    quota_table_free(hub->addresses);
    quota_table_free(hub->busy_rooms);
}

bool limit_cid_valid(struct slice cid) {
    size_t characters = 0;

    for (size_t i = 0; i < cid.length; i++) {
        characters += ((unsigned char)cid.data[i] & 0xc0) != 0x80;
    }
    return cid.length <= LIMIT_CID && characters <= LIMIT_CID_CHARACTERS && utf8_valid(cid);
}
