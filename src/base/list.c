#include "base/list.h"

#include <assert.h>

void list_append(struct list *list, struct list_node *node) {
    assert(node->previous == NULL && node->next == NULL && list->first != node);
    node->previous = list->last;
    if (list->last != NULL) {
        list->last->next = node;
    } else {
        list->first = node;
    }
    list->last = node;
}

void list_insert_before(struct list *list, struct list_node *before, struct list_node *node) {
    if (before == NULL) {
        list_append(list, node);
        return;
    }
    assert(node->previous == NULL && node->next == NULL && list->first != node);
    node->next = before;
    node->previous = before->previous;
    if (before->previous != NULL) {
        before->previous->next = node;
    } else {
        list->first = node;
    }
    before->previous = node;
}

void list_remove(struct list *list, struct list_node *node) {
    assert(node->previous != NULL || list->first == node);
    assert(node->next != NULL || list->last == node);
    if (node->previous != NULL) {
        node->previous->next = node->next;
    } else {
        list->first = node->next;
    }
    if (node->next != NULL) {
        node->next->previous = node->previous;
    } else {
        list->last = node->previous;
    }
    node->previous = node->next = NULL;
}

struct list_node *list_take_first(struct list *list) {
    struct list_node *node = list->first;

    if (node != NULL) {
        list_remove(list, node);
    }
    return node;
}

void slim_list_append(struct slim_list *list, struct list_node *node) {
    assert(node->previous == NULL && node->next == NULL);
    if (list->first != NULL) {
        node->previous = list->first->previous;
        node->previous->next = node;
        list->first->previous = node;
    } else {
        node->previous = list->first = node;
    }
}

void slim_list_remove(struct slim_list *list, struct list_node *node) {
    assert(list->first != NULL && node->previous != NULL);
    if (node->next != NULL) {
        node->next->previous = node->previous;
    } else {
        list->first->previous = node->previous;
    }
    if (list->first == node) {
        list->first = node->next;
    } else {
        node->previous->next = node->next;
    }
    node->previous = node->next = NULL;
}

struct list_node *slim_list_take_first(struct slim_list *list) {
    struct list_node *node = list->first;

    if (node != NULL) {
        slim_list_remove(list, node);
    }
    return node;
}
