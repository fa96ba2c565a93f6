/* A queue of deadlines: one timer serves any number of things that wait. Setting, dropping and
 * taking cost the same however many wait, because nothing is sorted: a deadline never overtakes one
 * that was set before it, so where delays differ a short one may come late by as much as the
 * longest waiting. Made for delays that are all equal, or nearly. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct deadline {
    struct list_node node;
    uint64_t due_ms;
};

struct deadline_queue {
    struct list list; /* by due_ms */
};

/* `deadline` must not be in a queue; it is borrowed until it is taken or dropped. */
void deadline_set(struct deadline_queue *queue, struct deadline *deadline, uint64_t due_ms);
void deadline_drop(struct deadline_queue *queue, struct deadline *deadline);

/* The first that is due at `now_ms`, out of the queue; NULL when none is. */
struct deadline *deadline_take(struct deadline_queue *queue, uint64_t now_ms);

/* When the first is due; false when nothing waits. */
bool deadline_next(const struct deadline_queue *queue, uint64_t *due_ms);
