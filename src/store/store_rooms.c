/* Both engines answer lists and searches in the order they were asked. An answer of one waits, as a
 * job that owns it, for that of the other; then the two become one. */
#include "store/store_rooms.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/job.h"

enum { USUAL, OTHER, ENGINES };

struct rooms_store {
    struct store store;
    struct store *engines[ENGINES];
    const struct slice *keys;
    size_t count;
    struct job_list lists[ENGINES]; /* answers that wait */
    struct job_list searches[ENGINES];
    struct job_list asked;        /* searches under way */
    struct completion completion; /* what was put together last … */
    struct job *current;          /* … and what it points to */
};

static struct rooms_store *rooms_store_of(struct store *store) {
    return container_of(store, struct rooms_store, store);
}

static struct store *engine_of(struct store *store, struct slice room_key) {
    struct rooms_store *rooms = rooms_store_of(store);
    for (size_t i = 0; i < rooms->count; i++) {
        if (slice_equal(rooms->keys[i], room_key)) {
            return rooms->engines[OTHER];
        }
    }
    return rooms->engines[USUAL];
}

static void rooms_follow(struct store *store, struct slice room_key, struct slice room_name) {
    struct store *engine = engine_of(store, room_key);
    engine->engine->follow(engine, room_key, room_name);
}

static void rooms_unfollow(struct store *store, struct slice room_key) {
    struct store *engine = engine_of(store, room_key);
    engine->engine->unfollow(engine, room_key);
}

static void rooms_append(struct store *store, struct draft *draft) {
    struct store *engine = engine_of(store, draft->room_key);
    engine->engine->append(engine, draft);
}

static void rooms_signal(struct store *store, struct signal *signal) {
    struct store *engine = engine_of(store, signal->room_key);
    engine->engine->signal(engine, signal);
}

static void rooms_read(struct store *store, const struct page_query *query) {
    struct store *engine = engine_of(store, query->room_key);
    engine->engine->read(engine, query);
}

static void rooms_erase(struct store *store, struct slice room_key) {
    struct store *engine = engine_of(store, room_key);
    engine->engine->erase(engine, room_key);
}

static void rooms_mark(struct store *store, const struct read_mark *mark) {
    struct store *engine = engine_of(store, mark->room_key);
    engine->engine->mark(engine, mark);
}

/* Each tells of its own rooms. */
static void rooms_recall(struct store *store, const struct identity *identity) {
    struct rooms_store *rooms = rooms_store_of(store);
    for (int i = 0; i < ENGINES; i++) {
        rooms->engines[i]->engine->recall(rooms->engines[i], identity);
    }
}

static void rooms_list(struct store *store, struct origin origin, struct slice cid) {
    struct rooms_store *rooms = rooms_store_of(store);
    for (int i = 0; i < ENGINES; i++) {
        rooms->engines[i]->engine->list(rooms->engines[i], origin, cid);
    }
}

static void rooms_search(struct store *store, const struct search_query *query) {
    struct rooms_store *rooms = rooms_store_of(store);
    struct search_query others = *query;
    others.offset = 0;
    job_list_append(&rooms->asked, job_new_search(query));
    rooms->engines[USUAL]->engine->search(rooms->engines[USUAL], query);
    rooms->engines[OTHER]->engine->search(rooms->engines[OTHER], &others);
}

static void rooms_turn(struct store *store) {
    struct rooms_store *rooms = rooms_store_of(store);
    for (int i = 0; i < ENGINES; i++) {
        rooms->engines[i]->engine->turn(rooms->engines[i]);
    }
}

/* A room may have been kept by the other engine under earlier settings, and still be there. */
static struct job *keep_list(struct rooms_store *rooms, int which, const struct event *event) {
    struct job *job = job_new_list(event->listed.origin, event->listed.cid);
    size_t count = event->listed.count;
    job->error = event->listed.error;
    job->list.heads = memory_new((count + 1) * sizeof(struct room_head));
    for (size_t i = 0; i < count; i++) {
        const struct room_head *head = &event->listed.heads[i];
        if (engine_of(&rooms->store, head->room_key) == rooms->engines[which]) {
            job->list.heads[job->list.count++] = head_copy(head);
        }
    }
    return job;
}

/* Appends a reference to an entry and a copy of its room's name. */
static void add_finding(struct findings *findings, struct entry *entry, struct slice room) {
    findings->rooms[findings->count] = slice_from(memory_copy_string(room), room.length);
    findings->entries[findings->count++] = entry_ref(entry);
}

static bool keeps_named(struct rooms_store *rooms, int which, struct slice room) {
    struct buffer key = {0};
    bool keeps = name_fold(room, &key) != 0 || /* direct messages: the other engine has none */
                 engine_of(&rooms->store, buffer_slice(&key)) == rooms->engines[which];
    buffer_close(&key);
    return keeps;
}

static struct job *keep_findings(struct rooms_store *rooms, int which,
                                 const struct findings *findings) {
    struct search_query query = {.ticket = findings->ticket};
    struct job *job = job_new_search(&query);
    struct findings *kept = &job->search.findings;
    kept->ticket = findings->ticket;
    kept->error = findings->error;
    kept->reason = findings->reason;
    kept->more = findings->more;
    kept->entries = memory_new(2 * (LIMIT_BATCH_ENTRIES + 1) * sizeof(struct entry *));
    kept->rooms = memory_new(2 * (LIMIT_BATCH_ENTRIES + 1) * sizeof(struct slice));
    for (size_t i = 0; i < findings->count && i < LIMIT_BATCH_ENTRIES; i++) {
        if (keeps_named(rooms, which, findings->rooms[i])) {
            add_finding(kept, findings->entries[i], findings->rooms[i]);
        }
    }
    return job;
}

