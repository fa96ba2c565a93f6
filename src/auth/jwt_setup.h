/* What JSON Web Tokens are checked with, as the configuration has it. */
#pragma once

#include "auth/authority_local.h"
#include "auth/jwt.h"

/* Keys and rules for JWTs. No keys: there are no JWTs. */
struct jwt_setup {
    struct jwt_keys keys;
    struct jwt_rules rules; /* its slices stand in `text` */
    struct buffer text;
};

/* ERR_IO or ERR_BAD_REQUEST, with one line in `message`. */
int jwt_setup_load(const struct authority_local_keys *keys, struct jwt_setup **setup,
                   struct buffer *message) MUST_USE;
void jwt_setup_free(struct jwt_setup *setup); /* NULL is fine */
