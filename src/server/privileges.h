/* Being root only as long as it takes to listen. */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct privileges_options {
    const char *user, *group; /* names or numbers; "": of group, the user's own */
    const char *data; /* is made, for that user alone, if it is not there; NULL: none is needed */
};

/* As root: becomes `user` for good; with none it stays. As anybody else: nothing, and an error if
 * `user` is somebody else. ERR_… with one line in `message`. */
int privileges_drop(const struct privileges_options *options, char *message, size_t size) MUST_USE;
