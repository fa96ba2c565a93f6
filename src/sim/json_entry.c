/* Whether an entry that a JSON client is shown is what the ledger has. */
#include "sim/json_hear.h"

#include <string.h>

#include "base/timestamp.h"

struct slice json_text(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? slice_from(json_string_value(value), json_string_length(value))
                                 : SLICE_NONE;
}

uint64_t json_number(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const char *const kind_names[] = {
    [ENTRY_MESSAGE] = "message", [ENTRY_EDIT] = "edit",   [ENTRY_DELETE] = "delete",
    [ENTRY_REACTION] = "react",  [ENTRY_TOPIC] = "topic",
};

int json_kind(struct slice type) {
    for (int i = 0; i <= ENTRY_TOPIC; i++) {
        if (slice_equal(type, slice_of_string(kind_names[i]))) {
            return i;
        }
    }
    return -1;
}

bool json_is(const json_t *object, const char *key, const char *expected) {
    return slice_equal(json_text(object, key), slice_of_string(expected));
}

static bool has_number(const json_t *object, const char *key, uint64_t expected) {
    return expected == 0 ? json_object_get(object, key) == NULL
                         : json_number(object, key) == expected;
}

static bool words_right(const json_t *frame, const struct record *record) {
    const struct utterance *utterance = record->utterance;
    struct slice content = json_text(frame, "content");
    if (!utterance->content) {
        return json_object_get(frame, "content") == NULL;
    }
    return slice_equal(content, slice_of_string(utterance->content)) ||
           (record->erased && content.length == 0);
}

bool json_room_right(const json_t *frame, const struct room_log *log) {
    struct slice room = json_text(frame, "room");
    int index = room_find_name(room);
    if (log->direct) {
        return slice_starts_with(room, SLICE("@"));
    }
    return index >= 0 && strcmp(room_key((unsigned)index), log->key) == 0;
}

const struct utterance *json_check_entry(struct client *client, const json_t *frame) {
    const struct ledger *ledger = &client->world->ledger;
    struct slice cid = json_text(frame, "cid");
    const struct utterance *utterance = cid.length > 0
                                            ? ledger_by_cid(ledger, cid)
                                            : ledger_by_text(ledger, json_text(frame, "content"));
    if (!utterance && cid.length == 0 && json_text(frame, "content").length == 0) {
        int index = room_find_name(json_text(frame, "room"));
        const struct room_log *log =
            index < 0 ? NULL
                      : ledger_log(&client->world->ledger,
                                   slice_of_string(room_key((unsigned)index)), NULL);
        const struct record *record = log ? ledger_record(log, json_number(frame, "seq")) : NULL;
        utterance = record && record->erased ? record->utterance : NULL;
    }
    if (!utterance) {
        client_fail(client, "is shown what nobody has said");
        return NULL;
    }
    const struct record *record = client_shown(client, utterance);
    char time[TIMESTAMP_LENGTH + 1];
    if (!record) {
        return NULL;
    }
    timestamp_format(record->timestamp_us, time);
    bool right = json_kind(json_text(frame, "type")) == (int)utterance->kind &&
                 json_number(frame, "seq") == utterance->seq && json_is(frame, "id", record->id) &&
                 json_is(frame, "timestamp", time) && json_is(frame, "sender", record->sender) &&
                 words_right(frame, record) && json_room_right(frame, utterance->log) &&
                 has_number(frame, "of", utterance->of) && json_is(frame, "key", utterance->key);
    if (!right) {
        char *text = json_dumps(frame, JSON_COMPACT);
        client_fail(client, "#%u is shown as what it is not: %.120s", utterance->tag, text);
        free(text);
        return NULL;
    }
    return utterance;
}
