/* Whatever happens in whatever order: the books of the hub agree with each other after every
 * step, and when everybody has gone nothing is left. The orders come from seeds; a seed that
 * fails is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/error.h"
#include "base/rng.h"
#include "hub/accounts.h"
#include "hub/client.h"
#include "hub/deferral.h"
#include "hub/membership.h"
#include "hub/room.h"
#include "hub/session.h"
#include "hub_world.h"

#define CONNECTIONS 12
#define STEPS 400
#define SEEDS 500

static bool is_device(const struct session *session, const struct client *client) {
    const struct client *device = session_next_client(session, NULL);

    while (device != NULL && device != client) {
        device = session_next_client(session, device);
    }
    return device == client;
}

/* Returns how many of its requests to join, and to be let in, wait. */
static unsigned check_client(const struct client *client) {
    unsigned room_count = 0, entrances = 0;
    bool has_current = client->current == NULL;

    for (struct list_node *node = client->roster.memberships.first; node != NULL;
         node = node->next) {
        const struct membership *membership = container_of(node, struct membership, in_client);

        assert_ptr_equal(membership->client, client);
        assert_true(membership->leaving ||
                    roster_find(&client->roster, membership->room) == membership);
        for (const struct entrance *e = membership->entrances; e != NULL; e = e->next) {
            entrances++;
        }
        room_count += !membership->leaving && membership->room->direct == NULL;
        has_current = has_current || client->current == membership;
        assert_true(!membership->subscribed || membership->state == MEMBERSHIP_JOINED);
    }
    assert_int_equal(client->roster.joined_count, room_count);
    assert_true(has_current);
    assert_true(client->state != CLIENT_GONE || client->outstanding > 0);
    assert_true(client_extras(client)->deferral == NULL || client->outstanding > 0);
    assert_true(client->retry_count <= client->outstanding);
    assert_true(client->state != CLIENT_LIVE || client_extras(client)->deferral == NULL ||
                client->paused);
    assert_true(client->session == NULL || is_device(client->session, client));
    assert_true(client->session == NULL || client->state == CLIENT_LIVE);
    const struct deferral *deferral = client_extras(client)->deferral;

    return entrances +
           (deferral != NULL && deferral->state != DEFERRAL_FENCE && !deferral->vouched);
}

/* Somebody who is in the room with several clients is counted once. */
static void check_counts_once(const struct room *room, const struct membership *membership) {
    const struct session *session = membership->client->session;
    unsigned counted = 0, here = 0;

    if (session == NULL) {
        return;
    }
    for (struct list_node *node = room->members.first; node != NULL; node = node->next) {
        const struct membership *other = container_of(node, struct membership, in_room);

        here += other->client->session == session;
        counted += other->client->session == session && other->counts;
    }
    assert_true(here > 0);
    assert_true(counted <= 1);
}

static void check_room(const struct hub *hub, const struct room *room) {
    size_t cursor = 0, members = 0, references = 0;
    const struct client *client;

    for (struct list_node *node = room->members.first; node != NULL; node = node->next) {
        const struct membership *membership = container_of(node, struct membership, in_room);

        members += membership->counts;
        check_counts_once(room, membership);
    }
    while ((client = id_map_next(hub->clients, &cursor)) != NULL) {
        struct list_node *node = client->roster.memberships.first;

        for (; node != NULL; node = node->next) {
            references += container_of(node, struct membership, in_client)->room == room;
        }
    }
    assert_int_equal(room->member_count, members);
    assert_int_equal(room->references, references);
    assert_true(room->references > 0 || room->state == ROOM_FOLLOWING || room->direct != NULL);
}

static void check_session(const struct hub *hub, const struct session *session) {
    const struct account *account = account_find(hub, &session->identity);

    for (const struct client *client = session_next_client(session, NULL); client != NULL;
         client = session_next_client(session, client)) {
        assert_ptr_equal(client->session, session);
        assert_true(!session->registered || client_account(client) != NULL);
    }
    assert_true(session->claim == NULL || session->claim->session == session);
    assert_true(!session_over(session) || !list_empty(&session_belongings(session)->directs));
    assert_true(!session_over(session) || session->claim == NULL || account != NULL);
    if (session->claim != NULL) {
        assert_false(account_denies(hub, claim_folded(session->claim), &session->identity));
    }
    const struct lingering *lingering = session_belongings(session)->lingering;
    assert_true(lingering == NULL || lingering->expires_us > hub->now_us);
}

