/* Accounts and tokens in their file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/hooks.h"
#include "auth/password.h"
#include "auth/tokens.h"
#include "temporary_folder.h"

#define DAY_US (INT64_C(86400) * 1000000)
#define NOW_US (INT64_C(1790000000) * 1000000)

struct world {
    char folder[FOLDER_SIZE];
    struct accounts accounts;
};

static int open_world(void **state) {
    struct world *world = calloc(1, sizeof(*world));
    struct buffer message = {0};

    folder_make(world->folder, "accounts");
    assert_int_equal(accounts_open(world->folder, &world->accounts, &message), 0);
    *state = world;
    return 0;
}

static int close_world(void **state) {
    struct world *world = *state;

    accounts_close(&world->accounts);
    folder_remove(world->folder);
    free(world);
    return 0;
}

static struct identity identity_of(unsigned char number) {
    return (struct identity){.bytes = {number, 1}};
}

static int add(struct world *world, unsigned char number, const char *name) {
    return accounts_add(&world->accounts, &(struct account){.identity = identity_of(number),
                                                            .name = slice_of_string(name),
                                                            .role = ROLE_MEMBER,
                                                            .created_us = NOW_US,
                                                            .password = SLICE("hash")});
}

static struct account find(struct world *world, const char *name) {
    struct account account;

    assert_int_equal(accounts_find(&world->accounts, slice_of_string(name), &account), 0);
    return account;
}

static int add_token(struct world *world, const char *name, enum token_kind kind,
                     int64_t expires_us, char text[TOKEN_LENGTH + 1]) {
    struct account account = find(world, name);

    token_make(text);
    return tokens_add(
        &world->accounts, &account,
        &(struct token){
            .kind = kind, .created_us = NOW_US, .expires_us = expires_us, .role = ROLE_OWNER},
        slice_of_string(text));
}

static int find_token(struct world *world, const char *text, int64_t now_us) {
    struct account account;
    struct token token;

    return tokens_find(&world->accounts, slice_of_string(text), now_us, &token, &account);
}

struct seen {
    size_t count;
    struct account_change changes[200];
};

static void note_change(void *context, const struct account_change *change) {
    struct seen *seen = context;

    assert_true(seen->count < 200);
    seen->changes[seen->count++] = *change;
}

static struct seen changes_after(struct world *world, int64_t id) {
    struct seen seen = {0};

    assert_int_equal(changes_list(&world->accounts, id, note_change, &seen), 0);
    return seen;
}

static int64_t last_change(struct world *world) {
    int64_t id;

    assert_int_equal(changes_last(&world->accounts, &id), 0);
    return id;
}

static void the_file_is_for_its_owner_alone(void **state) {
    struct world *world = *state;
    static const char *const names[] = {"accounts.db", "accounts.db-wal", "accounts.db-shm"};

    assert_int_equal(add(world, 1, "ann"), 0);
    for (size_t i = 0; i < 3; i++) {
        struct stat status;
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", world->folder, names[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

static void an_account_is_found_by_every_spelling_of_its_name(void **state) {
    struct world *world = *state;
    struct account account;

    assert_int_equal(add(world, 1, "Ärger"), 0);
    account = find(world, "ärger");
    assert_true(slice_equal(account.name, SLICE("Ärger")));
    assert_true(slice_equal(account.password, SLICE("hash")));
    find(world, "A\xcc\x88RGER");
    assert_int_equal(accounts_find(&world->accounts, SLICE("arger"), &account), ERR_NOT_FOUND);
    assert_int_equal(accounts_find(&world->accounts, SLICE("' OR 1=1 --"), &account),
                     ERR_NOT_FOUND);
    assert_int_equal(add(world, 2, "ÄRGER"), ERR_NAME_TAKEN);
}

static void names_that_nobody_may_have_get_no_account(void **state) {
    static const char *const names[] = {"",       "a b", "Anonymous", "error",   "@ann",
                                        "$rules", "a/b", "a\nb",      "ann\xff", ".."};
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(add(world, 1, names[i]), ERR_BAD_REQUEST);
}

static void what_is_done_to_an_account_stays(void **state) {
    struct world *world = *state;
    struct buffer message = {0};
    struct account account;

    assert_int_equal(add(world, 1, "ann"), 0);
    assert_int_equal(accounts_set_role(&world->accounts, SLICE("ANN"), ROLE_OWNER, NOW_US), 0);
    assert_int_equal(accounts_set_password(&world->accounts, SLICE("ann"), SLICE("other"), NOW_US),
                     0);
    accounts_close(&world->accounts);
    assert_int_equal(accounts_open(world->folder, &world->accounts, &message), 0);
    account = find(world, "ann");
    assert_int_equal(account.role, ROLE_OWNER);
    assert_true(slice_equal(account.password, SLICE("other")));
    assert_int_equal(accounts_remove(&world->accounts, SLICE("ann"), NOW_US), 0);
    assert_int_equal(accounts_find(&world->accounts, SLICE("ann"), &account), ERR_NOT_FOUND);
    assert_int_equal(accounts_remove(&world->accounts, SLICE("ann"), NOW_US), ERR_NOT_FOUND);
    assert_int_equal(accounts_set_role(&world->accounts, SLICE("ann"), ROLE_OWNER, NOW_US),
                     ERR_NOT_FOUND);
}

static void a_token_is_kept_as_its_digest_only(void **state) {
    struct world *world = *state;
    char text[TOKEN_LENGTH + 1], path[128], *file;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct stat status;
    FILE *input;

    assert_int_equal(add(world, 1, "ann"), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_API, 0, text), 0);
    assert_int_equal(strlen(text), TOKEN_LENGTH);
    assert_true(token_form(slice_of_string(text)));
    accounts_close(&world->accounts); /* all is in the one file then */
    snprintf(path, sizeof(path), "%s/accounts.db", world->folder);
    assert_int_equal(stat(path, &status), 0);
    file = malloc((size_t)status.st_size);
    input = fopen(path, "r");
    assert_int_equal(fread(file, 1, (size_t)status.st_size, input), status.st_size);
    fclose(input);
    SHA256((unsigned char *)text, TOKEN_LENGTH, digest);
    assert_non_null(memmem(file, (size_t)status.st_size, digest, sizeof(digest)));
    assert_null(memmem(file, (size_t)status.st_size, text + 3, 8));
    free(file);
}

