/* Accounts, tokens and hooks that several nodes have in common: each node of these tests has a file
 * and a connection of its own; the Redis is a real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/accounts.h"
#include "auth/exchange.h"
#include "auth/hooks.h"
#include "auth/ledger.h"
#include "auth/tokens.h"
#include "redis_process.h"
#include "temporary_folder.h"

#define NOW_US (INT64_C(1790000000) * 1000000)
#define NODES 3
#define PREFIX "chat"
#define PATIENCE_MS 10000
#define MANY 2500 /* more than a page, and than Lua passes to one call */

struct node {
    char folder[FOLDER_SIZE];
    struct accounts accounts;
    struct exchange *exchange;
    struct ledger *ledger;
    int64_t seen; /* the latest of its changes */
};

struct world {
    struct redis_process redis;
    struct node nodes[NODES]; /* the first two are open */
    struct log log;
};

static int64_t clock_of(void *context) {
    (void)context;
    return NOW_US;
}

/* With the file it had, or without ever having had one. */
static void open_node(struct world *world, struct node *node) {
    const char *const servers[] = {world->redis.socket};
    const struct redis_options redis = {.servers = servers,
                                        .server_count = 1,
                                        .connect_timeout_ms = 1000,
                                        .command_timeout_ms = 1000,
                                        .log = &world->log};
    struct buffer message = {0};

    if (!node->folder[0]) {
        folder_make(node->folder, "ledger");
    }
    assert_int_equal(accounts_open(node->folder, &node->accounts, &message), 0);
    assert_int_equal(exchange_new(&(struct exchange_options){.redis = &redis, .prefix = PREFIX},
                                  &node->exchange),
                     0);
    node->ledger = ledger_new(&(struct ledger_options){
        .exchange = node->exchange, .log = &world->log, .clock = clock_of});
    assert_int_equal(ledger_attach(node->ledger, &node->accounts), 0);
}

static void connect_node(struct world *world, struct node *node) {
    open_node(world, node);
    assert_int_equal(exchange_connect(node->exchange, PATIENCE_MS), 0);
}

static void close_node(struct node *node) {
    if (!node->ledger)
        return;
    accounts_close(&node->accounts);
    ledger_free(node->ledger);
    exchange_free(node->exchange);
    node->ledger = NULL;
}

static void follow(struct node *node) {
    if (ledger_catch_up(node->ledger, &node->accounts) != 0)
        fail_msg("%s", ledger_reason(node->ledger));
}

static int open_world(void **state) {
    struct world *world = calloc(1, sizeof(*world));

    assert_true(sodium_init() >= 0);
    world->log = (struct log){.level = LOG_ERROR, .descriptor = STDERR_FILENO};
    redis_process_open(&world->redis);
    for (size_t i = 0; i < 2; i++) {
        connect_node(world, &world->nodes[i]);
        follow(&world->nodes[i]);
    }
    *state = world;
    return 0;
}

static int close_world(void **state) {
    struct world *world = *state;

    for (size_t i = 0; i < NODES; i++) {
        close_node(&world->nodes[i]);
        if (world->nodes[i].folder[0])
            folder_remove(world->nodes[i].folder);
    }
    redis_process_close(&world->redis);
    free(world);
    return 0;
}

/* Says something to Redis, as somebody else would. */
static const struct redis_reply *say(struct node *node, const char *line) {
    struct slice words[16], rest = slice_of_string(line);
    size_t count = 0;

    while (rest.length > 0 && count < sizeof(words) / sizeof(words[0]))
        words[count++] = slice_cut(&rest, ' ');
    return exchange_call(node->exchange, words, count);
}

static int add(struct node *node, const char *name) {
    struct account account = {.name = slice_of_string(name),
                              .role = ROLE_MEMBER,
                              .created_us = NOW_US,
                              .password = SLICE("$first$")};

    randombytes_buf(account.identity.bytes, IDENTITY_SIZE);
    return accounts_add(&node->accounts, &account);
}

