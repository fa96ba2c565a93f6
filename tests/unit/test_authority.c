/* The authority of a server: who is let in by what, and what the hub is told. The test is the hub's
 * thread; the clock is its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/authority_local.h"
#include "auth/hooks.h"
#include "auth/password.h"
#include "auth/tokens.h"
#include "base/limits.h"
#include "jwt_maker.h"
#include "temporary_folder.h"

#define SECOND_US INT64_C(1000000)
#define NOW_US (INT64_C(1790000000) * SECOND_US)
#define PASSWORD "correct horse"
#define SECRET "0123456789abcdef0123456789abcdef"
#define PATIENCE_S 30

struct world {
    char folder[FOLDER_SIZE], key_path[128];
    char hash[PASSWORD_HASH_SIZE]; /* of PASSWORD */
    struct accounts accounts;      /* as `banterd user` has it */
    struct authority *authority;
    struct authority_local_options options;
    struct log log;
    sem_t woken;
    _Atomic int64_t now_us;
    unsigned told;
    uint64_t asked; /* the latest connection */
};

static void wake(void *context) {
    sem_post(&((struct world *)context)->woken);
}

static int64_t clock_of(void *context) {
    return atomic_load(&((struct world *)context)->now_us);
}

static void count_told(void *context, int error) {
    assert_int_equal(error, 0);
    ((struct world *)context)->told++;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");

    fputs(text, file);
    fclose(file);
}

static int open_world(void **state) {
    struct world *world = calloc(1, sizeof(*world));
    struct buffer message = {0};

    folder_make(world->folder, "authority");
    snprintf(world->key_path, sizeof(world->key_path), "%s/key", world->folder);
    write_file(world->key_path, SECRET);
    assert_int_equal(password_hash(SLICE(PASSWORD), world->hash), 0);
    assert_int_equal(accounts_open(world->folder, &world->accounts, &message), 0);
    sem_init(&world->woken, 0, 0);
    atomic_store(&world->now_us, NOW_US);
    world->log = (struct log){.level = LOG_ERROR, .descriptor = STDERR_FILENO};
    world->options = (struct authority_local_options){.folder = world->folder,
                                                      .log = &world->log,
                                                      .session_age_s = 30 * 86400,
                                                      .wake = wake,
                                                      .told = count_told,
                                                      .clock = clock_of,
                                                      .context = world};
    *state = world;
    return 0;
}

static int close_world(void **state) {
    struct world *world = *state;

    if (world->authority)
        world->authority->engine->close(world->authority);
    accounts_close(&world->accounts);
    sem_destroy(&world->woken);
    folder_remove(world->folder);
    free(world);
    return 0;
}

static struct identity add_account(struct world *world, const char *name, enum role role) {
    struct account account = {.name = slice_of_string(name),
                              .role = role,
                              .created_us = NOW_US,
                              .password = slice_of_string(world->hash)};

    randombytes_buf(account.identity.bytes, sizeof(account.identity.bytes));
    assert_int_equal(accounts_add(&world->accounts, &account), 0);
    return account.identity;
}

static void start(struct world *world) {
    struct buffer message = {0};

    if (authority_local_open(&world->options, &world->authority, &message) != 0)
        fail_msg("%.*s", SLICE_ARGS(buffer_slice(&message)));
}

/* The next event, whenever it comes. */
static struct event *next(struct world *world) {
    struct timespec end;
    struct event *event;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    while (!(event = world->authority->engine->collect(world->authority)))
        assert_int_equal(sem_timedwait(&world->woken, &end), 0);
    return event;
}

static void assert_nothing_more(struct world *world) {
    assert_null(world->authority->engine->collect(world->authority));
}

static void ask(struct world *world, struct credential credential, const char *address,
                bool wants_ticket) {
    world->authority->engine->authenticate(world->authority, ++world->asked, &credential,
                                           slice_of_string(address), wants_ticket);
}

