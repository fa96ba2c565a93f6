/* Accounts: who is known by a name and a password. Errors are ERR_UNAVAILABLE where the file cannot
 * be used (accounts_error says why) besides those named. */
#pragma once

#include "auth/accounts_file.h"

#define PASSWORD_LEAST 8 /* characters */

/* Slices live until the next call. */
struct account {
    struct identity identity;
    struct slice name;
    enum role role;
    int64_t created_us;
    struct slice password; /* as password_hash writes it */
};

typedef void account_visitor(void *context, const struct account *account);

/* By name. */
int accounts_list(struct accounts *accounts, account_visitor *visit, void *context) MUST_USE;
/* ERR_NOT_FOUND. A name in any of the forms in which it is the same. */
int accounts_find(struct accounts *accounts, struct slice name, struct account *account) MUST_USE;
int accounts_find_identity(struct accounts *accounts, const struct identity *identity,
                           struct account *account) MUST_USE;
/* Whether an account may be called so: ERR_BAD_REQUEST. */
int accounts_check_name(struct slice name) MUST_USE;
/* ERR_NAME_TAKEN; ERR_BAD_REQUEST: it is no name that somebody may have. */
int accounts_add(struct accounts *accounts, const struct account *account) MUST_USE;

/* The following want the account by name, and say ERR_NOT_FOUND where there is none. `now_us` is
 * when. A new password, and removal, end all its sessions, removal all
 * its tokens, and whoever is here by either must log in again. */
int accounts_set_password(struct accounts *accounts, struct slice name, struct slice password,
                          int64_t now_us) MUST_USE;
int accounts_set_role(struct accounts *accounts, struct slice name, enum role role,
                      int64_t now_us) MUST_USE;
int accounts_remove(struct accounts *accounts, struct slice name, int64_t now_us) MUST_USE;

enum change_kind {
    CHANGE_ACCOUNT, /* it is another now, or gone */
    CHANGE_REVOKED, /* a device, or all: who came with it must go */
};

struct account_change {
    int64_t id;
    enum change_kind kind;
    struct identity account;
    struct slice name;
    struct identity device; /* none: all */
};

/* The id of the latest change; 0: none yet. */
int changes_last(struct accounts *accounts, int64_t *id) MUST_USE;
/* Those after `id`, in order; `visit` must not use `accounts`. */
typedef void change_visitor(void *context, const struct account_change *change);
int changes_list(struct accounts *accounts, int64_t id, change_visitor *visit,
                 void *context) MUST_USE;
/* For who changes something, within the transaction. `device` NULL: all, or none. */
int changes_add(struct accounts *accounts, const struct account *account, enum change_kind kind,
                const struct identity *device, int64_t now_us) MUST_USE;