static void a_token_ends_when_it_expires(void **state) {
    struct world *world = *state;
    char text[TOKEN_LENGTH + 1], other[TOKEN_LENGTH + 1];

    assert_int_equal(add(world, 1, "ann"), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_API, NOW_US + DAY_US, text), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_API, 0, other), 0);
    assert_int_equal(find_token(world, text, NOW_US + DAY_US - 1), 0);
    assert_int_equal(find_token(world, text, NOW_US + DAY_US), ERR_NOT_FOUND);
    assert_int_equal(find_token(world, other, NOW_US + 36500 * DAY_US), 0);
    text[TOKEN_LENGTH - 2] ^= 1;
    assert_int_equal(find_token(world, text, NOW_US), ERR_NOT_FOUND);
}

static void a_session_cannot_be_made_with_a_password_of_before(void **state) {
    struct world *world = *state;
    char text[TOKEN_LENGTH + 1];
    struct account before = {.identity = identity_of(1), .password = SLICE("hash")};
    struct token token = {.kind = TOKEN_SESSION, .created_us = NOW_US};

    assert_int_equal(add(world, 1, "ann"), 0);
    assert_int_equal(accounts_set_password(&world->accounts, SLICE("ann"), SLICE("new"), NOW_US),
                     0);
    token_make(text);
    assert_int_equal(tokens_add(&world->accounts, &before, &token, slice_of_string(text)),
                     ERR_NOT_FOUND);
    assert_int_equal(find_token(world, text, NOW_US), ERR_NOT_FOUND);
}

static void a_new_password_ends_sessions_and_removal_all_tokens(void **state) {
    char session[TOKEN_LENGTH + 1], program[TOKEN_LENGTH + 1], others[TOKEN_LENGTH + 1];
    struct world *world = *state;
    struct identity ann = identity_of(1);
    struct seen seen;
    int64_t before;

    assert_int_equal(add(world, 1, "ann"), 0);
    assert_int_equal(add(world, 2, "bob"), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_SESSION, 0, session), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_API, 0, program), 0);
    assert_int_equal(add_token(world, "bob", TOKEN_SESSION, 0, others), 0);
    before = last_change(world);
    assert_int_equal(accounts_set_password(&world->accounts, SLICE("ann"), SLICE("new"), NOW_US),
                     0);
    assert_int_equal(find_token(world, session, NOW_US), ERR_NOT_FOUND);
    assert_int_equal(find_token(world, program, NOW_US), 0);
    seen = changes_after(world, before);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.changes[0].kind, CHANGE_REVOKED);
    assert_true(identity_equal(&seen.changes[0].account, &ann));
    assert_true(identity_none(&seen.changes[0].device));
    assert_int_equal(accounts_remove(&world->accounts, SLICE("ann"), NOW_US), 0);
    assert_int_equal(find_token(world, program, NOW_US), ERR_NOT_FOUND);
    assert_int_equal(find_token(world, others, NOW_US), 0);
    assert_int_equal(changes_after(world, before).count, 4);
}