static int find(struct node *node, const char *name, struct account *account) {
    return accounts_find(&node->accounts, slice_of_string(name), account);
}

static int give_token(struct node *node, const char *name, struct token token,
                      char text[TOKEN_LENGTH + 1]) {
    struct account account;

    assert_int_equal(find(node, name, &account), 0);
    token_make(text);
    token.created_us = NOW_US;
    token.role = ROLE_OWNER;
    return tokens_add(&node->accounts, &account, &token, slice_of_string(text));
}

static int find_token(struct node *node, const char *text, struct token *token) {
    struct account account;

    return tokens_find(&node->accounts, slice_of_string(text), NOW_US, token, &account);
}

struct told {
    size_t accounts, devices, all;
    struct identity device;
    int64_t last;
};

static void count_change(void *context, const struct account_change *change) {
    struct told *told = context;

    told->last = change->id;
    if (change->kind == CHANGE_ACCOUNT) {
        told->accounts++;
    } else if (identity_none(&change->device)) {
        told->all++;
    } else {
        told->devices++;
        told->device = change->device;
    }
}

/* What the hub of this node is told from now on. */
static struct told hear(struct node *node) {
    struct told told = {.last = node->seen};

    assert_int_equal(changes_list(&node->accounts, node->seen, count_change, &told), 0);
    node->seen = told.last;
    return told;
}

static void what_one_node_adds_the_others_know(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    char secret[HOOK_LENGTH + 1], text[TOKEN_LENGTH + 1];
    struct hook hook = {.room = SLICE("ops"), .label = SLICE("ci"), .created_us = NOW_US}, found;
    struct account account, other;
    struct token token;

    assert_int_equal(add(a, "Ann"), 0);
    assert_int_equal(give_token(a, "ann",
                                (struct token){.kind = TOKEN_API,
                                               .label = SLICE("a \"bot\""),
                                               .restricted = true,
                                               .rooms = SLICE("ops\nteam-*"),
                                               .has_rate = true,
                                               .rate_per_minute = 7},
                                text),
                     0);
    hook_make(secret);
    assert_int_equal(hooks_add(&a->accounts, &hook, slice_of_string(secret)), 0);
    follow(b);
    assert_int_equal(find(a, "ann", &account), 0);
    assert_int_equal(find(b, "ANN", &other), 0);
    assert_true(identity_equal(&account.identity, &other.identity));
    assert_true(slice_equal(other.name, SLICE("Ann")));
    assert_true(slice_equal(other.password, SLICE("$first$")));
    assert_int_equal(other.role, ROLE_MEMBER);
    assert_int_equal(other.created_us, NOW_US);
    assert_int_equal(find_token(b, text, &token), 0);
    assert_true(slice_equal(token.label, SLICE("a \"bot\"")));
    assert_true(token.restricted && slice_equal(token.rooms, SLICE("ops\nteam-*")));
    assert_true(token.has_rate);
    assert_int_equal(token.rate_per_minute, 7);
    assert_int_equal(hooks_find(&b->accounts, slice_of_string(secret), &found), 0);
    assert_true(slice_equal(found.room, SLICE("ops")) && slice_equal(found.label, SLICE("ci")));
    assert_false(found.has_rate);
}

static void what_one_node_changes_the_others_tell_their_hub(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    struct told told;

    assert_int_equal(add(a, "ann"), 0);
    follow(b);
    told = hear(b);
    assert_true(told.accounts == 1 && told.devices == 0 && told.all == 0);
    assert_int_equal(accounts_set_role(&a->accounts, SLICE("ann"), ROLE_OWNER, NOW_US), 0);
    follow(b);
    told = hear(b);
    assert_true(told.accounts == 1 && told.devices == 0 && told.all == 0);
    assert_int_equal(accounts_set_password(&a->accounts, SLICE("ann"), SLICE("$new$"), NOW_US), 0);
    follow(b);
    told = hear(b);
    assert_true(told.accounts == 1 && told.all == 1);
    assert_int_equal(accounts_remove(&a->accounts, SLICE("ann"), NOW_US), 0);
    follow(b);
    told = hear(b);
    assert_true(told.accounts == 1 && told.all == 1);
    follow(b);
    told = hear(b);
    assert_true(told.accounts == 0 && told.all == 0);
}

