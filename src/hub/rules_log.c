/* Following the log of "$rules". At the start it is read from its beginning, in pages that the
 * driver fetches (EFFECT_REPLAY, EVENT_REPLAYED); then each entry comes when it is committed.
 * Should something be missing in between, the same pages fill the hole. Until all is read nobody
 * may do anything.
 *
 *   rules_start ─ follow ─▶ followed ─ applied < known: replay ─▶ … ─ applied = known ─▶ loaded
 *
 * Who asked for a change is answered when it has taken effect, which is when its entry comes
 * committed and not yet when it is stored: whatever they ask for next is decided by the new rules.
 */
#include "base/pack.h"
#include "hub/rules.h"

#include "hub/client.h"

/* Somebody who asked for a change that is stored, and waits for its entry. */
struct rules_answer {
    struct rules_answer *next;
    uint64_t seq;
    uint64_t connection;
    struct slice cid, room; /* point into bytes */
    char bytes[];
};

void rules_answers_free(struct rules *rules) {
    while (rules->answers != NULL) {
        struct rules_answer *answer = rules->answers;

        rules->answers = answer->next;
        memory_free(answer);
    }
}

static void ask(struct hub *hub) {
    struct rules *rules = hub->rules;

    rules->asked = true;
    if (!rules->followed) {
        struct effect *effect = effects_add(hub->effects, EFFECT_FOLLOW);

        effect->room_key = RULES_ROOM;
        effect->room = RULES_ROOM;
    } else {
        effects_add(hub->effects, EFFECT_REPLAY)->replay.after = rules->applied;
    }
}

void rules_start(struct hub *hub) {
    hub->rules->loaded = false;
    ask(hub);
}

/* What failed is tried again. */
void rules_tick(struct hub *hub) {
    struct rules *rules = hub->rules;

    if (!rules->asked && (!rules->loaded || rules->applied < rules->known)) {
        ask(hub);
    }
}

static void catch_up(struct hub *hub) {
    struct rules *rules = hub->rules;

    if (rules->asked || !rules->followed) {
        return;
    }
    if (rules->applied < rules->known) {
        ask(hub);
    } else if (!rules->loaded) {
        rules->loaded = true;
        eviction_review_all(hub);
    }
}

static void give_answer(struct hub *hub, const struct rules_answer *answer, int error) {
    struct client *client = id_map_find(hub->clients, answer->connection);

    if (client == NULL) {
        return;
    }
    if (error == 0) {
        answer_ack(hub, client, answer->cid, answer->room);
    } else {
        answer_error(hub, client, answer->cid, error, SLICE_NONE);
    }
    client_settle(hub, client);
}

static void give_answers(struct hub *hub, uint64_t seq, int error) {
    struct rules_answer **link = &hub->rules->answers;

    while (*link != NULL) {
        struct rules_answer *answer = *link;

        if (answer->seq != seq) {
            link = &answer->next;
            continue;
        }
        *link = answer->next;
        give_answer(hub, answer, error);
        memory_free(answer);
    }
}

static void apply(struct hub *hub, const struct entry *entry, bool old) {
    struct rules *rules = hub->rules;
    struct rule rule;

    buffer_clear(&rules->memory);
    bool valid = entry->body.kind == ENTRY_MESSAGE &&
                 rule_read(entry->body.content, &rules->memory, &rule) == 0;
    int error = rules_apply(hub, valid ? &rule : NULL, entry, old);

    rules->applied = entry->seq;
    if (valid && error == 0 && !old) {
        eviction_enforce(hub, &rule, entry);
    }
    give_answers(hub, entry->seq, error);
}

/* The log has lost its end, or is another one. */
static void begin_anew(struct hub *hub) {
    struct rules *rules = hub->rules;

    rules_reset(rules);
    rules->loaded = false;
    while (rules->answers != NULL) {
        give_answers(hub, rules->answers->seq, ERR_UNAVAILABLE);
    }
}

/* One that several nodes share may have been lost, and be longer again when this one hears of it.
 */
static bool is_another_log(struct hub *hub, const struct room_head *head) {
    struct rules *rules = hub->rules;
    bool another = hub->options.shared && rules->epoch != NULL &&
                   !slice_equal(blob_slice(rules->epoch), head->epoch);

    blob_unref(rules->epoch);
    rules->epoch = blob_new(head->epoch);
    return another;
}

void rules_followed(struct hub *hub, const struct event *event) {
    struct rules *rules = hub->rules;
    const struct room_head *head = &event->followed.head;

    if (!rules->followed) {
        rules->asked = false;
        rules->followed = event->followed.error == 0;
    }
    if (event->followed.error != 0) {
        return;
    }
    if (head->last < rules->applied || is_another_log(hub, head)) {
        begin_anew(hub);
    }
    rules->known = head->last > rules->known ? head->last : rules->known;
    catch_up(hub);
}

void rules_committed(struct hub *hub, const struct event *event) {
    struct rules *rules = hub->rules;

    for (size_t i = 0; i < event->committed.count; i++) {
        const struct entry *entry = event->committed.entries[i];

        rules->known = entry->seq > rules->known ? entry->seq : rules->known;
        if (rules->followed && entry->seq == rules->applied + 1) {
            apply(hub, entry, false);
        }
    }
    catch_up(hub);
}

void rules_replayed(struct hub *hub, const struct event *event) {
    struct rules *rules = hub->rules;

    rules->asked = false;
    if (event->replayed.error != 0) {
        return; /* until the next tick */
    }
    for (size_t i = 0; i < event->replayed.count; i++) {
        const struct entry *entry = event->replayed.entries[i];

        if (entry->seq > rules->applied) {
            apply(hub, entry, !rules->loaded);
        }
    }
    /* What a store in memory has let go of is not to be had again. */
    if (!event->replayed.more && rules->applied < event->replayed.last) {
        rules->applied = event->replayed.last;
    }
    catch_up(hub);
}

/* The room that the rule is about, as people write it. */
static struct slice room_of(struct hub *hub, const struct draft *draft) {
    struct rule rule;

    buffer_clear(&hub->rules->memory);
    if (rule_read(draft->body.content, &hub->rules->memory, &rule) < 0) {
        return SLICE_NONE;
    }
    return hub_keep(hub, rule.room);
}

static struct rules_answer *answer_new(const struct draft *draft, uint64_t seq, struct slice room) {
    struct slice cid = draft->body.cid;
    struct rules_answer *answer = memory_new(sizeof(*answer) + cid.length + room.length);

    answer->seq = seq;
    answer->connection = draft->origin.connection;
    answer->cid = cid;
    answer->room = room;
    pack_slice(&answer->room, pack_slice(&answer->cid, answer->bytes));
    return answer;
}

void rules_appended(struct hub *hub, const struct event *event) {
    const struct draft *draft = event->appended.draft;
    const struct outcome *outcome = &event->appended.outcome;
    struct rules_answer *answer = answer_new(draft, outcome->seq, room_of(hub, draft));

    if (outcome->error == 0 && outcome->seq > hub->rules->applied) {
        answer->next = hub->rules->answers;
        hub->rules->answers = answer;
        return;
    }
    give_answer(hub, answer, outcome->error);
    memory_free(answer);
}
