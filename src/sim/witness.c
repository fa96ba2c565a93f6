#include "sim/witness.h"

#include "sim/client.h"
#include "sim/world.h"

struct witness {
    struct store store;
    struct store *inner;
    struct world *world;
    struct server *server;
    bool shut;
};

static struct witness *witness_of(struct store *store) {
    return container_of(store, struct witness, store);
}

static void note_name(struct witness *witness, const char *what, const struct name_claim *claim) {
    struct world *world = witness->world;
    trace_note(&world->trace, world->now_us, "server", witness->server->index + 1,
               "%s %.*s for %02x%02x", what, SLICE_ARGS(claim->folded), claim->identity.bytes[0],
               claim->identity.bytes[1]);
}

static void do_follow(struct store *store, struct slice room_key, struct slice room_name) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        ledger_log(&witness->world->ledger, room_key, &room_name);
        witness->inner->engine->follow(witness->inner, room_key, room_name);
    }
}

static void do_unfollow(struct store *store, struct slice room_key) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        witness->inner->engine->unfollow(witness->inner, room_key);
    }
}

static void do_append(struct store *store, struct draft *draft) {
    struct witness *witness = witness_of(store);
    if (witness->shut) {
        draft_free(draft);
        return;
    }
    ledger_log(&witness->world->ledger, draft->room_key, &draft->room_name);
    client_check_signature(witness->world, &draft->body);
    witness->inner->engine->append(witness->inner, draft);
}

static void do_signal(struct store *store, struct signal *signal) {
    struct witness *witness = witness_of(store);
    if (witness->shut) {
        signal_free(signal);
    } else {
        witness->inner->engine->signal(witness->inner, signal);
    }
}

static void do_read(struct store *store, const struct page_query *query) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        witness->inner->engine->read(witness->inner, query);
    }
}

static void do_mark(struct store *store, const struct read_mark *mark) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        witness->inner->engine->mark(witness->inner, mark);
    }
}

static void do_recall(struct store *store, const struct identity *identity) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        witness->inner->engine->recall(witness->inner, identity);
    }
}

static void do_search(struct store *store, const struct search_query *query) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        witness->inner->engine->search(witness->inner, query);
    }
}

static void do_list(struct store *store, struct origin origin, struct slice cid) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        witness->inner->engine->list(witness->inner, origin, cid);
    }
}

static void do_erase(struct store *store, struct slice room_key) {
    struct witness *witness = witness_of(store);
    if (witness->shut) {
        return;
    }
    struct room_log *log = ledger_log(&witness->world->ledger, room_key, NULL);
    world_check(witness->world, !log || log->direct, "a public room was erased");
    if (log && !witness->world->log) {
        log->erasing = true; /* of a shared log it is told when it happens */
    }
    witness->inner->engine->erase(witness->inner, room_key);
}

static void do_turn(struct store *store) {
    struct witness *witness = witness_of(store);
    witness->inner->engine->turn(witness->inner);
}

/* What the shared log had done was written down as it happened. */
static void confirm(struct world *world, struct room_log *log, const struct draft *draft,
                    const struct outcome *outcome) {
    const struct utterance *utterance = draft->body.cid.length > 0
                                            ? ledger_by_cid(&world->ledger, draft->body.cid)
                                            : ledger_by_text(&world->ledger, draft->body.content);
    const struct record *record = ledger_record(log, outcome->seq);
    bool erased = log->erasing || log->life > 0;
    world_check(world, erased || (record && record->utterance == utterance),
                "%s %llu is acknowledged as what it is not", log->name,
                (unsigned long long)outcome->seq);
}

static void appended(struct world *world, const struct event *event) {
    const struct draft *draft = event->appended.draft;
    const struct outcome *outcome = &event->appended.outcome;
    struct room_log *log = ledger_log(&world->ledger, draft->room_key, &draft->room_name);
    if (outcome->error != 0) {
        return;
    }
    if (world->log) {
        confirm(world, log, draft, outcome);
        return;
    }
    if (!outcome->duplicate) {
        ledger_commit(world, log, &draft->body, outcome->seq, outcome->timestamp_us, outcome->id);
        return;
    }
    const struct record *record = ledger_record(log, outcome->seq);
    const struct utterance *utterance = ledger_by_cid(&world->ledger, draft->body.cid);
    world_check(world, record && record->utterance == utterance,
                "%s %llu was given as what is known by cid %.*s", log->name,
                (unsigned long long)outcome->seq, SLICE_ARGS(draft->body.cid));
}

/* One that is on its way while its room is erased. */
static bool is_erased(const struct world *world, const struct room_log *log,
                      const struct entry *entry) {
    return world->log && (log->erasing || log->life > 0) && !ledger_record(log, entry->seq);
}

static void committed(struct world *world, const struct event *event) {
    struct room_log *log = ledger_log(&world->ledger, event->committed.room_key, NULL);
    world_check(world, log, "entries of an unknown room were committed");
    for (size_t i = 0; log && i < event->committed.count; i++) {
        if (!is_erased(world, log, event->committed.entries[i])) {
            ledger_compare(world, log, event->committed.entries[i]);
        }
    }
}

