/* `banterd user`: accounts. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/password.h"
#include "base/clock.h"
#include "base/timestamp.h"
#include "server/ask_password.h"
#include "server/operator_accounts.h"
#include "wire/json.h"

static const char usage[] =
    "Usage: banterd user add NAME [--role ROLE]\n"
    "       banterd user passwd NAME\n"
    "       banterd user role NAME ROLE\n"
    "       banterd user list [--json]\n"
    "       banterd user remove NAME\n"
    "       banterd user import\n"
    "Looks after the accounts in the data folder ([--config FILE] [--data DIR]), or those that\n"
    "several servers share ([--store redis://HOST:PORT] [--set KEY=VALUE]). A server that runs\n"
    "knows of each change when the command ends, others within a second. Roles are guest, member\n"
    "(without one), moderator and owner. Passwords are asked for, or read as one line of standard\n"
    "input. Who gets a new one, or is removed, must log in again wherever they are. `import` puts\n"
    "the accounts, tokens and hooks of the data folder into a Redis that has none.\n";

static int take_role(const char *word, enum role *role) {
    if (role_parse(slice_of_string(word), role))
        return 0;
    operator_fail("there is no such role; there are guest, member, moderator and owner");
    return ERR_BAD_REQUEST;
}

/* As it is kept. */
static int ask_hash(char hash[PASSWORD_HASH_SIZE]) {
    struct buffer password = {0}, message = {0};
    int error = ask_password(&password, &message);

    if (error) {
        operator_fail("%.*s", SLICE_ARGS(buffer_slice(&message)));
    } else {
        error = password_hash(buffer_slice(&password), hash);
        if (error)
            operator_fail("there is not enough memory for a password");
        sodium_memzero(password.data, password.capacity);
    }
    buffer_close(&password);
    buffer_close(&message);
    return error;
}

/* Before a password is asked for, not after. */
static int check_free(struct operator_call *call, const char *name) {
    struct account account;
    int error = accounts_check_name(slice_of_string(name));

    if (!error)
        error = accounts_find(&call->accounts, slice_of_string(name), &account);
    if (error == ERR_NOT_FOUND)
        return 0;
    operator_fail_about(call, name, error ? error : ERR_NAME_TAKEN);
    return ERR_NAME_TAKEN;
}

static int run_add(struct operator_call *call) {
    const char *name = call->words[0];
    struct account account = {.name = slice_of_string(name), .role = ROLE_MEMBER};
    char hash[PASSWORD_HASH_SIZE];
    int error;

    if (call->options.role && take_role(call->options.role, &account.role) != 0)
        return EXIT_FAILURE;
    if (check_free(call, name) != 0 || ask_hash(hash) != 0)
        return EXIT_FAILURE;
    randombytes_buf(account.identity.bytes, sizeof(account.identity.bytes));
    account.password = slice_of_string(hash);
    account.created_us = clock_wall_us();
    error = accounts_add(&call->accounts, &account);
    if (error)
        return operator_fail_about(call, name, error);
    printf("Added %s (%s)\n", name, role_name(account.role));
    return EXIT_SUCCESS;
}

static int run_passwd(struct operator_call *call) {
    const char *name = call->words[0];
    struct account account;
    char hash[PASSWORD_HASH_SIZE];
    int error = accounts_find(&call->accounts, slice_of_string(name), &account);

    if (!error && ask_hash(hash) != 0)
        return EXIT_FAILURE;
    if (!error)
        error = accounts_set_password(&call->accounts, slice_of_string(name), slice_of_string(hash),
                                      clock_wall_us());
    if (error)
        return operator_fail_about(call, name, error);
    printf("%s has a new password\n", name);
    return EXIT_SUCCESS;
}

static int run_role(struct operator_call *call) {
    const char *name = call->words[0];
    enum role role;
    int error;

    if (take_role(call->words[1], &role) != 0)
        return EXIT_FAILURE;
    error = accounts_set_role(&call->accounts, slice_of_string(name), role, clock_wall_us());
    if (error)
        return operator_fail_about(call, name, error);
    printf("%s is %s now\n", name, role_name(role));
    return EXIT_SUCCESS;
}

static int run_remove(struct operator_call *call) {
    const char *name = call->words[0];
    int error = accounts_remove(&call->accounts, slice_of_string(name), clock_wall_us());

    if (error)
        return operator_fail_about(call, name, error);
    printf("Removed %s\n", name);
    return EXIT_SUCCESS;
}

static void print_json(const struct account *account) {
    struct buffer line = {0};

    buffer_append_string(&line, "{\"name\":");
    json_append_string(&line, account->name);
    json_append_string_member(&line, "role", slice_of_string(role_name(account->role)));
    buffer_append_string(&line, ",\"created\":\"");
    buffer_append_timestamp(&line, account->created_us);
    buffer_append_string(&line, "\"}\n");
    fwrite(buffer_slice(&line).data, 1, buffer_length(&line), stdout);
    buffer_close(&line);
}

static void print_account(void *context, const struct account *account) {
    const struct operator_call *call = context;
    char date[11];

    if (call->options.json)
        print_json(account);
    else
        printf("%-10s %-10s %.*s\n", operator_date(account->created_us, date),
               role_name(account->role), SLICE_ARGS(account->name));
}

static int run_list(struct operator_call *call) {
    int error = accounts_list(&call->accounts, print_account, call);

    return error ? operator_fail_about(call, "", error) : EXIT_SUCCESS;
}

static int run_import(struct operator_call *call) {
    int error;

    if (!call->commons)
        return operator_fail("there is nowhere to put them: `store` is no Redis");
    error = commons_begin(call->commons);
    if (error == ERR_NAME_TAKEN)
        return operator_fail("Redis has accounts already");
    if (error == ERR_NOT_FOUND)
        return operator_fail("there are no accounts and no hooks in %s", call->folder);
    if (error)
        return operator_fail_about(call, "", error);
    printf("The accounts of %s are shared now\n", call->folder);
    return EXIT_SUCCESS;
}

int operator_user(int count, char **values) {
    static const struct operator_deed deeds[] = {
        {"add", 1, 1, "r", true, true, false, run_add},
        {"passwd", 1, 1, "", false, true, false, run_passwd},
        {"role", 2, 2, "", false, true, false, run_role},
        {"list", 0, 0, "j", false, false, false, run_list},
        {"remove", 1, 1, "", false, true, false, run_remove},
        {"import", 0, 0, "", false, true, true, run_import},
    };

    return operator_accounts(usage, deeds, sizeof(deeds) / sizeof(deeds[0]), count, values);
}
