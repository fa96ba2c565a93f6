/* Who somebody is: credentials and what the authority says to them, the names of accounts, the
 * server that lets in nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "hub_world.h"

#define SECOND INT64_C(1000000)
#define TOKEN(text)                                                                                \
    { .kind = CREDENTIAL_TOKEN, .secret = SLICE(text) }
#define PASSWORD(whose, text)                                                                      \
    { .kind = CREDENTIAL_PASSWORD, .name = SLICE(whose), .secret = SLICE(text) }

static struct world *world_with_ann(enum auth_mode auth) {
    struct hub_options options = world_defaults;

    options.auth = auth;
    struct world *world = world_new(&options);

    world_tell_account(world, "Ann", ROLE_MEMBER);
    return world;
}

static void vouch(struct world *world, uint64_t connection, const char *name) {
    struct principal principal = world_principal(name);

    world_vouch(world, connection, &principal);
    world_settle(world);
}

static void a_right_token_in_the_handshake_lets_in(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open_with(world, 1, PLAIN, "bt_1");
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 shows token 'bt_1'\n");
    vouch(world, 1, "Ann");
    expect(world, "1 resume\n"
                  "1 connected lobby 1\n"
                  "1 reads lobby from 1\n");
    say(world, 1, "it is me");
    world_settle(world);
    expect(world, "lobby: Ann: it is me #1\n");
    world_free(world);
}

static void a_wrong_token_in_the_handshake_is_shown_nothing(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open(world, 1, PLAIN);
    world_open_with(world, 2, PLAIN, "wrong");
    world_settle(world);
    world_forget(world);
    world_deny(world, 2, ERR_UNAUTHORIZED);
    world_settle(world);
    expect(world, "2 resume\n"
                  "2 close 1008\n");
    world_free(world);
}

static void an_authority_with_too_much_to_do_sends_away_for_now(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open_with(world, 1, V1, "bt_1");
    world_forget(world);
    world_deny(world, 1, ERR_UNAVAILABLE);
    expect(world, "1 resume\n"
                  "1 close 1013\n");
    world_open(world, 2, V1);
    ask(world, 2, .kind = REQUEST_HELLO, .credential = TOKEN("bt_1"), .cid = SLICE("h1"));
    world_forget(world);
    world_deny(world, 2, ERR_UNAVAILABLE);
    expect(world, "2 error unavailable (This cannot be checked now, try again later) <h1>\n"
                  "2 resume\n");
    world_free(world);
}

static void a_wrong_password_leaves_the_connection_as_it_was(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .name = SLICE("ann"),
        .credential = PASSWORD("ann", "wrong"), .cid = SLICE("h1"));
    expect(world, "1 pause\n"
                  "1 shows password of ann 'wrong'\n");
    world_deny(world, 1, ERR_UNAUTHORIZED);
    expect(world, "1 error unauthorized <h1>\n"
                  "1 resume\n");
    join(world, 1, "lobby", "j1");
    expect(world, "1 error unauthorized (Say hello first) <j1>\n");
    hello(world, 1, "bob");
    expect(world, "1 welcome 'bob' secret-of-1 []\n");
    world_free(world);
}

static void a_hello_goes_on_with_all_that_it_said(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);
    struct principal principal = world_principal("Ann");
    struct resume_point points[] = {{.room = SLICE("tea"), .epoch = SLICE("e1"), .after = 2}};

    (void)state;
    world_fill(world, "tea", 1, 4);
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .name = SLICE("ANN"), .cid = SLICE("h1"),
        .credential = PASSWORD("ANN", "right"), .resume = points, .resume_count = 1);
    points[0] = (struct resume_point){0};
    world_forget(world);
    principal.session = SLICE("bt_fresh");
    world_vouch(world, 1, &principal);
    world_settle(world);
    expect(world, "1 resume\n"
                  "1 welcome 'Ann' bt_fresh [tea/4] <h1>\n"
                  "1 reads tea from 3 live\n");
    ask(world, 1, .kind = REQUEST_TOKEN);
    expect(world, "1 token bt_fresh\n");
    world_free(world);
}

static void a_session_token_is_asked_of_the_authority(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .session = SLICE("bt_fresh"),
        .session_identity = world_identity(9));
    expect(world, "1 pause\n"
                  "1 shows token 'bt_fresh'\n");
    vouch(world, 1, "Ann");
    expect(world, "1 welcome 'Ann'  []\n"
                  "1 resume\n");
    world_free(world);
}

static void a_name_of_an_account_is_only_had_by_proof(void **state) {
    struct world *world = world_with_ann(AUTH_MIXED);
    static const char refusal[] =
        "1 error unauthorized (This name has an account: show its password or token)\n";

    (void)state;
    world_open(world, 1, LINE);
    call(world, 1, "ANN");
    expect(world, refusal);
    ask(world, 1, .kind = REQUEST_NAME, .name = SLICE("ann"),
        .credential = PASSWORD("ann", "right"));
    world_forget(world);
    vouch(world, 1, "Ann");
    expect(world, "1 resume\n"
                  "1 greeted Ann\n"
                  "1 reads lobby from 1\n");
    call(world, 1, "bob");
    expect(world, "1 error forbidden (An account goes by its own name)\n");
    world_free(world);
}

static void nobody_comes_near_the_name_of_an_account(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open(world, 1, V1);
    hello(world, 1, "ann");
    expect(world, "1 error unauthorized (This name has an account: show its password or token)\n");
    world_open(world, 2, PLAIN);
    world_open(world, 3, HTTP);
    world_open(world, 4, COMMAND);
    world_settle(world);
    world_forget(world);
    say_as(world, 2, "ann", "I am not");
    say_as(world, 2, "ＡＮＮ", "I am not either");
    expect(world, "2 error name_taken\n"
                  "2 error name_taken\n");
    ask(world, 3, .kind = REQUEST_PUBLISH, .room = SLICE("tea"), .sender = SLICE("Ann"),
        .content = SLICE("nor I"), .session_identity = world_identity(77));
    expect(world, "3 error name_taken\n");
    call(world, 4, "Ann");
    expect(world, "4 error unauthorized (This name has an account: show its password or token)\n");
    world_free(world);
}

static void an_account_that_appears_takes_its_name_from_a_guest(void **state) {
    struct world *world = world_new(NULL);

    (void)state;
    world_open(world, 1, LINE);
    world_open(world, 2, PLAIN);
    call(world, 1, "Ann");
    world_settle(world);
    world_forget(world);
    world_tell_account(world, "ann", ROLE_MEMBER);
    world_settle(world);
    expect(world, "1 error name_taken (Your name belongs to an account now)\n"
                  "lobby: renamed from Ann 2\n");
    call(world, 1, "ann");
    expect(world, "1 error unauthorized (This name has an account: show its password or token)\n");
    world_free(world);
}

static void an_account_has_no_other_name(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open(world, 1, V1);
    log_in(world, 1, "Ann");
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_HELLO, .name = SLICE("bob"), .cid = SLICE("h2"));
    expect(world, "1 error forbidden (An account goes by its own name) <h2>\n");
    hello(world, 1, "ann");
    expect(world, "1 welcome 'Ann'  []\n");
    world_free(world);
}

static void a_guest_that_logs_in_is_seen_to_change_its_name(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open(world, 1, PLAIN);
    world_open(world, 2, PLAIN);
    hello(world, 1, "guest");
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_AUTH, .credential = TOKEN("bt_1"), .cid = SLICE("a1"));
    world_forget(world);
    vouch(world, 1, "Ann");
    expect(world, "lobby: renamed Ann from guest 2\n"
                  "1 ack  <a1>\n"
                  "1 resume\n");
    hello(world, 2, "guest");
    world_settle(world);
    expect(world, "2 welcome 'guest' secret-of-2 []\n"
                  "lobby: renamed guest 2\n");
    world_free(world);
}

static void a_connection_stays_with_whom_it_came(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_tell_account(world, "bob", ROLE_MEMBER);
    world_open(world, 1, V1);
    world_open(world, 2, V1);
    hello(world, 2, "guest");
    log_in(world, 1, "Ann");
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_AUTH, .credential = TOKEN("bt_of_bob"), .cid = SLICE("a1"));
    world_forget(world);
    vouch(world, 1, "bob");
    expect(world, "1 error forbidden (This connection is somebody else's) <a1>\n"
                  "1 resume\n");
    come_back(world, 1, 2, "");
    expect(world, "1 error forbidden\n");
    hello(world, 1, "");
    expect(world, "1 welcome 'Ann'  []\n");
    world_free(world);
}

static void a_secret_that_digests_to_an_account_is_no_way_in(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .session = SLICE("a secret"), .cid = SLICE("h1"),
        .session_identity = world_account_identity("Ann"));
    expect(world, "1 error unauthorized <h1>\n");
    world_free(world);
}

static void nobody_but_who_shows_a_credential_comes_in_where_it_is_required(void **state) {
    struct world *world = world_with_ann(AUTH_REQUIRED);

    (void)state;
    world_open(world, 1, PLAIN);
    world_open(world, 2, V1);
    world_open(world, 3, LINE);
    world_open(world, 4, HTTP);
    world_open(world, 5, NUMBERED);
    world_settle(world);
    expect(world, "");
    say(world, 1, "let me in");
    hello(world, 2, "bob");
    call(world, 3, "bob");
    ask(world, 4, .kind = REQUEST_HISTORY, .room = SLICE("lobby"));
    say(world, 5, "let me in");
    join(world, 2, "lobby", "j1");
    expect(world, "1 error unauthorized\n"
                  "2 error unauthorized\n"
                  "3 error unauthorized\n"
                  "4 error unauthorized\n"
                  "5 error unauthorized\n"
                  "2 error unauthorized <j1>\n");
    quit(world, 2);
    expect(world, "2 close 1000\n");
    world_free(world);
}

static void the_lobby_comes_with_the_credential_where_it_is_required(void **state) {
    struct world *world = world_with_ann(AUTH_REQUIRED);

    (void)state;
    world_open(world, 1, PLAIN);
    log_in(world, 1, "Ann");
    world_settle(world);
    expect(world, "1 pause\n"
                  "1 shows password of Ann 'right'\n"
                  "1 welcome 'Ann'  []\n"
                  "1 resume\n"
                  "1 connected lobby 1\n"
                  "1 reads lobby from 1\n");
    world_free(world);
}

static void a_static_token_lets_a_guest_in(void **state) {
    struct world *world = world_with_ann(AUTH_REQUIRED);
    struct principal anybody = {.role = ROLE_GUEST};

    (void)state;
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .name = SLICE("bob"), .credential = TOKEN("letmein"));
    world_forget(world);
    world_vouch(world, 1, &anybody);
    world_settle(world);
    expect(world, "1 welcome 'bob' secret-of-1 []\n"
                  "1 resume\n");
    ask(world, 1, .kind = REQUEST_HELLO, .name = SLICE("ann"));
    expect(world, "1 error unauthorized (This name has an account: show its password or token)\n");
    world_free(world);
}

static void http_acts_as_the_account_whose_credential_it_shows(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);

    (void)state;
    world_open(world, 1, HTTP);
    world_open(world, 2, PLAIN);
    world_settle(world);
    world_forget(world);
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("lobby"), .content = SLICE("by curl"),
        .sender = SLICE("somebody"), .credential = TOKEN("bt_1"));
    world_forget(world);
    vouch(world, 1, "Ann");
    expect(world, "1 resume\n"
                  "1 ack lobby#1\n"
                  "lobby: Ann: by curl #1\n");
    ask(world, 1, .kind = REQUEST_PUBLISH, .room = SLICE("lobby"), .content = SLICE("without"),
        .sender = SLICE("Ann"), .session_identity = world_identity(77));
    expect(world, "1 error name_taken\n");
    ask(world, 1, .kind = REQUEST_ROOMS, .credential = TOKEN("wrong"));
    world_forget(world);
    world_deny(world, 1, ERR_UNAUTHORIZED);
    expect(world, "1 error unauthorized\n"
                  "1 resume\n");
    world_free(world);
}

static void a_ticket_is_had_for_a_credential(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);
    struct principal principal = world_principal("Ann");

    (void)state;
    world_open(world, 1, HTTP);
    ask(world, 1, .kind = REQUEST_TICKET, .credential = TOKEN("bt_1"));
    expect(world, "1 pause\n"
                  "1 shows token 'bt_1' for a ticket\n");
    principal.session = SLICE("once");
    world_vouch(world, 1, &principal);
    expect(world, "1 ticket once\n"
                  "1 resume\n");
    ask(world, 1, .kind = REQUEST_TICKET);
    expect(world, "1 error unauthorized\n");
    world_free(world);
}

static void a_credential_that_expires_ends_the_connection_unless_refreshed(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);
    struct principal principal = world_principal("Ann");

    (void)state;
    for (uint64_t connection = 1; connection <= 3; connection++) {
        world_open(world, connection, V1);
        ask(world, connection, .kind = REQUEST_HELLO, .credential = TOKEN("bt_1"));
        /* The last that comes is the first to go. */
        principal.expires_us = world_now(world) + (40 - 10 * (int64_t)connection) * SECOND;
        world_vouch(world, connection, &principal);
    }
    world_settle(world);
    world_forget(world);
    world_pass(world, 9 * SECOND);
    expect(world, "");
    world_pass(world, 1 * SECOND);
    expect(world, "3 close 1008\n");
    ask(world, 2, .kind = REQUEST_AUTH, .credential = TOKEN("bt_2"), .cid = SLICE("a1"));
    principal.expires_us = world_now(world) + 100 * SECOND;
    world_vouch(world, 2, &principal);
    world_settle(world);
    world_forget(world);
    world_pass(world, 20 * SECOND);
    expect(world, "1 close 1008\n");
    assert_true(world_is_open(world, 2));
    world_free(world);
}

