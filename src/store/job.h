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
};

struct job {
    struct job *next;
    enum job_kind kind;
    int error;             /* of FOLLOW and LIST */
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
        struct read_mark mark; /* room_key as that of the job */
        struct {
            struct identity identity;
            struct read_mark *marks; /* the array is owned, and each room_key */
            size_t count;
        } recall;
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
void job_free(struct job *job); /* NULL is fine; with all it owns */
size_t job_size(const struct job *job);

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
