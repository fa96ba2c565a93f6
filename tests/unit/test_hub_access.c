/* Who may do what in which kind of room, one by one; and that nobody learns of a room that is for
 * its members only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "hub/access.h"
#include "hub/room.h"
#include "hub_world.h"

#define change(world, what, ...)                                                                   \
    do {                                                                                           \
        ask(world, ROOT, .kind = REQUEST_RULE, .rule = what, .room = SLICE("ops"), __VA_ARGS__);   \
        world_settle(world);                                                                       \
    } while (false)

/* Connections; what each is in ops. */
enum {
    STRANGER = 1, /* HTTP: nobody that could come back */
    GUEST,
    BANNED, /* a guest */
    MUTED,  /* a member */
    ACCOUNT,
    MEMBER,
    MODERATOR,
    OWNER,
    POLICE, /* moderates the server */
    ROOT,   /* owns the server */
    HOOK,   /* HTTP: a program that may write to ops */
    PEOPLE
};

static const char *const names[PEOPLE] = {NULL,    NULL,      "guest",  "banned",
                                          "muted", "account", "member", "moderator",
                                          "owner", "police",  "root",   "hook"};

static void come(struct world *world, uint64_t connection, bool account, enum role role) {
    struct principal principal = world_principal(names[connection]);

    world_open(world, connection, V1);
    principal.role = role;
    if (account) {
        world_tell_account(world, names[connection], role);
        ask(world, connection, .kind = REQUEST_HELLO,
            .credential = {.kind = CREDENTIAL_TOKEN, .secret = SLICE("right")});
        world_vouch(world, connection, &principal);
    } else {
        hello(world, connection, names[connection]);
    }
    world_settle(world);
}

static void come_as_hook(struct world *world) {
    static const struct slice ops = SLICE("ops");
    struct principal principal = {.identity = {.bytes = "a hook's own"},
                                  .restricted = true,
                                  .rooms = &ops,
                                  .room_count = 1,
                                  .hook_room = ops};

    world_open(world, HOOK, HTTP);
    ask(world, HOOK, .kind = REQUEST_HISTORY, .room = ops,
        .credential = {.kind = CREDENTIAL_HOOK, .secret = SLICE("right")});
    world_vouch(world, HOOK, &principal);
    world_settle(world);
}

static struct world *world_with_people(void) {
    struct hub_options options = world_defaults;

    options.limits.rate_per_minute = 0;
    options.announce_limit = 0;
    struct world *world = world_new(&options);

    world_open(world, STRANGER, HTTP);
    for (uint64_t connection = GUEST; connection <= ROOT; connection++) {
        enum role role = connection == ROOT     ? ROLE_OWNER
                         : connection == POLICE ? ROLE_MODERATOR
                                                : ROLE_MEMBER;

        come(world, connection, connection >= MUTED, role);
    }
    world_read_rules(world);
    world_settle(world);
    come_as_hook(world);
    change(world, RULE_ROLE, .name = SLICE("owner"), .role = ROLE_OWNER);
    change(world, RULE_ROLE, .name = SLICE("moderator"), .role = ROLE_MODERATOR);
    change(world, RULE_INVITE, .name = SLICE("member"));
    change(world, RULE_INVITE, .name = SLICE("muted"));
    change(world, RULE_MUTE, .name = SLICE("muted"));
    change(world, RULE_BAN, .name = SLICE("banned"));
    world_forget(world);
    return world;
}

/* In the order of enum access_action: list, enter, read, write, react, topic, moderate, own. */
static const struct row {
    const char *key, *value;
    const char *allowed[PEOPLE]; /* '+': yes; '-': forbidden; '?': there is no such room */
} rows[] = {
    {"access",
     "public",
     {NULL, "++++++--", "++++++--", "+-------", "+++-----", "++++++--", "++++++--", "+++++++-",
      "++++++++", "+++++++-", "++++++++", "---+----"}},
    {"access",
     "members",
     {NULL, "????????", "????????", "????????", "+++-----", "????????", "++++++--", "+++++++-",
      "++++++++", "????????", "++++++++", "---+----"}},
    {"registered_only",
     "on",
     {NULL, "+-------", "+-------", "+-------", "+++-----", "++++++--", "++++++--", "+++++++-",
      "++++++++", "+++++++-", "++++++++", "---+----"}},
    {"posting",
     "members",
     {NULL, "+++-+---", "+++-+---", "+-------", "+++-----", "+++-+---", "++++++--", "+++++++-",
      "++++++++", "+++++++-", "++++++++", "---+----"}},
    {"posting",
     "moderators",
     {NULL, "+++-+---", "+++-+---", "+-------", "+++-----", "+++-+---", "+++-+---", "+++++++-",
      "++++++++", "+++++++-", "++++++++", "---+----"}},
    {"topic_lock",
     "on",
     {NULL, "+++++---", "+++++---", "+-------", "+++-----", "+++++---", "+++++---", "+++++++-",
      "++++++++", "+++++++-", "++++++++", "---+----"}},
};

