/* Two authorities that have accounts, tickets and failed logins in common, over a real Redis. The
 * test is the thread of both hubs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/attempts.h"
#include "auth/authority_local.h"
#include "auth/commons.h"
#include "auth/password.h"
#include "auth/tokens.h"
#include "redis/redis.h"
#include "redis_process.h"
#include "temporary_folder.h"

#define NOW_US (INT64_C(1790000000) * 1000000)
#define PASSWORD "correct horse"
#define PREFIX "chat"
#define PATIENCE_S 30
#define GUESSES 10

struct world {
    struct redis_process redis;
    struct redis_options options;
    const char *servers[1];
    struct authority_local_shared shared;
    struct log log;
    char folders[2][FOLDER_SIZE];
    struct authority *authorities[2];
    sem_t woken;
    uint64_t asked; /* the latest connection */
};

static void wake(void *context) {
    sem_post(&((struct world *)context)->woken);
}

static int64_t clock_of(void *context) {
    (void)context;
    return NOW_US;
}

static int open_world(void **state) {
    struct world *world = calloc(1, sizeof(*world));

    assert_true(sodium_init() >= 0);
    redis_process_open(&world->redis);
    world->log = (struct log){.level = LOG_ERROR, .descriptor = STDERR_FILENO};
    world->servers[0] = world->redis.socket;
    world->options = (struct redis_options){.servers = world->servers,
                                            .server_count = 1,
                                            .connect_timeout_ms = 500,
                                            .command_timeout_ms = 500,
                                            .log = &world->log};
    world->shared = (struct authority_local_shared){.redis = &world->options, .prefix = PREFIX};
    sem_init(&world->woken, 0, 0);
    for (size_t i = 0; i < 2; i++) {
        folder_make(world->folders[i], "shared");
    }
    *state = world;
    return 0;
}

static int close_world(void **state) {
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        if (world->authorities[i])
            world->authorities[i]->engine->close(world->authorities[i]);
        folder_remove(world->folders[i]);
    }
    redis_process_close(&world->redis);
    sem_destroy(&world->woken);
    free(world);
    return 0;
}

static void start(struct world *world, size_t node) {
    static const char *const tokens[] = {"precious"};
    const struct authority_local_options options = {
        .folder = world->folders[node],
        .shared = &world->shared,
        .log = &world->log,
        .keys = {.tokens = tokens, .token_count = node == 0}, /* the first alone */
        .session_age_s = 86400,
        .wake = wake,
        .clock = clock_of,
        .context = world,
    };
    struct buffer message = {0};

    if (authority_local_open(&options, &world->authorities[node], &message) != 0)
        fail_msg("%.*s", SLICE_ARGS(buffer_slice(&message)));
}

/* As `banterd user add` and `token add` do it, on the first node's machine. */
static void add_ann(struct world *world, char token[TOKEN_LENGTH + 1]) {
    struct accounts accounts;
    struct commons *commons;
    struct buffer message = {0};
    char hash[PASSWORD_HASH_SIZE];
    struct account ann = {
        .identity = {.bytes = {1}}, .name = SLICE("ann"), .role = ROLE_MEMBER, .created_us = 1};

    assert_int_equal(password_hash(SLICE(PASSWORD), hash), 0);
    ann.password = slice_of_string(hash);
    assert_int_equal(accounts_open(world->folders[0], &accounts, &message), 0);
    assert_int_equal(commons_open(&(struct commons_options){.shared = &world->shared,
                                                            .accounts = &accounts,
                                                            .log = &world->log,
                                                            .clock = clock_of},
                                  &commons, &message),
                     0);
    assert_int_equal(accounts_add(&accounts, &ann), 0);
    token_make(token);
    assert_int_equal(tokens_add(&accounts, &ann,
                                &(struct token){.kind = TOKEN_API, .role = ROLE_OWNER},
                                slice_from(token, TOKEN_LENGTH)),
                     0);
    commons_close(commons);
    accounts_close(&accounts);
}