static void check_books(struct world *world) {
    const struct hub *hub = world_hub(world);
    size_t cursor = 0, waiting = 0, outstanding = 0;
    const struct client *client;
    const struct session *session;
    const struct room *room;

    while ((client = id_map_next(hub->clients, &cursor)) != NULL) {
        waiting += check_client(client);
        outstanding += client->outstanding;
    }
    cursor = 0;
    while ((session = map_next(hub->sessions, &cursor)) != NULL) {
        check_session(hub, session);
    }
    cursor = 0;
    while ((room = map_next(hub->rooms, &cursor)) != NULL) {
        check_room(hub, room);
        for (const struct draft *draft = room->waiting; draft != NULL; draft = draft->next) {
            waiting++;
        }
    }
    assert_int_equal(outstanding, world_under_way(world) + waiting);
}

static const char *const names[] = {"ann", "bob", "Eve", "zak", "", "no name", "anonymous"};
static const char *const rooms[] = {"lobby",    "tea",      "Tea",     "old",
                                    "@ann,bob", "@bob,zak", "$hidden", ""};

#define PICK(rng, array) (array)[rng_below(rng, sizeof(array) / sizeof((array)[0]))]

/* All kinds of changes, so that people come and go by them as well. */
static void pick_rule(struct rng *rng, struct request *request) {
    static const struct {
        struct slice key, value;
    } settings[] = {
        {SLICE("access"), SLICE("members")}, {SLICE("access"), SLICE("public")},
        {SLICE("slow"), SLICE("5")},         {SLICE("registered_only"), SLICE("on")},
        {SLICE("topic_lock"), SLICE("on")},  {SLICE("posting"), SLICE("moderators")},
    };
    size_t setting = rng_below(rng, sizeof(settings) / sizeof(settings[0]));

    request->rule = (enum rule_kind)rng_below(rng, RULE_UNMUTE + 1);
    request->everywhere = rng_below(rng, 8) == 0;
    request->role = (enum role)rng_below(rng, 4);
    request->seconds = rng_below(rng, 3) * 20;
    request->key = settings[setting].key;
    request->content = settings[setting].value;
    if (rng_below(rng, 8) == 0) {
        request->name = SLICE_NONE;
        request->subject = SLICE("192.0.2.0/24");
    }
}

static void ask_something(struct world *world, struct rng *rng, uint64_t connection,
                          uint64_t born) {
    static unsigned cids;
    char cid[24];
    struct resume_point points[3];
    struct request request = {
        .kind = (enum request_kind)rng_below(rng, REQUEST_QUIT + 1),
        .room = slice_of_string(PICK(rng, rooms)),
        .name = slice_of_string(PICK(rng, names)),
        .sender = slice_of_string(PICK(rng, names)),
        .content = SLICE("words"),
        .has_after = rng_below(rng, 2) == 0,
        .after = rng_below(rng, 9),
        .move = rng_below(rng, 3) == 0,
        .lost = rng_below(rng, 2) == 0,
        .session_identity = world_identity(1000 + rng_below(rng, 3)),
    };
    /* Somebody's who is or was here, or one of a few secrets from before. */
    uint64_t whose = rng_below(rng, 4) == 0 ? 2000 + rng_below(rng, 3) : 1 + rng_below(rng, born);
    char secret[24];

    /* This waits for a log of its own. */
    if (request.kind == REQUEST_READY) {
        return;
    }
    if (request.kind == REQUEST_RULE || rng_below(rng, 6) == 0) {
        request.kind = REQUEST_RULE;
        pick_rule(rng, &request);
    }
    if ((request.kind == REQUEST_QUIT || request.room.length == 0) && rng_below(rng, 4) > 0) {
        request.kind = REQUEST_PUBLISH; /* else nobody would stay for long */
    }
    if (request.kind == REQUEST_PUBLISH && rng_below(rng, 3) == 0) {
        request.to = slice_of_string(PICK(rng, names));
    }
    if (request.kind != REQUEST_QUIT && rng_below(rng, 2) == 0) {
        snprintf(cid, sizeof(cid), "c%u", ++cids);
        request.cid = slice_of_string(cid);
    }
    if (rng_below(rng, 4) == 0) {
        request.credential = (struct credential){.kind = CREDENTIAL_TOKEN, .secret = SLICE("x")};
    }
    if (request.kind == REQUEST_HELLO) {
        request.name = rng_below(rng, 2) == 0 ? SLICE_NONE : request.name;
        for (size_t i = 0; i < 3; i++) {
            points[i] = (struct resume_point){slice_of_string(PICK(rng, rooms)), SLICE("e1"),
                                              rng_below(rng, 9)};
        }
        request.resume = points;
        request.resume_count = rng_below(rng, 4);
        if (rng_below(rng, 2) == 0) {
            snprintf(secret, sizeof(secret), "secret-of-%u", (unsigned)whose);
            request.session = slice_of_string(secret);
            request.session_identity = world_identity(whose);
        }
    }
    world_ask(world, connection, request);
}