static void names_are_given_once(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    struct account account, other;

    assert_int_equal(add(a, "ann"), 0);
    assert_int_equal(add(b, "ANN"), ERR_NAME_TAKEN); /* of which it had not heard */
    assert_int_equal(find(a, "ann", &account), 0);
    assert_int_equal(find(b, "ann", &other), 0);
    assert_true(identity_equal(&account.identity, &other.identity));
}

static void a_token_that_is_revoked_on_one_node_is_put_out_on_the_other(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    char text[TOKEN_LENGTH + 1];
    struct identity device;
    struct token token;
    struct told told;

    assert_int_equal(add(a, "ann"), 0);
    follow(b);
    assert_int_equal(give_token(b, "ann", (struct token){.kind = TOKEN_API}, text), 0);
    device = token_device(slice_of_string(text));
    follow(a);
    hear(a);
    hear(b);
    assert_int_equal(find_token(a, text, &token), 0);
    assert_int_equal(tokens_revoke(&a->accounts, token.id, NOW_US), 0);
    follow(b);
    told = hear(b);
    assert_int_equal(told.devices, 1);
    assert_true(identity_equal(&told.device, &device));
    assert_int_equal(find_token(b, text, &token), ERR_NOT_FOUND);
    assert_int_equal(tokens_revoke(&b->accounts, token.id, NOW_US), ERR_NOT_FOUND);
}

static void a_token_that_has_expired_and_is_forgotten_puts_nobody_out(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    char old[TOKEN_LENGTH + 1], fresh[TOKEN_LENGTH + 1];

    assert_int_equal(add(a, "ann"), 0);
    assert_int_equal(give_token(a, "ann", (struct token){.expires_us = NOW_US}, old), 0);
    follow(b);
    hear(b);
    assert_int_equal(give_token(a, "ann", (struct token){0}, fresh), 0);
    follow(b);
    assert_int_equal(hear(b).devices, 0);
}

/* Whoever was overtaken decides again, with what it had looked up before. */
static void what_was_decided_on_a_state_of_before_is_decided_again(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    struct account account;
    struct token token = {.created_us = NOW_US, .role = ROLE_OWNER};
    char text[TOKEN_LENGTH + 1];

    assert_int_equal(add(a, "ann"), 0);
    follow(b);
    assert_int_equal(find(b, "ann", &account), 0);
    assert_int_equal(add(a, "bob"), 0);
    token_make(text);
    assert_int_equal(tokens_add(&b->accounts, &account, &token, slice_of_string(text)), 0);
    assert_true(slice_equal(account.name, SLICE("ann")));
    assert_int_equal(find(b, "bob", &account), 0);

    assert_int_equal(find(b, "ann", &account), 0);
    assert_int_equal(accounts_set_password(&a->accounts, SLICE("ann"), SLICE("$new$"), NOW_US), 0);
    token_make(text);
    assert_int_equal(tokens_add(&b->accounts, &account, &token, slice_of_string(text)),
                     ERR_NOT_FOUND);
    assert_int_equal(find_token(b, text, &token), ERR_NOT_FOUND);
}

static void a_password_that_was_replaced_stands_nowhere(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0];
    const struct redis_reply *reply;

    assert_int_equal(add(a, "ann"), 0);
    assert_int_equal(accounts_set_password(&a->accounts, SLICE("ann"), SLICE("$new$"), NOW_US), 0);
    reply = say(a, "HVALS " PREFIX ":accounts");
    assert_int_equal(reply->count, 2);
    for (size_t i = 0; i < reply->count; i++)
        assert_null(memmem(reply->items[i].text.data, reply->items[i].text.length, "first", 5));
    reply = say(a, "XRANGE " PREFIX ":accounts:log - +");
    assert_int_equal(reply->count, 2);
    for (size_t i = 0; i < reply->count; i++) {
        assert_int_equal(reply->items[i].items[1].count, 2);
        assert_true(slice_starts_with(reply->items[i].items[1].items[1].text, SLICE("account:")));
    }
}