static char mark_of(int error) {
    return error == 0 ? '+' : error == ERR_FORBIDDEN ? '-' : error == ERR_NOT_FOUND ? '?' : '!';
}

static void check_row(struct world *world, const struct row *row) {
    struct hub *hub = world_hub(world);
    struct place place = {NULL, SLICE("ops"), SLICE("ops")};

    for (uint64_t connection = STRANGER; connection < PEOPLE; connection++) {
        const struct client *client = id_map_find(hub->clients, connection);
        char seen[ACCESS_OWN + 2] = {0};

        for (int action = ACCESS_LIST; action <= ACCESS_OWN; action++) {
            seen[action] = mark_of(access_check(hub, client, &place, (enum access_action)action));
        }
        if (strcmp(seen, row->allowed[connection]) != 0) {
            fail_msg("%s = %s, %s: %s instead of %s", row->key, row->value,
                     names[connection] != NULL ? names[connection] : "stranger", seen,
                     row->allowed[connection]);
        }
    }
}

static void each_may_do_what_the_kind_of_room_allows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world *world = world_with_people();

        change(world, RULE_SET, .key = slice_of_string(rows[i].key),
               .content = slice_of_string(rows[i].value));
        check_row(world, &rows[i]);
        world_free(world);
    }
}

/* A room for members only, with a member in it who has said something. */
static struct world *world_with_secret(void) {
    struct world *world = world_with_people();

    change(world, RULE_SET, .key = SLICE("access"), .content = SLICE("members"));
    join(world, MEMBER, "ops", "j");
    ask(world, MEMBER, .kind = REQUEST_PUBLISH, .room = SLICE("ops"), .content = SLICE("secret"));
    world_settle(world);
    world_forget(world);
    return world;
}

/* Asks the same about ops and about a room that nobody has heard of, and compares. */
static void ask_both(struct world *world, uint64_t connection, struct request request) {
    char about[2][512];
    static const char *const rooms[] = {"ops", "oqs"};

    for (size_t i = 0; i < 2; i++) {
        world_forget(world);
        request.room = slice_of_string(rooms[i]);
        world_ask(world, connection, request);
        world_settle(world);
        world_copy(world, about[i], sizeof(about[i]));
        for (char *at = about[i]; (at = strstr(at, rooms[i])) != NULL; at++) {
            memcpy(at, "---", 3);
        }
    }
    assert_string_equal(about[0], about[1]);
}

