/* Rules of rooms in the line protocol: commands about the room one is in, and how they are shown.
 */
#include "base/cidr.h"
#include "base/timestamp.h"
#include "hub/rule.h"
#include "protocol/line.h"

static enum feed_result ask(struct feed *feed, struct request request) {
    feed->request = request;
    return FEED_REQUEST;
}

static enum feed_result complain(struct line_state *state, struct feed *feed, const char *text) {
    line_complain(state, slice_of_string(text), feed->output);
    return FEED_AGAIN;
}

static struct slice cut_word(struct slice *rest) {
    struct slice word = slice_cut(rest, ' ');
    *rest = slice_trim(*rest);
    return word;
}

/* What may be a name as well as an address is an address: /kick and /mute are for names only. */
static enum feed_result act(struct feed *feed, enum rule_kind kind, struct slice arguments) {
    struct request request = {.kind = REQUEST_RULE, .rule = kind};
    struct slice whom = cut_word(&arguments);
    struct slice rest = arguments;
    struct cidr addresses;
    bool timed = kind == RULE_BAN || kind == RULE_MUTE;
    bool by_address = kind == RULE_BAN || kind == RULE_UNBAN;
    if (by_address && (cidr_parse(whom, &addresses) == 0 || slice_find(whom, '/') >= 0))
        request.subject = whom;
    else
        request.name = whom;
    if (timed && slice_to_u64(cut_word(&rest), &request.seconds))
        arguments = rest;
    request.reason = arguments;
    return ask(feed, request);
}

enum feed_result line_invite(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    return act(feed, RULE_INVITE, arguments);
}

enum feed_result line_kick(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    return act(feed, RULE_KICK, arguments);
}

enum feed_result line_ban(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    return act(feed, RULE_BAN, arguments);
}

enum feed_result line_unban(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    return act(feed, RULE_UNBAN, arguments);
}

enum feed_result line_mute(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    return act(feed, RULE_MUTE, arguments);
}

enum feed_result line_unmute(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    return act(feed, RULE_UNMUTE, arguments);
}

enum feed_result line_role(struct line_state *state, struct feed *feed, struct slice arguments) {
    struct request request = {.kind = REQUEST_RULE, .rule = RULE_ROLE};
    request.name = cut_word(&arguments);
    if (!role_parse(arguments, &request.role))
        return complain(state, feed, "usage: /role NAME guest|member|moderator|owner");
    return ask(feed, request);
}

enum feed_result line_set(struct line_state *state, struct feed *feed, struct slice arguments) {
    struct request request = {.kind = REQUEST_RULE, .rule = RULE_SET};
    request.key = cut_word(&arguments);
    request.content = arguments;
    if (arguments.length == 0)
        return complain(state, feed, "usage: /set " RULE_SETTINGS);
    return ask(feed, request);
}

enum feed_result line_rules(struct line_state *state, struct feed *feed, struct slice arguments) {
    (void)state;
    (void)arguments;
    return ask(feed, (struct request){.kind = REQUEST_RULES});
}

enum feed_result line_audit(struct line_state *state, struct feed *feed, struct slice before) {
    struct request request = {.kind = REQUEST_AUDIT, .limit = 20};
    if (slice_starts_with(before, SLICE("#")))
        before = slice_skip(before, 1);
    if (before.length > 0 && !slice_to_u64(before, &request.before))
        return complain(state, feed, "usage: /audit [NUMBER]");
    return ask(feed, request);
}

static void append_member(struct buffer *output, const char *key, struct slice value) {
    if (value.length > 0) {
        buffer_append_string(output, key);
        plain_append_text(output, value);
    }
}

static void append_rule(struct buffer *output, const struct reply_rule *rule) {
    buffer_append_slice(output, rule->kind);
    append_member(output, " ", rule->name);
    append_member(output, " ", rule->address);
    append_member(output, " ", rule->role);
    append_member(output, " by ", rule->by);
    if (rule->until_us > 0) {
        buffer_append_string(output, " until ");
        buffer_append_timestamp(output, rule->until_us);
    }
    append_member(output, ": ", rule->reason);
    buffer_append_char(output, '\n');
}

void line_append_rules(struct buffer *output, const struct reply *reply) {
    const struct reply_rules *rules = reply->rules;
    buffer_append_string(output, "Rules of ");
    plain_append_text(output, reply->room);
    append_member(output, ": access ", rules->access);
    append_member(output, ", posting ", rules->posting);
    buffer_append_format(output, ", slow %u, registered_only %s, topic_lock %s\n", rules->slow_s,
                         rules->registered_only ? "on" : "off", rules->topic_lock ? "on" : "off");
    for (size_t i = 0; i < rules->count; i++)
        append_rule(output, &rules->items[i]);
    if (reply->more)
        buffer_append_string(output, "There are more.\n");
}

/* "#12 2026-02-13T10:30:45.123456Z ann has kicked bob from ops: spam" */
static void append_change(struct buffer *output, const struct entry *entry, struct buffer *memory) {
    struct buffer sentence = {0};
    struct rule rule;
    buffer_clear(memory);
    if (rule_read(entry->body.content, memory, &rule) < 0)
        return;
    rule_tell(&rule, entry->body.sender, &sentence);
    if (rule.kind == RULE_CREATE) {
        buffer_append_slice(&sentence, entry->body.sender);
        buffer_append_string(&sentence, " has made the room");
    }
    buffer_append_char(output, '#');
    buffer_append_u64(output, entry->seq);
    buffer_append_char(output, ' ');
    buffer_append_timestamp(output, entry->timestamp_us);
    append_member(output, " ", buffer_slice(&sentence));
    buffer_append_char(output, '\n');
    buffer_close(&sentence);
}

void line_append_audit(struct buffer *output, const struct reply *reply) {
    struct buffer memory = {0};
    for (size_t i = 0; i < reply->entry_count; i++)
        append_change(output, reply->entries[i], &memory);
    if (reply->entry_count == 0 && !reply->more)
        buffer_append_string(output, "Nothing was changed.\n");
    if (reply->more)
        buffer_append_format(output, "There is more: /audit #%llu\n",
                             (unsigned long long)reply->first);
    buffer_close(&memory);
}
