#include "client/outbox.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/pack.h"
#include "wire/json.h"

static void append_frame(struct buffer *out, const struct outgoing_message *message) {
    buffer_append_string(out, "{\"type\":");
    json_append_string(out, slice_of_string(message->type != NULL ? message->type : "message"));
    if (message->to.length > 0)
        json_append_string_member(out, "to", message->to);
    else
        json_append_string_member(out, "room", message->room);
    if (message->sender.length > 0)
        json_append_string_member(out, "sender", message->sender);
    if (message->re > 0)
        json_append_u64_member(out, "re", message->re);
    if (message->of > 0)
        json_append_u64_member(out, "of", message->of);
    if (message->key.length > 0)
        json_append_string_member(out, "key", message->key);
    if (message->remove)
        json_append_string_member(out, "op", SLICE("remove"));
    if (message->type == NULL || message->content.data != NULL)
        json_append_string_member(out, "content", message->content);
    json_append_string_member(out, "cid", message->cid);
    buffer_append_char(out, '}');
}

void outbox_add(struct outbox *outbox, const struct outgoing_message *message) {
    struct buffer frame = {0};
    append_frame(&frame, message);
    struct outgoing *outgoing = memory_new(sizeof *outgoing + message->cid.length +
                                           message->room.length + buffer_length(&frame));
    char *at = outgoing->bytes;
    outgoing->content_size = (unsigned)message->content.length;
    outgoing->cid = message->cid;
    outgoing->room = message->room;
    outgoing->frame = buffer_slice(&frame);
    at = pack_slice(&outgoing->cid, at);
    at = pack_slice(&outgoing->room, at);
    pack_slice(&outgoing->frame, at);
    buffer_close(&frame);

    if (outbox->last != NULL)
        outbox->last->next = outgoing;
    else
        outbox->first = outgoing;
    outbox->last = outgoing;
    outbox->count++;
}

void outbox_drop_first(struct outbox *outbox) {
    struct outgoing *outgoing = outbox->first;
    outbox->first = outgoing->next;
    if (outbox->first == NULL)
        outbox->last = NULL;
    outbox->count--;
    memory_free(outgoing);
}

void outbox_close(struct outbox *outbox) {
    while (outbox->first != NULL)
        outbox_drop_first(outbox);
}

struct outgoing *outbox_due(const struct outbox *outbox, uint64_t now_ms) {
    struct outgoing *first = outbox->first;
    if (first == NULL || first->sent || now_ms < first->not_before_ms)
        return NULL;
    return first;
}

void outbox_rewind(struct outbox *outbox) {
    if (outbox->first != NULL)
        outbox->first->sent = false;
}