static void a_node_that_is_new_reads_everything(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *c = &world->nodes[2];
    char text[TOKEN_LENGTH + 1];
    struct account account;
    struct token token;

    assert_int_equal(add(a, "ann"), 0);
    assert_int_equal(give_token(a, "ann", (struct token){.kind = TOKEN_API}, text), 0);
    connect_node(world, c);
    assert_false(ledger_is_known(c->ledger));
    follow(c);
    assert_true(ledger_is_known(c->ledger));
    assert_int_equal(find(c, "ann", &account), 0);
    assert_int_equal(find_token(c, text, &token), 0);
    assert_int_equal(add(c, "bob"), 0);
    follow(a);
    assert_int_equal(find(a, "bob", &account), 0);
}

/* What was removed meanwhile is not in what it reads, and goes. */
static void a_node_that_was_away_for_too_long_reads_everything(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    struct account account;
    struct told told;

    assert_int_equal(add(a, "ann"), 0);
    assert_int_equal(add(a, "bob"), 0);
    follow(b);
    close_node(b);
    assert_int_equal(accounts_remove(&a->accounts, SLICE("ann"), NOW_US), 0);
    assert_int_equal(add(a, "Ann"), 0); /* somebody else */
    assert_int_equal(add(a, "cid"), 0);
    say(a, "XTRIM " PREFIX ":accounts:log MAXLEN 1");
    connect_node(world, b);
    hear(b);
    follow(b);
    told = hear(b);
    assert_int_equal(told.accounts, 3); /* gone, come, come; of bob nothing */
    assert_int_equal(told.all, 1);
    assert_int_equal(find(b, "ann", &account), 0);
    assert_true(slice_equal(account.name, SLICE("Ann")));
    assert_int_equal(find(b, "bob", &account), 0);
}

static void many_are_as_good_as_few(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1], *c = &world->nodes[2];
    char text[TOKEN_LENGTH + 1];
    struct account account;
    struct token token;
    struct told told;

    assert_int_equal(add(a, "ann"), 0);
    assert_int_equal(sqlite3_exec(a->accounts.db, "PRAGMA synchronous = OFF", NULL, NULL, NULL), 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(give_token(a, "ann", (struct token){.kind = TOKEN_API}, text), 0);
    follow(b);
    assert_int_equal(find_token(b, text, &token), 0);
    assert_int_equal(token.id, MANY);
    connect_node(world, c);
    follow(c);
    assert_int_equal(find_token(c, text, &token), 0);
    hear(b);
    assert_int_equal(accounts_remove(&a->accounts, SLICE("ann"), NOW_US), 0);
    follow(b);
    told = hear(b);
    assert_int_equal(told.accounts, 1);
    assert_int_equal(find_token(b, text, &token), ERR_NOT_FOUND);
    follow(c);
    assert_int_equal(find(c, "ann", &account), ERR_NOT_FOUND);
    assert_int_equal(say(a, "HLEN " PREFIX ":accounts")->integer, 1); /* which ledger it is */
}

static void without_redis_everything_is_read_and_nothing_written(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    struct account account;

    assert_int_equal(add(a, "ann"), 0);
    redis_process_pause(&world->redis);
    assert_int_equal(add(a, "bob"), ERR_UNAVAILABLE);
    assert_non_null(strstr(accounts_error(&a->accounts), "Redis"));
    redis_process_resume(&world->redis);
    assert_int_equal(find(a, "ann", &account), 0);
    assert_int_equal(find(a, "bob", &account), ERR_NOT_FOUND);
    /* Whether it was done is known once it is back; then it is so on all. */
    assert_int_equal(exchange_connect(a->exchange, PATIENCE_MS), 0);
    follow(a);
    follow(b);
    assert_int_equal(find(a, "bob", &account), find(b, "bob", &account));
    assert_null(ledger_reason(a->ledger));
}

