/* Entries of the past in JSON: rendered one by one, then cut into batches that are not too large. A
 * store's page may give more than one batch, because it counts what it stores and a batch counts
 * what is sent. */
#include "base/limits.h"
#include "base/memory.h"
#include "protocol/json.h"

/* What a batch has beside its items: type, room, cid. */
#define BATCH_ENVELOPE 2048

void json_append_batch(struct buffer *output, const struct reply *reply, struct slice items,
                       bool more) {
    buffer_append_string(output, "{\"type\":\"batch\"");
    if (reply->room.length > 0) {
        json_append_string_member(output, "room", reply->room);
    }
    json_append_key(output, "items");
    buffer_append_char(output, '[');
    buffer_append_slice(output, items);
    buffer_append_char(output, ']');
    if (more) {
        buffer_append_string(output, ",\"more\":true");
    }
    if (reply->cid.length > 0) {
        json_append_string_member(output, "cid", reply->cid);
    }
    buffer_append_char(output, '}');
}

void json_items_render(struct json_items *items, enum format format, const struct reply *batch) {
    items->ends = memory_new((batch->entry_count + 1) * sizeof(items->ends[0]));
    for (size_t i = 0; i < batch->entry_count; i++) {
        size_t before = buffer_length(&items->bytes);
        if (items->count > 0) {
            buffer_append_char(&items->bytes, ',');
        }
        struct slice room = batch->entry_rooms != NULL ? batch->entry_rooms[i] : batch->room;
        if (json_append_entry(&items->bytes, format, room, batch->entries[i])) {
            items->ends[items->count++] = buffer_length(&items->bytes);
        } else {
            buffer_truncate(&items->bytes, before);
        }
    }
}

void json_items_close(struct json_items *items) {
    buffer_close(&items->bytes);
    memory_free(items->ends);
    *items = (struct json_items){0};
}

static size_t item_start(const struct json_items *items, size_t index) {
    return index == 0 ? 0 : items->ends[index - 1] + 1;
}

static bool items_fit(const struct json_items *items, size_t first, size_t count) {
    size_t size = items->ends[first + count - 1] - item_start(items, first);
    return count <= LIMIT_BATCH_ENTRIES && size <= LIMIT_PAGE_BYTES - BATCH_ENVELOPE;
}

size_t json_items_fit(const struct json_items *items, size_t first) {
    if (first == items->count) {
        return 0;
    }
    size_t count = 1;
    while (first + count < items->count && items_fit(items, first, count + 1)) {
        count++;
    }
    return count;
}

void json_items_answer(const struct json_items *items, const struct reply *batch, size_t *first,
                       size_t *count) {
    if (!batch->backwards) {
        *first = 0;
        *count = json_items_fit(items, 0);
        return;
    }
    *first = items->count;
    *count = 0;
    while (*first > 0 && (*count == 0 || items_fit(items, *first - 1, *count + 1))) {
        (*first)--;
        (*count)++;
    }
}

struct slice json_items_slice(const struct json_items *items, size_t first, size_t count) {
    if (count == 0) {
        return SLICE_NONE;
    }
    size_t start = item_start(items, first);
    struct slice bytes = buffer_slice(&items->bytes);
    return slice_from(bytes.data + start, items->ends[first + count - 1] - start);
}
