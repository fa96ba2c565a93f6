/* Passwords, as argon2id keeps them: each check takes some 50 ms of a core and 64 MiB, so that a
 * stolen file is not soon guessed. Not for a loop. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"

#define PASSWORD_HASH_SIZE 128 /* with the zero at its end */

/* ERR_UNAVAILABLE: there is not enough memory. */
int password_hash(struct slice password, char text[PASSWORD_HASH_SIZE]) MUST_USE;
bool password_verify(const char *hash, struct slice password);

/* A hash that no password has: looked at for names that nobody has, so that they take as long. */
extern const char password_of_nobody[PASSWORD_HASH_SIZE];