static void a_file_that_was_never_a_copy_knows_nobody_until_redis_was_asked(void **state) {
    struct world *world = *state;
    struct node *c = &world->nodes[2];
    struct account account;

    redis_process_kill(&world->redis);
    open_node(world, c);
    assert_int_equal(ledger_catch_up(c->ledger, &c->accounts), ERR_UNAVAILABLE);
    assert_false(ledger_is_known(c->ledger));
    assert_int_equal(add(c, "ann"), ERR_UNAVAILABLE);
    assert_int_equal(find(c, "ann", &account), ERR_NOT_FOUND);
}

static void when_redis_has_lost_everything_the_nodes_have_not(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    struct account account;
    struct told told;

    assert_int_equal(add(a, "ann"), 0);
    follow(b);
    assert_int_equal(add(a, "bob"), 0); /* of whom b has not heard */
    say(a, "FLUSHALL");
    atomic_store(&world->log.level, LOG_ERROR);
    assert_int_equal(ledger_catch_up(a->ledger, &a->accounts), ERR_UNAVAILABLE);
    assert_int_equal(ledger_catch_up(b->ledger, &b->accounts), ERR_UNAVAILABLE);
    assert_non_null(strstr(ledger_reason(b->ledger), "banterd user import"));
    assert_int_equal(find(b, "ann", &account), 0);
    assert_int_equal(add(b, "cid"), ERR_UNAVAILABLE);
    hear(b);

    assert_int_equal(ledger_begin(a->ledger, &a->accounts), 0);
    assert_int_equal(ledger_begin(b->ledger, &b->accounts), ERR_NAME_TAKEN);
    follow(a);
    follow(b);
    told = hear(b);
    assert_true(told.accounts == 1 && told.all <= 1);
    assert_int_equal(find(b, "bob", &account), 0);
    assert_int_equal(add(b, "cid"), 0);
}

static void what_redis_has_forgotten_is_forgotten_by_all(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1];
    struct account account;

    atomic_store(&world->log.level, LOG_ERROR);
    assert_int_equal(add(a, "ann"), 0);
    assert_int_equal(say(a, "COPY " PREFIX ":accounts kept")->integer, 1);
    assert_int_equal(say(a, "COPY " PREFIX ":accounts:log kept:log")->integer, 1);
    assert_int_equal(add(a, "bob"), 0);
    follow(b);
    say(a, "RENAME kept " PREFIX ":accounts"); /* as a replica that was a little behind */
    say(a, "RENAME kept:log " PREFIX ":accounts:log");
    assert_int_equal(add(b, "cid"), 0); /* what it was decided on is not the state any more */
    follow(a);
    assert_int_equal(find(a, "bob", &account), ERR_NOT_FOUND);
    assert_int_equal(find(b, "bob", &account), ERR_NOT_FOUND);
    assert_int_equal(find(a, "cid", &account), 0);
}

/* As of a server that was the only one until now. */
static void open_unshared(struct world *world, struct node *node, const char *name) {
    struct ledger *ledger;

    connect_node(world, node);
    ledger = node->accounts.ledger;
    node->accounts.ledger = NULL;
    assert_int_equal(add(node, name), 0);
    node->accounts.ledger = ledger;
}

static void a_file_with_accounts_of_its_own_is_not_overwritten(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *c = &world->nodes[2];
    struct account account;

    assert_int_equal(add(a, "ann"), 0);
    open_unshared(world, c, "cid");
    assert_int_equal(ledger_catch_up(c->ledger, &c->accounts), ERR_UNAVAILABLE);
    assert_non_null(strstr(ledger_reason(c->ledger), "other accounts"));
    assert_int_equal(find(c, "cid", &account), 0);
    assert_int_equal(find(c, "ann", &account), ERR_NOT_FOUND);
    assert_int_equal(add(c, "dan"), ERR_UNAVAILABLE);
    assert_int_equal(ledger_begin(c->ledger, &c->accounts), ERR_NAME_TAKEN);
    follow(a);
    assert_int_equal(find(a, "cid", &account), ERR_NOT_FOUND);
}

