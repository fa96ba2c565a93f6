/* Names: who holds one is decided in Redis (names.lua); all nodes hear of every change, and read
 * all of them when they may have missed some. The hub is told of differences only.
 *
 * What is published comes on another connection than what is answered, so of the two that which
 * comes later may be the older. An answer that is overtaken in this way would stay for good. So
 * while one is on its way, what is published of its name is only a reason to ask again: answers
 * come in the order of the questions.
 *
 * What is claimed here is claimed again when it may have been lost: a name that somebody else took
 * meanwhile is theirs, and the hub is told so. */
#include <string.h>

#include "base/memory.h"
#include "store/redis_keeper.h"
#include "store/redis_record.h"

/* One that is held here, or elsewhere. */
struct name {
    struct name_claim claim; /* its texts are in bytes */
    char bytes[];
};

/* A name that Redis was asked about. */
struct asked {
    struct redis_keeper *keeper;
    unsigned count;      /* of answers on their way */
    struct slice folded; /* points into bytes */
    char bytes[];
};

/* What a value says: "IDENTITY REGISTERED NODE,NODE SHOWN". */
struct holding {
    struct identity identity;
    bool registered;
    struct slice nodes, shown;
};

static bool read_holding(struct slice value, struct holding *holding) {
    struct slice identity = slice_cut(&value, ' ');
    struct slice registered = slice_cut(&value, ' ');
    holding->nodes = slice_cut(&value, ' ');
    holding->shown = value;
    holding->registered = slice_equal(registered, SLICE("1"));
    return identity_of_text(identity, &holding->identity);
}

static bool names_node(struct slice nodes, struct slice node) {
    while (nodes.length > 0) {
        if (slice_equal(slice_cut(&nodes, ','), node)) {
            return true;
        }
    }
    return false;
}

/* Whether a node besides this one holds it. */
static bool held_elsewhere(const struct redis_keeper *keeper, struct slice nodes) {
    while (nodes.length > 0) {
        struct slice node = slice_cut(&nodes, ',');
        if (!slice_equal(node, slice_of_string(keeper->node))) {
            return true;
        }
    }
    return false;
}

static struct name *new_name(const struct name_claim *claim) {
    struct name *name =
        memory_new(sizeof(struct name) + claim->folded.length + claim->shown.length);
    name->claim = *claim;
    name->claim.folded = slice_from(name->bytes, claim->folded.length);
    name->claim.shown = slice_from(name->bytes + claim->folded.length, claim->shown.length);
    memcpy(name->bytes, claim->folded.data, claim->folded.length);
    memcpy(name->bytes + claim->folded.length, claim->shown.data, claim->shown.length);
    return name;
}

static void put_name(struct map *map, const struct name_claim *claim) {
    memory_free(map_remove(map, claim->folded));
    struct name *name = new_name(claim);
    map_put(map, name->claim.folded, name);
}

static void free_names(struct map *map) {
    struct name *name;
    size_t cursor = 0;
    while ((name = map_next(map, &cursor)) != NULL) {
        memory_free(name);
    }
    map_free(map);
}

static struct slice asked_key(const void *asked) {
    return ((const struct asked *)asked)->folded;
}

void names_init(struct redis_keeper *keeper, uint64_t seed) {
    keeper->names.own = map_new(seed);
    keeper->names.others = map_new(seed);
    keeper->names.asked = map_new_of(seed, asked_key);
}

void names_free(struct redis_keeper *keeper) {
    free_names(keeper->names.own);
    free_names(keeper->names.others);
    map_free(keeper->names.asked); /* everything was answered */
}

static struct asked *begin_asking(struct redis_keeper *keeper, struct slice folded) {
    struct asked *asked = map_find(keeper->names.asked, folded);
    if (asked == NULL) {
        asked = memory_new(sizeof(*asked) + folded.length);
        asked->keeper = keeper;
        asked->folded = slice_from(asked->bytes, folded.length);
        memcpy(asked->bytes, folded.data, folded.length);
        map_put(keeper->names.asked, asked->folded, asked);
    }
    asked->count++;
    return asked;
}

static void end_asking(struct asked *asked) {
    if (--asked->count == 0) {
        memory_free(map_remove(asked->keeper->names.asked, asked->folded));
    }
}

static void tell(struct redis_keeper *keeper, const struct name_claim *claim, bool gone) {
    keeper_give(keeper, job_new_elsewhere(claim, gone));
}

