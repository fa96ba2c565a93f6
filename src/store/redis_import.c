/* The archive becomes a database first, by the import that there is for those, which checks
 * everything there is to check; then that is written into Redis, each room as the scripts of
 * src/store/lua would have made it. A room is known only when all of it is there. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/redis_archive.h"
#include "store/redis_offline.h"
#include "store/redis_record.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_offline.h"

#define ENTRY_FIELDS 11
/* How long a cid is remembered beyond its entry. */
#define DAY_US (INT64_C(86400) * 1000000)
/* What retention counts for an entry beside its texts (src/store/lua/common.lua). */
#define ENTRY_WEIGHT 64

struct importer {
    struct redis_offline offline;
    struct sqlite_offline source;
    struct archive_counts counts;
    /* The room that is being written. */
    struct redis *shard;
    struct slice room_key;
    struct {
        struct buffer log, erased, edits, cids, head;
    } keys;
    uint64_t last, bytes;
    int64_t time_us;
    bool old_cids;
};

static const char *const room_kinds[] = {"r", "t", "e", "c", "h"};

static void begin_room(struct importer *importer, struct slice room_key) {
    const struct redis_offline *offline = &importer->offline;

    importer->room_key = room_key;
    importer->shard = redis_offline_shard(offline, room_key);
    redis_offline_key(offline, &importer->keys.log, "r", room_key);
    redis_offline_key(offline, &importer->keys.erased, "t", room_key);
    redis_offline_key(offline, &importer->keys.edits, "e", room_key);
    redis_offline_key(offline, &importer->keys.cids, "c", room_key);
    redis_offline_key(offline, &importer->keys.head, "h", room_key);
    importer->old_cids = false;
    importer->bytes = 0;
}

/* What an import that failed may have left; nobody has seen it, because the room was not known. */
static void forget_room(struct importer *importer, struct slice room_key) {
    struct redis *shard = redis_offline_shard(&importer->offline, room_key);
    struct buffer key = {0};

    for (size_t i = 0; i < sizeof(room_kinds) / sizeof(room_kinds[0]); i++)
        REDIS_SEND(&importer->offline, shard, SLICE("UNLINK"),
                   redis_offline_key(&importer->offline, &key, room_kinds[i], room_key));
    for (const char *const *list = (const char *const[]){"rooms", "hidden", NULL}; *list; list++)
        REDIS_SEND(&importer->offline, shard, SLICE("ZREM"),
                   redis_offline_key(&importer->offline, &key, *list, SLICE_NONE), room_key);
    buffer_close(&key);
}

static void put_entry_in_log(struct importer *importer, struct slice id,
                             const struct script_call *fields) {
    static const char *const names[ENTRY_FIELDS] = {
        "id", "time", "by", "kind", "sender", "content", "meta", "cid", "re", "of", "word"};
    struct slice arguments[3 + 2 * ENTRY_FIELDS] = {SLICE("XADD"),
                                                    buffer_slice(&importer->keys.log), id};

    for (size_t i = 0; i < ENTRY_FIELDS; i++) {
        arguments[3 + 2 * i] = slice_of_string(names[i]);
        arguments[4 + 2 * i] = fields->arguments[i];
    }
    redis_offline_send(&importer->offline, importer->shard, arguments,
                       sizeof(arguments) / sizeof(arguments[0]));
}

/* What stands in the place of an entry whose content is gone. */
static void put_erased(struct importer *importer, struct slice seq,
                       const struct script_call *fields) {
    struct buffer packed = {0};

    record_put(&packed, seq);
    for (size_t i = 0; i < ENTRY_FIELDS; i++)
        record_put(&packed, fields->arguments[i]);
    REDIS_SEND(&importer->offline, importer->shard, SLICE("ZADD"),
               buffer_slice(&importer->keys.erased), seq, buffer_slice(&packed));
    buffer_close(&packed);
}

static void format_known(char *text, size_t size, uint64_t hash, uint64_t seq, int64_t time_us,
                         struct slice id) {
    snprintf(text, size, "%016llx %llu %lld %.*s", (unsigned long long)hash,
             (unsigned long long)seq, (long long)time_us, SLICE_ARGS(id));
}

