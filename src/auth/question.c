#include "auth/question.h"

#include <sodium.h>
#include <string.h>

#include "auth/vouch.h"
#include "base/memory.h"

/* Puts a copy at `*to`, which is advanced past it and a zero. */
static struct slice place(struct slice text, char **to) {
    struct slice placed = slice_from(*to, text.length);

    if (text.length > 0)
        memcpy(*to, text.data, text.length);
    *to += text.length + 1;
    return placed;
}

static void fill(struct question *question, struct slice name, struct slice secret,
                 struct slice address) {
    char *to;

    question->memory_size = name.length + secret.length + address.length + 3;
    question->memory = to = memory_new(question->memory_size);
    question->name = place(name, &to);
    question->secret = place(secret, &to);
    question->address = place(address, &to);
}

static void wipe_memory(struct question *question) {
    if (question->memory)
        sodium_memzero(question->memory, question->memory_size);
    memory_free(question->memory);
}

struct question *question_new(enum question_kind kind, uint64_t connection,
                              const struct credential *credential, struct slice address) {
    struct question *question = memory_new_struct(struct question);

    question->kind = kind;
    question->connection = connection;
    if (!credential)
        return question;
    question->passing = credential->passing;
    fill(question, credential->name, credential->secret, address);
    return question;
}

void question_free(struct question *question) {
    if (!question)
        return;
    wipe_memory(question);
    sodium_memzero(question->hash, sizeof(question->hash));
    sodium_memzero(question->ticket, sizeof(question->ticket));
    principal_free(question->principal);
    jwt_setup_free(question->setup);
    memory_free(question->notices);
    buffer_close(&question->text);
    memory_free(question);
}

void question_exchange(struct question *question, struct slice token) {
    struct question old = *question;

    question->kind = QUESTION_TOKEN;
    question->exchanged = true;
    fill(question, SLICE_NONE, token, old.address);
    wipe_memory(&old);
}

void question_refuse(struct question *question, int error, const char *why) {
    question->error = error;
    question->why = why;
}

void question_add_notice(struct question *question, const struct notice *notice) {
    size_t size = (question->notice_count + 1) * sizeof(*notice);
    struct notice *added;

    /* In steps of a power of two. */
    if ((question->notice_count & (question->notice_count - 1)) == 0)
        question->notices = memory_resize(
            question->notices, question->notice_count ? 2 * (size - sizeof(*notice)) : size);
    added = &question->notices[question->notice_count++];
    *added = *notice;
    added->name_offset = buffer_length(&question->text);
    buffer_append_slice(&question->text, notice->name);
}

struct notice question_notice(const struct question *question, size_t index) {
    struct notice notice = question->notices[index];
    const char *text = buffer_slice(&question->text).data;

    notice.name = slice_from(text ? text + notice.name_offset : NULL, notice.name.length);
    return notice;
}