static void a_revoked_token_is_told_by_its_device(void **state) {
    struct world *world = *state;
    char text[TOKEN_LENGTH + 1], other[TOKEN_LENGTH + 1];
    struct identity device;
    struct account account;
    struct token token;
    struct seen seen;
    int64_t before;

    assert_int_equal(add(world, 1, "ann"), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_API, 0, text), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_API, 0, other), 0);
    before = last_change(world);
    assert_int_equal(tokens_find(&world->accounts, slice_of_string(text), NOW_US, &token, &account),
                     0);
    assert_int_equal(tokens_revoke(&world->accounts, token.id, NOW_US), 0);
    assert_int_equal(find_token(world, text, NOW_US), ERR_NOT_FOUND);
    assert_int_equal(find_token(world, other, NOW_US), 0);
    seen = changes_after(world, before);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.changes[0].kind, CHANGE_REVOKED);
    device = token_device(slice_of_string(text));
    assert_true(identity_equal(&seen.changes[0].device, &device));
    assert_int_equal(tokens_revoke(&world->accounts, token.id, NOW_US), ERR_NOT_FOUND);
}

static void sessions_of_an_account_are_bounded_and_the_oldest_goes(void **state) {
    char first[TOKEN_LENGTH + 1], second[TOKEN_LENGTH + 1], text[TOKEN_LENGTH + 1];
    char program[TOKEN_LENGTH + 1];
    struct world *world = *state;
    struct account account;
    struct token token;

    assert_int_equal(add(world, 1, "ann"), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_API, 0, program), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_SESSION, 0, first), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_SESSION, 0, second), 0);
    for (size_t i = 0; i < 62; i++)
        assert_int_equal(add_token(world, "ann", TOKEN_SESSION, 0, text), 0);
    assert_int_equal(
        tokens_find(&world->accounts, slice_of_string(first), NOW_US, &token, &account), 0);
    assert_int_equal(tokens_touch(&world->accounts, token.id, NOW_US + 1, 0), 0);
    assert_int_equal(find_token(world, second, NOW_US), 0);
    assert_int_equal(add_token(world, "ann", TOKEN_SESSION, 0, text), 0);
    assert_int_equal(find_token(world, first, NOW_US), 0);
    assert_int_equal(find_token(world, second, NOW_US), ERR_NOT_FOUND);
    assert_int_equal(find_token(world, program, NOW_US), 0);
}

static void two_programs_can_use_the_file_at_the_same_time(void **state) {
    struct world *world = *state;
    struct buffer message = {0};
    struct accounts other;
    struct account account;

    assert_int_equal(accounts_open_existing(world->folder, &other, &message), 0);
    assert_int_equal(add(world, 1, "ann"), 0);
    assert_int_equal(accounts_find(&other, SLICE("ann"), &account), 0);
    assert_int_equal(accounts_set_role(&other, SLICE("ann"), ROLE_OWNER, NOW_US), 0);
    assert_int_equal(find(world, "ann").role, ROLE_OWNER);
    accounts_close(&other);
}

