/* Slow mode: between two messages of one sender in one room so many seconds must pass. When each
 * wrote last is remembered for that long, of a limited number of senders. */
#include <string.h>

#include "hub/access.h"
#include "hub/client.h"
#include "hub/rules.h"

#define SECOND_US INT64_C(1000000)
#define MILLISECOND_US 1000

struct writer {
    struct list_node node; /* in the order of writing */
    struct identity identity;
    int64_t wrote_us;
};

static void forget(struct room_rules *room, struct writer *writer) {
    map_remove(room->writers_by_identity, identity_slice(&writer->identity));
    list_remove(&room->writers, &writer->node);
    memory_free(writer);
}

static struct writer *first_writer(const struct room_rules *room) {
    return container_of(room->writers.first, struct writer, node);
}

void slow_close(struct room_rules *room) {
    while (!list_empty(&room->writers)) {
        forget(room, first_writer(room));
    }
}

/* The room's rules, if they slow this client down. */
static struct room_rules *slowing(const struct hub *hub, const struct client *client,
                                  struct slice room_key) {
    struct room_rules *room = rules_find(hub->rules, room_key);
    bool slows = room != NULL && room->slow_s > 0 && access_role(client, room) < ROLE_MODERATOR;

    return slows ? room : NULL;
}

/* Those who come for one request only sign as they like, but come from somewhere. */
static struct identity sender_of(const struct client *client, const struct identity *identity) {
    struct identity sender = *identity;
    const struct address16 *address = client_address(client);

    if (access_identity(client) == NULL && address != NULL) {
        struct slice customer = address16_customer(address);

        memset(sender.bytes, 0, sizeof(sender.bytes));
        memcpy(sender.bytes, customer.data, customer.length);
    }
    return sender;
}

unsigned slow_wait(const struct hub *hub, const struct client *client, struct slice room_key,
                   const struct identity *identity) {
    const struct room_rules *room = slowing(hub, client, room_key);

    if (room == NULL) {
        return 0;
    }
    struct identity sender = sender_of(client, identity);
    const struct writer *writer = map_find(room->writers_by_identity, identity_slice(&sender));

    if (writer == NULL) {
        return 0;
    }
    int64_t wait_us = writer->wrote_us + room->slow_s * SECOND_US - hub->now_us;

    return wait_us > 0 ? (unsigned)((wait_us + MILLISECOND_US - 1) / MILLISECOND_US) : 0;
}

static bool is_useless(const struct room_rules *room, const struct writer *writer, int64_t now_us) {
    return now_us - writer->wrote_us >= room->slow_s * SECOND_US ||
           map_count(room->writers_by_identity) > LIMIT_SLOW_WRITERS;
}

void slow_count(struct hub *hub, const struct client *client, struct slice room_key,
                const struct identity *identity) {
    struct room_rules *room = slowing(hub, client, room_key);

    if (room == NULL) {
        return;
    }
    struct identity sender = sender_of(client, identity);
    struct writer *writer = map_find(room->writers_by_identity, identity_slice(&sender));

    if (writer != NULL) {
        list_remove(&room->writers, &writer->node);
    } else {
        writer = memory_new_struct(struct writer);
        writer->identity = sender;
        map_put(room->writers_by_identity, identity_slice(&writer->identity), writer);
    }
    writer->wrote_us = hub->now_us;
    list_append(&room->writers, &writer->node);
    while (is_useless(room, first_writer(room), hub->now_us)) {
        forget(room, first_writer(room));
    }
}