static void what_is_revoked_or_removed_ends_at_once(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);
    struct principal principal = world_principal("Ann");
    const struct identity none = {{0}};

    (void)state;
    for (uint64_t connection = 1; connection <= 3; connection++) {
        world_open(world, connection, V1);
        ask(world, connection, .kind = REQUEST_HELLO, .credential = TOKEN("bt_1"));
        principal.device = world_identity(connection);
        world_vouch(world, connection, &principal);
    }
    world_settle(world);
    world_forget(world);
    world_revoke(world, &principal.identity,
                 &(struct identity){{2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}});
    expect(world, "2 close 1008\n");
    world_remove_account(world, "Ann");
    expect(world, "3 close 1008\n"
                  "1 close 1008\n");
    world_open(world, 4, V1);
    hello(world, 4, "ann");
    expect(world, "4 welcome 'ann' secret-of-4 []\n");
    world_revoke(world, &principal.identity, &none);
    expect(world, "");
    world_free(world);
}

static void who_leaves_while_asking_is_forgotten_when_the_answer_comes(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);
    struct principal principal = world_principal("Ann");

    (void)state;
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .credential = TOKEN("bt_1"), .cid = SLICE("h1"));
    ask(world, 1, .kind = REQUEST_QUIT, .close_code = 1000);
    world_forget(world);
    world_vouch(world, 1, &principal);
    expect(world, "1 error unavailable (This cannot be checked now, try again later) <h1>\n"
                  "1 resume\n"
                  "1 close 1000\n");
    world_open_with(world, 2, PLAIN, "bt_1");
    world_forget(world);
    world_close(world, 2, true);
    assert_int_equal(hub_client_count(world_hub(world)), 2);
    struct event event = {
        .kind = EVENT_AUTHENTICATED, .connection = 2, .authenticated = {.principal = principal}};
    struct effects effects = {0};

    hub_step(world_hub(world), &event, &effects);
    assert_int_equal(effects.count, 0);
    effects_close(&effects);
    assert_int_equal(hub_client_count(world_hub(world)), 1);
    world_free(world);
}