static void a_copy_is_whole_and_takes_the_place_of_nothing(void **state) {
    struct world *world = *state;
    struct buffer message = {0};
    char path[160], folder[128];
    struct accounts copy;
    struct account account;
    struct stat status;

    assert_int_equal(add(world, 1, "ann"), 0);
    snprintf(folder, sizeof(folder), "%s/other", world->folder);
    snprintf(path, sizeof(path), "%s/accounts.db", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(accounts_copy(world->folder, path, &message), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(accounts_copy(world->folder, path, &message), ERR_IO);
    assert_int_equal(accounts_open_existing(folder, &copy, &message), 0);
    assert_int_equal(accounts_find(&copy, SLICE("ann"), &account), 0);
    accounts_close(&copy);
    buffer_close(&message);
}

static void a_file_that_is_none_of_ours_is_left_alone(void **state) {
    struct world *world = *state;
    struct buffer message = {0};
    struct accounts other = {0};
    char path[160], folder[128];
    FILE *file;

    snprintf(folder, sizeof(folder), "%s/other", world->folder);
    snprintf(path, sizeof(path), "%s/accounts.db", folder);
    assert_int_equal(accounts_open_existing(folder, &other, &message), ERR_NOT_FOUND);
    assert_int_equal(mkdir(folder, 0700), 0);
    file = fopen(path, "w");
    fputs("this is no database, it is a text that somebody wrote into a file of that name\n", file);
    fclose(file);
    assert_int_equal(accounts_open(folder, &other, &message), ERR_IO);
    unlink(path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(accounts_open(folder, &other, &message), ERR_IO);
    buffer_close(&message);
}

static void a_file_of_a_newer_version_is_left_alone(void **state) {
    struct world *world = *state;
    struct buffer message = {0};
    struct accounts other = {0};

    assert_int_equal(sqlite3_exec(world->accounts.db, "PRAGMA user_version = 99", 0, 0, 0), 0);
    assert_int_equal(accounts_open(world->folder, &other, &message), ERR_IO);
    buffer_append_char(&message, '\0');
    assert_non_null(strstr(buffer_slice(&message).data, "newer"));
    buffer_close(&message);
}

static void add_hook(struct world *world, const char *room, char secret[HOOK_LENGTH + 1]) {
    hook_make(secret);
    assert_int_equal(hooks_add(&world->accounts,
                               &(struct hook){.room = slice_of_string(room),
                                              .label = SLICE("CI"),
                                              .created_us = NOW_US,
                                              .has_rate = true,
                                              .rate_per_minute = 7},
                               slice_of_string(secret)),
                     0);
}

static void a_hook_is_kept_as_its_digest_only(void **state) {
    struct world *world = *state;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char first[HOOK_LENGTH + 1], second[HOOK_LENGTH + 1];
    struct hook hook, other;
    sqlite3_stmt *statement;

    add_hook(world, "Ops", first);
    add_hook(world, "news", second);
    assert_true(hook_form(slice_of_string(first)));
    assert_false(token_form(slice_of_string(first)));
    assert_int_equal(hooks_find(&world->accounts, slice_of_string(second), &other), 0);
    assert_int_equal(hooks_find(&world->accounts, slice_of_string(first), &hook), 0);
    assert_true(slice_equal(hook.room, SLICE("Ops")));
    assert_true(slice_equal(hook.label, SLICE("CI")));
    assert_int_equal(hook.created_us, NOW_US);
    assert_int_equal(hook.used_us, 0);
    assert_true(hook.has_rate);
    assert_int_equal(hook.rate_per_minute, 7);
    assert_false(identity_none(&hook.identity));
    assert_false(identity_equal(&hook.identity, &other.identity));
    SHA256((const uint8_t *)first, HOOK_LENGTH, digest);
    assert_int_equal(sqlite3_prepare_v2(world->accounts.db, "SELECT digest FROM hooks ORDER BY id",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_bytes(statement, 0), sizeof(digest));
    assert_memory_equal(sqlite3_column_blob(statement, 0), digest, sizeof(digest));
    sqlite3_finalize(statement);
    assert_int_equal(hooks_touch(&world->accounts, hook.id, NOW_US + DAY_US), 0);
    assert_int_equal(hooks_find(&world->accounts, slice_of_string(first), &hook), 0);
    assert_int_equal(hook.used_us, NOW_US + DAY_US);
}

static void a_revoked_hook_is_gone_and_told_of(void **state) {
    struct world *world = *state;
    char secret[HOOK_LENGTH + 1], other[HOOK_LENGTH + 1];
    struct identity device;
    struct hook hook, found;
    int64_t before = last_change(world);
    struct seen seen;

    add_hook(world, "ops", secret);
    add_hook(world, "ops", other);
    assert_int_equal(hooks_find(&world->accounts, slice_of_string(secret), &hook), 0);
    assert_int_equal(hooks_revoke(&world->accounts, 99, NOW_US), ERR_NOT_FOUND);
    assert_int_equal(changes_after(world, before).count, 0);
    assert_int_equal(hooks_revoke(&world->accounts, hook.id, NOW_US), 0);
    seen = changes_after(world, before);
    device = hook_device(slice_of_string(secret));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.changes[0].kind, CHANGE_REVOKED);
    assert_true(identity_equal(&seen.changes[0].account, &hook.identity));
    assert_true(identity_equal(&seen.changes[0].device, &device));
    assert_int_equal(hooks_find(&world->accounts, slice_of_string(secret), &found), ERR_NOT_FOUND);
    assert_int_equal(hooks_find(&world->accounts, slice_of_string(other), &found), 0);
    assert_int_equal(hooks_revoke(&world->accounts, hook.id, NOW_US), ERR_NOT_FOUND);
}

static void a_file_from_before_hooks_gets_them(void **state) {
    struct world *world = *state;
    char secret[HOOK_LENGTH + 1];
    struct buffer message = {0};

    assert_int_equal(add(world, 1, "ann"), 0);
    assert_int_equal(sqlite3_exec(world->accounts.db,
                                  "DROP TABLE hooks; DROP TABLE ledger; PRAGMA user_version = 1", 0,
                                  0, 0),
                     0);
    accounts_close(&world->accounts);
    assert_int_equal(accounts_open(world->folder, &world->accounts, &message), 0);
    add_hook(world, "ops", secret);
    find(world, "ann");
}

static void hooks_alone_are_worth_a_copy(void **state) {
    struct world *world = *state;
    struct buffer message = {0};
    char path[128], secret[HOOK_LENGTH + 1];

    snprintf(path, sizeof(path), "%s/copy", world->folder);
    assert_int_equal(accounts_copy(world->folder, path, &message), 0);
    assert_int_equal(access(path, F_OK), -1);
    add_hook(world, "ops", secret);
    assert_int_equal(accounts_copy(world->folder, path, &message), 0);
    assert_int_equal(access(path, F_OK), 0);
}

static void passwords_are_right_or_wrong(void **state) {
    char hash[PASSWORD_HASH_SIZE];

    (void)state;
    assert_int_equal(password_hash(SLICE("correct horse"), hash), 0);
    assert_int_equal(strncmp(hash, "$argon2id$", 10), 0);
    assert_true(password_verify(hash, SLICE("correct horse")));
    assert_false(password_verify(hash, SLICE("correct horse ")));
    assert_false(password_verify(hash, SLICE("correct hors")));
    assert_false(password_verify(hash, SLICE("")));
    assert_false(password_verify(password_of_nobody, SLICE("")));
    assert_false(password_verify("", SLICE("")));
}

/* Else it would be cheaper to look at than one of somebody, and say so by its time. */
static void the_hash_of_nobody_costs_as_much_as_any(void **state) {
    char hash[PASSWORD_HASH_SIZE], *parameters, *nobody;

    (void)state;
    assert_int_equal(password_hash(SLICE("correct horse"), hash), 0);
    parameters = strchr(hash + 1, 'm');
    nobody = strchr(password_of_nobody + 1, 'm');
    assert_int_equal(strcspn(parameters, "$"), strcspn(nobody, "$"));
    assert_memory_equal(parameters, nobody, strcspn(nobody, "$"));
    assert_int_equal(strlen(hash), strlen(password_of_nobody));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(the_file_is_for_its_owner_alone),
        CASE(an_account_is_found_by_every_spelling_of_its_name),
        CASE(names_that_nobody_may_have_get_no_account),
        CASE(what_is_done_to_an_account_stays),
        CASE(a_token_is_kept_as_its_digest_only),
        CASE(a_token_ends_when_it_expires),
        CASE(a_session_cannot_be_made_with_a_password_of_before),
        CASE(a_new_password_ends_sessions_and_removal_all_tokens),
        CASE(a_revoked_token_is_told_by_its_device),
        CASE(sessions_of_an_account_are_bounded_and_the_oldest_goes),
        CASE(two_programs_can_use_the_file_at_the_same_time),
        CASE(a_copy_is_whole_and_takes_the_place_of_nothing),
        CASE(a_file_that_is_none_of_ours_is_left_alone),
        CASE(a_file_of_a_newer_version_is_left_alone),
        CASE(a_hook_is_kept_as_its_digest_only),
        CASE(a_revoked_hook_is_gone_and_told_of),
        CASE(a_file_from_before_hooks_gets_them),
        CASE(hooks_alone_are_worth_a_copy),
        cmocka_unit_test(passwords_are_right_or_wrong),
        cmocka_unit_test(the_hash_of_nobody_costs_as_much_as_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