/* The authority says something, asked or not. */
static void hear_the_authority(struct world *world, struct rng *rng, uint64_t born) {
    static const char *const accounts[] = {"Eve", "zak", "eva", "elsewhere"};
    const char *name = PICK(rng, accounts);
    struct principal principal = world_principal(name);
    const struct identity none = {{0}};

    principal.device = world_identity(1 + rng_below(rng, 5));
    switch (rng_below(rng, 8)) {
    case 0:
        world_tell_account(world, name, (enum role)rng_below(rng, 4));
        return;
    case 1:
        world_remove_account(world, name);
        return;
    case 2:
        world_revoke(world, &principal.identity,
                     rng_below(rng, 2) == 0 ? &none : &principal.device);
        return;
    default:
        break;
    }
    principal.role = rng_below(rng, 2) == 0 ? ROLE_OWNER : (enum role)rng_below(rng, 4);
    principal.expires_us = rng_below(rng, 3) == 0 ? world_now(world) + 30000000 : 0;
    if (rng_below(rng, 5) == 0) {
        principal.identity = none;
        principal.name = SLICE_NONE;
    }
    for (uint64_t connection = 1; connection <= born; connection++) {
        if (!world_is_asking(world, connection)) {
            continue;
        }
        if (rng_below(rng, 4) == 0) {
            world_deny(world, connection, ERR_UNAUTHORIZED);
        } else {
            world_vouch(world, connection, &principal);
        }
        return;
    }
}

static void disturb_the_store(struct world *world, struct rng *rng) {
    switch (rng_below(rng, 4)) {
    case 0:
        world_fail_follows(world, rng_below(rng, 4) == 0);
        break;
    case 1:
        world_fail_signals(world, rng_below(rng, 4) == 0);
        break;
    case 2:
        world_fail_appends(world, rng_below(rng, 4) == 0 ? ERR_UNAVAILABLE : 0);
        break;
    default:
        world_restore(world, "old", rng_below(rng, 2) == 0 ? "e1" : "e2", rng_below(rng, 9));
    }
}

static void open_somebody(struct world *world, struct rng *rng, uint64_t connection) {
    enum client_kind kind = (enum client_kind)rng_below(rng, CLIENT_KINDS);

    if (rng_below(rng, 5) == 0) {
        world_open_with(world, connection, kind, "x");
    } else {
        world_open(world, connection, kind);
    }
}

static void do_something(struct world *world, struct rng *rng, uint64_t *born) {
    /* Connection numbers are never used again; the twelve latest are those that act. */
    uint64_t connection =
        *born > CONNECTIONS ? *born - rng_below(rng, CONNECTIONS) : 1 + rng_below(rng, *born);

    switch (rng_below(rng, 18)) {
    case 0:
        open_somebody(world, rng, ++*born);
        break;
    case 16:
    case 17:
        hear_the_authority(world, rng, *born);
        break;
    case 1:
        if (rng_below(rng, 3) == 0) {
            world_close(world, connection, rng_below(rng, 2) == 0);
        }
        break;
    case 2:
        world_pass(world, (int64_t)rng_below(rng, 60000000));
        break;
    case 3:
        disturb_the_store(world, rng);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        world_settle_one(world);
        break;
    case 8:
        world_settle(world);
        break;
    default:
        if (!world_is_paused(world, connection)) {
            ask_something(world, rng, connection, *born);
        } else if (rng_below(rng, 8) == 0) {
            quit(world, connection);
        }
    }
}

