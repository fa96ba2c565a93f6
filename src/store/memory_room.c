#include "store/memory_room.h"

#include <string.h>

#include "base/memory.h"
#include "store/target.h"

#define CAPACITY_FIRST 16

/* What an identity's cid stands for. */
struct cid_record {
    uint64_t seq;
    int64_t timestamp_us;
    uint64_t body_hash;
    char id[ENTRY_ID_LENGTH + 1];
    size_t key_length;
    char key[]; /* identity, cid */
};

struct record {
    struct entry *entry; /* NULL: fell off, or was never kept */
    struct cid_record *cid;
    bool deleted;
};

static struct slice own(struct slice s) {
    return slice_from(memory_copy_string(s), s.length);
}

struct memory_room *memory_room_new(struct slice key, struct slice name, const char *epoch,
                                    const struct retention *retention) {
    struct memory_room *room = memory_new_struct(struct memory_room);
    room->key = own(key);
    room->name = own(name);
    room->topic = own(SLICE_NONE);
    memcpy(room->epoch, epoch, strnlen(epoch, MEMORY_EPOCH_SIZE - 1));
    room->first = 1;
    room->remembered = 1;
    room->retention = *retention;
    return room;
}

static struct record *record_at(const struct memory_room *room, uint64_t seq) {
    return &room->records[seq & (room->capacity - 1)];
}

static struct slice cid_key(const struct cid_record *cid) {
    return slice_from(cid->key, cid->key_length);
}

static size_t cid_size(const struct cid_record *cid) {
    return sizeof(struct cid_record) + cid->key_length;
}

static void drop_entry(struct memory_room *room, struct record *record) {
    if (record->entry != NULL) {
        room->entry_bytes -= entry_size(record->entry);
        room->text_bytes -= retention_size(&record->entry->body);
        room->bytes -= entry_size(record->entry);
        entry_unref(record->entry);
        record->entry = NULL;
    }
}

static void put_entry(struct memory_room *room, struct record *record, struct entry *entry) {
    drop_entry(room, record);
    record->entry = entry;
    room->entry_bytes += entry_size(entry);
    room->text_bytes += retention_size(&entry->body);
    room->bytes += entry_size(entry);
}

static void drop_first_entry(struct memory_room *room) {
    drop_entry(room, record_at(room, room->first));
    room->first++;
}

static void forget_oldest(struct memory_room *room) {
    struct record *record = record_at(room, room->remembered);
    if (record->cid != NULL) {
        map_remove(room->cids, cid_key(record->cid));
        room->bytes -= cid_size(record->cid);
        memory_free(record->cid);
    }
    drop_entry(room, record);
    *record = (struct record){0};
    room->remembered++;
    if (room->first < room->remembered) {
        room->first = room->remembered;
    }
}

static void set_topic(struct memory_room *room, struct slice topic) {
    room->bytes -= room->topic.length;
    memory_free((void *)room->topic.data);
    room->topic = own(topic);
    room->bytes += room->topic.length;
}

void memory_room_clear(struct memory_room *room) {
    while (room->capacity > 0 && room->remembered <= room->last) {
        forget_oldest(room);
    }
    memory_free(room->records);
    room->bytes -= room->capacity * sizeof(struct record);
    room->records = NULL;
    room->capacity = 0;
    map_free(room->cids);
    room->cids = NULL;
    set_topic(room, SLICE_NONE);
    room->first = room->last + 1;
    room->remembered = room->last + 1;
}

void memory_room_free(struct memory_room *room) {
    memory_room_clear(room);
    memory_free((void *)room->key.data);
    memory_free((void *)room->name.data);
    memory_free((void *)room->topic.data);
    memory_free(room);
}

/* Makes room for the record of last + 1. */
static void grow(struct memory_room *room) {
    uint64_t count = room->last + 1 - room->remembered;
    if (count < room->capacity) {
        return;
    }
    struct memory_room old = *room;
    room->capacity = room->capacity == 0 ? CAPACITY_FIRST : room->capacity * 2;
    room->records = memory_new(room->capacity * sizeof(struct record));
    room->bytes += (room->capacity - old.capacity) * sizeof(struct record);
    for (uint64_t seq = room->remembered; seq <= room->last; seq++) {
        *record_at(room, seq) = *record_at(&old, seq);
    }
    memory_free(old.records);
}

static struct record *find_kept(const struct memory_room *room, uint64_t seq) {
    if (seq < room->first || seq > room->last) {
        return NULL;
    }
    return record_at(room, seq);
}

static int check_target(const struct memory_room *room, const struct draft *draft) {
    const struct entry_body *body = &draft->body;

    if (!entry_refers(body->kind)) {
        return 0;
    }
    struct target target = {0};
    const struct record *record = find_kept(room, body->of);
    if (record != NULL) {
        target.exists = true;
        target.deleted = record->deleted;
        target.kind = record->entry->body.kind;
        target.identity = record->entry->body.identity;
    }
    return target_check(draft, &target);
}

/* Puts an entry without content in the place of this one, which others may still hold. */
static void erase_content(struct memory_room *room, struct record *record) {
    const struct entry *entry = record->entry;
    struct entry_body body = entry->body;
    body.content = SLICE_NONE;
    body.meta = SLICE_NONE;
    body.deleted = true;
    put_entry(room, record, entry_new(&body, entry->seq, entry->timestamp_us, entry->id));
    record->deleted = true;
}

/* Of the message and of its edits. */
static void erase_message(struct memory_room *room, uint64_t of) {
    erase_content(room, record_at(room, of));
    for (uint64_t seq = of + 1; seq <= room->last; seq++) {
        struct record *record = record_at(room, seq);
        if (record->entry->body.kind == ENTRY_EDIT && record->entry->body.of == of) {
            erase_content(room, record);
        }
    }
}

