#include "store/job.h"

#include <string.h>

#include "base/memory.h"

/* A job with the first `size` bytes of text behind it. */
static struct job *new_job(enum job_kind kind, size_t size) {
    struct job *job = memory_new(sizeof(struct job) + size);
    job->kind = kind;
    return job;
}

/* Copies `s` to `*end` and moves that on. */
static struct slice put_slice(char **end, struct slice s) {
    struct slice copy = slice_from(*end, s.length);
    if (s.length > 0) {
        memcpy(*end, s.data, s.length);
    }
    *end += s.length;
    return copy;
}

static struct job *new_room_job(enum job_kind kind, struct slice room_key) {
    struct job *job = new_job(kind, room_key.length);
    char *end = job->bytes;
    job->room_key = put_slice(&end, room_key);
    return job;
}

struct job *job_new_follow(struct slice room_key, struct slice room_name) {
    struct job *job = new_job(JOB_FOLLOW, room_key.length + room_name.length);
    char *end = job->bytes;
    job->room_key = put_slice(&end, room_key);
    job->follow.room_name = put_slice(&end, room_name);
    return job;
}

struct job *job_new_unfollow(struct slice room_key) {
    return new_room_job(JOB_UNFOLLOW, room_key);
}

struct job *job_new_append(struct draft *draft) {
    struct job *job = new_job(JOB_APPEND, 0);
    job->append.draft = draft;
    job->room_key = draft->room_key;
    return job;
}

struct job *job_new_signal(struct signal *signal) {
    struct job *job = new_job(JOB_SIGNAL, 0);
    job->signal = signal;
    job->room_key = signal->room_key;
    return job;
}

struct job *job_new_erase(struct slice room_key) {
    return new_room_job(JOB_ERASE, room_key);
}

struct job *job_new_found(struct slice room_key, struct entry **entries, size_t count) {
    struct job *job = new_room_job(JOB_FOUND, room_key);
    job->found.entries = entries;
    job->found.count = count;
    return job;
}

struct job *job_new_trimmed(struct slice room_key, uint64_t first) {
    struct job *job = new_room_job(JOB_TRIMMED, room_key);
    job->trimmed.first = first;
    return job;
}

struct job *job_new_page(const struct page_query *query) {
    struct job *job = new_room_job(JOB_PAGE, query->room_key);
    job->read.query = *query;
    job->read.query.room_key = job->room_key;
    job->read.page.ticket = query->ticket;
    return job;
}

struct job *job_new_list(struct origin origin, struct slice cid) {
    struct job *job = new_job(JOB_LIST, cid.length);
    char *end = job->bytes;
    job->list.origin = origin;
    job->list.cid = put_slice(&end, cid);
    return job;
}

struct job *job_new_mark(const struct read_mark *mark) {
    struct job *job = new_job(JOB_MARK, mark->room_key.length + mark->names.length);
    char *end = job->bytes;
    job->mark = *mark;
    job->room_key = put_slice(&end, mark->room_key);
    job->mark.room_key = job->room_key;
    job->mark.names = put_slice(&end, mark->names);
    return job;
}

struct job *job_new_recall(const struct identity *identity) {
    struct job *job = new_job(JOB_RECALL, 0);
    job->recall.identity = *identity;
    return job;
}

struct job *job_new_share(const struct signal *signal, unsigned count) {
    struct job *job = new_job(JOB_SHARE, 0);
    job->share.signal = signal_new(signal);
    job->share.count = count;
    job->room_key = job->share.signal->room_key;
    return job;
}

static struct job *new_name_job(enum job_kind kind, const struct name_claim *claim,
                                struct name_claim *copy) {
    struct job *job = new_job(kind, claim->folded.length + claim->shown.length);
    char *end = job->bytes;
    *copy = *claim;
    copy->folded = put_slice(&end, claim->folded);
    copy->shown = put_slice(&end, claim->shown);
    return job;
}

struct job *job_new_claim(const struct name_claim *claim) {
    struct name_claim copy;
    struct job *job = new_name_job(JOB_CLAIM, claim, &copy);
    job->claim = copy;
    return job;
}

