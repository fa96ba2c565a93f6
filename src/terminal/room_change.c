/* Edits, deletes and reactions. Most change a message that is here. When history is read backwards
 * they come before what they change; and messages that were let go of come back without what
 * happened to them later. So all changes that were seen are kept, in the order of the log, and a
 * page of history is complete when those of its messages have been applied. */
#include "base/memory.h"
#include "terminal/room.h"

enum change_kind { CHANGE_EDIT, CHANGE_DELETE, CHANGE_REACT };

struct change {
    struct list_node node;
    enum change_kind kind;
    uint64_t seq, of;
    struct buffer sender;
    struct buffer text; /* the new content, or the reaction */
    bool remove, own;
};

static void free_change(struct change *change) {
    buffer_close(&change->sender);
    buffer_close(&change->text);
    memory_free(change);
}

void room_drop_changes(struct room *room) {
    struct list_node *node;

    while ((node = list_take_first(&room->changes)) != NULL)
        free_change(container_of(node, struct change, node));
}

static void apply(struct line *line, const struct change *change) {
    switch (change->kind) {
    case CHANGE_EDIT:
        if (line->deleted)
            return;
        line_set(&line->content, buffer_slice(&change->text));
        line->edited = true;
        break;
    case CHANGE_DELETE:
        buffer_clear(&line->content);
        line->deleted = true;
        break;
    case CHANGE_REACT:
        line_react(line, buffer_slice(&change->text), buffer_slice(&change->sender), change->remove,
                   change->own);
        break;
    }
}

static bool read_change(const json_t *entry, struct slice self, struct change *change) {
    struct slice type = line_member(entry, "type");

    change->seq = line_number(entry, "seq");
    change->of = line_number(entry, "of");
    line_set(&change->sender, line_member(entry, "sender"));
    change->own = slice_equal_ignoring_case(buffer_slice(&change->sender), self);
    if (slice_equal(type, SLICE("react"))) {
        change->kind = CHANGE_REACT;
        change->remove = slice_equal(line_member(entry, "op"), SLICE("remove"));
        line_set(&change->text, line_member(entry, "key"));
    } else if (slice_equal(type, SLICE("edit"))) {
        change->kind = CHANGE_EDIT;
        line_set(&change->text, line_member(entry, "content"));
        /* An edit of a message that was deleted has been emptied too, and changes nothing. */
        if (json_is_true(json_object_get(entry, "deleted")))
            return false;
    } else if (slice_equal(type, SLICE("delete"))) {
        change->kind = CHANGE_DELETE;
    } else {
        return false;
    }
    return change->of > 0;
}

/* In the order of the log, though pages come from its end to its beginning. */
static void keep(struct room *room, struct change *change) {
    struct list_node *before = room->changes.first;

    if (room->changes.last == NULL ||
        container_of(room->changes.last, struct change, node)->seq < change->seq) {
        list_append(&room->changes, &change->node);
        return;
    }
    while (before != NULL && container_of(before, struct change, node)->seq < change->seq)
        before = before->next;
    list_insert_before(&room->changes, before, &change->node);
}

void room_take_change(struct room *room, const json_t *entry, struct slice self, bool history) {
    struct change *change = memory_new_struct(struct change);
    struct line *line = NULL;

    if (!read_change(entry, self, change)) {
        free_change(change);
        return;
    }
    /* In a page of history, later changes may be waiting for the same message. */
    line = history ? NULL : room_find(room, change->of);
    if (line != NULL)
        apply(line, change);
    keep(room, change);
}

void room_apply_changes(struct room *room) {
    for (struct list_node *node = room->changes.first; node != NULL; node = node->next) {
        const struct change *change = container_of(node, struct change, node);
        bool settled = room->settled > 0 && change->of >= room->settled;
        struct line *line = settled ? NULL : room_find(room, change->of);
        if (line != NULL)
            apply(line, change);
    }
    room->settled = room->first;
}
