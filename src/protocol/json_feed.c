/* How a room's feed looks in JSON: entries and signals as objects.
 *
 * Three kinds of readers share these words. A plain client sees messages, and joins and leaves as
 * sentences in `system` frames, because it was written for a chat that had nothing else. One that
 * said hello sees every kind of entry and typing too. One of banter.v1 gets `presence` with names
 * instead of sentences. A message is the same bytes for all three. */
#include "base/timestamp.h"
#include "protocol/format.h"
#include "protocol/json.h"

void json_append_timestamp_member(struct buffer *output, int64_t timestamp_us) {
    json_append_key(output, "timestamp");
    buffer_append_char(output, '"');
    buffer_append_timestamp(output, timestamp_us);
    buffer_append_char(output, '"');
}

static void append_kind(struct buffer *output, const struct entry_body *body) {
    switch (body->kind) {
    case ENTRY_MESSAGE:
        buffer_append_string(output, "{\"type\":\"message\"");
        json_append_string_member(output, "content", body->content);
        return;
    case ENTRY_EDIT:
        buffer_append_string(output, "{\"type\":\"edit\"");
        json_append_u64_member(output, "of", body->of);
        json_append_string_member(output, "content", body->content);
        return;
    case ENTRY_DELETE:
        buffer_append_string(output, "{\"type\":\"delete\"");
        json_append_u64_member(output, "of", body->of);
        return;
    case ENTRY_REACTION:
        buffer_append_string(output, "{\"type\":\"react\"");
        json_append_u64_member(output, "of", body->of);
        json_append_string_member(output, "key", body->key);
        json_append_string_member(output, "op", body->removal ? SLICE("remove") : SLICE("add"));
        return;
    case ENTRY_TOPIC:
        buffer_append_string(output, "{\"type\":\"topic\"");
        json_append_string_member(output, "content", body->content);
        return;
    }
}

bool json_append_entry(struct buffer *output, enum format format, struct slice room,
                       const struct entry *entry) {
    const struct entry_body *body = &entry->body;
    if (format == FORMAT_JSON_PLAIN && body->kind != ENTRY_MESSAGE) {
        return false;
    }
    append_kind(output, body);
    json_append_string_member(output, "sender", body->sender);
    json_append_timestamp_member(output, entry->timestamp_us);
    json_append_string_member(output, "room", room);
    json_append_u64_member(output, "seq", entry->seq);
    json_append_string_member(output, "id", slice_of_string(entry->id));
    if (body->cid.length > 0) {
        json_append_string_member(output, "cid", body->cid);
    }
    if (body->re != 0) {
        json_append_u64_member(output, "re", body->re);
    }
    if (body->meta.length > 0) {
        buffer_append_char(output, ',');
        buffer_append_slice(output, body->meta);
    }
    if (body->deleted) {
        buffer_append_string(output, ",\"deleted\":true");
    }
    buffer_append_char(output, '}');
    return true;
}

static bool feed_entry(enum format format, enum side side, const struct effect *show,
                       struct buffer *output) {
    (void)side; /* the room and the sender tell a JSON client all there is to tell */
    return json_append_entry(output, format, show->room, show->show.entry);
}

static void append_system(struct buffer *output, const struct effect *show, const char *sentence) {
    const struct signal *signal = show->signal;
    buffer_append_string(output, "{\"type\":\"system\",\"message\":\"");
    buffer_append_string(output, sentence);
    buffer_append_u64(output, signal->client_count);
    buffer_append_char(output, '"');
    json_append_timestamp_member(output, signal->timestamp_us);
    json_append_string_member(output, "room", show->room);
    json_append_u64_member(output, "client_count", signal->client_count);
    buffer_append_char(output, '}');
}

static void append_names(struct buffer *output, const char *key, struct slice name) {
    json_append_key(output, key);
    buffer_append_char(output, '[');
    if (name.length > 0) {
        json_append_string(output, name);
    }
    buffer_append_char(output, ']');
}

static void append_presence(struct buffer *output, const struct effect *show, struct slice join,
                            struct slice leave) {
    buffer_append_string(output, "{\"type\":\"presence\"");
    json_append_string_member(output, "room", show->room);
    append_names(output, "join", join);
    append_names(output, "leave", leave);
    json_append_u64_member(output, "client_count", show->signal->client_count);
    buffer_append_char(output, '}');
}

/* Somebody came, went or changed names. */
static bool append_change(enum format format, const struct effect *show, struct slice join,
                          struct slice leave, const char *sentence, struct buffer *output) {
    if (!show->signal->announced) {
        return false;
    }
    if (format == FORMAT_JSON_V1) {
        append_presence(output, show, join, leave);
        return true;
    }
    if (sentence == NULL) {
        return false;
    }
    append_system(output, show, sentence);
    return true;
}

static bool append_typing(enum format format, const struct effect *show, struct buffer *output) {
    if (format == FORMAT_JSON_PLAIN) {
        return false;
    }
    struct slice name = show->signal->name;
    buffer_append_string(output, "{\"type\":\"typing\"");
    json_append_string_member(output, "room", show->room);
    json_append_string_member(output, "sender", name.length > 0 ? name : SLICE("anonymous"));
    json_append_string_member(output, "state", show->signal->payload);
    buffer_append_char(output, '}');
    return true;
}

static bool append_notice(enum format format, const struct effect *show, struct buffer *output) {
    const struct signal *signal = show->signal;
    if (format == FORMAT_JSON_PLAIN) {
        return false;
    }
    json_append_notice(output, &(struct json_notice){.room = show->room,
                                                     .event = signal->event,
                                                     .by = signal->name,
                                                     .name = signal->former,
                                                     .message = signal->payload});
    return true;
}

static bool feed_signal(enum format format, enum side side, const struct effect *show,
                        struct buffer *output) {
    (void)side;
    const struct signal *signal = show->signal;
    switch (signal->kind) {
    case SIGNAL_JOINED:
        return append_change(format, show, signal->name, SLICE_NONE,
                             "New client joined. Total: ", output);
    case SIGNAL_LEFT:
        return append_change(format, show, SLICE_NONE, signal->name,
                             "Client left. Total: ", output);
    case SIGNAL_RENAMED:
        return append_change(format, show, signal->name, signal->former, NULL, output);
    case SIGNAL_COUNT:
        append_presence(output, show, SLICE_NONE, SLICE_NONE);
        return true;
    case SIGNAL_TYPING:
        return append_typing(format, show, output);
    case SIGNAL_NOTICE:
        return append_notice(format, show, output);
    case SIGNAL_BINARY:
    case SIGNAL_FENCE:
        return false;
    }
    return false;
}

const struct feed_format json_feed = {
    .websocket = true,
    .entry = feed_entry,
    .signal = feed_signal,
};
