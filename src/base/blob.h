/* Immutable bytes shared by counting. Not atomic: a blob belongs to one thread. */
#pragma once

#include <stddef.h>

#include "base/slice.h"

struct blob {
    unsigned references;
    size_t length;
    char data[];
};

struct blob *blob_new(struct slice content); /* a copy with one reference */
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob *blob); /* NULL is fine */
struct slice blob_slice(const struct blob *blob);
