/* How a server that stops sends its clients to others: see drain.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net;
struct outlet;

struct drain {
    struct net *net;
    const struct outlet *outlet;
    uint64_t begin_ms, first_ms, late_ms, end_ms; /* when it begins, the first is told, … */
    uint64_t newest; /* the last who was there when the first was told */
    uint64_t looked_ms;
    uint64_t credit; /* fractions of clients who are due, see drain.c */
    size_t told;
    bool closed; /* nobody is let in any more */
};

/* Begins at `now_ms` and takes `seconds`, which are not 0. */
void drain_begin(struct drain *drain, struct net *net, const struct outlet *outlet, uint64_t now_ms,
                 size_t seconds);

/* Tells those whose time has come; to be called every few milliseconds. Returns whether there is
 * still somebody, and time. */
bool drain_step(struct drain *drain, uint64_t now_ms);
