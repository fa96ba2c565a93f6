/* hiredis calls back for each part of an answer as it is complete. What it is told lies in an arena
 * that is emptied with each answer: an answer has many small parts, and all go at once.
 *
 * What bounds an answer: hiredis keeps the bytes of the part that is being read, and asks for the
 * memory of what has been read. Both are counted here. It looks for the end of a line from its
 * beginning each time bytes come, so a line has a limit of its own. */
#include "redis/redis_reply.h"

#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define BLOCK_SIZE ((size_t)16 * 1024)
/* At once: when an answer has been read hiredis moves up all that follows it. */
#define FEED_SIZE ((size_t)16 * 1024)
/* A status, an error or a number. */
#define LINE_MAX ((size_t)64 * 1024)

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

struct redis_reader {
    redisReader *codec;
    struct block *blocks; /* the newest first */
    size_t taken;         /* bytes of the arena that this answer has */
    bool too_large;
    bool complete; /* an answer was handed out; the arena may be emptied */
    struct redis_reply root;
};

const struct redis_reply redis_reply_lost = {.kind = REDIS_LOST};

/* One block of the usual size stays for the next answer. */
static void empty_arena(struct redis_reader *reader, bool keep) {
    struct block *kept = NULL;

    while (reader->blocks) {
        struct block *block = reader->blocks;
        reader->blocks = block->next;
        if (keep && !kept && block->size == BLOCK_SIZE)
            kept = block;
        else
            memory_free(block);
    }
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
    reader->blocks = kept;
    reader->taken = 0;
}

static void add_block(struct redis_reader *reader, size_t size) {
    struct block *block;

    if (size < BLOCK_SIZE)
        size = BLOCK_SIZE;
    block = memory_resize(NULL, sizeof(*block) + size);
    *block = (struct block){.next = reader->blocks, .size = size};
    reader->blocks = block;
}

