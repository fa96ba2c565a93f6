#include "io/deadline.h"

void deadline_set(struct deadline_queue *queue, struct deadline *deadline, uint64_t due_ms) {
    deadline->due_ms = due_ms;
    if (queue->list.last) {
        const struct deadline *last = container_of(queue->list.last, struct deadline, node);
        if (last->due_ms > due_ms)
            deadline->due_ms = last->due_ms;
    }
    list_append(&queue->list, &deadline->node);
}

void deadline_drop(struct deadline_queue *queue, struct deadline *deadline) {
    list_remove(&queue->list, &deadline->node);
}

struct deadline *deadline_take(struct deadline_queue *queue, uint64_t now_ms) {
    uint64_t due_ms;

    if (!deadline_next(queue, &due_ms) || due_ms > now_ms)
        return NULL;
    return container_of(list_take_first(&queue->list), struct deadline, node);
}

bool deadline_next(const struct deadline_queue *queue, uint64_t *due_ms) {
    if (list_empty(&queue->list))
        return false;
    *due_ms = container_of(queue->list.first, struct deadline, node)->due_ms;
    return true;
}
