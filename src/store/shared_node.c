#include "base/memory.h"
#include "store/shared_internal.h"

static struct shared_node *node_of(struct store *store) {
    return container_of(store, struct shared_node, store);
}

static const struct shared_node *const_node_of(const struct store *store) {
    return container_of(store, const struct shared_node, store);
}

void node_give(struct shared_node *node, struct job *job) {
    completions_push(node->completions, job);
}

static void push(struct command_list *list, struct command *command) {
    command->next = NULL;
    if (list->last != NULL) {
        list->last->next = command;
    } else {
        list->first = command;
    }
    list->last = command;
}

static struct command *take(struct command_list *list) {
    struct command *command = list->first;
    if (command != NULL) {
        list->first = command->next;
        if (list->first == NULL) {
            list->last = NULL;
        }
    }
    return command;
}

void command_free(struct command *command) {
    while (command->names != NULL) {
        struct name_copy *copy = command->names;
        command->names = copy->next;
        memory_free(copy);
    }
    job_free(command->job);
    memory_free(command);
}

void node_ask(struct shared_node *node, enum command_kind kind, struct job *job) {
    struct command *command = memory_new_struct(struct command);
    command->kind = kind;
    command->job = job;
    push(&node->commands, command);
}

/* Its answer has got through: the job leaves. */

static void answer_append(struct shared_node *node, struct job *job) {
    struct entry *entry = job->append.entry;
    struct slice key = slice_of_string(memory_copy_string(job->room_key));
    bool is_new = entry != NULL && job->append.outcome.error == 0 && !job->append.outcome.duplicate;
    if (is_new) {
        entry_ref(entry);
    }
    node_give(node, job);
    if (is_new) {
        room_take_entry(node, key, entry);
        entry_unref(entry);
    }
    memory_free((char *)key.data);
}

static void answer_unfollow(struct shared_node *node, struct job *job) {
    struct slice key = slice_of_string(memory_copy_string(job->room_key));
    node_give(node, job);
    room_unfollowed(node, key);
    memory_free((char *)key.data);
}

static void answer_job(struct shared_node *node, struct command *command) {
    struct job *job = command->job;
    command->job = NULL;
    switch (job->kind) {
    case JOB_APPEND:
        answer_append(node, job);
        break;
    case JOB_FOLLOW:
        command->job = job;
        room_follow_answered(node, command);
        command->job = NULL;
        break;
    case JOB_UNFOLLOW:
        answer_unfollow(node, job);
        break;
    case JOB_SIGNAL:
        if (job->signal->origin.session != 0) {
            room_track(node, job->signal);
        }
        node_give(node, job);
        break;
    case JOB_CLAIM:
        command->job = job;
        name_claimed(node, command);
        command->job = NULL;
        node_give(node, job);
        break;
    default:
        node_give(node, job);
        break;
    }
}

static void answer(struct shared_node *node, struct command *command) {
    switch (command->kind) {
    case COMMAND_JOB:
        answer_job(node, command);
        break;
    case COMMAND_FILL:
        room_filled(node, command);
        break;
    case COMMAND_CHECK:
        room_checked(node, command);
        break;
    case COMMAND_NAMES:
        while (command->names != NULL) {
            struct name_copy *copy = command->names;
            command->names = copy->next;
            name_told(node, copy);
        }
        break;
    }
    command_free(command);
}

/* No answer will come. */
static void fail(struct shared_node *node, struct command *command) {
    struct job *job = command->job;
    if (job == NULL) {
        command_free(command);
        return;
    }
    switch (job->kind) {
    case JOB_APPEND:
        entry_unref(job->append.entry);
        job->append.entry = NULL;
        job->append.outcome = (struct outcome){.error = ERR_UNAVAILABLE};
        break;
    case JOB_PAGE:
        job->read.page.error = ERR_UNAVAILABLE;
        break;
    case JOB_SEARCH:
        job->search.findings.error = ERR_UNAVAILABLE;
        break;
    case JOB_FOLLOW:
    case JOB_LIST:
    case JOB_CLAIM:
    case JOB_GATHER:
        job->error = ERR_UNAVAILABLE;
        break;
    default: /* a signal of this node's own readers is shown all the same */
        break;
    }
    answer(node, command);
}