static void put_cid(struct importer *importer, const struct entry *entry, uint64_t hash) {
    struct buffer name = {0};
    char known[128];

    buffer_append_slice(&name, identity_slice(&entry->body.identity));
    buffer_append_slice(&name, entry->body.cid);
    format_known(known, sizeof(known), hash, entry->seq, entry->timestamp_us,
                 slice_of_string(entry->id));
    REDIS_SEND(&importer->offline, importer->shard, SLICE("HSET"),
               buffer_slice(&importer->keys.cids), buffer_slice(&name), slice_of_string(known));
    buffer_close(&name);
}

static void put_entry(struct importer *importer, const struct entry *entry, uint64_t hash) {
    const struct entry_body *body = &entry->body;
    struct script_call fields = {0};
    char seq[32], id[40], of[32];

    record_add_entry(&fields, body, entry->id, entry->timestamp_us);
    snprintf(seq, sizeof(seq), "%llu", (unsigned long long)entry->seq);
    snprintf(id, sizeof(id), "%s-0", seq);
    snprintf(of, sizeof(of), "%llu", (unsigned long long)body->of);
    if (body->deleted)
        put_erased(importer, slice_of_string(seq), &fields);
    else
        put_entry_in_log(importer, slice_of_string(id), &fields);
    if (body->kind == ENTRY_EDIT)
        REDIS_SEND(&importer->offline, importer->shard, SLICE("ZADD"),
                   buffer_slice(&importer->keys.edits), slice_of_string(of), slice_of_string(seq));
    if (body->cid.length > 0)
        put_cid(importer, entry, hash);
    importer->bytes +=
        body->sender.length + body->content.length + body->meta.length + ENTRY_WEIGHT;
    importer->last = entry->seq;
    importer->time_us = entry->timestamp_us;
    importer->counts.entries++;
}

static bool put_entries(struct importer *importer, int64_t room) {
    sqlite3_stmt *row = sqlite_offline_query(&importer->source, SQLITE_ROOM_ENTRIES, room);
    int code;

    while ((code = sqlite3_step(row)) == SQLITE_ROW) {
        struct entry *entry = sqlite_column_entry(row);
        if (!entry)
            break;
        put_entry(importer, entry, (uint64_t)sqlite3_column_int64(row, SQLITE_BODY_HASH_COLUMN));
        entry_unref(entry);
    }
    sqlite3_finalize(row);
    return code == SQLITE_DONE;
}

static void put_old_cid(struct importer *importer, sqlite3_stmt *row, int64_t now_us) {
    struct identity identity = sqlite_column_identity(row, 1);
    int64_t time_us = sqlite3_column_int64(row, 5);
    int64_t left_ms = (time_us + DAY_US - now_us) / 1000;
    struct buffer key = {0};
    char known[128], left[24];

    if (left_ms <= 0)
        return;
    redis_offline_key(&importer->offline, &key, "d", importer->room_key);
    buffer_append_char(&key, ':');
    buffer_append_slice(&key, identity_slice(&identity));
    buffer_append_slice(&key, sqlite_column_slice(row, 0));
    format_known(known, sizeof(known), (uint64_t)sqlite3_column_int64(row, 2),
                 (uint64_t)sqlite3_column_int64(row, 3), time_us, sqlite_column_slice(row, 4));
    snprintf(left, sizeof(left), "%lld", (long long)left_ms);
    REDIS_SEND(&importer->offline, importer->shard, SLICE("SET"), buffer_slice(&key),
               slice_of_string(known), SLICE("PX"), slice_of_string(left));
    importer->old_cids = true;
    buffer_close(&key);
}

static bool put_old_cids(struct importer *importer, int64_t room) {
    sqlite3_stmt *row = sqlite_offline_query(&importer->source, SQLITE_ROOM_OLD_CIDS, room);
    int code;

    while ((code = sqlite3_step(row)) == SQLITE_ROW)
        put_old_cid(importer, row, clock_wall_us());
    sqlite3_finalize(row);
    return code == SQLITE_DONE;
}

