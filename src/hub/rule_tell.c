/* Rules in sentences for people. */
#include "hub/rule.h"

static const struct {
    const char *before, *between; /* the name of whom it is about, and the room's */
} sentences[] = {
    [RULE_CREATE] = {NULL, NULL},
    [RULE_SET] = {NULL, NULL},
    [RULE_ROLE] = {NULL, NULL},
    [RULE_INVITE] = {" has invited ", " to "},
    [RULE_KICK] = {" has kicked ", " from "},
    [RULE_BAN] = {" has banned ", " from "},
    [RULE_UNBAN] = {" has lifted the ban of ", " in "},
    [RULE_MUTE] = {" has muted ", " in "},
    [RULE_UNMUTE] = {" has unmuted ", " in "},
};

static void tell_set(const struct rule *rule, struct buffer *text) {
    buffer_append_string(text, " has set ");
    buffer_append_slice(text, rule->key);
    buffer_append_string(text, " of ");
    buffer_append_slice(text, rule->room);
    buffer_append_string(text, " to ");
    buffer_append_slice(text, rule->value);
}

static void tell_role(const struct rule *rule, struct buffer *text) {
    bool taken = rule->role == ROLE_GUEST;

    buffer_append_string(text, taken ? " has taken the role of " : " has made ");
    buffer_append_slice(text, rule->name);
    if (!taken) {
        buffer_append_char(text, ' ');
        buffer_append_string(text, role_name(rule->role));
    }
    buffer_append_string(text, taken ? " in " : " of ");
    buffer_append_slice(text, rule->room);
}

static void tell_about(const struct rule *rule, struct buffer *text) {
    buffer_append_string(text, sentences[rule->kind].before);
    buffer_append_slice(text, rule->name.length > 0 ? rule->name : SLICE("an address"));
    if (rule->room.length > 0) {
        buffer_append_string(text, sentences[rule->kind].between);
        buffer_append_slice(text, rule->room);
    }
}

void rule_tell(const struct rule *rule, struct slice by, struct buffer *text) {
    if (rule->kind == RULE_CREATE) {
        return;
    }
    buffer_append_slice(text, by);
    if (rule->kind == RULE_SET) {
        tell_set(rule, text);
    } else if (rule->kind == RULE_ROLE) {
        tell_role(rule, text);
    } else {
        tell_about(rule, text);
    }
    if (rule->reason.length > 0) {
        buffer_append_string(text, ": ");
        buffer_append_slice(text, rule->reason);
    }
}
