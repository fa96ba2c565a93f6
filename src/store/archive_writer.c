#include "store/archive_writer.h"

#include "store/archive.h"
#include "store/archive_words.h"
#include "wire/json.h"

static void put_line(struct archive_writer *writer) {
    struct slice line = buffer_slice(&writer->line);
    fwrite(line.data, 1, line.length, writer->file);
    fputc('\n', writer->file);
    buffer_clear(&writer->line);
}

static void put_identity(struct buffer *line, const struct identity *identity) {
    json_append_key(line, "identity");
    buffer_append_char(line, '"');
    for (size_t i = 0; i < IDENTITY_SIZE; i++) {
        buffer_append_format(line, "%02x", identity->bytes[i]);
    }
    buffer_append_char(line, '"');
}

static void put_hash(struct buffer *line, uint64_t hash) {
    buffer_append_format(line, ",\"hash\":\"%016llx\"", (unsigned long long)hash);
}

static void put_optional(struct buffer *line, const char *key, struct slice text) {
    if (text.length > 0) {
        json_append_string_member(line, key, text);
    }
}

static void put_number(struct buffer *line, const char *key, uint64_t number) {
    if (number > 0) {
        json_append_u64_member(line, key, number);
    }
}

static void put_switch(struct buffer *line, const char *key, bool on) {
    if (on) {
        json_append_key(line, key);
        buffer_append_string(line, "true");
    }
}

void archive_put_entry(struct archive_writer *writer, const struct entry *entry, uint64_t hash) {
    const struct entry_body *body = &entry->body;
    struct buffer *line = &writer->line;
    buffer_append_format(line, "{\"seq\":%llu,\"id\":\"%s\"", (unsigned long long)entry->seq,
                         entry->id);
    json_append_u64_member(line, "time", (uint64_t)entry->timestamp_us);
    json_append_string_member(line, "kind", slice_of_string(archive_kinds[body->kind]));
    json_append_string_member(line, "sender", body->sender);
    put_identity(line, &body->identity);
    if (body->cid.length > 0) {
        json_append_string_member(line, "cid", body->cid);
        put_hash(line, hash);
    }
    json_append_string_member(line, "content", body->content);
    put_number(line, "re", body->re);
    put_number(line, "of", body->of);
    put_optional(line, "key", body->key);
    put_switch(line, "removal", body->removal);
    put_optional(line, "meta", body->meta);
    put_switch(line, "deleted", body->deleted);
    buffer_append_char(line, '}');
    put_line(writer);
    writer->counts.entries++;
}

void archive_put_old_cid(struct archive_writer *writer, const struct archive_old_cid *old) {
    struct buffer *line = &writer->line;
    buffer_append_string(line, "{\"old_cid\":");
    json_append_string(line, old->cid);
    put_identity(line, &old->identity);
    put_hash(line, old->hash);
    json_append_u64_member(line, "seq", old->seq);
    json_append_string_member(line, "id", old->id);
    json_append_u64_member(line, "time", (uint64_t)old->timestamp_us);
    buffer_append_char(line, '}');
    put_line(writer);
}

void archive_put_room(struct archive_writer *writer, const struct archive_room *room) {
    struct buffer *line = &writer->line;
    buffer_append_string(line, "{\"room\":");
    json_append_string(line, room->key);
    json_append_string_member(line, "name", room->name);
    put_optional(line, "topic", room->topic);
    put_number(line, "gone", room->gone);
    put_number(line, "gone_time", (uint64_t)room->gone_us);
    buffer_append_char(line, '}');
    put_line(writer);
    writer->counts.rooms++;
}

void archive_put_head(struct archive_writer *writer, struct slice epoch) {
    buffer_append_string(&writer->line, "{\"format\":\"" ARCHIVE_FORMAT "\"");
    json_append_u64_member(&writer->line, "version", ARCHIVE_VERSION);
    json_append_string_member(&writer->line, "epoch", epoch);
    buffer_append_char(&writer->line, '}');
    put_line(writer);
}

int archive_finish(struct archive_writer *writer, struct buffer *message) {
    buffer_close(&writer->line);
    if (fflush(writer->file) == 0 && !ferror(writer->file)) {
        return 0;
    }
    buffer_append_string(message, "cannot write the archive: is the disk full?");
    return ERR_IO;
}
