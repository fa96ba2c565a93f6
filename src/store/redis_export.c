#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/archive_writer.h"
#include "store/page.h"
#include "store/redis_archive.h"
#include "store/redis_offline.h"
#include "store/redis_record.h"

#define PAGE_ENTRIES 128

struct exporter {
    struct redis_offline offline;
    struct archive_writer writer;
    struct redis *shard; /* the room's */
    struct slice room_key;
    struct buffer key;
    bool failed;
};

/* "HASH SEQ TIME ID" */
static bool parse_known(struct slice value, struct archive_old_cid *known) {
    struct slice hash = slice_cut(&value, ' ');
    struct slice seq = slice_cut(&value, ' ');
    struct slice time = slice_cut(&value, ' ');
    char text[17] = {0};
    uint64_t time_us;

    if (hash.length != 16 || !slice_to_u64(seq, &known->seq) || !slice_to_u64(time, &time_us))
        return false;
    memcpy(text, hash.data, 16);
    known->hash = strtoull(text, NULL, 16);
    known->timestamp_us = (int64_t)time_us;
    known->id = value;
    return true;
}

/* What the cid of an entry that is there stands for; 0: that is not known. */
static uint64_t hash_of(struct exporter *exporter, const struct entry *entry) {
    struct archive_old_cid known = {0};
    struct buffer field = {0};
    const struct redis_reply *reply;

    buffer_append_slice(&field, identity_slice(&entry->body.identity));
    buffer_append_slice(&field, entry->body.cid);
    reply =
        REDIS_CALL(exporter->shard, SLICE("HGET"),
                   redis_offline_key(&exporter->offline, &exporter->key, "c", exporter->room_key),
                   buffer_slice(&field));
    if (reply->kind == REDIS_BULK && !parse_known(reply->text, &known))
        known.hash = 0;
    exporter->failed |= reply->kind == REDIS_LOST;
    buffer_close(&field);
    return known.hash;
}

/* The entries after this number; returns the last of them, or 0. */
static uint64_t put_page(struct exporter *exporter, uint64_t after) {
    const struct page_range range = {.low = after + 1, .high = UINT64_MAX, .limit = PAGE_ENTRIES};
    struct script_call call;
    const struct redis_reply *reply;
    struct entry **entries;
    size_t count;
    uint64_t last = 0;

    pages_call(&call, exporter->offline.name_space, exporter->room_key, &range, "");
    reply = redis_call(exporter->shard, call.arguments, call.count);
    exporter->failed |= reply->kind != REDIS_ARRAY;
    entries = pages_entries(reply, false, &count);
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = entries[i];
        if (i < PAGE_ENTRIES) { /* of those behind them not all may be there */
            archive_put_entry(&exporter->writer, entry,
                              entry->body.cid.length > 0 ? hash_of(exporter, entry) : 0);
            last = entry->seq;
        }
        entry_unref(entries[i]);
    }
    memory_free(entries);
    return last;
}

/* The room's name in a pattern of SCAN: four characters would mean something. */
static void append_pattern(struct buffer *pattern, struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        if (strchr("*?[\\", text.data[i]))
            buffer_append_char(pattern, '\\');
        buffer_append_char(pattern, text.data[i]);
    }
}

static void put_old_cid(struct exporter *exporter, struct slice key, size_t prefix) {
    struct slice name = slice_skip(key, prefix);
    struct archive_old_cid old = {0};
    const struct redis_reply *reply;

    if (name.length <= IDENTITY_SIZE)
        return;
    memcpy(old.identity.bytes, name.data, IDENTITY_SIZE);
    old.cid = slice_skip(name, IDENTITY_SIZE);
    reply = REDIS_CALL(exporter->shard, SLICE("GET"), key);
    if (reply->kind == REDIS_BULK && parse_known(reply->text, &old))
        archive_put_old_cid(&exporter->writer, &old);
    exporter->failed |= reply->kind == REDIS_LOST;
}

/* The keys of one step of a SCAN, which must outlive the replies to what is asked about them. */
static char *take_step(struct exporter *exporter, struct slice cursor, struct slice pattern,
                       struct buffer *keys) {
    const struct redis_reply *reply =
        REDIS_CALL(exporter->shard, SLICE("SCAN"), cursor, SLICE("MATCH"), pattern, SLICE("COUNT"),
                   SLICE("1000"));

    buffer_clear(keys);
    if (reply->kind != REDIS_ARRAY || reply->count != 2) {
        exporter->failed = true;
        return memory_copy_string(SLICE("0"));
    }
    for (size_t i = 0; i < reply->items[1].count; i++)
        record_put(keys, reply_text(&reply->items[1], i));
    return memory_copy_string(reply_text(reply, 0));
}

