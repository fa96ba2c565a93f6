/* Who may come in: counts connections, altogether and for each address. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/endpoint.h"

struct map;

struct admission {
    size_t limit, limit_per_address; /* 0: none */
    size_t count;
    struct map *addresses; /* of struct admission_address, by key */
};

/* An address that has connections. */
struct admission_address;

enum admission_answer { ADMISSION_GRANTED, ADMISSION_FULL, ADMISSION_ADDRESS_FULL };

void admission_init(struct admission *admission, size_t limit, size_t limit_per_address,
                    uint64_t seed);
void admission_close(struct admission *admission);

/* Counts one more. `*address` is for admission_leave; NULL where addresses are not counted. */
enum admission_answer admission_enter(struct admission *admission,
                                      const struct endpoint_address *peer,
                                      struct admission_address **address);
void admission_leave(struct admission *admission, struct admission_address *address);