static struct credential password_of(const char *name, const char *password) {
    return (struct credential){.kind = CREDENTIAL_PASSWORD,
                               .name = slice_of_string(name),
                               .secret = slice_of_string(password)};
}

static struct credential token_of(const char *text) {
    return (struct credential){.kind = CREDENTIAL_TOKEN, .secret = slice_of_string(text)};
}

/* The answer; its principal lives until the next call. */
static const struct principal *answer(struct world *world, int error) {
    struct event *event = next(world);

    assert_int_equal(event->kind, EVENT_AUTHENTICATED);
    assert_int_equal(event->connection, world->asked);
    assert_int_equal(event->authenticated.error, error);
    return &event->authenticated.principal;
}

static const struct principal *let_in(struct world *world, struct credential credential) {
    ask(world, credential, "192.0.2.1", false);
    return answer(world, 0);
}

static void refused(struct world *world, struct credential credential, int error) {
    ask(world, credential, "192.0.2.1", false);
    answer(world, error);
}

static void make_token(struct world *world, const char *name, struct token token,
                       char text[TOKEN_LENGTH + 1]) {
    struct account account;

    token_make(text);
    token.kind = TOKEN_API;
    token.created_us = NOW_US;
    assert_int_equal(accounts_find(&world->accounts, slice_of_string(name), &account), 0);
    assert_int_equal(tokens_add(&world->accounts, &account, &token, slice_of_string(text)), 0);
}

/* Tells the authority to look, and takes events until it has. */
static size_t look(struct world *world, struct event *events, size_t room) {
    struct timespec end;
    unsigned told = world->told;
    size_t count = 0;

    authority_local_look(world->authority);
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    while (world->told == told) {
        struct event *event = world->authority->engine->collect(world->authority);
        if (event) {
            assert_true(count < room);
            events[count++] = *event;
        } else if (world->told == told) {
            assert_int_equal(sem_timedwait(&world->woken, &end), 0);
        }
    }
    return count;
}

static void all_accounts_are_told_before_anything_is_answered(void **state) {
    struct world *world = *state;
    struct identity ann = add_account(world, "ann", ROLE_OWNER);
    struct event *event;

    add_account(world, "Bob", ROLE_MEMBER);
    start(world);
    ask(world, token_of("nonsense"), "192.0.2.1", false);
    event = next(world);
    assert_int_equal(event->kind, EVENT_ACCOUNT);
    assert_true(slice_equal(event->account.name, SLICE("ann")));
    assert_true(identity_equal(&event->account.identity, &ann));
    assert_int_equal(event->account.role, ROLE_OWNER);
    assert_false(event->account.gone);
    event = next(world);
    assert_int_equal(event->kind, EVENT_ACCOUNT);
    assert_true(slice_equal(event->account.name, SLICE("Bob")));
    answer(world, ERR_UNAUTHORIZED);
    assert_nothing_more(world);
}

/* A world with "ann" in it, of whom the hub knows. */
static struct identity start_with_ann(struct world *world) {
    struct identity ann = add_account(world, "ann", ROLE_MODERATOR);

    start(world);
    assert_int_equal(next(world)->kind, EVENT_ACCOUNT);
    return ann;
}

static void a_password_lets_in_and_gives_a_session_to_come_back_with(void **state) {
    struct world *world = *state;
    struct identity ann = start_with_ann(world), device;
    const struct principal *principal = let_in(world, password_of("ANN", PASSWORD));
    char session[TOKEN_LENGTH + 1] = "";

    assert_true(identity_equal(&principal->identity, &ann));
    assert_true(slice_equal(principal->name, SLICE("ann")));
    assert_int_equal(principal->role, ROLE_MODERATOR);
    assert_false(principal->restricted);
    assert_int_equal(principal->session.length, TOKEN_LENGTH);
    memcpy(session, principal->session.data, TOKEN_LENGTH);
    device = principal->device;
    assert_false(identity_none(&device));

    principal = let_in(world, token_of(session));
    assert_true(identity_equal(&principal->identity, &ann));
    assert_true(identity_equal(&principal->device, &device));
    assert_int_equal(principal->session.length, 0);
    assert_int_equal(principal->expires_us, 0);
}

