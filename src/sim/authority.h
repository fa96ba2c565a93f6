/* An authority with made-up accounts, for scenarios and the simulator. It lives longer than the
 * server: accounts are told to each of its lives anew. Nothing in it is secret: a password is right
 * if it is the one that was declared.
 *
 * What is asked is answered in that order, at once or when it is released. Who logs in with a
 * password gets a token to come back with, "bt_1", "bt_2" and so on. */
#pragma once

#include "hub/authority.h"

struct sim_token {
    struct slice text;
    struct slice name;  /* whose; empty: a static one, which says nobody's name */
    struct slice rooms; /* patterns with commas between them; empty: not restricted */
    enum role role;     /* of a static one; else the account's */
    int64_t expires_us; /* 0: never */
    bool has_rate;
    unsigned rate_per_minute;
    struct slice hook_room, label; /* of a hook, which is shown as nothing else */
};

struct authority *sim_authority_new(void);
/* One for another server, with the same accounts and tokens. What is changed over one of them the
 * others are not told before their next life. */
struct authority *sim_authority_share(struct authority *authority);

/* There is such an account; if it is known, with this password and role from now on. */
void sim_authority_add(struct authority *authority, struct slice name, struct slice password,
                       enum role role);
void sim_authority_remove(struct authority *authority, struct slice name);
/* Copies the texts. */
void sim_authority_add_token(struct authority *authority, const struct sim_token *token);
void sim_authority_revoke(struct authority *authority, struct slice token);

/* Another life of the server: what it has asked is forgotten, and it knows no accounts yet. */
void sim_authority_restart(struct authority *authority);
/* From now on questions wait for their release. */
void sim_authority_hold(struct authority *authority, bool hold);
/* How many wait. */
size_t sim_authority_waiting(const struct authority *authority);
void sim_authority_release(struct authority *authority, size_t count);
/* While it is, every question is answered with ERR_UNAVAILABLE. */
void sim_authority_set_busy(struct authority *authority, bool busy);

/* The identity of an account of this name. */
struct identity sim_authority_identity(struct slice name);
