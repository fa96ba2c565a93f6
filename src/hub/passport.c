/* Passports: what clients were let in with. A credential counts for the connection that showed it:
 * a token that is good for one room does not see more because its owner's telephone does.
 *
 * Those that expire stand in one list in the order in which they do; most come with the same time
 * to live and go to its end. */
#include "base/close_code.h"
#include "base/pack.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/session.h"

static struct passport *of_order(struct list_node *node) {
    return container_of(node, struct passport, in_order);
}

static void put_in_order(struct hub *hub, struct passport *passport) {
    struct list_node *later = NULL;
    struct list_node *node = hub->expiring.last;

    while (node != NULL && of_order(node)->expires_us > passport->expires_us) {
        later = node;
        node = node->previous;
    }
    list_insert_before(&hub->expiring, later, &passport->in_order);
}

static bool is_bearer(const struct passport *passport) {
    return identity_none(&passport->identity) && !passport->client->traits.transient;
}

void passport_withdraw(struct hub *hub, struct client *client) {
    struct passport *passport = client_passport(client);

    if (passport == NULL) {
        return;
    }
    if (passport->expires_us != 0) {
        list_remove(&hub->expiring, &passport->in_order);
    }
    if (is_bearer(passport)) {
        list_remove(&hub->bearers, &passport->in_bearers);
    }
    client->extras->passport = NULL;
    client_drop_extras(client);
    memory_free(passport);
}

/* "Ops*" as it is compared, behind what is in the buffer; false: it can match nothing. */
static bool fold_pattern(struct hub *hub, struct slice pattern, struct slice *folded) {
    bool open = pattern.length > 0 && pattern.data[pattern.length - 1] == '*';
    struct slice stem = slice_from(pattern.data, pattern.length - open);
    struct buffer *text = &hub->text;

    buffer_clear(text);
    /* What stands before '*' need not be a whole name: "@*", "-*". */
    if (label_fold(stem, text) < 0) {
        return false;
    }
    if (open) {
        buffer_append_char(text, '*');
    }
    *folded = hub_keep(hub, buffer_slice(text));
    return folded->length > 0;
}

static size_t fold_patterns(struct hub *hub, const struct principal *principal,
                            struct slice *patterns) {
    size_t count = 0;

    for (size_t i = 0; i < principal->room_count; i++) {
        count += fold_pattern(hub, principal->rooms[i], &patterns[count]);
    }
    return count;
}

static struct passport *passport_new(struct hub *hub, const struct principal *principal) {
    struct slice *rooms =
        effects_allocate(hub->effects, principal->room_count * sizeof(struct slice));
    size_t room_count = fold_patterns(hub, principal, rooms);
    const struct account *account = account_find(hub, &principal->identity);
    /* What a token made elsewhere calls its owner may be somebody else's name here. */
    struct slice name = account != NULL ? account_name(account) : SLICE_NONE;
    size_t size = name.length + principal->session.length + principal->hook_room.length +
                  principal->label.length;

    for (size_t i = 0; i < room_count; i++) {
        size += sizeof(struct slice) + rooms[i].length;
    }
    struct passport *passport = memory_new(sizeof(*passport) + size);
    char *at = (char *)(passport->rooms + room_count);

    passport->identity = principal->identity;
    passport->device = principal->device;
    passport->expires_us = principal->expires_us;
    passport->role = (uint8_t)principal->role;
    passport->ceiling = (uint8_t)(principal->has_ceiling ? principal->ceiling : ROLE_OWNER);
    passport->restricted = principal->restricted;
    passport->has_rate = principal->has_rate;
    passport->rate_per_minute = principal->rate_per_minute;
    passport->name = name;
    passport->session = principal->session;
    passport->hook_room = principal->hook_room;
    passport->label = principal->label;
    passport->room_count = room_count;
    at = pack_slice(&passport->name, at);
    at = pack_slice(&passport->session, at);
    at = pack_slice(&passport->hook_room, at);
    at = pack_slice(&passport->label, at);
    for (size_t i = 0; i < room_count; i++) {
        passport->rooms[i] = rooms[i];
        at = pack_slice(&passport->rooms[i], at);
    }
    return passport;
}

void passport_issue(struct hub *hub, struct client *client, const struct principal *principal) {
    struct passport *passport = passport_new(hub, principal);

    passport_withdraw(hub, client);
    passport->client = client;
    client_open_extras(client)->passport = passport;
    if (client->traits.transient) {
        passport->expires_us = 0; /* was good for this one request */
    }
    if (passport->expires_us != 0) {
        put_in_order(hub, passport);
    }
    if (is_bearer(passport)) {
        list_append(&hub->bearers, &passport->in_bearers);
    }
    if (client->session != NULL) {
        session_weigh(client->session);
    }
}