/* NULL: that is more than an answer may have. */
static void *take(struct redis_reader *reader, size_t size) {
    size_t aligned = (size + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
    void *taken;

    if (size > REDIS_REPLY_MAX || reader->taken + aligned > REDIS_REPLY_MAX) {
        reader->too_large = true;
        return NULL;
    }
    if (!reader->blocks || reader->blocks->size - reader->blocks->used < aligned)
        add_block(reader, aligned);
    taken = reader->blocks->bytes + reader->blocks->used;
    reader->blocks->used += aligned;
    reader->taken += aligned;
    return taken;
}

/* Where the part that has been read belongs: in the array that it is an item of. */
static struct redis_reply *place_of(const redisReadTask *task) {
    struct redis_reader *reader = task->privdata;

    if (!task->parent)
        return &reader->root;
    return (struct redis_reply *)((struct redis_reply *)task->parent->obj)->items + task->idx;
}

static void *read_text(const redisReadTask *task, char *text, size_t length) {
    struct redis_reply *reply = place_of(task);
    char *copy = take(task->privdata, length);

    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    *reply = (struct redis_reply){.kind = REDIS_BULK, .text = slice_from(copy, length)};
    if (task->type == REDIS_REPLY_STATUS)
        reply->kind = REDIS_STATUS;
    else if (task->type == REDIS_REPLY_ERROR)
        reply->kind = REDIS_ERROR;
    return reply;
}

#if HIREDIS_MAJOR < 1
typedef int array_length;
#else
typedef size_t array_length;

/* RESP3, which nobody has asked for. */
static void *refuse_double(const redisReadTask *task, double value, char *text, size_t length) {
    (void)task, (void)value, (void)text, (void)length;
    return NULL;
}

static void *refuse_boolean(const redisReadTask *task, int value) {
    (void)task, (void)value;
    return NULL;
}
#endif

static void *read_array(const redisReadTask *task, array_length length) {
    struct redis_reply *reply = place_of(task);
    size_t count = (size_t)length;
    struct redis_reply *items = NULL;

    if (count <= REDIS_REPLY_MAX / sizeof(*items))
        items = take(task->privdata, count * sizeof(*items));
    if (!items) {
        ((struct redis_reader *)task->privdata)->too_large = true;
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        items[i] = (struct redis_reply){.kind = REDIS_NIL};
    *reply = (struct redis_reply){.kind = REDIS_ARRAY, .items = items, .count = count};
    return reply;
}

static void *read_integer(const redisReadTask *task, long long value) {
    struct redis_reply *reply = place_of(task);

    *reply = (struct redis_reply){.kind = REDIS_INTEGER, .integer = value};
    return reply;
}

static void *read_nil(const redisReadTask *task) {
    struct redis_reply *reply = place_of(task);

    *reply = (struct redis_reply){.kind = REDIS_NIL};
    return reply;
}

/* All lies in the arena. */
static void forget(void *reply) {
    (void)reply;
}

struct redis_reader *redis_reader_new(void) {
    static const redisReplyObjectFunctions functions = {
        .createString = read_text,
        .createArray = read_array,
        .createInteger = read_integer,
        .createNil = read_nil,
#if HIREDIS_MAJOR >= 1
        .createDouble = refuse_double,
        .createBool = refuse_boolean,
#endif
        .freeObject = forget,
    };
    struct redis_reader *reader = memory_new_struct(struct redis_reader);

    /* hiredis does not change them, it only does not say so. */
    reader->codec = redisReaderCreateWithFunctions((redisReplyObjectFunctions *)&functions);
    if (!reader->codec)
        abort();
    reader->codec->privdata = reader;
    return reader;
}

void redis_reader_free(struct redis_reader *reader) {
    if (!reader)
        return;
    redisReaderFree(reader->codec);
    empty_arena(reader, false);
    memory_free(reader);
}

/* What has been fed and is part of no complete answer must not grow without bound. */
static int check_unread(const struct redis_reader *reader) {
    size_t unread = reader->codec->len - reader->codec->pos;

    if (unread > REDIS_REPLY_MAX)
        return ERR_TOO_LARGE;
    if (unread > LINE_MAX && !memchr(reader->codec->buf + reader->codec->pos, '\n', LINE_MAX))
        return ERR_TOO_LARGE;
    return 0;
}

int redis_reader_next(struct redis_reader *reader, struct slice *input,
                      const struct redis_reply **reply) {
    void *complete = NULL;

    if (reader->complete)
        empty_arena(reader, true);
    reader->complete = false;
    for (;;) {
        size_t size = input->length < FEED_SIZE ? input->length : FEED_SIZE;
        int error = 0;
        if (redisReaderGetReply(reader->codec, &complete) != REDIS_OK)
            return reader->too_large ? ERR_TOO_LARGE : ERR_PROTOCOL;
        if (complete || size == 0)
            break;
        if (redisReaderFeed(reader->codec, input->data, size) != REDIS_OK)
            return ERR_PROTOCOL;
        *input = slice_skip(*input, size);
        error = check_unread(reader);
        if (error)
            return error;
    }
    reader->complete = complete != NULL;
    *reply = complete;
    return 0;
}

void redis_append_command(struct buffer *output, const struct slice *arguments, size_t count) {
    buffer_append_char(output, '*');
    buffer_append_u64(output, count);
    for (size_t i = 0; i < count; i++) {
        buffer_append(output, "\r\n$", 3);
        buffer_append_u64(output, arguments[i].length);
        buffer_append(output, "\r\n", 2);
        buffer_append_slice(output, arguments[i]);
    }
    buffer_append(output, "\r\n", 2);
}

/* Of all that hangs on it. */
static void measure(const struct redis_reply *reply, size_t *replies, size_t *bytes) {
    *replies += 1;
    *bytes += reply->text.length;
    for (size_t i = 0; i < reply->count; i++)
        measure(&reply->items[i], replies, bytes);
}

static void copy_into(struct redis_reply *place, const struct redis_reply *reply,
                      struct redis_reply **replies, char **bytes) {
    struct redis_reply *items = *replies;

    *place = *reply;
    if (reply->text.length > 0) {
        memcpy(*bytes, reply->text.data, reply->text.length);
        place->text.data = *bytes;
        *bytes += reply->text.length;
    }
    *replies += reply->count;
    for (size_t i = 0; i < reply->count; i++)
        copy_into(&items[i], &reply->items[i], replies, bytes);
    place->items = items;
}

struct redis_reply *redis_reply_copy(const struct redis_reply *reply) {
    size_t replies = 0, bytes = 0;
    struct redis_reply *copy, *next;
    char *text;

    measure(reply, &replies, &bytes);
    copy = memory_new(replies * sizeof(*copy) + bytes);
    next = copy + 1;
    text = (char *)(copy + replies);
    copy_into(copy, reply, &next, &text);
    return copy;
}

bool redis_reply_is_error(const struct redis_reply *reply, const char *kind) {
    struct slice rest = reply->text;

    return reply->kind == REDIS_ERROR && slice_equal(slice_cut(&rest, ' '), slice_of_string(kind));
}

const struct redis_reply *redis_reply_item(const struct redis_reply *reply, size_t index) {
    static const struct redis_reply nil = {.kind = REDIS_NIL};

    return reply->kind == REDIS_ARRAY && index < reply->count ? &reply->items[index] : &nil;
}