static void carry_out_some(struct shared_node *node, size_t count) {
    for (; count > 0 && node->commands.first != NULL; count--) {
        struct command *command = take(&node->commands);
        log_carry_out(node, command);
        push(&node->answers, command);
    }
}

void shared_node_pass(struct store *store, size_t commands, size_t answers, size_t news) {
    struct shared_node *node = node_of(store);
    struct command *command;
    while (node->cut && (command = take(&node->commands)) != NULL) {
        fail(node, command);
    }
    carry_out_some(node, commands);
    for (; news > 0 && node->news.first != NULL; news--) {
        node_take_news(node);
    }
    for (; answers > 0 && node->answers.first != NULL; answers--) {
        answer(node, take(&node->answers));
    }
}

bool shared_node_idle(const struct store *store) {
    const struct shared_node *node = const_node_of(store);
    return node->commands.first == NULL && node->answers.first == NULL && node->news.first == NULL;
}

void shared_node_cut(struct store *store, size_t carried) {
    struct shared_node *node = node_of(store);
    struct shared_room *room;
    struct command *command;
    size_t cursor = 0;
    if (node->cut) {
        return;
    }
    carry_out_some(node, carried);
    node->cut = true;
    node_drop_news(node);
    while ((room = map_next(node->rooms, &cursor)) != NULL) {
        room->subscribed = 0;
    }
    while ((command = take(&node->answers)) != NULL || (command = take(&node->commands)) != NULL) {
        fail(node, command);
    }
}

static void recall_all(struct shared_node *node) {
    const struct own_name *own;
    size_t cursor = 0;
    while ((own = map_next(node->own, &cursor)) != NULL) {
        node_ask(node, COMMAND_JOB, job_new_recall(&own->claim.identity));
    }
}

void node_look(struct shared_node *node) {
    const struct shared_room *room;
    size_t cursor = 0;
    while ((room = map_next(node->rooms, &cursor)) != NULL) {
        node_ask(node, COMMAND_CHECK, job_new_follow(room->key, room->name));
    }
}

/* What was missed is asked for before anything else. */
void shared_node_heal(struct store *store) {
    struct shared_node *node = node_of(store);
    struct command *command;
    if (!node->cut) {
        return;
    }
    while ((command = take(&node->commands)) != NULL) { /* asked while it was cut */
        fail(node, command);
    }
    node->cut = node->dead = false;
    node->lease_us = node->log->now_us + SHARED_LEASE_US;
    node_ask(node, COMMAND_NAMES, NULL);
    node_look(node);
    recall_all(node);
}

bool shared_node_is_cut(const struct store *store) {
    return const_node_of(store)->cut;
}

void shared_node_lose(struct store *store, size_t count) {
    struct shared_node *node = node_of(store);
    if (count == 0 && node->losing > 0) {
        node_look(node);
    }
    node->losing = count;
}

void shared_node_repeat(struct store *store, size_t count) {
    node_of(store)->repeating = count;
}

void shared_node_ignore_holes(struct store *store) {
    node_of(store)->ignores_holes = true;
}

static void close_queues(struct shared_node *node) {
    struct command *command;
    while ((command = take(&node->answers)) != NULL || (command = take(&node->commands)) != NULL) {
        command_free(command);
    }
    node_drop_news(node);
    completions_free(node->completions);
    node->completions = NULL;
}

void shared_node_kill(struct store *store, size_t carried) {
    struct shared_node *node = node_of(store);
    if (!node->cut) {
        carry_out_some(node, carried);
    }
    node->killed = true;
    close_queues(node);
}

/* The engine. */

static void do_follow(struct store *store, struct slice room_key, struct slice room_name) {
    struct shared_node *node = node_of(store);
    room_use_at(node, room_key, room_name)->asked++;
    node_ask(node, COMMAND_JOB, job_new_follow(room_key, room_name));
}