static void forget_other(struct redis_keeper *keeper, struct slice folded) {
    struct name *name = map_remove(keeper->names.others, folded);
    if (name != NULL) {
        tell(keeper, &name->claim, true);
        memory_free(name);
    }
}

static bool same_claim(const struct name_claim *a, const struct name_claim *b) {
    return identity_equal(&a->identity, &b->identity) && slice_equal(a->shown, b->shown) &&
           a->registered == b->registered;
}

/* Ours no more: somebody else's, or of the same guest who has moved. */
static void lose_own(struct redis_keeper *keeper, const struct name_claim *other) {
    const struct name *own = map_find(keeper->names.own, other->folded);
    if (own != NULL && !(other->registered && own->claim.registered)) {
        memory_free(map_remove(keeper->names.own, other->folded));
    }
}

void names_told(struct redis_keeper *keeper, struct slice folded, struct slice value) {
    struct holding holding;
    if (!read_holding(value, &holding) || !held_elsewhere(keeper, holding.nodes)) {
        forget_other(keeper, folded);
        return;
    }
    struct name_claim claim = {.folded = folded,
                               .shown = holding.shown,
                               .identity = holding.identity,
                               .registered = holding.registered};
    const struct name *known = map_find(keeper->names.others, folded);
    if (known != NULL && same_claim(&known->claim, &claim)) {
        return;
    }
    lose_own(keeper, &claim);
    put_name(keeper->names.others, &claim);
    tell(keeper, &claim, false);
}

static void send_name(struct redis_keeper *keeper, const char *verb, const struct name_claim *claim,
                      redis_answer *answer, void *context) {
    struct script_call call;
    char who[IDENTITY_TEXT];
    identity_text(&claim->identity, who);
    script_begin(&call, SCRIPT_NAMES, keeper->name_space, SLICE_NONE);
    script_add_string(&call, verb);
    script_add_string(&call, keeper->node);
    script_add(&call, claim->folded);
    script_add_string(&call, who);
    script_add_string(&call, claim->registered ? "1" : "0");
    script_add(&call, claim->shown);
    script_send(first_shard(keeper)->redis, &call, answer, context);
}

static void on_claimed(void *context, const struct redis_reply *reply) {
    struct redis_task *task = context;
    struct redis_keeper *keeper = task->shard->keeper;
    struct job *job = task->job;
    end_asking(map_find(keeper->names.asked, job->claim.folded));
    if (!shard_did(task->shard, reply)) {
        job->error = ERR_UNAVAILABLE;
        if (job->claim.ticket == 0) { /* it is held whatever happens, and claimed again */
            put_name(keeper->names.own, &job->claim);
        }
    } else if (reply_number(reply, 0) == 1) {
        put_name(keeper->names.own, &job->claim);
    } else {
        job->error = ERR_NAME_TAKEN;
        names_told(keeper, job->claim.folded, reply_text(reply, 1));
    }
    task_done(task);
}

void names_claim(struct redis_task *task) {
    begin_asking(task->shard->keeper, task->job->claim.folded);
    send_name(task->shard->keeper, "claim", &task->job->claim, on_claimed, task);
}

static void on_looked_up(void *context, const struct redis_reply *reply) {
    struct asked *asked = context;
    if (shard_did(first_shard(asked->keeper), reply)) {
        names_told(asked->keeper, asked->folded, reply->text);
    }
    end_asking(asked);
}

static void look_up(struct redis_keeper *keeper, struct slice folded) {
    struct buffer key = {0};
    buffer_append_format(&key, "%s:names", keeper->options.name_space);
    struct slice command[] = {SLICE("HGET"), buffer_slice(&key), folded};
    redis_command(first_shard(keeper)->redis, command, 3, on_looked_up,
                  begin_asking(keeper, folded));
    buffer_close(&key);
}

/* A name of ours that is said to be another's may have been so before it was ours. */
void names_heard(struct redis_keeper *keeper, struct slice folded, struct slice value) {
    if (keeper->names.readings > 0 || map_find(keeper->names.asked, folded) != NULL ||
        map_find(keeper->names.own, folded) != NULL) {
        look_up(keeper, folded);
    } else {
        names_told(keeper, folded, value);
    }
}

static void on_sent(void *context, const struct redis_reply *reply) {
    shard_did(context, reply);
}