struct job *job_new_release(struct slice folded, const struct identity *identity) {
    struct name_claim claim = {.folded = folded, .identity = *identity}, copy;
    struct job *job = new_name_job(JOB_RELEASE, &claim, &copy);
    job->claim = copy;
    return job;
}

struct job *job_new_elsewhere(const struct name_claim *claim, bool gone) {
    struct name_claim copy;
    struct job *job = new_name_job(JOB_ELSEWHERE, claim, &copy);
    job->elsewhere.claim = copy;
    job->elsewhere.claim.ticket = 0;
    job->elsewhere.gone = gone;
    return job;
}

struct job *job_new_gather(struct slice room_key, struct origin origin, struct slice cid) {
    struct job *job = new_job(JOB_GATHER, room_key.length + cid.length);
    char *end = job->bytes;
    job->room_key = put_slice(&end, room_key);
    job->gather.origin = origin;
    job->gather.cid = put_slice(&end, cid);
    return job;
}

static struct job *new_call_job(enum job_kind kind, const struct call *call) {
    struct job *job =
        new_job(kind, call->room_key.length + call->from_name.length + call->to_name.length);
    char *end = job->bytes;
    job->call = *call;
    job->room_key = job->call.room_key = put_slice(&end, call->room_key);
    job->call.from_name = put_slice(&end, call->from_name);
    job->call.to_name = put_slice(&end, call->to_name);
    return job;
}

struct job *job_new_call(const struct call *call) {
    return new_call_job(JOB_CALL, call);
}

struct job *job_new_called(const struct call *call) {
    return new_call_job(JOB_CALLED, call);
}

static size_t search_text_size(const struct search_query *query) {
    size_t size = query->text.length;
    for (size_t i = 0; i < query->room_count; i++) {
        size += query->rooms[i].key.length + query->rooms[i].name.length;
    }
    for (size_t i = 0; i < query->excluded_count; i++) {
        size += query->excluded[i].length;
    }
    return size;
}

struct job *job_new_search(const struct search_query *query) {
    struct job *job = new_job(JOB_SEARCH, search_text_size(query));
    struct search_room *rooms = memory_new(query->room_count * sizeof(*rooms) + 1);
    char *end = job->bytes;
    job->search.query = *query;
    job->search.query.text = put_slice(&end, query->text);
    for (size_t i = 0; i < query->room_count; i++) {
        rooms[i].key = put_slice(&end, query->rooms[i].key);
        rooms[i].name = put_slice(&end, query->rooms[i].name);
    }
    struct slice *excluded = memory_new(query->excluded_count * sizeof(*excluded) + 1);
    for (size_t i = 0; i < query->excluded_count; i++) {
        excluded[i] = put_slice(&end, query->excluded[i]);
    }
    job->search.query.excluded = excluded;
    job->search.excluded = excluded;
    job->search.query.rooms = rooms;
    job->search.rooms = rooms;
    job->search.findings.ticket = query->ticket;
    return job;
}

void findings_clear(struct findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        entry_unref(findings->entries[i]);
        memory_free((void *)findings->rooms[i].data);
    }
    memory_free(findings->entries);
    memory_free(findings->rooms);
    *findings = (struct findings){.ticket = findings->ticket};
}

static void free_entries(struct entry **entries, size_t count) {
    for (size_t i = 0; i < count; i++) {
        entry_unref(entries[i]);
    }
    memory_free(entries);
}

static void free_heads(struct room_head *heads, size_t count) {
    for (size_t i = 0; i < count; i++) {
        head_free(&heads[i]);
    }
    memory_free(heads);
}

struct read_mark mark_copy(const struct read_mark *mark) {
    struct read_mark copy = *mark;
    char *end = memory_new(mark->room_key.length + mark->names.length + 1);
    copy.room_key = put_slice(&end, mark->room_key);
    copy.names = put_slice(&end, mark->names);
    return copy;
}

void mark_free(const struct read_mark *mark) {
    memory_free((void *)mark->room_key.data);
}

