/* Who is in a room, in the order in which the screen shows it: those with a role first. */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "terminal/room.h"

#define PRESENCE_TOGETHER_US (5 * 60 * INT64_C(1000000)) /* moves that share a line */
#define PRESENCE_LINE_MAX 400                            /* bytes of such a line */

void room_people_clear(struct room *room) {
    for (size_t i = 0; i < room->people_count; i++) {
        buffer_close(&room->people[i].name);
        buffer_close(&room->people[i].folded);
    }
    room->people_count = 0;
}

static char role_mark(struct slice role) {
    if (slice_equal(role, SLICE("owner")) || slice_equal(role, SLICE("operator")))
        return '@';
    if (slice_equal(role, SLICE("moderator")))
        return '%';
    return ' '; /* that somebody is a guest or a member is nothing special */
}

/* '@' before '%' before ' '. */
static int rank(char role) {
    const char *marks = "@% ";
    return (int)(strchr(marks, role) - marks);
}

static bool stands_before(const struct person *a, const struct person *b) {
    if (a->role != b->role)
        return rank(a->role) < rank(b->role);
    return slice_compare(buffer_slice(&a->folded), buffer_slice(&b->folded)) < 0;
}

static struct person *find(const struct room *room, struct slice folded) {
    for (size_t i = 0; i < room->people_count; i++)
        if (slice_equal(buffer_slice(&room->people[i].folded), folded))
            return &room->people[i];
    return NULL;
}

static void take_out(struct room *room, struct person *person) {
    size_t index = (size_t)(person - room->people);

    buffer_close(&person->name);
    buffer_close(&person->folded);
    room->people_count--;
    memmove(person, person + 1, (room->people_count - index) * sizeof *person);
}

static void put_in(struct room *room, struct person person) {
    size_t index = 0;

    if (room->people_count == room->people_capacity) {
        room->people_capacity = room->people_capacity * 2 + 16;
        room->people = memory_resize(room->people, room->people_capacity * sizeof *room->people);
    }
    while (index < room->people_count && stands_before(&room->people[index], &person))
        index++;
    memmove(&room->people[index + 1], &room->people[index],
            (room->people_count - index) * sizeof person);
    room->people[index] = person;
    room->people_count++;
}

bool room_person_add(struct room *room, struct slice name, struct slice role) {
    struct person person = {.role = role_mark(role)};

    if (name_fold(name, &person.folded) != 0)
        return false;
    struct person *there = find(room, buffer_slice(&person.folded));
    if (there != NULL && (role.length == 0 || there->role == person.role)) {
        buffer_close(&person.folded);
        return false;
    }
    if (there != NULL)
        take_out(room, there);
    buffer_append_slice(&person.name, name);
    put_in(room, person);
    return there == NULL;
}

bool room_person_remove(struct room *room, struct slice name) {
    struct buffer folded = {0};
    struct person *there = NULL;

    if (name_fold(name, &folded) == 0)
        there = find(room, buffer_slice(&folded));
    if (there != NULL)
        take_out(room, there);
    buffer_close(&folded);
    return there != NULL;
}

/* The last line, if it tells of moves and is not old. */
static struct line *open_line(const struct room *room, int64_t time_us) {
    struct list_node *node = room->lines.last;

    while (node != NULL && container_of(node, struct line, node)->kind == LINE_PENDING)
        node = node->previous;
    if (node == NULL)
        return NULL;
    struct line *line = container_of(node, struct line, node);
    bool open = line->kind == LINE_PRESENCE && time_us - line->time_us < PRESENCE_TOGETHER_US &&
                buffer_length(&line->content) < PRESENCE_LINE_MAX;
    return open ? line : NULL;
}

void room_tell_presence(struct room *room, int64_t time_us, struct slice name, bool came) {
    struct line *line = open_line(room, time_us);

    if (line == NULL) {
        line = line_new(LINE_PRESENCE, time_us);
        room_append(room, line);
    } else {
        buffer_append_string(&line->content, "  ");
    }
    buffer_append_string(&line->content, came ? "→ " : "← ");
    buffer_append_slice(&line->content, name);
}