static void live_through(uint64_t seed, const struct hub_options *options) {
    struct world *world = world_new(options);
    uint64_t born = 1;
    struct rng rng;

    rng_seed(&rng, seed);
    world_read_rules(world);
    world_fill(world, "old", 3, 8);
    world_open(world, born, PLAIN);
    for (int i = 0; i < STEPS; i++) {
        do_something(world, &rng, &born);
        check_books(world);
        world_forget(world);
    }
    world_fail_follows(world, false);
    world_free(world);
}

static void the_books_agree_whatever_happens(void **state) {
    struct hub_options options = world_defaults;
    uint64_t *seed = memory_new_struct(uint64_t);

    *state = seed;
    for (*seed = 1; *seed <= SEEDS; (*seed)++) {
        options.create_rooms = *seed % 3 != 0;
        options.auth = *seed % 5 == 0 ? AUTH_REQUIRED : AUTH_OPEN;
        options.limits.rate_per_minute = *seed % 2 == 0 ? 0 : 20;
        live_through(*seed, &options);
    }
}

static int name_the_seed(void **state) {
    uint64_t *seed = *state;

    if (*seed <= SEEDS) {
        print_error("it was seed %u\n", (unsigned)*seed);
    }
    memory_free(seed);
    return 0;
}

static void many_rooms_are_kept_apart(void **state) {
    struct world *world = world_new(NULL);
    struct rng rng;
    char room[16];

    (void)state;
    rng_seed(&rng, 1);
    world_open(world, 1, V1);
    hello(world, 1, "ann");
    for (int i = 0; i < 3000; i++) {
        snprintf(room, sizeof(room), "r%u", (unsigned)rng_below(&rng, 60));
        if (rng_below(&rng, 5) < 3) {
            join(world, 1, room, "");
        } else {
            leave(world, 1, room, "");
        }
        for (uint64_t answers = rng_below(&rng, 4); answers > 0; answers--) {
            world_settle_one(world);
        }
        check_books(world);
        world_forget(world);
    }
    world_free(world);
}

static void only_so_many_lost_sessions_are_kept(void **state) {
    struct hub *hub = hub_new(&world_defaults);
    struct effects effects = {0};
    struct request said = {.kind = REQUEST_HELLO};

    (void)state;
    for (uint64_t connection = 1; connection <= LIMIT_LINGERING + 10; connection++) {
        struct event opened = {.kind = EVENT_OPENED, .connection = connection, .now_us = 5};
        struct event asked = {
            .kind = EVENT_REQUEST, .connection = connection, .now_us = 6, .request = &said};
        struct event closed = {
            .kind = EVENT_CLOSED, .connection = connection, .now_us = 7, .closed = {.lost = true}};

        opened.opened.traits = (struct traits){.lingers = true};
        opened.opened.identity = world_identity(connection);
        hub_step(hub, &opened, &effects);
        hub_step(hub, &asked, &effects);
        hub_step(hub, &closed, &effects);
        effects_clear(&effects);
    }
    assert_int_equal(hub_session_count(hub), LIMIT_LINGERING);
    assert_int_equal(hub_client_count(hub), 0);
    effects_close(&effects);
    hub_free(hub);
}

static void leave_off_after(int steps, bool quits) {
    struct world *world = world_new(NULL);
    struct resume_point points[] = {{SLICE("a"), SLICE("e1"), 3}, {SLICE("b"), SLICE("e1"), 3}};

    world_open(world, 1, V1);
    hello(world, 1, "ann");
    world_open(world, 2, PLAIN);
    ask(world, 2, .kind = REQUEST_HELLO, .name = SLICE("bob"), .resume = points, .resume_count = 2,
        .cid = SLICE("h1"));
    tell(world, 2, "ann", "psst");
    leave(world, 2, "a", "l1");
    join(world, 2, "a", "j1");
    say(world, 2, "hi");
    for (int i = 0; i < steps; i++) {
        world_settle_one(world);
        check_books(world);
    }
    if (quits) {
        quit(world, 2);
        check_books(world);
        world_settle_one(world);
    }
    world_close(world, 2, true);
    check_books(world);
    world_free(world);
}