void names_drop(struct redis_task *task) {
    struct redis_keeper *keeper = task->shard->keeper;
    const struct name *own = map_find(keeper->names.own, task->job->claim.folded);
    if (own != NULL && identity_equal(&own->claim.identity, &task->job->claim.identity)) {
        memory_free(map_remove(keeper->names.own, task->job->claim.folded));
    }
    send_name(keeper, "release", &task->job->claim, on_sent, task->shard);
    task_done(task);
}

/* Of a name that Redis thinks is held here and is not: its release was lost. */
static void release_stray(struct redis_keeper *keeper, struct slice folded,
                          const struct holding *holding) {
    struct name_claim claim = {.folded = folded, .identity = holding->identity};
    if (names_node(holding->nodes, slice_of_string(keeper->node)) &&
        map_find(keeper->names.own, folded) == NULL && tasks_empty(keeper)) {
        send_name(keeper, "release", &claim, on_sent, first_shard(keeper));
    }
}

/* Those that were known to be elsewhere and are not in the answer any more. */
static void forget_others(struct redis_keeper *keeper, struct map *there) {
    struct job_list gone = {0};
    struct name *name;
    size_t cursor = 0;
    while ((name = map_next(keeper->names.others, &cursor)) != NULL) {
        if (map_find(there, name->claim.folded) == NULL) {
            job_list_append(&gone, job_new_elsewhere(&name->claim, true));
        }
    }
    for (struct job *job = gone.first; job != NULL; job = job->next) {
        memory_free(map_remove(keeper->names.others, job->elsewhere.claim.folded));
    }
    job_list_move(&keeper->out, &gone);
}

static void on_names(void *context, const struct redis_reply *reply) {
    struct redis_keeper *keeper = context;
    keeper->names.readings--;
    if (!shard_did(first_shard(keeper), reply) || reply->kind != REDIS_ARRAY) {
        return;
    }
    struct map *there = map_new(rng_next(&keeper->rng));
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        struct slice folded = reply_text(reply, i), value = reply_text(reply, i + 1);
        struct holding holding;
        if (folded.length > 0 && read_holding(value, &holding)) {
            map_put(there, folded, keeper);
            names_told(keeper, folded, value);
            release_stray(keeper, folded, &holding);
        }
    }
    forget_others(keeper, there);
    map_free(there);
}

void names_read(struct redis_keeper *keeper) {
    struct buffer key = {0};
    keeper->names.readings++;
    buffer_append_format(&key, "%s:names", keeper->options.name_space);
    struct slice command[] = {SLICE("HGETALL"), buffer_slice(&key)};
    redis_command(first_shard(keeper)->redis, command, 2, on_names, keeper);
    buffer_close(&key);
}

/* If somebody else has the name, it is lost. */
static void on_claimed_again(void *context, const struct redis_reply *reply) {
    struct asked *asked = context;
    struct redis_keeper *keeper = asked->keeper;
    if (shard_did(first_shard(keeper), reply) && reply_number(reply, 0) == 0) {
        memory_free(map_remove(keeper->names.others, asked->folded));
        names_told(keeper, asked->folded, reply_text(reply, 1));
    }
    end_asking(asked);
}

void names_claim_again(struct redis_keeper *keeper) {
    const struct name *name;
    size_t cursor = 0;
    while ((name = map_next(keeper->names.own, &cursor)) != NULL) {
        send_name(keeper, "again", &name->claim, on_claimed_again,
                  begin_asking(keeper, name->claim.folded));
    }
}

/* What was marked for those who are here while nobody could tell. */
struct recalling {
    struct redis_keeper *keeper;
    struct job *job;
};

static void on_recalled(void *context, const struct redis_reply *reply) {
    struct recalling *recalling = context;
    if (shard_did(first_shard(recalling->keeper), reply)) {
        marks_take(recalling->job, reply);
        keeper_give(recalling->keeper, recalling->job);
    } else {
        job_free(recalling->job);
    }
    memory_free(recalling);
}

void names_recall(struct redis_keeper *keeper) {
    const struct name *name;
    size_t cursor = 0;
    while ((name = map_next(keeper->names.own, &cursor)) != NULL) {
        struct recalling *recalling = memory_new_struct(struct recalling);
        recalling->keeper = keeper;
        recalling->job = job_new_recall(&name->claim.identity);
        recalling->job->unasked = true;
        marks_ask(keeper, recalling->job, on_recalled, recalling);
    }
}
