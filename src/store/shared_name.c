#include <string.h>

#include "base/memory.h"
#include "base/pack.h"
#include "store/shared_internal.h"

/* At the log. */

static bool holds(const struct shared_name *name, uint64_t node) {
    for (size_t i = 0; name != NULL && i < name->holder_count; i++) {
        if (name->holders[i] == node) {
            return true;
        }
    }
    return false;
}

static bool held_by_others(const struct shared_name *name, uint64_t node) {
    return name != NULL && name->holder_count > (holds(name, node) ? 1 : 0);
}

static void add_holder(struct shared_name *name, uint64_t node) {
    if (!holds(name, node) && name->holder_count < SHARED_NODES) {
        name->holders[name->holder_count++] = node;
    }
}

static void remove_holder(struct shared_name *name, uint64_t node) {
    size_t kept = 0;
    for (size_t i = 0; i < name->holder_count; i++) {
        if (name->holders[i] != node) {
            name->holders[kept++] = name->holders[i];
        }
    }
    name->holder_count = kept;
}

struct name_copy *name_copy_for(const struct shared_node *node, const struct shared_name *name) {
    const struct name_claim *claim = &name->claim;
    struct name_copy *copy = memory_new(sizeof *copy + claim->folded.length + claim->shown.length);
    copy->claim = *claim;
    pack_slice(&copy->claim.shown, pack_slice(&copy->claim.folded, copy->bytes));
    copy->elsewhere = held_by_others(name, node->id);
    copy->version = name->version;
    return copy;
}

static void tell_all(struct shared_log *log, const struct shared_name *name) {
    for (struct list_node *item = log->nodes.first; item != NULL; item = item->next) {
        struct shared_node *node = container_of(item, struct shared_node, in_log);
        struct news *news = memory_new_struct(struct news);
        news->kind = NEWS_NAME;
        news->name = name_copy_for(node, name);
        node_news(node, news);
    }
}

/* One that nobody holds stays for its version. */
static struct shared_name *write_name(struct shared_log *log, const struct name_claim *claim) {
    struct shared_name *former = map_remove(log->names, claim->folded);
    struct shared_name *name =
        memory_new(sizeof *name + claim->folded.length + claim->shown.length);
    name->claim = *claim;
    name->claim.ticket = 0;
    pack_slice(&name->claim.shown, pack_slice(&name->claim.folded, name->bytes));
    name->version = ++log->version;
    if (former != NULL && identity_equal(&former->claim.identity, &claim->identity)) {
        memcpy(name->holders, former->holders, sizeof name->holders);
        name->holder_count = former->holder_count;
    }
    memory_free(former);
    map_put(log->names, name->claim.folded, name);
    return name;
}

static bool may_hold(const struct shared_node *node, const struct name_claim *claim) {
    const struct shared_name *name = map_find(node->log->names, claim->folded);
    return !held_by_others(name, node->id) ||
           identity_equal(&name->claim.identity, &claim->identity);
}

static struct shared_name *hold(struct shared_node *node, const struct name_claim *claim) {
    struct shared_name *name = write_name(node->log, claim);
    if (!claim->registered) {
        name->holder_count = 0;
    }
    add_holder(name, node->id);
    tell_all(node->log, name);
    return name;
}

void name_claim_at_log(struct shared_node *node, struct command *command) {
    const struct name_claim *claim = &command->job->claim;
    if (!may_hold(node, claim)) {
        command->job->error = ERR_NAME_TAKEN;
        return;
    }
    command->version = hold(node, claim)->version;
}

static void let_go(struct shared_node *node, struct shared_name *name) {
    remove_holder(name, node->id);
    name->version = ++node->log->version;
    tell_all(node->log, name);
}

void name_release_at_log(struct shared_node *node, const struct name_claim *claim) {
    struct shared_name *name = map_find(node->log->names, claim->folded);
    if (holds(name, node->id) && identity_equal(&name->claim.identity, &claim->identity)) {
        let_go(node, name);
    }
}

void name_release_all_at_log(struct shared_node *node) {
    struct shared_name *name;
    size_t cursor = 0;
    while ((name = map_next(node->log->names, &cursor)) != NULL) {
        if (holds(name, node->id)) {
            let_go(node, name);
        }
    }
}

