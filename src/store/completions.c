/* A run is the entries of neighbouring appends to one followed room. It grows while the APPENDED of
 * those appends are given out, and is given out as one COMMITTED before anything else is. */
#include "store/completions.h"

#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/memory.h"

#define RUN_MAX LIMIT_PAGE_ENTRIES
#define RUN_BYTES (64 * 1024) /* of content; who takes a run has to do with all of it at once */

struct followed {
    uint64_t last; /* the last seq reported */
    struct slice room_key;
    char bytes[];
};

struct completions {
    struct job_list finished;
    uint64_t seed;
    struct map *followed;         /* by room key */
    struct completion completion; /* the one given out last … */
    struct job *current;          /* … and the job it came from */
    struct followed *run_room;    /* of the run; NULL: there is none */
    struct entry *run[RUN_MAX];
    size_t run_count, run_bytes;
    bool run_given;
};

struct completions *completions_new(uint64_t seed) {
    struct completions *completions = memory_new_struct(struct completions);
    completions->seed = seed;
    completions->followed = map_new(seed);
    return completions;
}

static void drop_run(struct completions *completions) {
    for (size_t i = 0; i < completions->run_count; i++) {
        entry_unref(completions->run[i]);
    }
    completions->run_count = completions->run_bytes = 0;
    completions->run_room = NULL;
    completions->run_given = false;
}

/* Ends the life of what was given out last. */
static void release(struct completions *completions) {
    job_free(completions->current);
    completions->current = NULL;
    if (completions->run_given) {
        drop_run(completions);
    }
}

static void free_followed(struct completions *completions) {
    struct followed *room;
    size_t cursor = 0;
    while ((room = map_next(completions->followed, &cursor)) != NULL) {
        memory_free(room);
    }
    map_free(completions->followed);
}

void completions_reset(struct completions *completions) {
    release(completions);
    drop_run(completions);
    job_list_clear(&completions->finished);
    free_followed(completions);
    completions->followed = map_new(completions->seed);
}

void completions_free(struct completions *completions) {
    if (completions == NULL) {
        return;
    }
    release(completions);
    drop_run(completions);
    job_list_clear(&completions->finished);
    free_followed(completions);
    memory_free(completions);
}

void completions_push(struct completions *completions, struct job *job) {
    job_list_append(&completions->finished, job);
}

void completions_push_list(struct completions *completions, struct job_list *jobs) {
    job_list_move(&completions->finished, jobs);
}

bool completions_waiting(const struct completions *completions) {
    return completions->finished.first != NULL ||
           (completions->run_count > 0 && !completions->run_given);
}

static struct followed *find_followed(const struct completions *completions,
                                      struct slice room_key) {
    return map_find(completions->followed, room_key);
}

static void follow(struct completions *completions, const struct room_head *head) {
    struct followed *room = find_followed(completions, head->room_key);
    if (room == NULL) {
        room = memory_new(sizeof(struct followed) + head->room_key.length);
        memcpy(room->bytes, head->room_key.data, head->room_key.length);
        room->room_key = slice_from(room->bytes, head->room_key.length);
        map_put(completions->followed, room->room_key, room);
    }
    room->last = head->last;
}

static void unfollow(struct completions *completions, struct slice room_key) {
    memory_free(map_remove(completions->followed, room_key));
}

void completions_bound(const struct completions *completions, struct page_query *query) {
    const struct followed *room = find_followed(completions, query->room_key);
    if (room != NULL && (query->before == 0 || query->before > room->last + 1)) {
        query->before = room->last + 1;
    }
}

static struct event *give_event(struct completions *completions, enum event_kind kind) {
    completions->completion =
        (struct completion){.kind = COMPLETION_EVENT, .event = {.kind = kind}};
    return &completions->completion.event;
}

