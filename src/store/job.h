/* Jobs: what the hub asked of a store, on its way through an engine and back.
 *
 * A job is made on the hub's thread, carried out by the engine (which writes the result into it)
 * and handed back to the hub's thread, where completions.h turns it into what the driver collects.
 * It belongs to one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/store.h"

enum job_kind {
    JOB_FOLLOW,
    JOB_UNFOLLOW,
    JOB_APPEND,
    JOB_SIGNAL,
    JOB_ERASE,
    JOB_TRIMMED, /* made by an engine: the log of a room begins later than before */
    JOB_FOUND,   /* made by an engine: entries turned out to be in the log without their appends
                    having been reported */
    JOB_PAGE,
    JOB_LIST,
    JOB_SEARCH,
    JOB_MARK,
    JOB_RECALL,
    /* Of a store that several nodes share, see hub/nodes.h. */
    JOB_SHARE,
    JOB_CLAIM,
    JOB_RELEASE,
    JOB_GATHER,
    JOB_CALL,
    JOB_ELSEWHERE, /* made by an engine: what is told of a name that another node holds */
    JOB_CALLED,    /* made by an engine: what another node has called */
};

struct job {
    struct job *next;
    enum job_kind kind;
    bool unasked;          /* made by an engine, though it is of a kind that is asked for */
    int error;             /* of FOLLOW, LIST, SIGNAL, CLAIM and GATHER */
    struct slice room_key; /* points into bytes, the draft or the signal */
    union {
        struct {
            struct slice room_name;
            struct room_head head; /* made by head_copy, or zeroed */
        } follow;
        struct {
            struct draft *draft; /* owned; NULL when it was handed on */
            struct outcome outcome;
            struct entry *entry; /* owned; NULL when the engine keeps none */
            bool found_apart;    /* the entry itself comes by JOB_FOUND, in its turn among those of
                                    other nodes */
        } append;
        struct signal *signal; /* owned; NULL when it was handed on */
        struct {
            struct entry **entries; /* ascending; the array and a reference on each are owned */
            size_t count;
        } found;
        struct {
            uint64_t first;
        } trimmed;
        struct {
            struct page_query query;
            struct page page; /* entries as above; head made by head_copy, or zeroed */
        } read;
        struct {
            struct origin origin;
            struct slice cid;
            struct room_head *heads; /* the array is owned, each made by head_copy */
            size_t count;
        } list;
        struct {
            struct search_query query; /* points into bytes and rooms */
            struct search_room *rooms; /* the array is owned */
            struct slice *excluded;    /* the same */
            struct findings
                findings; /* entries as above; rooms: both the array and each text are owned */
        } search;
        struct read_mark mark; /* points into bytes */
        struct {
            struct identity identity;
            struct read_mark *marks; /* the array is owned, each made by mark_copy */
            size_t count;
        } recall;
        struct {
            struct signal *signal; /* owned */
            unsigned count;
        } share;
        struct name_claim claim; /* CLAIM, and RELEASE (without `shown`); points into bytes */
        struct {
            struct origin origin;
            struct slice cid;
            struct other_member *members; /* the array is owned, and each name */
            size_t count;
        } gather;
        struct call call; /* CALL and CALLED; points into bytes */
        struct {
            struct name_claim claim; /* points into bytes */
            bool gone;
        } elsewhere;
    };
    char bytes[];
};

struct job *job_new_follow(struct slice room_key, struct slice room_name);
struct job *job_new_unfollow(struct slice room_key);
struct job *job_new_append(struct draft *draft);   /* takes */
struct job *job_new_signal(struct signal *signal); /* takes */
struct job *job_new_erase(struct slice room_key);
struct job *job_new_found(struct slice room_key, struct entry **entries, size_t count); /* takes */
struct job *job_new_trimmed(struct slice room_key, uint64_t first);
struct job *job_new_page(const struct page_query *query);
struct job *job_new_list(struct origin origin, struct slice cid);
struct job *job_new_mark(const struct read_mark *mark);
struct job *job_new_recall(const struct identity *identity);
struct job *job_new_search(const struct search_query *query);
struct job *job_new_share(const struct signal *signal, unsigned count);
struct job *job_new_claim(const struct name_claim *claim);
struct job *job_new_release(struct slice folded, const struct identity *identity);
struct job *job_new_gather(struct slice room_key, struct origin origin, struct slice cid);
struct job *job_new_call(const struct call *call);
struct job *job_new_elsewhere(const struct name_claim *claim, bool gone);
struct job *job_new_called(const struct call *call);
void job_free(struct job *job); /* NULL is fine; with all it owns */
size_t job_size(const struct job *job);

/* With its texts; to be freed by mark_free, or in an array by marks_free. */
struct read_mark mark_copy(const struct read_mark *mark);
void mark_free(const struct read_mark *mark);
void marks_free(struct read_mark *marks, size_t count);

/* Lets go of what was found. */
void findings_clear(struct findings *findings);

/* A queue of jobs. Zeroed: empty. */
struct job_list {
    struct job *first, *last;
    size_t count;
};

void job_list_append(struct job_list *list, struct job *job);
void job_list_move(struct job_list *list,
                   struct job_list *from);            /* all of `from`, in order, to the end */
struct job *job_list_take(struct job_list *list);     /* the first, or NULL */
size_t job_list_appends(const struct job_list *list); /* how many are JOB_APPEND */
void job_list_clear(struct job_list *list);           /* frees all */

/* A copy whose slices are its own: one block of memory, freed by head_free. */
struct room_head head_copy(const struct room_head *head);
void head_free(struct room_head *head); /* also of a zeroed head */
