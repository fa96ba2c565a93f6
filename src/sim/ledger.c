#include "sim/ledger.h"

#include <string.h>

#include "sim/client.h"
#include "sim/world.h"

static void log_clear(struct room_log *log) {
    for (uint64_t i = 0; i < log->last; i++) {
        struct utterance *utterance = log->records[i].utterance;
        if (utterance->log == log) {
            utterance->log = NULL;
        }
        memory_free(log->records[i].sender);
    }
    log->last = 0;
}

void ledger_close(struct ledger *ledger) {
    while (ledger->logs) {
        struct room_log *log = ledger->logs;
        ledger->logs = log->next;
        log_clear(log);
        memory_free(log->records);
        memory_free(log->key);
        memory_free(log->name);
        memory_free(log->epoch);
        memory_free(log);
    }
    for (size_t i = 0; i < ledger->count; i++) {
        struct utterance *utterance = ledger->utterances[i];
        memory_free(utterance->room);
        memory_free(utterance->to);
        memory_free(utterance->content);
        memory_free(utterance->label);
        memory_free(utterance->key);
        memory_free(utterance);
    }
    memory_free(ledger->utterances);
}

struct utterance *ledger_say(struct ledger *ledger, unsigned author, enum entry_kind kind) {
    if (ledger->count == ledger->capacity) {
        ledger->capacity = ledger->capacity ? ledger->capacity * 2 : 256;
        ledger->utterances =
            memory_resize(ledger->utterances, ledger->capacity * sizeof ledger->utterances[0]);
    }
    struct utterance *utterance = memory_new_struct(struct utterance);
    ledger->utterances[ledger->count++] = utterance;
    utterance->tag = (uint32_t)ledger->count;
    utterance->author = author;
    utterance->kind = kind;
    return utterance;
}

struct utterance *ledger_utterance(const struct ledger *ledger, uint64_t tag) {
    return tag > 0 && tag <= ledger->count ? ledger->utterances[tag - 1] : NULL;
}

struct utterance *ledger_by_cid(const struct ledger *ledger, struct slice cid) {
    uint64_t tag = 0;
    if (!slice_starts_with(cid, SLICE("c")) || !slice_to_u64(slice_skip(cid, 1), &tag)) {
        return NULL;
    }
    return ledger_utterance(ledger, tag);
}

struct utterance *ledger_by_text(const struct ledger *ledger, struct slice text) {
    struct slice rest = slice_skip(text, 1);
    uint64_t tag = 0;
    if (!slice_starts_with(text, SLICE("#")) || !slice_to_u64(slice_cut(&rest, '#'), &tag)) {
        return NULL;
    }
    return ledger_utterance(ledger, tag);
}

struct room_log *ledger_log(struct ledger *ledger, struct slice key, const struct slice *name) {
    struct room_log *log;
    for (log = ledger->logs; log; log = log->next) {
        if (slice_equal(slice_of_string(log->key), key)) {
            return log;
        }
    }
    if (!name) {
        return NULL;
    }
    log = memory_new_struct(struct room_log);
    log->key = memory_copy_string(key);
    log->name = memory_copy_string(*name);
    log->direct = log->key[0] == '@';
    log->next = ledger->logs;
    ledger->logs = log;
    return log;
}

struct record *ledger_record(const struct room_log *log, uint64_t seq) {
    return seq > 0 && seq <= log->last ? &log->records[seq - 1] : NULL;
}

static struct utterance *recognise(struct ledger *ledger, const struct entry_body *body) {
    return body->cid.length > 0 ? ledger_by_cid(ledger, body->cid)
                                : ledger_by_text(ledger, body->content);
}

static bool holds(const char *said, struct slice stored) {
    return slice_equal(slice_of_string(said), stored);
}

/* Who knows only the current room is in the lobby again when another cannot be entered, which with
 * a log out of sight may be any; what is on its way by then is said there. */
static bool was_sent_back(const struct world *world, const struct room_log *log,
                          const struct utterance *utterance) {
    return world->log && strcmp(log->key, "lobby") == 0 &&
           world->clients[utterance->author].kind == &client_line;
}