static void no_answer_tells_of_a_closed_room(void **state) {
    struct world *world = world_with_secret();
    const struct request requests[] = {
        {.kind = REQUEST_MEMBERS, .cid = SLICE("1")},
        {.kind = REQUEST_READ, .after = 1, .cid = SLICE("2")},
        {.kind = REQUEST_TYPING, .active = true, .cid = SLICE("3")},
        {.kind = REQUEST_BINARY, .content = SLICE("x"), .cid = SLICE("4")},
        {.kind = REQUEST_LEAVE, .cid = SLICE("5")},
        {.kind = REQUEST_RULES, .cid = SLICE("6")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        ask_both(world, ACCOUNT, requests[i]);
        ask_both(world, GUEST, requests[i]);
    }
    world_free(world);
}

static void whatever_names_a_closed_room_finds_nothing(void **state) {
    struct world *world = world_with_secret();
    static const struct slice ops = SLICE("ops");
    const struct resume_point point = {.room = ops, .after = 0};

    (void)state;
    join(world, ACCOUNT, "ＯＰＳ", "j");
    ask(world, ACCOUNT, .kind = REQUEST_HISTORY, .room = ops, .cid = SLICE("h"));
    ask(world, ACCOUNT, .kind = REQUEST_PUBLISH, .room = ops, .content = SLICE("x"),
        .cid = SLICE("p"));
    ask(world, ACCOUNT, .kind = REQUEST_PUBLISH, .room = ops, .content = SLICE("x"), .re = 1,
        .cid = SLICE("re"));
    ask(world, ACCOUNT, .kind = REQUEST_PUBLISH, .room = ops, .entry = ENTRY_EDIT, .of = 1,
        .cid = SLICE("e"));
    ask(world, ACCOUNT, .kind = REQUEST_PUBLISH, .room = ops, .entry = ENTRY_DELETE, .of = 1,
        .cid = SLICE("d"));
    ask(world, ACCOUNT, .kind = REQUEST_PUBLISH, .room = ops, .entry = ENTRY_REACTION, .of = 1,
        .key = SLICE("x"), .cid = SLICE("x"));
    ask(world, ACCOUNT, .kind = REQUEST_PUBLISH, .room = ops, .entry = ENTRY_TOPIC,
        .cid = SLICE("t"));
    ask(world, ACCOUNT, .kind = REQUEST_AUDIT, .room = ops, .cid = SLICE("a"));
    expect(world, "5 error not_found <j>\n"
                  "5 error not_found <h>\n"
                  "5 error not_found <p>\n"
                  "5 error not_found <re>\n"
                  "5 error not_found <e>\n"
                  "5 error not_found <d>\n"
                  "5 error not_found <x>\n"
                  "5 error not_found <t>\n"
                  "5 error not_found <a>\n");
    ask(world, ACCOUNT, .kind = REQUEST_HELLO, .resume = &point, .resume_count = 1);
    world_settle(world);
    assert_true(world_saw(world, "[]"));
    assert_true(world_saw(world, "5 error not_found ops\n"));
    assert_false(world_saw(world, "reads"));
    world_forget(world);
    ask(world, STRANGER, .kind = REQUEST_HISTORY, .room = ops, .cid = SLICE("h"));
    ask(world, STRANGER, .kind = REQUEST_PUBLISH, .room = ops, .content = SLICE("x"),
        .cid = SLICE("p"));
    expect(world, "1 error not_found <h>\n"
                  "1 error not_found <p>\n");
    world_free(world);
}

static void no_list_and_no_search_holds_a_closed_room(void **state) {
    struct world *world = world_with_secret();
    const struct slice rooms[] = {SLICE("ops"), SLICE("lobby")};

    (void)state;
    ask(world, ACCOUNT, .kind = REQUEST_ROOMS);
    world_settle(world);
    assert_true(world_saw(world, "5 rooms []\n"));
    ask(world, MEMBER, .kind = REQUEST_ROOMS);
    world_settle(world);
    assert_true(world_saw(world, "6 rooms [ops/1/1]\n"));
    world_forget(world);
    ask(world, ACCOUNT, .kind = REQUEST_SEARCH, .content = SLICE("secret"));
    ask(world, MEMBER, .kind = REQUEST_SEARCH, .content = SLICE("secret"));
    ask(world, ACCOUNT, .kind = REQUEST_SEARCH, .content = SLICE("secret"), .rooms = rooms,
        .room_count = 2);
    expect(world, "5 search 'secret' in public rooms but not ops\n"
                  "6 search 'secret' in public rooms\n"
                  "5 search 'secret' in lobby\n");
    world_free(world);
}

static void who_is_put_out_reads_nothing_more(void **state) {
    struct world *world = world_with_secret();

    (void)state;
    change(world, RULE_KICK, .name = SLICE("member"));
    world_forget(world);
    ask(world, OWNER, .kind = REQUEST_PUBLISH, .room = SLICE("ops"), .content = SLICE("later"));
    world_settle(world);
    expect(world, ""); /* nobody reads it */
    ask(world, MEMBER, .kind = REQUEST_HISTORY, .room = SLICE("ops"), .cid = SLICE("h"));
    expect(world, "6 error not_found <h>\n");
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_may_do_what_the_kind_of_room_allows),
        cmocka_unit_test(no_answer_tells_of_a_closed_room),
        cmocka_unit_test(whatever_names_a_closed_room_finds_nothing),
        cmocka_unit_test(no_list_and_no_search_holds_a_closed_room),
        cmocka_unit_test(who_is_put_out_reads_nothing_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
