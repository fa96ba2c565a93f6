/* Waiting for whatever a command of the client reacts to. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "client/session.h"

struct wait {
    const struct session *session; /* its socket and its deadline */
    int interrupts;                /* of interrupts_open; -1: none */
    int input;                     /* to read from; -1: not now */
    uint64_t until_ms;             /* a deadline of one's own; UINT64_MAX: none */
    /* Results. */
    bool interrupted; /* an interrupt came, and was taken */
    bool readable;    /* the input has something, or has ended */
};

void wait_for(struct wait *wait);