static bool give_followed(struct completions *completions, struct job *job) {
    struct event *event = give_event(completions, EVENT_FOLLOWED);
    event->followed.error = job->error;
    event->followed.head = job->follow.head;
    if (job->error == 0) {
        follow(completions, &job->follow.head);
    } else {
        event->followed.head.room_key = job->room_key;
        event->followed.head.room_name = job->follow.room_name;
    }
    return true;
}

/* The entry of an append becomes part of the run, if anybody is to hear of it. */
static void add_to_run(struct completions *completions, struct job *job) {
    const struct outcome *outcome = &job->append.outcome;
    struct followed *room = find_followed(completions, job->room_key);
    if (outcome->error != 0 || room == NULL || outcome->seq <= room->last ||
        job->append.found_apart) {
        return; /* of a duplicate everybody has heard */
    }
    struct entry *entry = job->append.entry;
    job->append.entry = NULL;
    if (entry == NULL) {
        entry =
            entry_new(&job->append.draft->body, outcome->seq, outcome->timestamp_us, outcome->id);
    }
    completions->run[completions->run_count++] = entry;
    completions->run_bytes += entry->body.content.length;
    completions->run_room = room;
    room->last = outcome->seq;
}

static bool give_appended(struct completions *completions, struct job *job) {
    add_to_run(completions, job);
    struct event *event = give_event(completions, EVENT_APPENDED);
    event->appended.draft = job->append.draft;
    event->appended.outcome = job->append.outcome;
    job->append.draft = NULL;
    return true;
}

static bool give_signalled(struct completions *completions, struct job *job) {
    const struct origin *origin = &job->signal->origin;
    bool awaited = origin->session != 0 || origin->connection != 0;
    if (!awaited && find_followed(completions, job->room_key) == NULL) {
        return false;
    }
    struct event *event = give_event(completions, EVENT_SIGNALLED);
    event->signalled.error = job->error;
    event->signalled.signal = job->signal;
    job->signal = NULL;
    return true;
}

static bool give_found(struct completions *completions, struct job *job) {
    struct followed *room = find_followed(completions, job->room_key);
    size_t known = 0;
    if (room == NULL) {
        return false;
    }
    while (known < job->found.count && job->found.entries[known]->seq <= room->last) {
        known++;
    }
    if (known == job->found.count) {
        return false;
    }
    struct event *event = give_event(completions, EVENT_COMMITTED);
    event->committed.room_key = room->room_key;
    event->committed.entries = job->found.entries + known;
    event->committed.count = job->found.count - known;
    room->last = job->found.entries[job->found.count - 1]->seq;
    return true;
}

static bool give_trimmed(struct completions *completions, struct job *job) {
    if (find_followed(completions, job->room_key) == NULL) {
        return false;
    }
    struct event *event = give_event(completions, EVENT_TRIMMED);
    event->trimmed.room_key = job->room_key;
    event->trimmed.first = job->trimmed.first;
    return true;
}

/* The head may have been read after a commit that is still on its way here. What was let go of
 * since then still comes from there, so the log does not begin behind its end. */
static bool give_page(struct completions *completions, struct job *job) {
    const struct followed *room = find_followed(completions, job->room_key);
    completions->completion = (struct completion){.kind = COMPLETION_PAGE, .page = job->read.page};
    struct room_head *head = &completions->completion.page.head;
    if (room != NULL && head->last > room->last) {
        head->last = room->last;
        head->exists = room->last > 0;
        head->first = head->first < head->last + 1 ? head->first : head->last + 1;
    }
    if (job->read.page.error != 0) {
        head->room_key = job->room_key;
    }
    return true;
}

static bool give_listed(struct completions *completions, struct job *job) {
    struct event *event = give_event(completions, EVENT_LISTED);
    event->listed.error = job->error;
    event->listed.origin = job->list.origin;
    event->listed.cid = job->list.cid;
    event->listed.heads = job->list.heads;
    event->listed.count = job->list.count;
    return true;
}