void marks_free(struct read_mark *marks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        mark_free(&marks[i]);
    }
    memory_free(marks);
}

static void free_members(struct other_member *members, size_t count) {
    for (size_t i = 0; i < count; i++) {
        memory_free((void *)members[i].name.data);
    }
    memory_free(members);
}

void job_free(struct job *job) {
    if (job == NULL) {
        return;
    }
    switch (job->kind) {
    case JOB_FOLLOW:
        head_free(&job->follow.head);
        break;
    case JOB_APPEND:
        entry_unref(job->append.entry);
        if (job->append.draft != NULL) {
            draft_free(job->append.draft);
        }
        break;
    case JOB_SIGNAL:
        if (job->signal != NULL) {
            signal_free(job->signal);
        }
        break;
    case JOB_FOUND:
        free_entries(job->found.entries, job->found.count);
        break;
    case JOB_PAGE:
        free_entries(job->read.page.entries, job->read.page.count);
        head_free(&job->read.page.head);
        break;
    case JOB_LIST:
        free_heads(job->list.heads, job->list.count);
        break;
    case JOB_RECALL:
        marks_free(job->recall.marks, job->recall.count);
        break;
    case JOB_SEARCH:
        findings_clear(&job->search.findings);
        memory_free(job->search.rooms);
        memory_free(job->search.excluded);
        break;
    case JOB_SHARE:
        signal_free(job->share.signal);
        break;
    case JOB_GATHER:
        free_members(job->gather.members, job->gather.count);
        break;
    case JOB_UNFOLLOW:
    case JOB_ERASE:
    case JOB_MARK:
    case JOB_TRIMMED:
    case JOB_CLAIM:
    case JOB_RELEASE:
    case JOB_CALL:
    case JOB_ELSEWHERE:
    case JOB_CALLED:
        break;
    }
    memory_free(job);
}

size_t job_size(const struct job *job) {
    switch (job->kind) {
    case JOB_APPEND:
        return sizeof(struct job) + draft_size(job->append.draft);
    case JOB_SIGNAL:
        return sizeof(struct job) + signal_size(job->signal);
    case JOB_SHARE:
        return sizeof(struct job) + signal_size(job->share.signal);
    default:
        return sizeof(struct job) + job->room_key.length;
    }
}

void job_list_append(struct job_list *list, struct job *job) {
    job->next = NULL;
    if (list->last != NULL) {
        list->last->next = job;
    } else {
        list->first = job;
    }
    list->last = job;
    list->count++;
}

void job_list_move(struct job_list *list, struct job_list *from) {
    if (from->first == NULL) {
        return;
    }
    if (list->last != NULL) {
        list->last->next = from->first;
    } else {
        list->first = from->first;
    }
    list->last = from->last;
    list->count += from->count;
    *from = (struct job_list){0};
}

struct job *job_list_take(struct job_list *list) {
    struct job *job = list->first;
    if (job == NULL) {
        return NULL;
    }
    list->first = job->next;
    if (list->first == NULL) {
        list->last = NULL;
    }
    list->count--;
    job->next = NULL;
    return job;
}

size_t job_list_appends(const struct job_list *list) {
    size_t count = 0;
    for (const struct job *job = list->first; job != NULL; job = job->next) {
        count += job->kind == JOB_APPEND;
    }
    return count;
}

void job_list_clear(struct job_list *list) {
    for (struct job *job = job_list_take(list); job != NULL; job = job_list_take(list)) {
        job_free(job);
    }
}

/* The room's key comes first, so its data is the block itself. */
struct room_head head_copy(const struct room_head *head) {
    struct room_head copy = *head;
    char *end = memory_new(head->room_key.length + head->room_name.length + head->epoch.length +
                           head->topic.length + 1);
    copy.room_key = put_slice(&end, head->room_key);
    copy.room_name = put_slice(&end, head->room_name);
    copy.epoch = put_slice(&end, head->epoch);
    copy.topic = put_slice(&end, head->topic);
    return copy;
}

void head_free(struct room_head *head) {
    memory_free((void *)head->room_key.data);
    *head = (struct room_head){0};
}
