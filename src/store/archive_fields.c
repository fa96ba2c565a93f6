#include "store/archive_fields.h"

#include <string.h>

#include "base/limits.h"
#include "store/archive_words.h"
#include "store/ulid.h"
#include "wire/json.h"

static bool refuse(const char **why, const char *reason) {
    *why = reason;
    return false;
}

bool archive_text(const char **why, const json_t *object, const char *key, struct slice *text) {
    if (json_get_string(object, key, text) != 0) {
        return refuse(why, "a text is something else");
    }
    if (text->length > 0 && memchr(text->data, '\0', text->length) != NULL) {
        return refuse(why, "a text has a zero character");
    }
    return true;
}

bool archive_number(const char **why, const json_t *object, const char *key, uint64_t *number) {
    bool present;
    *number = 0;
    if (json_get_u64(object, key, number, &present) != 0 || *number > INT64_MAX) {
        return refuse(why, "a number is something else");
    }
    return true;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly `size` bytes. */
static bool parse_hex(struct slice text, uint8_t *bytes, size_t size) {
    if (text.length != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool archive_hash(const char **why, const json_t *object, uint64_t *hash) {
    struct slice text;
    uint8_t bytes[8];
    if (!archive_text(why, object, "hash", &text) || !parse_hex(text, bytes, sizeof(bytes))) {
        return refuse(why, "a cid must have a hash of 16 digits");
    }
    *hash = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        *hash = *hash << 8 | bytes[i];
    }
    return true;
}

bool archive_common(const char **why, const json_t *object, struct entry *entry) {
    struct slice id, identity;
    uint64_t time;
    if (!archive_number(why, object, "seq", &entry->seq) ||
        !archive_number(why, object, "time", &time) || !archive_text(why, object, "id", &id) ||
        !archive_text(why, object, "identity", &identity)) {
        return false;
    }
    if (!ulid_valid(id)) {
        return refuse(why, "the id is none");
    }
    if (!parse_hex(identity, entry->body.identity.bytes, IDENTITY_SIZE)) {
        return refuse(why, "the identity must have 32 digits");
    }
    memcpy(entry->id, id.data, ENTRY_ID_LENGTH);
    entry->timestamp_us = (int64_t)time;
    return true;
}

static bool get_kind(const char **why, const json_t *object, struct entry_body *body) {
    struct slice kind;
    if (!archive_text(why, object, "kind", &kind)) {
        return false;
    }
    for (int i = 0; i < ARCHIVE_KINDS; i++) {
        if (slice_equal(kind, slice_of_string(archive_kinds[i]))) {
            body->kind = (enum entry_kind)i;
            return true;
        }
    }
    return refuse(why, "there is no such kind");
}

/* It goes between the members of an object as it is. */
static bool check_meta(const char **why, struct slice meta) {
    struct buffer object = {0};
    buffer_append_format(&object, "{%.*s}", SLICE_ARGS(meta));
    json_t *parsed = meta.length <= LIMIT_META ? json_parse_object(buffer_slice(&object)) : NULL;
    buffer_close(&object);
    if (parsed == NULL) {
        return refuse(why, "meta must be the members of an object");
    }
    json_decref(parsed);
    return true;
}

bool archive_body(const char **why, const json_t *object, struct entry_body *body) {
    if (!get_kind(why, object, body) || !archive_text(why, object, "sender", &body->sender) ||
        !archive_text(why, object, "cid", &body->cid) ||
        !archive_text(why, object, "key", &body->key) ||
        !archive_text(why, object, "meta", &body->meta) ||
        !archive_number(why, object, "re", &body->re) ||
        !archive_number(why, object, "of", &body->of)) {
        return false;
    }
    if (json_get_string(object, "content", &body->content) != 0) {
        return refuse(why, "the content is something else");
    }
    if (body->sender.length > LIMIT_NAME || body->cid.length > LIMIT_CID) {
        return refuse(why, "sender or cid is too long");
    }
    body->removal = json_is_true(json_object_get(object, "removal"));
    body->deleted = json_is_true(json_object_get(object, "deleted"));
    return check_meta(why, body->meta);
}
