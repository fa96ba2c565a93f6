/* Answers as a hub could give them, with the client's own words in every place where there may be
 * words of others. A name or a secret that begins with 'x' is refused. */
#include "base/text.h"
#include "talk.h"

#define SOME_TIME INT64_C(1770978645123456)
#define SOME_ID "01JM0000000000000000000042"
#define SOME_EPOCH SLICE("k3f")

struct answer {
    struct reply reply;
    struct entry *entry;
    struct slice entry_room;
    struct reply_item item;
    struct reply_rules rules;
    struct reply_rule rule;
    struct buffer label, line;
};

static bool is_refused(const struct request *request) {
    return slice_starts_with(request->name, SLICE("x")) ||
           slice_starts_with(request->credential.secret, SLICE("x")) ||
           slice_starts_with(request->room, SLICE("x"));
}

static void refuse(struct answer *answer, const struct request *request) {
    bool shown = request->credential.kind != CREDENTIAL_NONE;

    answer->reply.kind = REPLY_ERROR;
    answer->reply.error = shown ? ERR_UNAUTHORIZED : ERR_NAME_TAKEN;
    if (request->room.length > 0) {
        answer->reply.error = ERR_NOT_FOUND;
        text_append_line(&answer->line, request->room);
        answer->reply.text = buffer_slice(&answer->line);
    }
}

/* An entry that says what was said. */
static void make_entry(struct answer *answer, const struct request *request) {
    struct entry_body body = {.kind = request->entry,
                              .cid = request->cid,
                              .content = request->content,
                              .key = request->key,
                              .meta = request->meta,
                              .removal = request->removal,
                              .re = request->re,
                              .of = request->of};

    if (text_append_label(&answer->label, request->sender) < 0) {
        buffer_clear(&answer->label);
        buffer_append_string(&answer->label, "ann has left\xe2\x80\x8b");
    }
    body.sender = buffer_slice(&answer->label);
    answer->entry = entry_new(&body, 42, SOME_TIME, SOME_ID);
    answer->reply.entries = &answer->entry;
    answer->reply.entry_count = 1;
    answer->entry_room = answer->reply.room;
    answer->reply.entry_rooms = &answer->entry_room;
}

static void make_rules(struct answer *answer, const struct request *request) {
    answer->rule = (struct reply_rule){.kind = SLICE("ban"),
                                       .name = request->name,
                                       .reason = request->reason,
                                       .by = SLICE("ann"),
                                       .until_us = SOME_TIME};
    answer->rules = (struct reply_rules){
        .access = SLICE("members"), .posting = SLICE("all"), .items = &answer->rule, .count = 1};
    answer->reply.rules = &answer->rules;
}

static void make_list(struct answer *answer, const struct request *request) {
    answer->item = (struct reply_item){.name = answer->reply.room,
                                       .topic = request->content,
                                       .epoch = SOME_EPOCH,
                                       .last = 41,
                                       .client_count = 1};
    answer->reply.items = &answer->item;
    answer->reply.item_count = 1;
}

static enum reply_kind kind_for(enum request_kind asked) {
    switch (asked) {
    case REQUEST_HELLO:
        return REPLY_WELCOME;
    case REQUEST_NAME:
        return REPLY_NAMED;
    case REQUEST_TICKET:
        return REPLY_TICKET;
    case REQUEST_JOIN:
        return REPLY_JOINED;
    case REQUEST_HISTORY:
        return REPLY_BATCH;
    case REQUEST_SEARCH:
        return REPLY_FOUND;
    case REQUEST_ROOMS:
        return REPLY_ROOMS;
    case REQUEST_MEMBERS:
        return REPLY_MEMBERS;
    case REQUEST_NAMES:
        return REPLY_NAMES;
    case REQUEST_TOKEN:
        return REPLY_TOKEN;
    case REQUEST_RULES:
        return REPLY_RULES;
    case REQUEST_AUDIT:
        return REPLY_AUDIT;
    default:
        return REPLY_ACK;
    }
}

void talk_answer(const struct protocol *protocol, void *state,
                 const struct protocol_settings *settings, const struct request *request,
                 struct buffer *output) {
    struct answer answer = {
        .reply = {.kind = kind_for(request->kind),
                  .cid = request->cid,
                  .room = request->room.length > 0 ? request->room : SLICE("lobby"),
                  .name = request->name,
                  .session = SLICE("secret"),
                  .epoch = SOME_EPOCH,
                  .topic = request->content,
                  .first = 1,
                  .last = 42,
                  .timestamp_us = SOME_TIME,
                  .greeting = true,
                  .outcome = {.seq = 42, .timestamp_us = SOME_TIME, .id = SOME_ID}}};

    make_list(&answer, request);
    make_rules(&answer, request);
    make_entry(&answer, request);
    if (is_refused(request)) {
        refuse(&answer, request);
    }
    protocol->reply(state, settings, &answer.reply, output);
    entry_unref(answer.entry);
    buffer_close(&answer.label);
    buffer_close(&answer.line);
}
