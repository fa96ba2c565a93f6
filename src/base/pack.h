/* Texts that live behind the struct they belong to. */
#pragma once

#include <string.h>

#include "base/slice.h"

/* Copies the bytes of `s` to `at` and lets `s` point there; returns where the next text goes. */
static inline char *pack_slice(struct slice *s, char *at) {
    if (s->length > 0) {
        memcpy(at, s->data, s->length);
    }
    s->data = at;
    return at + s->length;
}