/* Moves heads into one array, by key. */
static void merge_lists(struct job *into, struct job *from) {
    size_t count = into->list.count + from->list.count;
    struct room_head *merged = memory_new((count + 1) * sizeof(struct room_head));
    size_t a = 0, b = 0;
    for (size_t i = 0; i < count; i++) {
        bool first = b == from->list.count ||
                     (a < into->list.count && slice_compare(into->list.heads[a].room_key,
                                                            from->list.heads[b].room_key) <= 0);
        merged[i] = first ? into->list.heads[a++] : from->list.heads[b++];
    }
    while (count > LIMIT_LIST_ITEMS) {
        head_free(&merged[--count]);
    }
    memory_free(into->list.heads);
    into->list.heads = merged;
    into->list.count = count;
    into->error = into->error != 0 ? into->error : from->error;
    from->list.count = 0;
}

static struct completion *give_list(struct rooms_store *rooms) {
    struct job *job = job_list_take(&rooms->lists[USUAL]);
    struct job *other = job_list_take(&rooms->lists[OTHER]);
    merge_lists(job, other);
    job_free(other);
    rooms->current = job;
    rooms->completion = (struct completion){
        .kind = COMPLETION_EVENT,
        .event = {.kind = EVENT_LISTED,
                  .listed = {.error = job->error,
                             .origin = job->list.origin,
                             .cid = job->list.cid,
                             .heads = job->list.heads,
                             .count = job->list.count}},
    };
    return &rooms->completion;
}

static void merge_findings(struct findings *into, const struct findings *from, unsigned limit) {
    if (into->error == 0 && from->error != 0) {
        into->error = from->error;
        into->reason = from->reason;
    }
    for (size_t i = 0; !into->more && i < from->count && into->count < limit; i++) {
        add_finding(into, from->entries[i], from->rooms[i]);
    }
}

static struct completion *give_findings(struct rooms_store *rooms) {
    struct job *asked = job_list_take(&rooms->asked);
    struct job *job = job_list_take(&rooms->searches[USUAL]);
    struct job *other = job_list_take(&rooms->searches[OTHER]);
    unsigned limit = asked->search.query.limit;
    limit = limit < LIMIT_BATCH_ENTRIES ? limit : LIMIT_BATCH_ENTRIES;
    merge_findings(&job->search.findings, &other->search.findings, limit);
    job_free(asked);
    job_free(other);
    rooms->current = job;
    rooms->completion =
        (struct completion){.kind = COMPLETION_FINDINGS, .findings = job->search.findings};
    return &rooms->completion;
}

/* The next completion of one engine, unless it has to wait for the other. */
static struct completion *collect_from(struct rooms_store *rooms, int which) {
    struct store *engine = rooms->engines[which];
    struct completion *completion;
    while ((completion = engine->engine->collect(engine)) != NULL) {
        if (completion->kind == COMPLETION_FINDINGS) {
            job_list_append(&rooms->searches[which],
                            keep_findings(rooms, which, &completion->findings));
        } else if (completion->kind == COMPLETION_EVENT && completion->event.kind == EVENT_LISTED) {
            job_list_append(&rooms->lists[which], keep_list(rooms, which, &completion->event));
        } else {
            return completion;
        }
    }
    return NULL;
}

static struct completion *rooms_collect(struct store *store) {
    struct rooms_store *rooms = rooms_store_of(store);
    struct completion *completion = NULL;
    job_free(rooms->current);
    rooms->current = NULL;
    for (int i = 0; i < ENGINES && completion == NULL; i++) {
        completion = collect_from(rooms, i);
    }
    if (completion == NULL && rooms->lists[USUAL].first && rooms->lists[OTHER].first) {
        completion = give_list(rooms);
    }
    if (completion == NULL && rooms->searches[USUAL].first && rooms->searches[OTHER].first) {
        completion = give_findings(rooms);
    }
    return completion;
}

static void rooms_close(struct store *store) {
    struct rooms_store *rooms = rooms_store_of(store);
    for (int i = 0; i < ENGINES; i++) {
        rooms->engines[i]->engine->close(rooms->engines[i]);
        job_list_clear(&rooms->lists[i]);
        job_list_clear(&rooms->searches[i]);
    }
    job_list_clear(&rooms->asked);
    job_free(rooms->current);
    memory_free(rooms);
}

static const struct store_engine ENGINE = {
    .name = "rooms",
    .follow = rooms_follow,
    .unfollow = rooms_unfollow,
    .append = rooms_append,
    .signal = rooms_signal,
    .read = rooms_read,
    .list = rooms_list,
    .search = rooms_search,
    .mark = rooms_mark,
    .recall = rooms_recall,
    .erase = rooms_erase,
    .turn = rooms_turn,
    .collect = rooms_collect,
    .close = rooms_close,
};

struct store *store_rooms_new(const struct store_rooms_options *options) {
    struct rooms_store *rooms = memory_new_struct(struct rooms_store);
    rooms->store.engine = &ENGINE;
    rooms->engines[USUAL] = options->usual;
    rooms->engines[OTHER] = options->other;
    rooms->keys = options->keys;
    rooms->count = options->count;
    return &rooms->store;
}