static void one_can_go_at_any_point_and_leave_nothing(void **state) {
    (void)state;
    for (int steps = 0; steps < 20; steps++) {
        leave_off_after(steps, false);
        leave_off_after(steps, true);
    }
}

static void the_hub_can_be_freed_in_the_middle_of_everything(void **state) {
    struct hub *hub = hub_new(&world_defaults);
    struct effects effects = {0};
    struct resume_point point = {SLICE("a"), SLICE("e1"), 3};
    struct request requests[] = {
        {.kind = REQUEST_HELLO, .name = SLICE("ann"), .resume = &point, .resume_count = 1},
        {.kind = REQUEST_PUBLISH, .to = SLICE("ann")},
        {.kind = REQUEST_PUBLISH, .room = SLICE("unknown")},
        {.kind = REQUEST_LEAVE, .room = SLICE("a"), .cid = SLICE("l1")},
    };
    struct event event = {.kind = EVENT_OPENED, .connection = 1, .now_us = 1};

    (void)state;
    event.opened.identity = world_identity(1);
    hub_step(hub, &event, &effects);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct event asked = {
            .kind = EVENT_REQUEST, .connection = 1, .now_us = 2, .request = &requests[i]};

        hub_step(hub, &asked, &effects);
    }
    effects_close(&effects);
    hub_free(hub);
}

static void events_of_unknown_connections_mean_nothing(void **state) {
    struct hub *hub = hub_new(&world_defaults);
    struct effects effects = {0};
    struct request request = {.kind = REQUEST_PUBLISH, .room = SLICE("lobby")};
    struct event events[] = {
        {.kind = EVENT_REQUEST, .connection = 9, .request = &request},
        {.kind = EVENT_CLOSED, .connection = 9},
        {.kind = EVENT_LISTED, .listed = {.origin = {9, 9}}},
        {.kind = EVENT_COMMITTED, .committed = {.room_key = SLICE("lobby")}},
        {.kind = EVENT_FOLLOWED, .followed = {.head = {.room_key = SLICE("lobby")}}},
        {.kind = EVENT_TICK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        hub_step(hub, &events[i], &effects);
    }
    assert_int_equal(effects.count, 0);
    effects_close(&effects);
    hub_free(hub);
}

static size_t note_room(char *text, size_t size, const struct effects *effects) {
    size_t length = 0;

    for (size_t i = 0; i < effects->count; i++) {
        int written = snprintf(text + length, size - length, "%d %.*s;", effects->items[i].kind,
                               SLICE_ARGS(effects->items[i].room_key));

        length += (size_t)written;
    }
    return length;
}

static void the_same_events_give_the_same_effects(void **state) {
    char texts[2][4096];

    (void)state;
    for (int run = 0; run < 2; run++) {
        struct hub *hub = hub_new(&world_defaults);
        struct effects effects = {0};
        struct request said = {.kind = REQUEST_PUBLISH, .content = SLICE("x")};

        for (uint64_t connection = 1; connection < 6; connection++) {
            struct event opened = {.kind = EVENT_OPENED, .connection = connection, .now_us = 5};
            struct event asked = {
                .kind = EVENT_REQUEST, .connection = connection, .now_us = 6, .request = &said};

            opened.opened.traits = (struct traits){.lobby_at_open = true, .default_room = true};
            opened.opened.identity = world_identity(connection);
            hub_step(hub, &opened, &effects);
            hub_step(hub, &asked, &effects);
        }
        assert_true(note_room(texts[run], sizeof(texts[run]), &effects) > 0);
        effects_close(&effects);
        hub_free(hub);
    }
    assert_string_equal(texts[0], texts[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_books_agree_whatever_happens, name_the_seed),
        cmocka_unit_test(many_rooms_are_kept_apart),
        cmocka_unit_test(only_so_many_lost_sessions_are_kept),
        cmocka_unit_test(one_can_go_at_any_point_and_leave_nothing),
        cmocka_unit_test(the_hub_can_be_freed_in_the_middle_of_everything),
        cmocka_unit_test(events_of_unknown_connections_mean_nothing),
        cmocka_unit_test(the_same_events_give_the_same_effects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