static void release_strays(struct shared_node *node) {
    struct shared_name *name;
    size_t cursor = 0;
    while ((name = map_next(node->log->names, &cursor)) != NULL) {
        const struct own_name *own = map_find(node->own, name->claim.folded);
        if (holds(name, node->id) &&
            (own == NULL || !identity_equal(&own->claim.identity, &name->claim.identity))) {
            let_go(node, name);
        }
    }
}

/* What somebody else holds meanwhile, or the same guest on another node, is theirs. */
static void hold_again(struct shared_node *node) {
    struct own_name *own;
    size_t cursor = 0;
    while ((own = map_next(node->own, &cursor)) != NULL) {
        const struct shared_name *name = map_find(node->log->names, own->claim.folded);
        bool moved = held_by_others(name, node->id) && !own->claim.registered;
        if (!holds(name, node->id) && !moved && may_hold(node, &own->claim)) {
            hold(node, &own->claim);
        }
    }
}

void name_reclaim_at_log(struct shared_node *node, struct command *command) {
    struct shared_name *name;
    size_t cursor = 0;
    release_strays(node);
    hold_again(node);
    while ((name = map_next(node->log->names, &cursor)) != NULL) {
        struct name_copy *copy = name_copy_for(node, name);
        copy->next = command->names;
        command->names = copy;
    }
}

/* At a node. */

static void forget_own(struct shared_node *node, struct slice folded) {
    memory_free(map_remove(node->own, folded));
}

static void tell_hub(struct shared_node *node, const struct name_claim *claim, bool gone) {
    node_give(node, job_new_elsewhere(claim, gone));
}

/* The same holder as was told of before. */
static bool is_known(const struct name_copy *former, const struct name_copy *copy) {
    return former != NULL && former->elsewhere &&
           identity_equal(&former->claim.identity, &copy->claim.identity) &&
           slice_equal(former->claim.shown, copy->claim.shown);
}

void name_told(struct shared_node *node, struct name_copy *copy) {
    struct name_copy *former = map_find(node->others, copy->claim.folded);
    if (former != NULL && former->version >= copy->version) {
        memory_free(copy);
        return;
    }
    const struct own_name *own = map_find(node->own, copy->claim.folded);
    bool stays = own != NULL && copy->claim.registered &&
                 identity_equal(&own->claim.identity, &copy->claim.identity);
    if (copy->elsewhere && own != NULL && !stays) {
        forget_own(node, copy->claim.folded);
    }
    if (copy->elsewhere && !is_known(former, copy)) {
        tell_hub(node, &copy->claim, false);
    } else if (!copy->elsewhere && former != NULL && former->elsewhere) {
        tell_hub(node, &former->claim, true);
    }
    map_remove(node->others, copy->claim.folded);
    map_put(node->others, copy->claim.folded, copy);
    memory_free(former);
}

void name_claimed(struct shared_node *node, const struct command *command) {
    const struct name_claim *claim = &command->job->claim;
    const struct name_copy *known = map_find(node->others, claim->folded);
    bool lost_already =
        known != NULL && known->version > command->version && known->elsewhere &&
        !(claim->registered && identity_equal(&known->claim.identity, &claim->identity));
    if (command->job->error != 0) {
        return;
    }
    if (lost_already) {
        command->job->error = ERR_NAME_TAKEN;
        return;
    }
    struct own_name *own = memory_new(sizeof *own + claim->folded.length + claim->shown.length);
    own->claim = *claim;
    pack_slice(&own->claim.shown, pack_slice(&own->claim.folded, own->bytes));
    forget_own(node, claim->folded);
    map_put(node->own, own->claim.folded, own);
}

void name_released(struct shared_node *node, const struct name_claim *claim) {
    const struct own_name *own = map_find(node->own, claim->folded);
    if (own != NULL && identity_equal(&own->claim.identity, &claim->identity)) {
        forget_own(node, claim->folded);
    }
}

void names_free(struct shared_node *node) {
    struct own_name *own;
    struct name_copy *copy;
    size_t cursor = 0;
    while ((own = map_next(node->own, &cursor)) != NULL) {
        memory_free(own);
    }
    cursor = 0;
    while ((copy = map_next(node->others, &cursor)) != NULL) {
        memory_free(copy);
    }
    map_free(node->own);
    map_free(node->others);
}
