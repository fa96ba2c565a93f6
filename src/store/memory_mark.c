#include "store/memory_mark.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "store/job.h"

struct kept_mark {
    struct kept_mark *next;
    struct read_mark mark; /* made by mark_copy */
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

static void forget_reader(struct memory_marks *marks, struct reader *reader) {
    map_remove(marks->readers, identity_slice(&reader->identity));
    list_remove(&marks->by_use, &reader->node);
    marks->count -= reader->count;
    while (reader->marks != NULL) {
        struct kept_mark *kept = reader->marks;
        reader->marks = kept->next;
        mark_free(&kept->mark);
        memory_free(kept);
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

static void add_mark(struct memory_marks *marks, struct reader *reader,
                     const struct read_mark *mark) {
    struct kept_mark *kept = memory_new_struct(struct kept_mark);
    kept->mark = mark_copy(mark);
    kept->next = reader->marks;
    reader->marks = kept;
    reader->count++;
    marks->count++;
}

static void update(struct kept_mark *kept, const struct read_mark *told) {
    struct read_mark former = kept->mark, next = *told;
    next.seq = former.seq > told->seq ? former.seq : told->seq;
    next.names = told->names.length > 0 ? told->names : former.names;
    kept->mark = mark_copy(&next);
    mark_free(&former);
}

void memory_marks_set(struct memory_marks *marks, const struct read_mark *told) {
    struct reader *reader = use_reader(marks, &told->identity);
    struct kept_mark *kept = reader->marks;
    while (kept != NULL && !slice_equal(kept->mark.room_key, told->room_key)) {
        kept = kept->next;
    }
    if (kept != NULL) {
        update(kept, told);
    } else if (reader->count < LIMIT_ROOMS_PER_SESSION) {
        add_mark(marks, reader, told);
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
    for (const struct kept_mark *kept = reader->marks; kept != NULL; kept = kept->next) {
        (*list)[(*count)++] = mark_copy(&kept->mark);
    }
}
