#include "terminal/room.h"

#include "base/memory.h"
#include "terminal/line.h"

#define LINES_KEPT 5000 /* of a room that nobody scrolls in; history brings the others back */
#define LINES_DROPPED 1000

struct slice room_other_side(struct slice name, struct slice self) {
    struct slice second = slice_skip(name, 1);
    struct slice first = slice_cut(&second, ',');
    return slice_equal_ignoring_case(first, self) ? second : first;
}

struct room *room_new(struct slice name, struct slice self) {
    struct room *room = memory_new_struct(struct room);

    buffer_append_slice(&room->name, name);
    if (slice_starts_with(name, SLICE("@")))
        buffer_append_slice(&room->other, room_other_side(name, self));
    room->by_seq = id_map_new();
    return room;
}

static void drop_line(struct room *room, struct line *line) {
    if (line->seq > 0)
        id_map_remove(room->by_seq, line->seq);
    if (room->anchor == line)
        room->anchor = NULL;
    if (room->selected == line)
        room->selected = NULL;
    list_remove(&room->lines, &line->node);
    room->line_count--;
    line_free(line);
}

void room_remove(struct room *room, struct line *line) {
    drop_line(room, line);
}

void room_free(struct room *room) {
    if (room == NULL)
        return;
    while (room->lines.first != NULL)
        drop_line(room, container_of(room->lines.first, struct line, node));
    room_drop_changes(room);
    room_people_clear(room);
    memory_free(room->people);
    id_map_free(room->by_seq);
    buffer_close(&room->name);
    buffer_close(&room->other);
    buffer_close(&room->topic);
    buffer_close(&room->draft.text);
    buffer_close(&room->typist);
    memory_free(room);
}

bool room_is_direct(const struct room *room) {
    return buffer_length(&room->other) > 0;
}

struct slice room_title(const struct room *room) {
    return buffer_slice(room_is_direct(room) ? &room->other : &room->name);
}

struct line *room_find(const struct room *room, uint64_t seq) {
    return seq == 0 ? NULL : id_map_find(room->by_seq, seq);
}

/* Lines. */

static struct list_node *first_pending(const struct room *room) {
    struct list_node *found = NULL;

    for (struct list_node *node = room->lines.last; node != NULL; node = node->previous) {
        if (container_of(node, struct line, node)->kind != LINE_PENDING)
            break;
        found = node;
    }
    return found;
}

static void insert(struct room *room, struct list_node *before, struct line *line) {
    list_insert_before(&room->lines, before, &line->node);
    room->line_count++;
    if (line->seq > 0)
        id_map_put(room->by_seq, line->seq, line);
}

void room_append(struct room *room, struct line *line) {
    insert(room, first_pending(room), line);
}

void room_append_pending(struct room *room, struct line *line) {
    insert(room, NULL, line);
}

void room_note(struct room *room, enum line_kind kind, int64_t time_us, struct slice text) {
    struct line *line = line_new(kind, time_us);

    line_set(&line->content, text);
    room_append(room, line);
}

/* Where an entry of a page of history goes: behind those of the page that came before it. */
static struct list_node *place_in_history(const struct room *room, uint64_t seq) {
    struct list_node *node = room->lines.first;

    while (node != NULL) {
        const struct line *line = container_of(node, struct line, node);
        if (line->seq == 0 || line->seq > seq)
            break;
        node = node->next;
    }
    return node;
}

/* Whether an entry is new, and then what is here from now on. */
static bool extend(struct room *room, uint64_t seq, bool history) {
    if (seq == 0 || (room->first > 0 && !history && seq <= room->last) ||
        (room->first > 0 && history && seq >= room->first && room_find(room, seq) != NULL))
        return false;
    if (room->last < seq)
        room->last = seq;
    if (room->first == 0 || seq < room->first)
        room->first = seq;
    if (room->settled == 0 && !history)
        room->settled = seq;
    room->complete = room->complete || room->first == 1;
    return true;
}

struct line *room_take_entry(struct room *room, const json_t *entry, struct slice self,
                             bool history) {
    uint64_t seq = line_number(entry, "seq");

    if (!extend(room, seq, history))
        return NULL;
    struct line *line = line_from_entry(entry, self);
    if (line == NULL) {
        room_take_change(room, entry, self, history);
        return NULL;
    }
    insert(room, history ? place_in_history(room, seq) : first_pending(room), line);
    if (line->kind == LINE_TOPIC && !history)
        line_set(&room->topic, buffer_slice(&line->content));
    if (line->mention && room_is_direct(room))
        line->mention = false; /* all of it is to the reader */
    return line->kind == LINE_MESSAGE && !line->own && !history ? line : NULL;
}

void room_end_page(struct room *room, bool more) {
    room_apply_changes(room);
    room->loading = false;
    room->complete = !more || room->first <= 1;
}

void room_forget(struct room *room) {
    struct list_node *next;

    for (struct list_node *node = room->lines.first; node != NULL; node = next) {
        struct line *line = container_of(node, struct line, node);
        next = node->next;
        if (line->kind != LINE_PENDING)
            drop_line(room, line);
    }
    room_drop_changes(room);
    room->settled = room->first = room->last = room->read = room->read_told = 0;
    room->marked = false;
    room->unread = room->mentions = 0;
    room->complete = room->loading = false;
    room->jump = 0;
}

void room_trim(struct room *room) {
    if (room->anchor != NULL || room->selected != NULL || room->line_count < LINES_KEPT)
        return;
    for (unsigned i = 0; i < LINES_DROPPED; i++)
        drop_line(room, container_of(room->lines.first, struct line, node));
    room->first = room->last + 1;
    for (struct list_node *node = room->lines.first; node != NULL; node = node->next) {
        const struct line *line = container_of(node, struct line, node);
        if (line->seq > 0) {
            room->first = line->seq;
            break;
        }
    }
    room->settled = room->first;
    room->complete = false;
}

static bool selectable(const struct line *line) {
    return line->kind == LINE_MESSAGE && !line->deleted;
}

struct line *room_message_before(const struct room *room, const struct line *line) {
    struct list_node *node = line == NULL ? room->lines.last : line->node.previous;

    while (node != NULL && !selectable(container_of(node, struct line, node)))
        node = node->previous;
    return node == NULL ? NULL : container_of(node, struct line, node);
}

struct line *room_message_behind(const struct room *room, const struct line *line) {
    struct list_node *node = line == NULL ? NULL : line->node.next;

    (void)room;
    while (node != NULL && !selectable(container_of(node, struct line, node)))
        node = node->next;
    return node == NULL ? NULL : container_of(node, struct line, node);
}

void room_mark_read(struct room *room) {
    room->read = room->last;
    room->unread = room->mentions = 0;
}