static void put_head(struct importer *importer, struct slice name, struct slice topic,
                     uint64_t gone) {
    struct slice head = buffer_slice(&importer->keys.head);
    char first[24], last[24], time[24], bytes[24];

    snprintf(first, sizeof(first), "%llu", (unsigned long long)gone + 1);
    snprintf(last, sizeof(last), "%llu", (unsigned long long)importer->last);
    snprintf(time, sizeof(time), "%lld", (long long)importer->time_us);
    snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)importer->bytes);
    REDIS_SEND(&importer->offline, importer->shard, SLICE("HSET"), head, SLICE("name"), name,
               SLICE("first"), slice_of_string(first), SLICE("last"), slice_of_string(last),
               SLICE("time"), slice_of_string(time), SLICE("bytes"), slice_of_string(bytes));
    if (topic.length > 0)
        REDIS_SEND(&importer->offline, importer->shard, SLICE("HSET"), head, SLICE("topic"), topic);
    if (importer->old_cids)
        REDIS_SEND(&importer->offline, importer->shard, SLICE("HSET"), head, SLICE("old_cids"),
                   SLICE("1"));
}

/* From here on the room is known, and searched. */
static void announce_room(struct importer *importer) {
    const struct redis_offline *offline = &importer->offline;
    bool hidden = strchr("@$", importer->room_key.data[0]) != NULL;
    struct buffer list = {0}, count = {0}, changes = {0};
    char number[24];
    const struct redis_reply *reply;

    redis_offline_key(offline, &list, hidden ? "hidden" : "rooms", SLICE_NONE);
    redis_offline_key(offline, &count, "change", SLICE_NONE);
    redis_offline_key(offline, &changes, "changes", SLICE_NONE);
    REDIS_SEND(&importer->offline, importer->shard, SLICE("ZADD"), buffer_slice(&list), SLICE("0"),
               importer->room_key);
    reply = REDIS_CALL(importer->shard, SLICE("INCR"), buffer_slice(&count));
    snprintf(number, sizeof(number), "%lld", (long long)reply->integer);
    REDIS_SEND(&importer->offline, importer->shard, SLICE("ZADD"), buffer_slice(&changes),
               slice_of_string(number), importer->room_key);
    buffer_close(&list);
    buffer_close(&count);
    buffer_close(&changes);
}

static bool put_room(struct importer *importer, sqlite3_stmt *room) {
    uint64_t gone = (uint64_t)sqlite3_column_int64(room, 4);
    int64_t id = sqlite3_column_int64(room, 0);

    begin_room(importer, sqlite_column_slice(room, 1));
    forget_room(importer, importer->room_key);
    importer->last = gone;
    importer->time_us = sqlite3_column_int64(room, 5);
    if (!put_entries(importer, id) || !put_old_cids(importer, id))
        return false;
    put_head(importer, sqlite_column_slice(room, 2), sqlite_column_slice(room, 3), gone);
    announce_room(importer);
    importer->counts.rooms++;
    return importer->offline.refused == 0;
}

typedef bool each_room(struct importer *importer, sqlite3_stmt *room);

static bool for_rooms(struct importer *importer, each_room *act) {
    sqlite3_stmt *room = sqlite_offline_query(&importer->source, SQLITE_ROOMS, 0);
    bool good = true;
    int code = SQLITE_DONE;

    while (good && (code = sqlite3_step(room)) == SQLITE_ROW)
        good = act(importer, room);
    sqlite3_finalize(room);
    return good && code == SQLITE_DONE;
}

static bool take_back(struct importer *importer, sqlite3_stmt *room) {
    forget_room(importer, sqlite_column_slice(room, 1));
    return true;
}

/* Answers are in order: behind this all others have come. */
static bool all_taken(struct importer *importer) {
    for (size_t i = 0; i < importer->offline.options->shard_count; i++) {
        if (REDIS_CALL(importer->offline.shards[i], SLICE("PING"))->kind != REDIS_STATUS)
            importer->offline.refused++;
    }
    return importer->offline.refused == 0;
}

