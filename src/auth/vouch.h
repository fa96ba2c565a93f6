/* Principals that outlive what they were made from, and the patterns of rooms in them. */
#pragma once

#include "base/error.h"
#include "hub/credential.h"

#define ROOM_PATTERNS_MAX 100

/* A copy with all that it points to; wiped when it is freed, because `session` is a secret. */
struct principal *principal_copy(const struct principal *principal);
void principal_free(struct principal *principal); /* NULL is fine */

/* A room's name; or the beginning of one, which may be empty, and '*'. */
bool room_pattern_valid(struct slice pattern);