static void check_origin(struct world *world, const struct room_log *log,
                         const struct utterance *utterance, const struct entry_body *body) {
    unsigned tag = utterance->tag;
    world_check(world, utterance->kind == body->kind, "#%u was stored as another kind", tag);
    world_check(world, holds(utterance->content, body->content), "#%u was stored with other words",
                tag);
    world_check(world, holds(utterance->key, body->key) || body->kind == ENTRY_MESSAGE,
                "#%u was stored with another key", tag);
    world_check(world, utterance->of == body->of, "#%u was stored about another entry", tag);
    world_check(world, log->direct == (utterance->room == NULL), "#%u: public is not direct", tag);
    world_check(world,
                log->direct || holds(log->key, slice_of_string(utterance->room)) ||
                    was_sent_back(world, log, utterance),
                "#%u was meant for room %s and stored in %s", tag, utterance->room, log->key);
    world_check(world, !utterance->log, "#%u is stored twice: first as %s %llu", tag,
                utterance->log->name, (unsigned long long)utterance->seq);
    world_check(world, !utterance->refused || utterance->sends > 1,
                "#%u was refused for good and is stored", tag);
}

void ledger_renew(struct room_log *log) {
    log_clear(log);
    log->life++;
    log->erasing = false;
}

static void erase(struct room_log *log, uint64_t of) {
    for (uint64_t seq = of; seq <= log->last; seq++) {
        struct record *record = ledger_record(log, seq);
        const struct utterance *utterance = record->utterance;
        if (seq == of || (utterance->kind == ENTRY_EDIT && utterance->of == of)) {
            record->erased = true;
        }
    }
}

static struct record *record_new(struct room_log *log) {
    if (log->last == log->capacity) {
        log->capacity = log->capacity ? log->capacity * 2 : 32;
        log->records = memory_resize(log->records, log->capacity * sizeof log->records[0]);
    }
    struct record *record = &log->records[log->last++];
    *record = (struct record){0};
    return record;
}

void ledger_commit(struct world *world, struct room_log *log, const struct entry_body *body,
                   uint64_t seq, int64_t timestamp_us, const char *id) {
    struct utterance *utterance = recognise(&world->ledger, body);
    if (log->erasing && seq <= log->last) {
        ledger_renew(log);
    }
    world_check(world, utterance, "%s %llu is an entry that nobody has said", log->name,
                (unsigned long long)seq);
    world_check(world, seq == log->last + 1, "%s: %llu is stored after %llu", log->name,
                (unsigned long long)seq, (unsigned long long)log->last);
    if (world->broken) {
        return;
    }
    check_origin(world, log, utterance, body);
    if (world->broken) {
        return;
    }
    const struct record *former = ledger_record(log, log->last);
    world_check(world, !former || former->timestamp_us <= timestamp_us,
                "%s %llu: its time goes back", log->name, (unsigned long long)seq);
    struct record *record = record_new(log);
    record->utterance = utterance;
    record->order = ++world->order;
    record->timestamp_us = timestamp_us;
    memcpy(record->id, id, sizeof record->id);
    record->sender = memory_copy_string(body->sender);
    record->identity = body->identity;
    utterance->log = log;
    utterance->life = log->life;
    utterance->seq = seq;
    world->ledger.entries++;
    if (body->kind == ENTRY_DELETE) {
        erase(log, body->of);
    }
    trace_note(&world->trace, world->now_us, "store", 0, "%s %llu is #%u of %s", log->name,
               (unsigned long long)seq, utterance->tag, record->sender);
}

void ledger_compare(struct world *world, const struct room_log *log, const struct entry *entry) {
    const struct record *record = ledger_record(log, entry->seq);
    unsigned long long seq = entry->seq;
    world_check(world, record, "%s %llu was read and is not known to be stored", log->name, seq);
    if (!record) {
        return;
    }
    struct slice content = slice_of_string(record->utterance->content);
    bool erased = record->erased && entry->body.content.length == 0;
    world_check(world, erased || slice_equal(content, entry->body.content),
                "%s %llu was read with other words", log->name, seq);
    world_check(world, strcmp(record->id, entry->id) == 0, "%s %llu has another id", log->name,
                seq);
    world_check(world, record->timestamp_us == entry->timestamp_us, "%s %llu has another time",
                log->name, seq);
    world_check(world, holds(record->sender, entry->body.sender), "%s %llu has another sender",
                log->name, seq);
}

void ledger_head(struct world *world, struct room_log *log, const struct room_head *head) {
    if (head->last < log->last && log->erasing && !world->log) { /* else it may be an old one */
        ledger_renew(log);
    }
    bool right = world->log ? head->last <= log->last || log->erasing || log->life > 0
                            : head->last == log->last;
    world_check(world, right, "%s: the store says %llu is its last, it is %llu", log->name,
                (unsigned long long)head->last, (unsigned long long)log->last);
    memory_free(log->epoch);
    log->epoch = memory_copy_string(head->epoch);
}
