/* The way back to the hub's thread: finished jobs of several threads, and the call that wakes the
 * driver. */
#pragma once

#include "hub/store.h"
#include "store/mailbox.h"

struct outbox {
    struct mailbox mailbox;
    store_wake *wake; /* NULL: the driver looks by itself */
    void *wake_context;
};

void outbox_put(struct outbox *outbox,
                struct job_list *jobs); /* takes all; does nothing when there are none */