/* The answer to what was asked last; what else the hub is told goes by. */
static const struct principal *answer(struct world *world, size_t node, int error) {
    struct authority *authority = world->authorities[node];
    struct timespec end;
    struct event *event;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    while (!(event = authority->engine->collect(authority)) || event->kind != EVENT_AUTHENTICATED) {
        if (!event)
            assert_int_equal(sem_timedwait(&world->woken, &end), 0);
    }
    assert_int_equal(event->connection, world->asked);
    assert_int_equal(event->authenticated.error, error);
    return &event->authenticated.principal;
}

static const struct principal *ask(struct world *world, size_t node, struct credential credential,
                                   bool wants_ticket, int error) {
    struct authority *authority = world->authorities[node];

    authority->engine->authenticate(authority, ++world->asked, &credential, SLICE("192.0.2.1"),
                                    wants_ticket);
    return answer(world, node, error);
}

static struct credential password_of(const char *name, const char *password) {
    return (struct credential){.kind = CREDENTIAL_PASSWORD,
                               .name = slice_of_string(name),
                               .secret = slice_of_string(password)};
}

static struct credential secret_of(enum credential_kind kind, const char *text) {
    return (struct credential){.kind = kind, .secret = slice_of_string(text)};
}

static void make_ticket(struct world *world, size_t node, struct credential credential,
                        char ticket[TICKET_LENGTH + 1]) {
    const struct principal *principal = ask(world, node, credential, true, 0);

    assert_int_equal(principal->session.length, TICKET_LENGTH);
    memcpy(ticket, principal->session.data, TICKET_LENGTH);
    ticket[TICKET_LENGTH] = '\0';
}

static void use_ticket(struct world *world, size_t node, const char *ticket, int error) {
    ask(world, node, secret_of(CREDENTIAL_TICKET, ticket), false, error);
}

static void a_ticket_made_on_one_node_is_good_on_the_other_once(void **state) {
    struct world *world = *state;
    char token[TOKEN_LENGTH + 1], ticket[TICKET_LENGTH + 1];

    add_ann(world, token);
    start(world, 0);
    start(world, 1);
    make_ticket(world, 0, password_of("ann", PASSWORD), ticket);
    use_ticket(world, 1, ticket, 0);
    use_ticket(world, 1, ticket, ERR_UNAUTHORIZED);
    use_ticket(world, 0, ticket, ERR_UNAUTHORIZED);
    make_ticket(world, 1, secret_of(CREDENTIAL_TOKEN, token), ticket);
    ticket[TICKET_LENGTH - 1] ^= 1;
    use_ticket(world, 0, ticket, ERR_UNAUTHORIZED);
    ticket[TICKET_LENGTH - 1] ^= 1;
    use_ticket(world, 0, ticket, 0);
    ask(world, 0, secret_of(CREDENTIAL_TICKET, ticket), true, ERR_UNAUTHORIZED);
}

static void a_ticket_says_all_that_its_token_says(void **state) {
    struct world *world = *state;
    char token[TOKEN_LENGTH + 1], ticket[TICKET_LENGTH + 1];
    const struct principal *principal;
    struct identity device;

    add_ann(world, token);
    device = token_device(slice_of_string(token));
    start(world, 0);
    start(world, 1);
    make_ticket(world, 0, secret_of(CREDENTIAL_TOKEN, token), ticket);
    principal = ask(world, 1, secret_of(CREDENTIAL_TICKET, ticket), false, 0);
    assert_true(slice_equal(principal->name, SLICE("ann")));
    assert_true(identity_equal(&principal->device, &device));
    assert_true(principal->has_ceiling);
    assert_int_equal(principal->session.length, 0);
}

static void a_static_tokens_ticket_is_good_where_the_token_is(void **state) {
    struct world *world = *state;
    char ticket[TICKET_LENGTH + 1];

    start(world, 0);
    start(world, 1);
    make_ticket(world, 0, secret_of(CREDENTIAL_TOKEN, "precious"), ticket);
    use_ticket(world, 0, ticket, 0);
    make_ticket(world, 0, secret_of(CREDENTIAL_TOKEN, "precious"), ticket);
    use_ticket(world, 1, ticket, ERR_UNAUTHORIZED);
}

