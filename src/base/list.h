/* An intrusive doubly linked list. A node that is in no list has both pointers NULL, so a zeroed
 * struct is ready. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

struct list_node {
    struct list_node *previous, *next;
};

struct list {
    struct list_node *first, *last;
};

static inline bool list_empty(const struct list *list) {
    return list->first == NULL;
}

void list_append(struct list *list, struct list_node *node);
/* In front of a node of this list; NULL: at its end. */
void list_insert_before(struct list *list, struct list_node *before, struct list_node *node);
void list_remove(struct list *list, struct list_node *node); /* node must be in this list */
struct list_node *list_take_first(struct list *list);        /* NULL when empty */

/* The same with a head of one pointer, for structs of which there are many: the first node's
 * `previous` is the last. */
struct slim_list {
    struct list_node *first;
};

static inline bool slim_list_empty(const struct slim_list *list) {
    return list->first == NULL;
}

static inline struct list_node *slim_list_last(const struct slim_list *list) {
    return list->first != NULL ? list->first->previous : NULL;
}

/* The one before; NULL: `node` is the first. */
static inline struct list_node *slim_list_before(const struct slim_list *list,
                                                 const struct list_node *node) {
    return list->first != node ? node->previous : NULL;
}

void slim_list_append(struct slim_list *list, struct list_node *node);
void slim_list_remove(struct slim_list *list, struct list_node *node);
struct list_node *slim_list_take_first(struct slim_list *list); /* NULL when empty */