static bool give_recalled(struct completions *completions, struct job *job) {
    struct event *event = give_event(completions, EVENT_RECALLED);
    event->recalled.identity = job->recall.identity;
    event->recalled.marks = job->recall.marks;
    event->recalled.count = job->recall.count;
    return true;
}

static bool give_findings(struct completions *completions, struct job *job) {
    completions->completion =
        (struct completion){.kind = COMPLETION_FINDINGS, .findings = job->search.findings};
    return true;
}

static bool give_claimed(struct completions *completions, const struct job *job) {
    if (job->claim.ticket == 0) {
        return false;
    }
    struct event *event = give_event(completions, EVENT_CLAIMED);
    event->claimed.error = job->error;
    event->claimed.claim = job->claim;
    return true;
}

static bool give_elsewhere(struct completions *completions, const struct job *job) {
    struct event *event = give_event(completions, EVENT_ELSEWHERE);
    event->elsewhere.claim = job->elsewhere.claim;
    event->elsewhere.gone = job->elsewhere.gone;
    return true;
}

static bool give_gathered(struct completions *completions, const struct job *job) {
    struct event *event = give_event(completions, EVENT_GATHERED);
    event->gathered.error = job->error;
    event->gathered.origin = job->gather.origin;
    event->gathered.cid = job->gather.cid;
    event->gathered.room_key = job->room_key;
    event->gathered.members = job->gather.members;
    event->gathered.count = job->gather.count;
    return true;
}

static bool give_called(struct completions *completions, const struct job *job) {
    give_event(completions, EVENT_CALLED)->called = job->call;
    return true;
}

/* False: nobody is to hear of it. */
static bool give(struct completions *completions, struct job *job) {
    switch (job->kind) {
    case JOB_FOLLOW:
        return give_followed(completions, job);
    case JOB_APPEND:
        return give_appended(completions, job);
    case JOB_SIGNAL:
        return give_signalled(completions, job);
    case JOB_FOUND:
        return give_found(completions, job);
    case JOB_TRIMMED:
        return give_trimmed(completions, job);
    case JOB_PAGE:
        return give_page(completions, job);
    case JOB_LIST:
        return give_listed(completions, job);
    case JOB_RECALL:
        return give_recalled(completions, job);
    case JOB_CLAIM:
        return give_claimed(completions, job);
    case JOB_ELSEWHERE:
        return give_elsewhere(completions, job);
    case JOB_GATHER:
        return give_gathered(completions, job);
    case JOB_CALLED:
        return give_called(completions, job);
    case JOB_MARK:
    case JOB_SHARE:
    case JOB_RELEASE:
    case JOB_CALL:
        return false;
    case JOB_SEARCH:
        return give_findings(completions, job);
    case JOB_UNFOLLOW:
    case JOB_ERASE:
        unfollow(completions, job->room_key);
        return false;
    }
    return false;
}

static bool run_goes_on(const struct completions *completions, const struct job *next) {
    return next != NULL && next->kind == JOB_APPEND && completions->run_count < RUN_MAX &&
           completions->run_bytes < RUN_BYTES &&
           slice_equal(next->room_key, completions->run_room->room_key);
}

static struct completion *give_run(struct completions *completions) {
    struct event *event = give_event(completions, EVENT_COMMITTED);
    event->committed.room_key = completions->run_room->room_key;
    event->committed.entries = completions->run;
    event->committed.count = completions->run_count;
    completions->run_given = true;
    return &completions->completion;
}

struct completion *completions_next(struct completions *completions) {
    release(completions);
    for (;;) {
        if (completions->run_count > 0 && !run_goes_on(completions, completions->finished.first)) {
            return give_run(completions);
        }
        struct job *job = job_list_take(&completions->finished);
        if (job == NULL) {
            return NULL;
        }
        completions->current = job;
        if (give(completions, job)) {
            return &completions->completion;
        }
        release(completions);
    }
}
