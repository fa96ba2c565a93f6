/* Notices: what a room is told of its rules being changed. Whoever reads lines knows nothing but
 * their text, so a notice is one line, and no message can be written that looks like it (see
 * signature_append in base/signature.h). What an address is banned for concerns those who
 * moderate, and they can look it up. */
#include "hub/room.h"
#include "hub/rules.h"

/* In memory of the step; empty: nothing is told. */
static struct slice sentence_of(struct hub *hub, const struct rule *rule,
                                const struct entry *entry) {
    struct buffer *text = &hub->text;

    buffer_clear(text);
    rule_tell(rule, entry->body.sender, text);
    return hub_keep(hub, buffer_slice(text));
}

void notice_show(struct hub *hub, const struct rule *rule, const struct entry *entry) {
    struct slice key;
    bool has_room = rule->room.length > 0 && hub_fold(hub, rule->room, &key) == 0;
    struct room *room = has_room ? room_find(hub, key) : NULL;
    struct slice sentence = sentence_of(hub, rule, entry);

    if (room == NULL || list_empty(&room->members) || sentence.length == 0) {
        return;
    }
    struct signal *signal = effects_allocate(hub->effects, sizeof(*signal));

    signal->kind = SIGNAL_NOTICE;
    signal->proposed_us = hub->now_us;
    signal->room_key = hub_keep(hub, room->key);
    signal->room_name = hub_keep(hub, hub_text(room->name));
    signal->name = hub_keep(hub, entry->body.sender);
    signal->former = hub_keep(hub, rule->name);
    signal->payload = sentence;
    signal->event = slice_of_string(rule_word(rule->kind));
    presence_show(hub, room, signal);
}

void notice_tell(struct hub *hub, const struct client *client, const struct rule *rule,
                 const struct entry *entry) {
    struct slice sentence = sentence_of(hub, rule, entry);
    struct slice room = hub_keep(hub, rule->room);
    struct slice by = hub_keep(hub, entry->body.sender);
    struct slice name = hub_keep(hub, rule->name);
    struct reply *reply = answer(hub, client, REPLY_NOTICE, SLICE_NONE);

    reply->room = room;
    reply->name = name;
    reply->sender = by;
    reply->text = sentence;
    reply->reason = slice_of_string(rule_word(rule->kind));
}