static void somebody_of_elsewhere_keeps_a_name_too(void **state) {
    struct world *world = world_with_ann(AUTH_OPEN);
    struct principal stranger = world_principal("eve");

    (void)state;
    world_open(world, 1, V1);
    log_in(world, 1, "eve");
    world_settle(world);
    quit(world, 1);
    world_settle(world);
    world_open(world, 2, V1);
    world_forget(world);
    hello(world, 2, "eve");
    expect(world, "2 error unauthorized (This name has an account: show its password or token)\n");
    /* One whose name is an account's comes in without it. */
    world_open(world, 3, V1);
    ask(world, 3, .kind = REQUEST_HELLO, .credential = TOKEN("jwt"));
    world_forget(world);
    stranger.identity = world_identity(55);
    stranger.name = SLICE("ann");
    world_vouch(world, 3, &stranger);
    world_settle(world);
    expect(world, "3 welcome ''  []\n"
                  "3 resume\n");
    world_free(world);
}

/* The second token of somebody of elsewhere has a name; the first had none that could be theirs. */
static void check_named_later(const char *first_name) {
    struct world *world = world_with_ann(AUTH_OPEN);
    struct principal stranger = world_principal("eve");

    stranger.name = slice_of_string(first_name);
    world_open(world, 1, V1);
    ask(world, 1, .kind = REQUEST_HELLO, .credential = TOKEN("jwt"));
    world_vouch(world, 1, &stranger);
    world_settle(world);
    join(world, 1, "tea", "");
    world_settle(world);
    stranger.name = SLICE("Eve");
    world_open(world, 2, V1);
    ask(world, 2, .kind = REQUEST_HELLO, .credential = TOKEN("jwt"));
    world_forget(world);
    world_vouch(world, 2, &stranger);
    world_settle(world);
    expect(world, "tea: renamed Eve 1\n"
                  "2 welcome 'Eve'  []\n"
                  "2 resume\n");
    world_open(world, 3, V1);
    hello(world, 3, "guest");
    world_forget(world);
    ask(world, 3, .kind = REQUEST_PUBLISH, .to = SLICE("eve"), .content = SLICE("hi"),
        .cid = SLICE("c1"));
    world_settle(world);
    assert_true(world_saw(world, "3 ack @Eve,guest#1 <c1>\n"));
    assert_true(world_saw(world, "@Eve,guest: guest: hi #1"));
    world_free(world);
}