static void put_old_cids(struct exporter *exporter) {
    struct buffer pattern = {0}, prefix = {0}, keys = {0};
    char *cursor = memory_copy_string(SLICE("0"));

    redis_offline_key(&exporter->offline, &prefix, "d", exporter->room_key);
    buffer_append_char(&prefix, ':');
    append_pattern(&pattern, buffer_slice(&prefix));
    buffer_append_char(&pattern, '*');
    do {
        char *next = take_step(exporter, slice_of_string(cursor), buffer_slice(&pattern), &keys);
        struct slice rest = buffer_slice(&keys);
        struct slice key;
        while (record_take(&rest, &key))
            put_old_cid(exporter, key, buffer_length(&prefix));
        memory_free(cursor);
        cursor = next;
    } while (strcmp(cursor, "0") != 0 && !exporter->failed);
    memory_free(cursor);
    buffer_close(&pattern);
    buffer_close(&prefix);
    buffer_close(&keys);
}

/* Of a room where everything is gone the time of the last entry is what the next may not precede.
 */
static void put_room(struct exporter *exporter) {
    const struct redis_reply *reply =
        REDIS_CALL(exporter->shard, SLICE("HMGET"),
                   redis_offline_key(&exporter->offline, &exporter->key, "h", exporter->room_key),
                   SLICE("name"), SLICE("topic"), SLICE("first"), SLICE("last"), SLICE("time"),
                   SLICE("old_cids"));
    uint64_t first = reply_number(reply, 2), last = reply_number(reply, 3), at;
    bool has_old = reply_number(reply, 5) > 0;

    exporter->failed |= reply->kind != REDIS_ARRAY;
    if (last == 0) /* it has gone meanwhile */
        return;
    archive_put_room(&exporter->writer,
                     &(struct archive_room){
                         .key = exporter->room_key,
                         .name = reply_text(reply, 0),
                         .topic = reply_text(reply, 1),
                         .gone = first - 1,
                         .gone_us = first > last ? (int64_t)reply_number(reply, 4) : 0,
                     });
    for (at = first - 1; !exporter->failed;) {
        uint64_t next = put_page(exporter, at);
        if (next == 0)
            break;
        at = next;
    }
    if (has_old)
        put_old_cids(exporter);
}

/* The probe of /readyz is nobody's conversation. */
static void put_rooms(struct exporter *exporter, struct redis *shard, const char *list) {
    struct buffer names = {0};
    struct slice rest, key;
    const struct redis_reply *reply =
        REDIS_CALL(shard, SLICE("ZRANGE"),
                   redis_offline_key(&exporter->offline, &exporter->key, list, SLICE_NONE),
                   SLICE("0"), SLICE("-1"));

    exporter->failed |= reply->kind != REDIS_ARRAY;
    for (size_t i = 0; reply->kind == REDIS_ARRAY && i < reply->count; i++)
        record_put(&names, reply_text(reply, i));
    rest = buffer_slice(&names);
    exporter->shard = shard;
    while (!exporter->failed && record_take(&rest, &key)) {
        exporter->room_key = key;
        if (!slice_equal(key, SLICE("$ready")))
            put_room(exporter);
    }
    buffer_close(&names);
}

int redis_archive_export(const struct store_redis_options *options, FILE *file,
                         struct archive_counts *counts, struct buffer *message) {
    struct exporter exporter = {.writer = {.file = file}};
    int error = redis_offline_open(&exporter.offline, options, message);

    if (error)
        return error;
    archive_put_head(&exporter.writer, SLICE("redis"));
    for (size_t i = 0; i < options->shard_count; i++) {
        put_rooms(&exporter, exporter.offline.shards[i], "rooms");
        put_rooms(&exporter, exporter.offline.shards[i], "hidden");
    }
    error = archive_finish(&exporter.writer, message);
    if (exporter.failed) {
        buffer_clear(message);
        buffer_append_string(message, "Redis did not answer everything; the archive is not whole");
        error = ERR_IO;
    }
    *counts = exporter.writer.counts;
    buffer_close(&exporter.key);
    redis_offline_close(&exporter.offline);
    return error;
}