/* It is sent away once what it asked for is answered. The passport stays, as it says what the
 * client must not see until then. */
static void end(struct hub *hub, struct client *client) {
    struct passport *passport = client_passport(client);

    if (passport->expires_us != 0) {
        list_remove(&hub->expiring, &passport->in_order);
        passport->expires_us = 0;
    }
    if (client->state == CLIENT_LIVE) {
        client_quit(hub, client, CLOSE_POLICY, false);
    }
}

void passport_tick(struct hub *hub) {
    while (!list_empty(&hub->expiring) &&
           of_order(hub->expiring.first)->expires_us <= hub->now_us) {
        end(hub, of_order(hub->expiring.first)->client);
    }
}

/* The clients of an account that came with this device; none: all. The session may go with them. */
static void end_devices(struct hub *hub, const struct identity *identity,
                        const struct identity *device) {
    struct session *session = session_find(hub, identity);
    struct client *next;

    if (session == NULL || !session->registered) {
        return;
    }
    for (struct client *client = session_next_client(session, NULL); client != NULL;
         client = next) {
        next = session_next_client(session, client);
        if (identity_none(device) || identity_equal(&client_passport(client)->device, device)) {
            end(hub, client);
        }
    }
}

void passport_end_all(struct hub *hub, const struct identity *identity) {
    static const struct identity every;

    end_devices(hub, identity, &every);
}

static void end_bearers(struct hub *hub, const struct identity *device) {
    struct list_node *next;

    for (struct list_node *node = hub->bearers.first; node != NULL; node = next) {
        struct passport *passport = container_of(node, struct passport, in_bearers);

        next = node->next;
        if (identity_equal(&passport->device, device)) {
            end(hub, passport->client);
        }
    }
}

void passport_revoked(struct hub *hub, const struct event *event) {
    if (!identity_none(&event->revoked.identity)) {
        end_devices(hub, &event->revoked.identity, &event->revoked.device);
    } else if (!identity_none(&event->revoked.device)) {
        end_bearers(hub, &event->revoked.device);
    }
}

void passport_demand(struct hub *hub) {
    size_t cursor = 0;
    struct client *client;

    while ((client = id_map_next(hub->clients, &cursor)) != NULL) {
        bool stays = client->traits.transient || client_extras(client)->deferral != NULL;

        if (client->state == CLIENT_LIVE && !stays && !client_is_admitted(hub, client)) {
            client_quit(hub, client, CLOSE_POLICY, false);
        }
    }
}

bool client_is_admitted(const struct hub *hub, const struct client *client) {
    return hub->options.auth != AUTH_REQUIRED || client_passport(client) != NULL;
}

static bool matches(struct slice pattern, struct slice name) {
    size_t stem = pattern.length - 1;

    if (pattern.data[stem] != '*') {
        return slice_equal(pattern, name);
    }
    return slice_starts_with(name, slice_from(pattern.data, stem));
}

bool client_may_see(const struct client *client, struct slice folded) {
    const struct passport *passport = client_passport(client);

    if (passport == NULL || !passport->restricted) {
        return true;
    }
    for (size_t i = 0; i < passport->room_count; i++) {
        if (matches(passport->rooms[i], folded)) {
            return true;
        }
    }
    return false;
}

enum role client_role(const struct client *client) {
    const struct passport *passport = client_passport(client);

    return passport != NULL ? (enum role)passport->role : ROLE_GUEST;
}

const struct identity *client_account(const struct client *client) {
    const struct passport *passport = client_passport(client);

    return passport != NULL && !identity_none(&passport->identity) ? &passport->identity : NULL;
}

const struct identity *client_identity(const struct client *client, const struct request *request) {
    const struct identity *account = client_account(client);

    if (client->session != NULL) {
        return &client->session->identity;
    }
    return account != NULL ? account : &request->session_identity;
}

bool client_has_rate(const struct client *client, unsigned *rate_per_minute) {
    const struct passport *passport = client_passport(client);

    if (passport == NULL || !passport->has_rate) {
        return false;
    }
    *rate_per_minute = passport->rate_per_minute;
    return true;
}

struct slice client_hook_room(const struct client *client) {
    const struct passport *passport = client_passport(client);

    return passport != NULL ? passport->hook_room : SLICE_NONE;
}

struct slice client_label(const struct client *client) {
    const struct passport *passport = client_passport(client);

    return passport != NULL ? passport->label : SLICE_NONE;
}

struct slice client_secret(const struct client *client) {
    if (client->session != NULL && !client->session->registered) {
        return slice_of_string(client->session->secret);
    }
    return client_passport(client) != NULL ? client_passport(client)->session : SLICE_NONE;
}