static void paged(struct world *world, const struct page *page) {
    struct room_log *log = ledger_log(&world->ledger, page->head.room_key, NULL);
    for (size_t i = 0; i < page->count && log && page->error == 0; i++) {
        if (!is_erased(world, log, page->entries[i])) {
            ledger_compare(world, log, page->entries[i]);
        }
        world_check(world, i == 0 || page->entries[i]->seq == page->entries[i - 1]->seq + 1,
                    "%s: a page with a hole before %llu", log->name,
                    (unsigned long long)page->entries[i]->seq);
    }
}

static void note(struct witness *witness, const struct completion *completion) {
    struct world *world = witness->world;
    const struct event *event = &completion->event;
    world->order++;
    if (completion->kind == COMPLETION_PAGE) {
        paged(world, &completion->page);
    } else if (event->kind == EVENT_APPENDED) {
        appended(world, event);
    } else if (event->kind == EVENT_COMMITTED) {
        committed(world, event);
    } else if (event->kind == EVENT_CLAIMED) {
        note_name(witness, event->claimed.error == 0 ? "is given" : "is refused",
                  &event->claimed.claim);
    } else if (event->kind == EVENT_ELSEWHERE) {
        note_name(witness, event->elsewhere.gone ? "hears no more of" : "hears of",
                  &event->elsewhere.claim);
    } else if (event->kind == EVENT_FOLLOWED && event->followed.error == 0) {
        const struct room_head *head = &event->followed.head;
        ledger_head(world, ledger_log(&world->ledger, head->room_key, &head->room_name), head);
    }
}

static struct completion *do_collect(struct store *store) {
    struct witness *witness = witness_of(store);
    if (witness->shut) {
        return NULL;
    }
    struct completion *completion = witness->inner->engine->collect(witness->inner);
    if (completion) {
        note(witness, completion);
    }
    return completion;
}

static void do_close(struct store *store) {
    (void)store;
}

static void do_share(struct store *store, const struct signal *signal, unsigned count) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        witness->inner->engine->shared->share(witness->inner, signal, count);
    }
}

static void do_claim(struct store *store, const struct name_claim *claim) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        note_name(witness, "claims", claim);
        witness->inner->engine->shared->claim(witness->inner, claim);
    }
}

static void do_release(struct store *store, struct slice folded, const struct identity *identity) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        struct name_claim claim = {.folded = folded, .identity = *identity};
        note_name(witness, "releases", &claim);
        witness->inner->engine->shared->release(witness->inner, folded, identity);
    }
}

static void do_gather(struct store *store, struct slice room_key, struct origin origin,
                      struct slice cid) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        witness->inner->engine->shared->gather(witness->inner, room_key, origin, cid);
    }
}

static void do_call(struct store *store, const struct call *call) {
    struct witness *witness = witness_of(store);
    if (!witness->shut) {
        witness->inner->engine->shared->call(witness->inner, call);
    }
}

static const struct shared_engine SHARED = {
    .share = do_share,
    .claim = do_claim,
    .release = do_release,
    .gather = do_gather,
    .call = do_call,
};

#define CALLS                                                                                      \
    .name = "witness", .follow = do_follow, .unfollow = do_unfollow, .append = do_append,          \
    .signal = do_signal, .read = do_read, .list = do_list, .search = do_search, .mark = do_mark,   \
    .recall = do_recall, .erase = do_erase, .turn = do_turn, .collect = do_collect,                \
    .close = do_close

static const struct store_engine ENGINE = {CALLS};
static const struct store_engine ENGINE_SHARED = {CALLS, .shared = &SHARED};

struct witness *witness_new(struct server *server, struct store *inner) {
    struct witness *witness = memory_new_struct(struct witness);
    witness->store.engine = inner->engine->shared ? &ENGINE_SHARED : &ENGINE;
    witness->inner = inner;
    witness->world = server->world;
    witness->server = server;
    return witness;
}

void witness_free(struct witness *witness) {
    memory_free(witness);
}

struct store *witness_store(struct witness *witness) {
    return &witness->store;
}

void witness_shut(struct witness *witness) {
    witness->shut = true;
}

/* Reads what comes after the ledger's last; false: there was nothing. */
static bool survey_page(struct witness *witness, struct room_log *log) {
    struct store *store = witness->inner;
    struct page_query query = {.ticket = 1,
                               .room_key = slice_of_string(log->key),
                               .has_after = true,
                               .after = log->last,
                               .limit = LIMIT_PAGE_ENTRIES};
    struct completion *completion;
    bool found = false;
    store->engine->read(store, &query);
    store->engine->turn(store);
    while ((completion = store->engine->collect(store))) {
        const struct page *page = &completion->page;
        if (log->erasing && page->head.last < log->last) {
            ledger_renew(log);
            found = true; /* from the beginning */
            continue;
        }
        for (size_t i = 0; i < page->count; i++) {
            const struct entry *entry = page->entries[i];
            ledger_commit(witness->world, log, &entry->body, entry->seq, entry->timestamp_us,
                          entry->id);
            found = true;
        }
        memory_free(log->epoch);
        log->epoch = memory_copy_string(page->head.epoch);
    }
    return found;
}

void witness_survey(struct witness *witness) {
    for (struct room_log *log = witness->world->ledger.logs; log; log = log->next) {
        while (survey_page(witness, log) && !witness->world->broken) {
        }
        log->erasing = false;
    }
}