static int copy_rooms(struct importer *importer, struct buffer *message) {
    bool good = for_rooms(importer, put_room);

    if (all_taken(importer) && good)
        return 0;
    buffer_append_format(message, "Redis does not take it: %llu commands were refused",
                         (unsigned long long)importer->offline.refused);
    if (!for_rooms(importer, take_back) || !all_taken(importer))
        buffer_append_string(message, ", and what was written before is still there");
    return ERR_IO;
}

/* Whether a server is alive that uses this namespace. One that died is not. */
static bool has_servers(const struct redis_offline *offline, struct redis *shard) {
    struct buffer key = {0}, nodes = {0};
    struct slice rest, node;
    bool found = false;
    const struct redis_reply *reply =
        REDIS_CALL(shard, SLICE("SMEMBERS"), redis_offline_key(offline, &key, "nodes", SLICE_NONE));

    for (size_t i = 0; reply->kind == REDIS_ARRAY && i < reply->count; i++)
        record_put(&nodes, reply_text(reply, i));
    rest = buffer_slice(&nodes);
    while (!found && record_take(&rest, &node)) {
        reply = REDIS_CALL(shard, SLICE("EXISTS"), redis_offline_key(offline, &key, "node", node));
        found = reply->kind != REDIS_INTEGER || reply->integer != 0;
    }
    buffer_close(&key);
    buffer_close(&nodes);
    return found;
}

/* Whether nothing is there that would be mixed with what comes. The rooms that only servers use are
 * there as soon as one ran, and are replaced. */
static int check_empty(struct importer *importer, struct buffer *message) {
    const struct redis_offline *offline = &importer->offline;
    struct buffer key = {0};
    bool empty = true;

    for (size_t i = 0; i < offline->options->shard_count; i++) {
        struct redis *shard = offline->shards[i];
        const struct redis_reply *reply = REDIS_CALL(
            shard, SLICE("ZCARD"), redis_offline_key(offline, &key, "rooms", SLICE_NONE));
        empty = empty && reply->kind == REDIS_INTEGER && reply->integer == 0;
        empty = empty && !has_servers(offline, shard);
    }
    buffer_close(&key);
    if (empty)
        return 0;
    buffer_append_format(message,
                         "Redis has rooms or servers under \"%.*s\" already: stop the servers, and "
                         "import under another redis_namespace or into another database",
                         SLICE_ARGS(offline->name_space));
    return ERR_IO;
}

static int copy_folder(struct importer *importer, const struct store_redis_options *options,
                       const char *folder, struct buffer *message) {
    int error = redis_offline_open(&importer->offline, options, message);

    if (error)
        return error;
    error = check_empty(importer, message);
    if (!error)
        error = sqlite_offline_open(&importer->source, folder, message);
    if (!error)
        error = copy_rooms(importer, message);
    sqlite_offline_close(&importer->source);
    redis_offline_close(&importer->offline);
    buffer_close(&importer->keys.log);
    buffer_close(&importer->keys.erased);
    buffer_close(&importer->keys.edits);
    buffer_close(&importer->keys.cids);
    buffer_close(&importer->keys.head);
    return error;
}

static void remove_folder(const char *folder) {
    DIR *files = opendir(folder);
    const struct dirent *file;

    while (files && (file = readdir(files)))
        unlinkat(dirfd(files), file->d_name, 0);
    if (files)
        closedir(files);
    rmdir(folder);
}

int redis_archive_import(const struct store_redis_options *options, const char *folder, FILE *file,
                         const char *name, struct archive_counts *counts, struct buffer *message) {
    struct importer importer = {0};
    int error;

    if (access(folder, F_OK) == 0) {
        buffer_append_format(message, "%s is left from an import that was ended: remove it",
                             folder);
        return ERR_IO;
    }
    error = archive_import(folder, file, name, counts, message);
    if (!error)
        error = copy_folder(&importer, options, folder, message);
    remove_folder(folder);
    *counts = importer.counts;
    return error;
}