static void wrong_passwords_and_names_are_refused_alike(void **state) {
    struct world *world = *state;

    start_with_ann(world);
    refused(world, password_of("ann", "wrong horse"), ERR_UNAUTHORIZED);
    refused(world, password_of("ann", ""), ERR_UNAUTHORIZED);
    refused(world, password_of("bob", PASSWORD), ERR_UNAUTHORIZED);
    refused(world, password_of("", PASSWORD), ERR_UNAUTHORIZED);
    refused(world, password_of("a\nb", PASSWORD), ERR_UNAUTHORIZED);
    refused(world, (struct credential){0}, ERR_UNAUTHORIZED);
    refused(world, token_of(""), ERR_UNAUTHORIZED);
    refused(world, token_of("bt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ERR_UNAUTHORIZED);
}

static void too_long_secrets_are_not_looked_at(void **state) {
    struct world *world = *state;
    char *text = malloc(LIMIT_SECRET + 2);

    start_with_ann(world);
    memset(text, 'x', LIMIT_SECRET + 1);
    text[LIMIT_SECRET + 1] = '\0';
    refused(world, token_of(text), ERR_UNAUTHORIZED);
    refused(world, password_of("ann", text), ERR_UNAUTHORIZED);
    refused(world, password_of(text, PASSWORD), ERR_UNAUTHORIZED);
    free(text);
}

static void a_session_ends_when_it_is_not_used_and_lives_on_when_it_is(void **state) {
    struct world *world = *state;
    char session[TOKEN_LENGTH + 1] = "";

    start_with_ann(world);
    memcpy(session, let_in(world, password_of("ann", PASSWORD))->session.data, TOKEN_LENGTH);
    for (int days = 20; days <= 100; days += 20) {
        atomic_store(&world->now_us, NOW_US + days * 86400 * SECOND_US);
        let_in(world, token_of(session));
    }
    atomic_store(&world->now_us, NOW_US + 131 * 86400 * SECOND_US);
    refused(world, token_of(session), ERR_UNAUTHORIZED);
}

static void a_token_may_do_less_than_its_account(void **state) {
    struct world *world = *state;
    struct identity ann = add_account(world, "ann", ROLE_OWNER);
    const struct principal *principal;
    char text[TOKEN_LENGTH + 1];

    make_token(world, "ann",
               (struct token){.has_rate = true,
                              .rate_per_minute = 7,
                              .restricted = true,
                              .rooms = SLICE("ops\nteam-*"),
                              .expires_us = NOW_US + 100 * SECOND_US,
                              .role = ROLE_MEMBER},
               text);
    start(world);
    next(world);
    principal = let_in(world, token_of(text));
    assert_true(identity_equal(&principal->identity, &ann));
    assert_int_equal(principal->role, ROLE_MEMBER);
    assert_true(principal->has_rate);
    assert_int_equal(principal->rate_per_minute, 7);
    assert_true(principal->restricted);
    assert_int_equal(principal->room_count, 2);
    assert_true(slice_equal(principal->rooms[0], SLICE("ops")));
    assert_true(slice_equal(principal->rooms[1], SLICE("team-*")));
    assert_int_equal(principal->expires_us, NOW_US + 100 * SECOND_US);
    atomic_store(&world->now_us, NOW_US + 100 * SECOND_US);
    refused(world, token_of(text), ERR_UNAUTHORIZED);
}

static struct credential hook_of(const char *secret) {
    return (struct credential){.kind = CREDENTIAL_HOOK, .secret = slice_of_string(secret)};
}

static void a_hook_is_for_its_room_and_nothing_else(void **state) {
    struct world *world = *state;
    const struct principal *principal;
    char secret[HOOK_LENGTH + 1], token[TOKEN_LENGTH + 1];
    struct identity device;

    start_with_ann(world);
    make_token(world, "ann", (struct token){.role = ROLE_OWNER}, token);
    hook_make(secret);
    assert_int_equal(hooks_add(&world->accounts,
                               &(struct hook){.room = SLICE("Ops"),
                                              .label = SLICE("CI"),
                                              .created_us = NOW_US,
                                              .has_rate = true,
                                              .rate_per_minute = 7},
                               slice_of_string(secret)),
                     0);
    principal = let_in(world, hook_of(secret));
    device = hook_device(slice_of_string(secret));
    assert_true(slice_equal(principal->hook_room, SLICE("Ops")));
    assert_true(slice_equal(principal->label, SLICE("CI")));
    assert_int_equal(principal->name.length, 0);
    assert_int_equal(principal->session.length, 0);
    assert_int_equal(principal->role, ROLE_GUEST);
    assert_false(identity_none(&principal->identity));
    assert_true(identity_equal(&principal->device, &device));
    assert_true(principal->restricted);
    assert_int_equal(principal->room_count, 1);
    assert_true(slice_equal(principal->rooms[0], SLICE("Ops")));
    assert_true(principal->has_rate);
    assert_int_equal(principal->rate_per_minute, 7);
    /* Neither is good for the other, and there are no tickets for hooks. */
    refused(world, token_of(secret), ERR_UNAUTHORIZED);
    refused(world, hook_of(token), ERR_UNAUTHORIZED);
    refused(world, hook_of("hk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ERR_UNAUTHORIZED);
    ask(world, hook_of(secret), "192.0.2.1", true);
    answer(world, ERR_UNAUTHORIZED);
}

static void a_revoked_hook_writes_no_more(void **state) {
    struct world *world = *state;
    struct event events[1];
    char secret[HOOK_LENGTH + 1];

    start_with_ann(world);
    hook_make(secret);
    assert_int_equal(
        hooks_add(&world->accounts, &(struct hook){.room = SLICE("ops")}, slice_of_string(secret)),
        0);
    let_in(world, hook_of(secret));
    assert_int_equal(hooks_revoke(&world->accounts, 1, NOW_US), 0);
    refused(world, hook_of(secret), ERR_UNAUTHORIZED);
    assert_int_equal(look(world, events, 1), 1);
    assert_int_equal(events[0].kind, EVENT_REVOKED);
}

static void a_static_token_lets_in_whoever_shows_it(void **state) {
    static const char *const tokens[] = {"first static token", "second static token"};
    static const char *const fewer[] = {"second static token"};
    struct world *world = *state;
    const struct principal *principal;
    struct buffer message = {0};
    struct identity device;
    struct event *event;

    world->options.keys.tokens = tokens;
    world->options.keys.token_count = 2;
    start(world);
    principal = let_in(world, token_of(tokens[0]));
    assert_true(identity_none(&principal->identity));
    assert_int_equal(principal->name.length, 0);
    assert_int_equal(principal->role, ROLE_GUEST);
    device = principal->device;
    let_in(world, token_of(tokens[1]));
    refused(world, token_of("first static toke"), ERR_UNAUTHORIZED);
    refused(world, token_of("first static token "), ERR_UNAUTHORIZED);

    /* Who came with one that is withdrawn must go. */
    assert_int_equal(
        authority_local_reload(world->authority,
                               &(struct authority_local_keys){.tokens = fewer, .token_count = 1},
                               &message),
        0);
    event = next(world);
    assert_int_equal(event->kind, EVENT_REVOKED);
    assert_true(identity_none(&event->revoked.identity));
    assert_true(identity_equal(&event->revoked.device, &device));
    refused(world, token_of(tokens[0]), ERR_UNAUTHORIZED);
    let_in(world, token_of(tokens[1]));
}

static void a_jwt_lets_in_by_its_claims(void **state) {
    struct world *world = *state;
    struct buffer token = jwt_with_secret("{\"alg\":\"HS256\"}",
                                          "{\"sub\":\"u-1\",\"name\":\"eve\",\"exp\":1790000100,"
                                          "\"banter_role\":\"owner\",\"banter_rooms\":[\"ops\"]}",
                                          SLICE(SECRET));
    struct buffer taken =
        jwt_with_secret("{\"alg\":\"HS256\"}", "{\"sub\":\"u-2\",\"name\":\"Ann\"}", SLICE(SECRET));
    const struct principal *principal;

    buffer_append_char(&token, '\0');
    buffer_append_char(&taken, '\0');
    world->options.keys.jwt_key = world->key_path;
    world->options.keys.jwt_leeway_s = 60;
    start_with_ann(world);
    principal = let_in(world, token_of(buffer_slice(&token).data));
    assert_false(identity_none(&principal->identity));
    assert_true(identity_none(&principal->device));
    assert_true(slice_equal(principal->name, SLICE("eve")));
    assert_int_equal(principal->role, ROLE_OWNER);
    assert_true(principal->restricted);
    assert_int_equal(principal->room_count, 1);
    assert_int_equal(principal->expires_us, INT64_C(1790000160) * SECOND_US);
    refused(world, token_of(buffer_slice(&taken).data), ERR_NAME_TAKEN);
    atomic_store(&world->now_us, INT64_C(1790000160) * SECOND_US);
    refused(world, token_of(buffer_slice(&token).data), ERR_UNAUTHORIZED);
    buffer_close(&token);
    buffer_close(&taken);
}

static void new_keys_hold_from_then_on_and_bad_ones_never(void **state) {
    struct world *world = *state;
    struct buffer token =
        jwt_with_secret("{\"alg\":\"HS256\"}", "{\"sub\":\"u-1\"}", SLICE(SECRET));
    struct authority_local_keys keys = {.jwt_key = world->key_path};
    struct buffer message = {0};

    buffer_append_char(&token, '\0');
    world->options.keys = keys;
    start(world);
    let_in(world, token_of(buffer_slice(&token).data));
    write_file(world->key_path, "too short");
    assert_int_equal(authority_local_reload(world->authority, &keys, &message), ERR_BAD_REQUEST);
    assert_non_null(memmem(buffer_slice(&message).data, buffer_length(&message), "jwt_key", 7));
    assert_null(memmem(buffer_slice(&message).data, buffer_length(&message), "too short", 9));
    let_in(world, token_of(buffer_slice(&token).data));
    write_file(world->key_path, "another secret of thirty-two bytes");
    assert_int_equal(authority_local_reload(world->authority, &keys, &message), 0);
    refused(world, token_of(buffer_slice(&token).data), ERR_UNAUTHORIZED);
    unlink(world->key_path);
    assert_int_equal(authority_local_reload(world->authority, &keys, &message), ERR_IO);
    assert_int_equal(authority_local_check(&keys, &message), ERR_IO);
    buffer_close(&token);
    buffer_close(&message);
}

static void make_ticket(struct world *world, char ticket[128]) {
    const struct principal *principal;

    ask(world, password_of("ann", PASSWORD), "192.0.2.1", true);
    principal = answer(world, 0);
    snprintf(ticket, 128, "%.*s", SLICE_ARGS(principal->session));
}

static struct credential ticket_of(const char *text) {
    return (struct credential){.kind = CREDENTIAL_TICKET, .secret = slice_of_string(text)};
}

static void a_ticket_is_good_once_and_for_half_a_minute(void **state) {
    struct world *world = *state;
    struct identity ann = start_with_ann(world);
    const struct principal *principal;
    char ticket[128];

    make_ticket(world, ticket);
    refused(world, token_of(ticket), ERR_UNAUTHORIZED);
    atomic_store(&world->now_us, NOW_US + 30 * SECOND_US - 1);
    principal = let_in(world, ticket_of(ticket));
    assert_true(identity_equal(&principal->identity, &ann));
    assert_int_equal(principal->session.length, 0);
    refused(world, ticket_of(ticket), ERR_UNAUTHORIZED);

    atomic_store(&world->now_us, NOW_US);
    make_ticket(world, ticket);
    atomic_store(&world->now_us, NOW_US + 30 * SECOND_US);
    refused(world, ticket_of(ticket), ERR_UNAUTHORIZED);
}

static void a_ticket_is_not_good_for_another(void **state) {
    struct world *world = *state;
    char ticket[128];

    start_with_ann(world);
    make_ticket(world, ticket);
    ask(world, ticket_of(ticket), "192.0.2.1", true);
    answer(world, ERR_UNAUTHORIZED);
}

static void a_ticket_goes_with_the_account_that_it_is_for(void **state) {
    struct world *world = *state;
    struct event events[4];
    char ticket[128];

    start_with_ann(world);
    make_ticket(world, ticket);
    assert_int_equal(accounts_remove(&world->accounts, SLICE("ann"), NOW_US), 0);
    assert_int_equal(look(world, events, 4), 2);
    refused(world, ticket_of(ticket), ERR_UNAUTHORIZED);
}

static void changes_are_told_when_it_is_told_to_look(void **state) {
    struct world *world = *state;
    struct identity ann = start_with_ann(world), bob;
    struct event events[4];

    assert_int_equal(look(world, events, 4), 0);
    bob = add_account(world, "bob", ROLE_MEMBER);
    assert_int_equal(accounts_set_role(&world->accounts, SLICE("ann"), ROLE_OWNER, NOW_US), 0);
    assert_int_equal(look(world, events, 4), 2);
    assert_int_equal(events[0].kind, EVENT_ACCOUNT);
    assert_true(identity_equal(&events[0].account.identity, &bob));
    assert_int_equal(events[1].kind, EVENT_ACCOUNT);
    assert_true(identity_equal(&events[1].account.identity, &ann));
    assert_int_equal(events[1].account.role, ROLE_OWNER);
    assert_int_equal(accounts_remove(&world->accounts, SLICE("bob"), NOW_US), 0);
    assert_int_equal(look(world, events, 4), 2);
    assert_int_equal(events[0].kind, EVENT_REVOKED);
    assert_true(identity_equal(&events[0].revoked.identity, &bob));
    assert_true(identity_none(&events[0].revoked.device));
    assert_int_equal(events[1].kind, EVENT_ACCOUNT);
    assert_true(events[1].account.gone);
    assert_int_equal(look(world, events, 4), 0);
}

static void changes_are_found_when_nobody_tells(void **state) {
    struct world *world = *state;
    struct event *event;

    start_with_ann(world);
    add_account(world, "bob", ROLE_MEMBER);
    event = next(world);
    assert_int_equal(event->kind, EVENT_ACCOUNT);
    assert_true(slice_equal(event->account.name, SLICE("bob")));
}

static void who_is_removed_or_has_a_new_password_is_not_let_in_any_more(void **state) {
    struct world *world = *state;
    struct credential passing = password_of("ann", PASSWORD);
    char hash[PASSWORD_HASH_SIZE], session[TOKEN_LENGTH + 1] = "";
    struct event events[4];

    passing.passing = true;
    start_with_ann(world);
    memcpy(session, let_in(world, password_of("ann", PASSWORD))->session.data, TOKEN_LENGTH);
    assert_int_equal(let_in(world, passing)->session.length, 0);
    assert_int_equal(password_hash(SLICE("battery staple"), hash), 0);
    assert_int_equal(
        accounts_set_password(&world->accounts, SLICE("ann"), slice_of_string(hash), NOW_US), 0);
    assert_int_equal(look(world, events, 4), 2);
    refused(world, token_of(session), ERR_UNAUTHORIZED);
    refused(world, passing, ERR_UNAUTHORIZED);
    passing.secret = SLICE("battery staple");
    let_in(world, passing);
    assert_int_equal(accounts_remove(&world->accounts, SLICE("ann"), NOW_US), 0);
    assert_int_equal(look(world, events, 4), 2);
    refused(world, passing, ERR_UNAUTHORIZED);
}

static void a_name_has_so_many_guesses_and_they_come_back_with_time(void **state) {
    struct world *world = *state;

    start_with_ann(world);
    for (int i = 0; i < 10; i++) {
        char address[32];
        snprintf(address, sizeof(address), "192.0.2.%d", i);
        ask(world, password_of("ann", "wrong horse"), address, false);
        answer(world, ERR_UNAUTHORIZED);
    }
    ask(world, password_of("ann", "wrong horse"), "192.0.2.200", false);
    answer(world, ERR_RATE_LIMITED);
    ask(world, password_of("Ann", PASSWORD), "192.0.2.201", false);
    answer(world, ERR_RATE_LIMITED);
    ask(world, password_of("bob", PASSWORD), "192.0.2.201", false);
    answer(world, ERR_UNAUTHORIZED);
    atomic_store(&world->now_us, NOW_US + 31 * SECOND_US);
    ask(world, password_of("ann", PASSWORD), "192.0.2.201", false);
    answer(world, 0);
    ask(world, password_of("ann", "wrong horse"), "192.0.2.200", false);
    answer(world, ERR_UNAUTHORIZED);
}

static void an_address_has_so_many_guesses_at_tokens_too(void **state) {
    static const char *const tokens[] = {"first static token"};
    struct world *world = *state;

    world->options.keys.tokens = tokens;
    world->options.keys.token_count = 1;
    start(world);
    for (int i = 0; i < 60; i++) {
        char guess[32], address[64];
        snprintf(guess, sizeof(guess), "guess-%d", i);
        snprintf(address, sizeof(address), "2001:db8:0:1::%d", i); /* of one /64 */
        ask(world, token_of(guess), address, false);
        answer(world, ERR_UNAUTHORIZED);
    }
    ask(world, token_of("guess"), "2001:db8:0:1::9999", false);
    answer(world, ERR_RATE_LIMITED);
    ask(world, token_of("guess"), "2001:db8:0:2::1", false);
    answer(world, ERR_UNAUTHORIZED);
    for (int i = 0; i < 100; i++) {
        ask(world, token_of("guess"), "unix", false);
        answer(world, ERR_UNAUTHORIZED);
    }
}

static void no_more_passwords_wait_than_there_is_room_for(void **state) {
    struct world *world = *state;
    unsigned refusals = 0, answers = 0;

    start_with_ann(world);
    for (int i = 0; i < LIMIT_LOGINS + 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "nobody%d", i);
        ask(world, password_of(name, PASSWORD), "192.0.2.1", false);
    }
    for (int i = 0; i < LIMIT_LOGINS + 5; i++) {
        int error = next(world)->authenticated.error;
        refusals += error == ERR_UNAVAILABLE;
        answers += error == ERR_UNAUTHORIZED;
        assert_true(i >= 5 || error == ERR_UNAVAILABLE); /* these at once */
    }
    assert_int_equal(refusals, 5);
    assert_int_equal(answers, LIMIT_LOGINS);
    let_in(world, password_of("ann", PASSWORD));
}

static void a_token_does_not_wait_for_passwords(void **state) {
    struct world *world = *state;
    struct event *event;
    char text[TOKEN_LENGTH + 1];
    uint64_t token;

    add_account(world, "ann", ROLE_MEMBER);
    make_token(world, "ann", (struct token){.role = ROLE_OWNER}, text);
    start(world);
    next(world);
    for (int i = 0; i < 8; i++)
        ask(world, password_of("nobody", PASSWORD), "192.0.2.1", false);
    ask(world, token_of(text), "192.0.2.1", false);
    token = world->asked;
    event = next(world);
    if (event->connection != token) /* one password may have been done by then */
        event = next(world);
    assert_int_equal(event->connection, token);
}

static void closing_does_not_wait_for_what_waits(void **state) {
    struct world *world = *state;

    start_with_ann(world);
    for (int i = 0; i < LIMIT_LOGINS; i++)
        ask(world, password_of("nobody", PASSWORD), "192.0.2.1", false);
}

static void without_a_folder_there_are_no_accounts(void **state) {
    struct world *world = *state;

    add_account(world, "ann", ROLE_MEMBER);
    world->options.folder = NULL;
    world->options.keys.jwt_key = world->key_path;
    start(world);
    assert_nothing_more(world);
    refused(world, password_of("ann", PASSWORD), ERR_UNAUTHORIZED);
    refused(world, token_of("bt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ERR_UNAUTHORIZED);
    struct buffer token =
        jwt_with_secret("{\"alg\":\"HS256\"}", "{\"sub\":\"ann\"}", SLICE(SECRET));
    buffer_append_char(&token, '\0');
    assert_true(
        slice_equal(let_in(world, token_of(buffer_slice(&token).data))->name, SLICE("ann")));
    buffer_close(&token);
}

/* What the log says while somebody tries this and that. */
static void secrets_do_not_reach_the_log(void **state) {
    static const char *const tokens[] = {"first static token"};
    struct world *world = *state;
    char path[128], text[8192] = "";
    struct buffer token = jwt_with_secret("{\"alg\":\"HS256\"}", "{\"sub\":\"leaky\",\"exp\":1}",
                                          SLICE("another secret of thirty-two bytes"));
    FILE *log;

    buffer_append_char(&token, '\0');
    snprintf(path, sizeof(path), "%s/log", world->folder);
    log = fopen(path, "w+");
    world->log = (struct log){.level = LOG_DEBUG, .descriptor = fileno(log)};
    world->options.keys = (struct authority_local_keys){
        .tokens = tokens, .token_count = 1, .jwt_key = world->key_path};
    start_with_ann(world);
    refused(world, password_of("ann", "wrong leaky"), ERR_UNAUTHORIZED);
    refused(world, password_of("leaky-name", "wrong leaky"), ERR_UNAUTHORIZED);
    refused(world, token_of("leaky"), ERR_UNAUTHORIZED);
    refused(world, token_of(buffer_slice(&token).data), ERR_UNAUTHORIZED);
    refused(world, ticket_of("leaky"), ERR_UNAUTHORIZED);
    rewind(log);
    assert_true(fread(text, 1, sizeof(text) - 1, log) > 0);
    assert_non_null(strstr(text, "Refused a login as ann from 192.0.2.1"));
    assert_null(strstr(text, "leaky"));
    assert_null(strstr(text, "eyJ"));
    fclose(log);
    buffer_close(&token);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(all_accounts_are_told_before_anything_is_answered),
        CASE(a_password_lets_in_and_gives_a_session_to_come_back_with),
        CASE(wrong_passwords_and_names_are_refused_alike),
        CASE(too_long_secrets_are_not_looked_at),
        CASE(a_session_ends_when_it_is_not_used_and_lives_on_when_it_is),
        CASE(a_token_may_do_less_than_its_account),
        CASE(a_hook_is_for_its_room_and_nothing_else),
        CASE(a_revoked_hook_writes_no_more),
        CASE(a_static_token_lets_in_whoever_shows_it),
        CASE(a_jwt_lets_in_by_its_claims),
        CASE(new_keys_hold_from_then_on_and_bad_ones_never),
        CASE(a_ticket_is_good_once_and_for_half_a_minute),
        CASE(a_ticket_is_not_good_for_another),
        CASE(a_ticket_goes_with_the_account_that_it_is_for),
        CASE(changes_are_told_when_it_is_told_to_look),
        CASE(changes_are_found_when_nobody_tells),
        CASE(who_is_removed_or_has_a_new_password_is_not_let_in_any_more),
        CASE(a_name_has_so_many_guesses_and_they_come_back_with_time),
        CASE(an_address_has_so_many_guesses_at_tokens_too),
        CASE(no_more_passwords_wait_than_there_is_room_for),
        CASE(a_token_does_not_wait_for_passwords),
        CASE(closing_does_not_wait_for_what_waits),
        CASE(without_a_folder_there_are_no_accounts),
        CASE(secrets_do_not_reach_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