static void somebody_of_elsewhere_may_get_the_name_later(void **state) {
    (void)state;
    check_named_later("");
    check_named_later("auth0|1");
    check_named_later("ann");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_token_in_the_handshake_lets_in),
        cmocka_unit_test(a_wrong_token_in_the_handshake_is_shown_nothing),
        cmocka_unit_test(an_authority_with_too_much_to_do_sends_away_for_now),
        cmocka_unit_test(a_wrong_password_leaves_the_connection_as_it_was),
        cmocka_unit_test(a_hello_goes_on_with_all_that_it_said),
        cmocka_unit_test(a_session_token_is_asked_of_the_authority),
        cmocka_unit_test(a_name_of_an_account_is_only_had_by_proof),
        cmocka_unit_test(nobody_comes_near_the_name_of_an_account),
        cmocka_unit_test(an_account_that_appears_takes_its_name_from_a_guest),
        cmocka_unit_test(an_account_has_no_other_name),
        cmocka_unit_test(a_guest_that_logs_in_is_seen_to_change_its_name),
        cmocka_unit_test(a_connection_stays_with_whom_it_came),
        cmocka_unit_test(a_secret_that_digests_to_an_account_is_no_way_in),
        cmocka_unit_test(nobody_but_who_shows_a_credential_comes_in_where_it_is_required),
        cmocka_unit_test(the_lobby_comes_with_the_credential_where_it_is_required),
        cmocka_unit_test(a_static_token_lets_a_guest_in),
        cmocka_unit_test(http_acts_as_the_account_whose_credential_it_shows),
        cmocka_unit_test(a_ticket_is_had_for_a_credential),
        cmocka_unit_test(a_credential_that_expires_ends_the_connection_unless_refreshed),
        cmocka_unit_test(what_is_revoked_or_removed_ends_at_once),
        cmocka_unit_test(who_leaves_while_asking_is_forgotten_when_the_answer_comes),
        cmocka_unit_test(somebody_of_elsewhere_keeps_a_name_too),
        cmocka_unit_test(somebody_of_elsewhere_may_get_the_name_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