static void nobody_is_refused_before_it_is_known_who_has_an_account(void **state) {
    struct world *world = *state;

    redis_process_kill(&world->redis);
    world->log.level = LOG_ERROR;
    start(world, 1);
    ask(world, 1, password_of("ann", PASSWORD), false, ERR_UNAVAILABLE);
    ask(world, 1, secret_of(CREDENTIAL_TOKEN, "bt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        false, ERR_UNAVAILABLE);
}

static void while_redis_hangs_people_are_let_in_without_a_session(void **state) {
    struct world *world = *state;
    char token[TOKEN_LENGTH + 1];

    add_ann(world, token);
    start(world, 0);
    assert_int_equal(ask(world, 0, password_of("ann", PASSWORD), false, 0)->session.length,
                     TOKEN_LENGTH);
    redis_process_pause(&world->redis);
    assert_int_equal(ask(world, 0, password_of("ann", PASSWORD), false, 0)->session.length, 0);
    ask(world, 0, secret_of(CREDENTIAL_TOKEN, token), false, 0);
    ask(world, 0, secret_of(CREDENTIAL_TOKEN, token), true, ERR_UNAVAILABLE);
    ask(world, 0, password_of("ann", "wrong"), false, ERR_UNAUTHORIZED);
    redis_process_resume(&world->redis);
}

static void a_failure_elsewhere_counts_as_one_here(void **state) {
    struct attempts *here = attempts_new(1);
    struct slice name = SLICE("Ann"), address = SLICE("192.0.2.1");
    struct buffer line = {0};

    (void)state;
    attempts_tell(name, address, false, &line);
    assert_null(memmem(buffer_slice(&line).data, buffer_length(&line), "nn", 2));
    for (int i = 0; i < GUESSES; i++) {
        assert_true(attempts_allow(here, SLICE("ann"), SLICE(""), NOW_US));
        attempts_hear(here, buffer_slice(&line), NOW_US);
    }
    assert_false(attempts_allow(here, SLICE("ann"), SLICE(""), NOW_US));
    assert_true(attempts_allow(here, SLICE("bob"), address, NOW_US));
    buffer_clear(&line);
    attempts_tell(SLICE("ANN"), address, true, &line);
    attempts_hear(here, buffer_slice(&line), NOW_US);
    assert_true(attempts_allow(here, SLICE("ann"), SLICE(""), NOW_US));
    buffer_clear(&line);
    attempts_tell(SLICE("no name"), SLICE("nowhere"), false, &line);
    assert_int_equal(buffer_length(&line), 0);
    attempts_free(here);
    buffer_close(&line);
}

static void what_is_no_line_of_ours_is_not_counted(void **state) {
    static const struct slice lines[] = {
        SLICE(""),        SLICE(" "),
        SLICE("wrong"),   SLICE("wrong  "),
        SLICE("right x"), SLICE("wrong a b c d e f g h"),
        SLICE("\0\0\0"),  SLICE("wrong \xff \xff"),
    };
    struct attempts *attempts = attempts_new(1);
    char longer[200];

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        attempts_hear(attempts, lines[i], NOW_US);
    memset(longer, 'a', sizeof(longer));
    memcpy(longer, "wrong ", 6);
    attempts_hear(attempts, slice_from(longer, sizeof(longer)), NOW_US);
    assert_true(attempts_allow(attempts, SLICE("ann"), SLICE("192.0.2.1"), NOW_US));
    attempts_free(attempts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
        CASE(a_ticket_made_on_one_node_is_good_on_the_other_once),
        CASE(a_ticket_says_all_that_its_token_says),
        CASE(a_static_tokens_ticket_is_good_where_the_token_is),
        CASE(nobody_is_refused_before_it_is_known_who_has_an_account),
        CASE(while_redis_hangs_people_are_let_in_without_a_session),
        cmocka_unit_test(a_failure_elsewhere_counts_as_one_here),
        cmocka_unit_test(what_is_no_line_of_ours_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
