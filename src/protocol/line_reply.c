/* How the hub's answers read in the line protocol. */
#include "base/signature.h"
#include "base/text.h"
#include "protocol/line.h"

static void append_line(struct buffer *output, const char *before, struct slice words,
                        const char *after) {
    buffer_append_string(output, before);
    plain_append_text(output, words);
    buffer_append_string(output, after);
    buffer_append_char(output, '\n');
}

static void enter(struct line_state *state, enum line_stage stage) {
    line_begin_again(state);
    if (state->stage != LINE_LEFT)
        state->stage = stage;
}

/* The answer to the prompt (a greeting), or to /nick: there the line that the room shows to all is
 * enough. */
static void named(struct line_state *state, const struct reply *reply, struct buffer *output) {
    enter(state, LINE_NAMED);
    if (!reply->greeting) {
        if (!reply->announced)
            append_line(output, "You are now known as ", reply->name, "");
        return;
    }
    append_line(output, "", reply->name, " has connected");
    append_line(output, "Welcome ", reply->name, ". Send QUIT to disconnect.");
}

/* The answer to /resume. Who was in no room yet is greeted besides, once in the lobby. */
static void welcome(struct line_state *state, const struct reply *reply, struct buffer *output) {
    if (reply->name.length > 0) {
        enter(state, LINE_NAMED);
        append_line(output, "You are ", reply->name, " again.");
    } else {
        enter(state, LINE_UNNAMED);
        line_complain(state, SLICE("That session has no name yet"), output);
    }
}

static void joined(const struct reply *reply, struct buffer *output) {
    buffer_append_string(output, "You are in ");
    plain_append_text(output, reply->room);
    buffer_append_format(output, ". %u here.\n", reply->client_count);
    if (reply->topic.length > 0)
        append_line(output, "The topic is ", reply->topic, "");
}

static void batch(const struct reply *reply, struct buffer *output) {
    if (reply->entry_count == 0 && !reply->catching_up)
        append_line(output, "Nothing has been said in ", reply->room, " yet.");
    plain_append_batch(output, &line_feed, FORMAT_LINE, reply);
}

/* "general Jason: Hello there!" */
static void found(const struct reply *reply, struct buffer *output) {
    struct buffer prefix = {0};
    if (reply->entry_count == 0)
        buffer_append_string(output, "Nothing was found.\n");
    for (size_t i = 0; i < reply->entry_count; i++) {
        const struct entry_body *body = &reply->entries[i]->body;
        buffer_clear(&prefix);
        plain_append_text(&prefix, reply->entry_rooms[i]);
        buffer_append_char(&prefix, ' ');
        signature_append(&prefix, body->sender);
        buffer_append_string(&prefix, ": ");
        plain_append_lines(output, buffer_slice(&prefix), body->content);
    }
    if (reply->more)
        buffer_append_string(output, "There is more; more words find less.\n");
    buffer_close(&prefix);
}

/* "lobby - 42 messages, 3 here - Release day" */
static void rooms(const struct reply *reply, struct buffer *output) {
    if (reply->item_count == 0)
        buffer_append_string(output, "There are no rooms yet.\n");
    for (size_t i = 0; i < reply->item_count; i++) {
        const struct reply_item *item = &reply->items[i];
        plain_append_text(output, item->name);
        buffer_append_format(output, " - %llu messages, %u here", (unsigned long long)item->last,
                             item->client_count);
        if (item->topic.length > 0)
            buffer_append_string(output, " - ");
        plain_append_text(output, item->topic);
        buffer_append_char(output, '\n');
    }
}

static void members(const struct reply *reply, struct buffer *output) {
    const char *separator = ": ";
    buffer_append_string(output, "In ");
    plain_append_text(output, reply->room);
    for (size_t i = 0; i < reply->item_count; i++) {
        if (reply->items[i].name.length == 0)
            continue;
        buffer_append_string(output, separator);
        plain_append_text(output, reply->items[i].name);
        separator = ", ";
    }
    buffer_append_char(output, '\n');
}

static void token(const struct reply *reply, struct buffer *output) {
    buffer_append_string(output, "Your token is ");
    buffer_append_slice(output, reply->session);
    append_line(output, " (to go on from another connection, send there: /resume ", reply->session,
                ")");
}

void line_refuse_login(struct line_state *state, struct buffer *output) {
    line_begin_again(state);
    bool prompting = state->stage == LINE_UNNAMED && state->guesses < LIMIT_LOGIN_ATTEMPTS;
    buffer_append_string(output, "error: Wrong name or password\n");
    buffer_append_string(output, prompting ? LINE_PROMPT : "");
}

/* Which is often the first time that we hear of an account. */
static void error(struct line_state *state, const struct reply *reply, struct buffer *output) {
    bool unauthorized = reply->error == ERR_UNAUTHORIZED;
    if (unauthorized && slice_equal(reply->cid, LINE_LOGIN)) {
        state->guesses++;
        line_refuse_login(state, output);
        return;
    }
    if (unauthorized && state->stage == LINE_NAMING && state->name) {
        state->stage = LINE_PASSWORD;
        buffer_append_string(output, "Password:\n");
        return;
    }
    line_begin_again(state);
    if (unauthorized && slice_equal(reply->cid, LINE_NICK))
        line_complain(state,
                      SLICE("that name has an account, prove that it is yours: /login NAME "
                            "PASSWORD"),
                      output);
    else
        line_complain(state, plain_error(reply), output);
}

void line_reply(void *opaque, const struct protocol_settings *settings, const struct reply *reply,
                struct buffer *output) {
    (void)settings;
    struct line_state *state = opaque;
    switch (reply->kind) {
    case REPLY_NAMED:
        named(state, reply, output);
        break;
    case REPLY_WELCOME:
        welcome(state, reply, output);
        break;
    case REPLY_JOINED:
        joined(reply, output);
        break;
    case REPLY_GAP:
        append_line(output, "Some messages of ", reply->room, " are not kept any more.");
        break;
    case REPLY_BATCH:
        batch(reply, output);
        break;
    case REPLY_FOUND:
        found(reply, output);
        break;
    case REPLY_ROOMS:
        rooms(reply, output);
        break;
    case REPLY_MEMBERS:
        members(reply, output);
        break;
    case REPLY_TOKEN:
        token(reply, output);
        break;
    case REPLY_NOTICE:
        append_line(output, "", reply->text, "");
        break;
    case REPLY_RULES:
        line_append_rules(output, reply);
        break;
    case REPLY_AUDIT:
        line_append_audit(output, reply);
        break;
    case REPLY_ERROR:
        error(state, reply, output);
        break;
    case REPLY_CONNECTED: /* one's own greeting says it */
    case REPLY_ACK:       /* one's own line comes back */
    case REPLY_LIVE:
    case REPLY_NAMES:
    case REPLY_TICKET:
    case REPLY_READ:
        break;
    }
}