static void a_file_with_accounts_of_its_own_begins_a_ledger_when_told_to(void **state) {
    struct world *world = *state;
    struct node *a = &world->nodes[0], *c = &world->nodes[2];
    struct account account;

    assert_int_equal(ledger_begin(a->ledger, &a->accounts), ERR_NOT_FOUND);
    open_unshared(world, c, "cid");
    assert_int_equal(ledger_catch_up(c->ledger, &c->accounts), ERR_UNAVAILABLE);
    assert_int_equal(ledger_begin(c->ledger, &c->accounts), 0);
    follow(c);
    follow(a);
    assert_int_equal(find(a, "cid", &account), 0);
    assert_int_equal(add(a, "ann"), 0);
    follow(c);
    assert_int_equal(find(c, "ann", &account), 0);
}

static void records_that_cannot_be_rows_are_passed_over(void **state) {
    static const char *const records[] = {
        "account:00112233445566778899aabbccddeeff {\"name\":\"x\",\"key\":\"x\",\"role\":9,"
        "\"password\":\"p\",\"created\":1}",
        "account:00112233445566778899aabbccddeeff not-json",
        "account:00112233445566778899aabbccddeeff []",
        "account:0011 {}",
        "account:zz112233445566778899aabbccddeeff {}",
        "token:00:00 {}",
        "nonsense x",
        "hook:00112233445566778899aabbccddeeff:"
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff {\"id\":\"x\"}",
        "token:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff:"
        "00112233445566778899aabbccddeeff {\"id\":1,\"kind\":0,\"label\":\"\",\"created\":1,"
        "\"used\":0,\"expires\":0,\"rate\":null,\"rooms\":null,\"role\":1}",
    };
    struct world *world = *state;
    struct node *a = &world->nodes[0], *b = &world->nodes[1], *c = &world->nodes[2];
    struct account account;
    char line[512];

    assert_int_equal(add(a, "ann"), 0);
    world->log.descriptor = open("/dev/null", O_WRONLY);
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        snprintf(line, sizeof(line), "HSET " PREFIX ":accounts %s", records[i]);
        assert_int_equal(say(a, line)->kind, REDIS_INTEGER);
        snprintf(line, sizeof(line), "XADD " PREFIX ":accounts:log * field %.*s",
                 (int)strcspn(records[i], " "), records[i]);
        assert_int_equal(say(a, line)->kind, REDIS_BULK);
        follow(b);
    }
    connect_node(world, c);
    follow(c);
    assert_int_equal(find(b, "ann", &account), 0);
    assert_int_equal(find(c, "ann", &account), 0);
    assert_int_equal(find(c, "x", &account), ERR_NOT_FOUND);
    assert_int_equal(add(c, "bob"), 0);
    close(world->log.descriptor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
        CASE(what_one_node_adds_the_others_know),
        CASE(what_one_node_changes_the_others_tell_their_hub),
        CASE(names_are_given_once),
        CASE(a_token_that_is_revoked_on_one_node_is_put_out_on_the_other),
        CASE(a_token_that_has_expired_and_is_forgotten_puts_nobody_out),
        CASE(what_was_decided_on_a_state_of_before_is_decided_again),
        CASE(a_password_that_was_replaced_stands_nowhere),
        CASE(a_node_that_is_new_reads_everything),
        CASE(a_node_that_was_away_for_too_long_reads_everything),
        CASE(many_are_as_good_as_few),
        CASE(without_redis_everything_is_read_and_nothing_written),
        CASE(a_file_that_was_never_a_copy_knows_nobody_until_redis_was_asked),
        CASE(when_redis_has_lost_everything_the_nodes_have_not),
        CASE(what_redis_has_forgotten_is_forgotten_by_all),
        CASE(a_file_with_accounts_of_its_own_is_not_overwritten),
        CASE(a_file_with_accounts_of_its_own_begins_a_ledger_when_told_to),
        CASE(records_that_cannot_be_rows_are_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
