#include "store/redis_record.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"

/* Of an entry, in this order; as names and values in a stream. */
enum field { ID, TIME, BY, KIND, SENDER, CONTENT, META, CID, RE, OF, WORD, FIELDS };

/* Of kinds, and of a reaction that is taken back. */
static const char LETTERS[] = "medat";
#define LETTER_REMOVAL 'r'

static const char *letter_of(const struct entry_body *body) {
    static const char *const letters[] = {"m", "e", "d", "a", "t"};
    return body->kind == ENTRY_REACTION && body->removal ? "r" : letters[body->kind];
}

static bool kind_of(struct slice letter, struct entry_body *body) {
    if (letter.length != 1) {
        return false;
    }
    body->removal = letter.data[0] == LETTER_REMOVAL;
    const char *at = body->removal ? &LETTERS[ENTRY_REACTION] : strchr(LETTERS, letter.data[0]);
    if (at == NULL || *at == '\0') {
        return false;
    }
    body->kind = (enum entry_kind)(at - LETTERS);
    return true;
}

bool record_take(struct slice *rest, struct slice *text) {
    uint64_t length;
    struct slice after = *rest;
    struct slice digits = slice_cut(&after, ':');
    if (after.data == NULL || !slice_to_u64(digits, &length) || length > after.length) {
        return false;
    }
    *text = slice_from(after.data, length);
    *rest = slice_skip(after, length);
    return true;
}

bool record_take_number(struct slice *rest, uint64_t *number) {
    struct slice text;
    return record_take(rest, &text) && slice_to_u64(text, number);
}

void record_put(struct buffer *buffer, struct slice text) {
    buffer_append_u64(buffer, text.length);
    buffer_append_char(buffer, ':');
    buffer_append_slice(buffer, text);
}

void record_put_number(struct buffer *buffer, uint64_t number) {
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    record_put(buffer, slice_of_string(text));
}

static struct entry *entry_of_fields(const struct slice fields[FIELDS], uint64_t seq,
                                     bool deleted) {
    struct entry_body body = {.sender = fields[SENDER],
                              .content = fields[CONTENT],
                              .meta = fields[META],
                              .cid = fields[CID],
                              .key = fields[WORD],
                              .deleted = deleted};
    char id[ENTRY_ID_LENGTH + 1] = "";
    uint64_t time_us;
    if (fields[ID].length != ENTRY_ID_LENGTH || fields[BY].length != IDENTITY_SIZE || seq == 0 ||
        !kind_of(fields[KIND], &body) || !slice_to_u64(fields[TIME], &time_us) ||
        time_us > INT64_MAX || !slice_to_u64(fields[RE], &body.re) ||
        !slice_to_u64(fields[OF], &body.of)) {
        return NULL;
    }
    memcpy(id, fields[ID].data, ENTRY_ID_LENGTH);
    memcpy(body.identity.bytes, fields[BY].data, IDENTITY_SIZE);
    return entry_new(&body, seq, (int64_t)time_us, id);
}

struct entry *record_entry_of_item(const struct redis_reply *item) {
    struct slice fields[FIELDS];
    struct slice number = reply_text(item, 0);
    uint64_t seq;
    if (item->count != 2 || !slice_to_u64(slice_cut(&number, '-'), &seq) ||
        item->items[1].kind != REDIS_ARRAY || item->items[1].count != 2 * FIELDS) {
        return NULL;
    }
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = reply_text(&item->items[1], 2 * i + 1);
    }
    return entry_of_fields(fields, seq, false);
}

struct entry *record_entry(struct slice packed, bool deleted) {
    struct slice fields[FIELDS];
    uint64_t seq;
    if (!record_take_number(&packed, &seq)) {
        return NULL;
    }
    for (size_t i = 0; i < FIELDS; i++) {
        if (!record_take(&packed, &fields[i])) {
            return NULL;
        }
    }
    return entry_of_fields(fields, seq, deleted);
}

void record_add_entry(struct script_call *call, const struct entry_body *body, const char *id,
                      int64_t time_us) {
    script_add_string(call, id);
    script_add_number(call, time_us > 0 ? (uint64_t)time_us : 0);
    script_add(call, identity_slice(&body->identity));
    script_add_string(call, letter_of(body));
    script_add(call, body->sender);
    script_add(call, body->content);
    script_add(call, body->meta);
    script_add(call, body->cid);
    script_add_number(call, body->re);
    script_add_number(call, body->of);
    script_add(call, body->key);
}

void record_put_signal(struct buffer *buffer, const struct signal *signal) {
    record_put_number(buffer, (uint64_t)signal->kind);
    record_put(buffer, identity_slice(&signal->identity));
    record_put_number(buffer, signal->proposed_us > 0 ? (uint64_t)signal->proposed_us : 0);
    record_put_number(buffer, signal->quiet);
    record_put(buffer, signal->name);
    record_put(buffer, signal->former);
    record_put(buffer, signal->payload);
    record_put(buffer, signal->event);
}

struct signal *record_signal(struct slice packed, struct slice room_key, struct slice room_name,
                             unsigned elsewhere) {
    struct signal from = {.room_key = room_key, .room_name = room_name, .elsewhere = elsewhere};
    struct slice identity;
    uint64_t kind, proposed_us, quiet;
    if (!record_take_number(&packed, &kind) || kind > SIGNAL_NOTICE ||
        !record_take(&packed, &identity) || identity.length != IDENTITY_SIZE ||
        !record_take_number(&packed, &proposed_us) || proposed_us > INT64_MAX ||
        !record_take_number(&packed, &quiet) || !record_take(&packed, &from.name) ||
        !record_take(&packed, &from.former) || !record_take(&packed, &from.payload) ||
        !record_take(&packed, &from.event)) {
        return NULL;
    }
    from.kind = (enum signal_kind)kind;
    memcpy(from.identity.bytes, identity.data, IDENTITY_SIZE);
    from.proposed_us = (int64_t)proposed_us;
    from.quiet = quiet != 0;
    return signal_new(&from);
}

void identity_text(const struct identity *identity, char text[IDENTITY_TEXT]) {
    for (size_t i = 0; i < IDENTITY_SIZE; i++) {
        snprintf(text + 2 * i, 3, "%02x", identity->bytes[i]);
    }
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool identity_of_text(struct slice text, struct identity *identity) {
    if (text.length != 2 * IDENTITY_SIZE) {
        return false;
    }
    for (size_t i = 0; i < IDENTITY_SIZE; i++) {
        int high = digit_of(text.data[2 * i]), low = digit_of(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        identity->bytes[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}