static struct cid_record *new_cid(const struct entry_body *body) {
    size_t length = IDENTITY_SIZE + body->cid.length;
    struct cid_record *cid = memory_new(sizeof(struct cid_record) + length);
    cid->body_hash = entry_body_hash(body);
    cid->key_length = length;
    memcpy(cid->key, body->identity.bytes, IDENTITY_SIZE);
    memcpy(cid->key + IDENTITY_SIZE, body->cid.data, body->cid.length);
    return cid;
}

/* Whether the cid is known already: then `outcome` tells what became of it. */
static bool find_cid(const struct memory_room *room, const struct cid_record *cid,
                     struct outcome *outcome) {
    const struct cid_record *known = room->cids != NULL ? map_find(room->cids, cid_key(cid)) : NULL;
    if (known == NULL) {
        return false;
    }
    if (known->body_hash != cid->body_hash) {
        outcome->error = ERR_CID_REUSED;
        return true;
    }
    outcome->duplicate = true;
    outcome->seq = known->seq;
    outcome->timestamp_us = known->timestamp_us;
    memcpy(outcome->id, known->id, sizeof(outcome->id));
    return true;
}

static void remember_cid(struct memory_room *room, struct record *record, struct cid_record *cid,
                         const struct outcome *outcome, uint64_t map_seed) {
    cid->seq = outcome->seq;
    cid->timestamp_us = outcome->timestamp_us;
    memcpy(cid->id, outcome->id, sizeof(cid->id));
    if (room->cids == NULL) {
        room->cids = map_new(map_seed);
    }
    map_put(room->cids, cid_key(cid), cid);
    record->cid = cid;
    room->bytes += cid_size(cid);
}

/* What the entry changes besides being there. */
static void take_effect(struct memory_room *room, const struct entry_body *body) {
    if (body->kind == ENTRY_DELETE) {
        erase_message(room, body->of);
    } else if (body->kind == ENTRY_TOPIC) {
        set_topic(room, body->content);
    }
}

static void number(struct memory_room *room, const struct draft *draft, struct ulid_source *ids,
                   struct outcome *outcome) {
    if (draft->proposed_us > room->last_timestamp_us) {
        room->last_timestamp_us = draft->proposed_us;
    }
    outcome->seq = room->last + 1;
    outcome->timestamp_us = room->last_timestamp_us;
    ulid_next(ids, outcome->timestamp_us, outcome->id);
}

void memory_room_expire(struct memory_room *room, int64_t now_us) {
    int64_t horizon_us = retention_horizon(&room->retention, now_us);
    while (room->first <= room->last &&
           record_at(room, room->first)->entry->timestamp_us < horizon_us) {
        drop_first_entry(room);
    }
}

static void trim(struct memory_room *room) {
    const struct retention *retention = &room->retention;
    while (room->last + 1 - room->first > retention->count || room->text_bytes > retention->bytes ||
           room->entry_bytes > LIMIT_MEMORY_ROOM_BYTES) {
        drop_first_entry(room);
    }
    while (room->last + 1 - room->remembered > LIMIT_MEMORY_ROOM_ENTRIES) {
        forget_oldest(room);
    }
}

void memory_room_retain(struct memory_room *room, const struct retention *retention) {
    room->retention = *retention;
    trim(room);
}

void memory_room_append(struct memory_room *room, const struct draft *draft,
                        struct ulid_source *ids, uint64_t map_seed, struct outcome *outcome,
                        struct entry **entry) {
    struct cid_record *cid = draft->body.cid.length > 0 ? new_cid(&draft->body) : NULL;
    *outcome = (struct outcome){0};
    *entry = NULL;
    if (cid != NULL && find_cid(room, cid, outcome)) {
        memory_free(cid);
        return;
    }
    outcome->error = draft->known_only ? ERR_RATE_LIMITED : check_target(room, draft);
    if (outcome->error != 0) {
        memory_free(cid);
        return;
    }
    number(room, draft, ids, outcome);
    take_effect(room, &draft->body);
    grow(room);
    struct record *record = record_at(room, outcome->seq);
    room->last = outcome->seq;
    if (cid != NULL) {
        remember_cid(room, record, cid, outcome, map_seed);
    }
    if (room->retention.count > 0) {
        *entry = entry_new(&draft->body, outcome->seq, outcome->timestamp_us, outcome->id);
        put_entry(room, record, entry_ref(*entry));
    }
    trim(room);
}

void memory_room_read(const struct memory_room *room, const struct page_query *query,
                      struct page *page) {
    struct page_range range = page_range(query);
    uint64_t low = range.low > room->first ? range.low : room->first;
    uint64_t high = range.high < room->last ? range.high : room->last;
    struct page_builder builder;
    page_builder_init(&builder, &range);
    for (uint64_t i = 0; low <= high && i <= high - low; i++) {
        struct entry *entry = record_at(room, range.descending ? high - i : low + i)->entry;
        if (!page_builder_add(&builder, entry)) {
            break;
        }
        entry_ref(entry);
    }
    page_builder_finish(&builder, page);
}

struct room_head memory_room_head(const struct memory_room *room) {
    return (struct room_head){
        .room_key = room->key,
        .room_name = room->name,
        .epoch = slice_of_string(room->epoch),
        .topic = room->topic,
        .first = room->first,
        .last = room->last,
        .exists = room->last > 0,
    };
}

struct entry *memory_room_entry(const struct memory_room *room, uint64_t seq) {
    if (seq < room->first || seq > room->last) {
        return NULL;
    }
    const struct record *record = record_at(room, seq);
    return record->deleted ? NULL : record->entry;
}
