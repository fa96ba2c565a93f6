#include "store/memory_mark.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

struct kept_mark {
    struct kept_mark *next;
    uint64_t seq;
    int64_t updated_us;
    struct slice room_key; /* owned */
};

struct reader {
    struct list_node node; /* in by_use */
    struct identity identity;
    struct kept_mark *marks;
    size_t count;
};

void memory_marks_init(struct memory_marks *marks, uint64_t map_seed) {
    *marks = (struct memory_marks){.readers = map_new(map_seed)};
}

static void free_mark(struct kept_mark *mark) {
    memory_free((void *)mark->room_key.data);
    memory_free(mark);
}

static void forget_reader(struct memory_marks *marks, struct reader *reader) {
    map_remove(marks->readers, identity_slice(&reader->identity));
    list_remove(&marks->by_use, &reader->node);
    marks->count -= reader->count;
    while (reader->marks != NULL) {
        struct kept_mark *mark = reader->marks;
        reader->marks = mark->next;
        free_mark(mark);
    }
    memory_free(reader);
}

void memory_marks_close(struct memory_marks *marks) {
    while (!list_empty(&marks->by_use)) {
        forget_reader(marks, container_of(marks->by_use.first, struct reader, node));
    }
    map_free(marks->readers);
}

/* The one used last from now on. */
static struct reader *use_reader(struct memory_marks *marks, const struct identity *identity) {
    struct reader *reader = map_find(marks->readers, identity_slice(identity));
    if (reader != NULL) {
        list_remove(&marks->by_use, &reader->node);
    } else {
        reader = memory_new_struct(struct reader);
        reader->identity = *identity;
        map_put(marks->readers, identity_slice(&reader->identity), reader);
    }
    list_append(&marks->by_use, &reader->node);
    return reader;
}

static struct kept_mark *add_mark(struct memory_marks *marks, struct reader *reader,
                                  struct slice room_key) {
    struct kept_mark *mark = memory_new_struct(struct kept_mark);
    mark->room_key = slice_from(memory_copy_string(room_key), room_key.length);
    mark->next = reader->marks;
    reader->marks = mark;
    reader->count++;
    marks->count++;
    return mark;
}

void memory_marks_set(struct memory_marks *marks, const struct read_mark *told) {
    struct reader *reader = use_reader(marks, &told->identity);
    struct kept_mark *mark = reader->marks;
    while (mark != NULL && !slice_equal(mark->room_key, told->room_key)) {
        mark = mark->next;
    }
    if (mark == NULL && reader->count < LIMIT_ROOMS_PER_SESSION) {
        mark = add_mark(marks, reader, told->room_key);
    }
    if (mark != NULL) {
        mark->seq = told->seq > mark->seq ? told->seq : mark->seq;
        mark->updated_us = told->updated_us;
    }
    if (marks->count > LIMIT_MEMORY_MARKS) {
        forget_reader(marks, container_of(marks->by_use.first, struct reader, node));
    }
}

void memory_marks_list(const struct memory_marks *marks, const struct identity *identity,
                       struct read_mark **list, size_t *count) {
    const struct reader *reader = map_find(marks->readers, identity_slice(identity));
    *count = 0;
    if (reader == NULL) {
        return;
    }
    *list = memory_new(reader->count * sizeof(**list) + 1);
    for (const struct kept_mark *mark = reader->marks; mark != NULL; mark = mark->next) {
        (*list)[(*count)++] = (struct read_mark){
            .identity = *identity,
            .room_key = slice_from(memory_copy_string(mark->room_key), mark->room_key.length),
            .seq = mark->seq,
            .updated_us = mark->updated_us,
        };
    }
}
