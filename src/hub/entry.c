/* Entries and drafts keep all their text in one allocation, right behind the struct: a room's
 * tail, a store's queue and a page of history are each a run of such blocks, and freeing one is
 * one call. */
#include "hub/entry.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/pack.h"

/* "banter" and a version: another number would make every remembered cid look reused. */
#define BODY_HASH_SEED UINT64_C(0x62616e7465723031)

bool identity_equal(const struct identity *a, const struct identity *b) {
    return memcmp(a->bytes, b->bytes, IDENTITY_SIZE) == 0;
}

bool identity_none(const struct identity *identity) {
    static const struct identity none;

    return identity_equal(identity, &none);
}

bool entry_refers(enum entry_kind kind) {
    return kind == ENTRY_EDIT || kind == ENTRY_DELETE || kind == ENTRY_REACTION;
}

static size_t body_length(const struct entry_body *body) {
    return body->sender.length + body->cid.length + body->content.length + body->key.length +
           body->meta.length;
}

/* Moves the texts of `body` to `at`; returns where they end. */
static char *body_pack(struct entry_body *body, char *at) {
    at = pack_slice(&body->sender, at);
    at = pack_slice(&body->cid, at);
    at = pack_slice(&body->content, at);
    at = pack_slice(&body->key, at);
    return pack_slice(&body->meta, at);
}

struct entry *entry_new(const struct entry_body *body, uint64_t seq, int64_t timestamp_us,
                        const char *id) {
    struct entry *entry = memory_new(sizeof(*entry) + body_length(body));
    size_t id_length = strlen(id);

    assert(id_length <= ENTRY_ID_LENGTH);
    entry->references = 1;
    entry->seq = seq;
    entry->timestamp_us = timestamp_us;
    memcpy(entry->id, id, id_length);
    entry->body = *body;
    body_pack(&entry->body, entry->bytes);
    return entry;
}

struct entry *entry_ref(struct entry *entry) {
    entry->references++;
    return entry;
}

void entry_unref(struct entry *entry) {
    if (entry != NULL && --entry->references == 0) {
        memory_free(entry);
    }
}

size_t entry_size(const struct entry *entry) {
    return sizeof(*entry) + body_length(&entry->body);
}

struct draft *draft_new(struct slice room_key, struct slice room_name,
                        const struct entry_body *body, struct origin origin, int64_t proposed_us) {
    struct draft *draft =
        memory_new(sizeof(*draft) + room_key.length + room_name.length + body_length(body));
    char *at = draft->bytes;

    draft->origin = origin;
    draft->proposed_us = proposed_us;
    draft->room_key = room_key;
    draft->room_name = room_name;
    draft->body = *body;
    at = pack_slice(&draft->room_key, at);
    at = pack_slice(&draft->room_name, at);
    body_pack(&draft->body, at);
    return draft;
}

void draft_free(struct draft *draft) {
    memory_free(draft);
}

size_t draft_size(const struct draft *draft) {
    return sizeof(*draft) + draft->room_key.length + draft->room_name.length +
           body_length(&draft->body);
}

/* Chained: the hash so far is the key for the next part, so no two splits of the same bytes
 * agree. */
uint64_t entry_body_hash(const struct entry_body *body) {
    uint64_t numbers[] = {body->kind, body->removal, body->re, body->of};
    uint8_t bytes[sizeof(numbers)];
    uint64_t hash = BODY_HASH_SEED;

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(numbers[i / 8] >> (i % 8 * 8));
    }
    hash = hash_slice(hash, slice_from(bytes, sizeof(bytes)));
    hash = hash_slice(hash, body->content);
    return hash_slice(hash, body->key);
}
