/* What must hold for an entry that speaks of another one, decided where its number is given. The
 * same for every engine. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "hub/entry.h"

/* What an engine knows of the entry with number `of`. */
struct target {
    bool exists;
    bool deleted; /* its content was erased */
    enum entry_kind kind;
    struct identity identity;
};

/* ERR_NOT_FOUND unless the target is a message that is still there; ERR_FORBIDDEN for an edit or a
 * delete of somebody else's, which a moderator may delete. */
int target_check(const struct draft *draft, const struct target *target) MUST_USE;