static void do_unfollow(struct store *store, struct slice room_key) {
    node_ask(node_of(store), COMMAND_JOB, job_new_unfollow(room_key));
}

static void do_append(struct store *store, struct draft *draft) {
    node_ask(node_of(store), COMMAND_JOB, job_new_append(draft));
}

static void do_signal(struct store *store, struct signal *signal) {
    node_ask(node_of(store), COMMAND_JOB, job_new_signal(signal));
}

static void do_erase(struct store *store, struct slice room_key) {
    node_ask(node_of(store), COMMAND_JOB, job_new_erase(room_key));
}

static void do_mark(struct store *store, const struct read_mark *mark) {
    node_ask(node_of(store), COMMAND_JOB, job_new_mark(mark));
}

static void do_recall(struct store *store, const struct identity *identity) {
    node_ask(node_of(store), COMMAND_JOB, job_new_recall(identity));
}

static void do_read(struct store *store, const struct page_query *query) {
    struct page_query bounded = *query;
    completions_bound(node_of(store)->completions, &bounded);
    node_ask(node_of(store), COMMAND_JOB, job_new_page(&bounded));
}

static void do_list(struct store *store, struct origin origin, struct slice cid) {
    node_ask(node_of(store), COMMAND_JOB, job_new_list(origin, cid));
}

static void do_search(struct store *store, const struct search_query *query) {
    node_ask(node_of(store), COMMAND_JOB, job_new_search(query));
}

static void do_share(struct store *store, const struct signal *signal, unsigned count) {
    struct shared_room *room = room_find_at(node_of(store), signal->room_key);
    if (signal->silent) {
        return; /* who is in the room is known from what comes back to the hub */
    }
    if (room != NULL) {
        room->count = count;
    }
    node_ask(node_of(store), COMMAND_JOB, job_new_share(signal, count));
}

static void do_claim(struct store *store, const struct name_claim *claim) {
    node_ask(node_of(store), COMMAND_JOB, job_new_claim(claim));
}

static void do_release(struct store *store, struct slice folded, const struct identity *identity) {
    struct shared_node *node = node_of(store);
    struct job *job = job_new_release(folded, identity);
    name_released(node, &job->claim);
    node_ask(node, COMMAND_JOB, job);
}

static void do_gather(struct store *store, struct slice room_key, struct origin origin,
                      struct slice cid) {
    node_ask(node_of(store), COMMAND_JOB, job_new_gather(room_key, origin, cid));
}

static void do_call(struct store *store, const struct call *call) {
    node_ask(node_of(store), COMMAND_JOB, job_new_call(call));
}

static void do_turn(struct store *store) {
    (void)store;
}

static struct completion *do_collect(struct store *store) {
    return completions_next(node_of(store)->completions);
}

static void do_close(struct store *store) {
    struct shared_node *node = node_of(store);
    close_queues(node);
    node_detach(node);
}

static const struct shared_engine SHARED = {
    .share = do_share,
    .claim = do_claim,
    .release = do_release,
    .gather = do_gather,
    .call = do_call,
};

static const struct store_engine ENGINE = {
    .name = "shared memory",
    .shared = &SHARED,
    .follow = do_follow,
    .unfollow = do_unfollow,
    .append = do_append,
    .signal = do_signal,
    .read = do_read,
    .list = do_list,
    .search = do_search,
    .mark = do_mark,
    .recall = do_recall,
    .erase = do_erase,
    .turn = do_turn,
    .collect = do_collect,
    .close = do_close,
};

struct store *shared_log_attach(struct shared_log *log) {
    struct shared_node *node = memory_new_struct(struct shared_node);
    node->store.engine = &ENGINE;
    node->log = log;
    node->id = ++log->last_node;
    node->lease_us = log->now_us + SHARED_LEASE_US;
    node->completions = completions_new(log->map_seed);
    node->rooms = map_new(log->map_seed);
    node->own = map_new(log->map_seed);
    node->others = map_new(log->map_seed);
    list_append(&log->nodes, &node->in_log);
    node_ask(node, COMMAND_NAMES, NULL);
    return &node->store;
}
