/* Channels and audiences: what is shown in a room is rendered once for each encoding that has a
 * reader and appended to that encoding's stream. A channel lives as long as somebody here reads the
 * room. */
#include "delivery/internal.h"

/* The room's log has gone on without the channel, or has begun anew: its streams cannot be
 * continued. Those who still send what they were shown before they left finish with it, and nobody
 * else finds it. */
static void retire(struct channel *channel) {
    map_remove(channel->delivery->channels, channel->room_key);
    channel->retired = true;
}

struct channel *channel_open(struct delivery *delivery, struct slice room_key, struct slice room,
                             uint64_t delivered) {
    struct channel *channel = map_find(delivery->channels, room_key);
    if (channel && channel->delivered == delivered)
        return channel;
    if (channel)
        retire(channel);
    channel = memory_new_struct(struct channel);
    channel->delivery = delivery;
    channel->key = memory_copy_string(room_key);
    channel->name = memory_copy_string(room);
    channel->room_key = slice_of_string(channel->key);
    channel->room = slice_of_string(channel->name);
    channel->delivered = delivered;
    map_put(delivery->channels, channel->room_key, channel);
    return channel;
}

static void channel_free(struct channel *channel) {
    if (!channel->retired)
        map_remove(channel->delivery->channels, channel->room_key);
    memory_free(channel->key);
    memory_free(channel->name);
    memory_free(channel);
}

struct audience *audience_open(struct channel *channel, struct encoding encoding) {
    struct audience *audience;
    for (audience = channel->audiences; audience; audience = audience->next) {
        if (encoding_key(audience->encoding) == encoding_key(encoding))
            break;
    }
    if (!audience) {
        audience = memory_new_struct(struct audience);
        audience->channel = channel;
        audience->encoding = encoding;
        audience->stream = stream_new(channel->delivery->options.stream_window);
        /* So that the stream knows where the next entry would begin. */
        stream_skip(audience->stream, channel->delivered);
        audience->offered = stream_tail(audience->stream);
        audience->next = channel->audiences;
        channel->audiences = audience;
    }
    audience->cursor_count++;
    return audience;
}

void audience_mark(struct audience *audience) {
    if (audience->is_dirty)
        return;
    audience->is_dirty = true;
    list_append(&audience->channel->delivery->outlet.dirty, &audience->dirty);
}

void audience_weigh(struct audience *audience, bool grown) {
    struct delivery *delivery = audience->channel->delivery;
    size_t weight = stream_memory(audience->stream);
    if (audience->weight > 0 && (weight == 0 || grown))
        list_remove(&delivery->holding, &audience->holding);
    if (weight > 0 && (audience->weight == 0 || grown))
        list_append(&delivery->holding, &audience->holding);
    delivery->stream_memory += weight - audience->weight;
    audience->weight = weight;
}

void audience_leave(struct audience *audience) {
    struct channel *channel = audience->channel;
    struct delivery *delivery = channel->delivery;
    if (--audience->cursor_count > 0) {
        audience_mark(audience);
        return;
    }
    struct audience **link = &channel->audiences;
    while (*link != audience)
        link = &(*link)->next;
    *link = audience->next;
    if (audience->is_dirty)
        list_remove(&delivery->outlet.dirty, &audience->dirty);
    if (audience->weight > 0)
        list_remove(&delivery->holding, &audience->holding);
    pace_let_go(audience);
    delivery->stream_memory -= audience->weight;
    stream_free(audience->stream);
    memory_free(audience);
    if (!channel->audiences)
        channel_free(channel);
}

void channel_show(struct channel *channel, const struct effect *effect) {
    struct delivery *delivery = channel->delivery;
    struct deflater *deflater = delivery->options.outlet.settings->deflater;
    bool is_entry = effect->kind == EFFECT_SHOW_ENTRY;
    uint64_t seq = is_entry ? effect->show.entry->seq : 0;
    size_t size =
        is_entry ? effect->show.entry->body.content.length : effect->signal->payload.length;
    /* Entries came when nobody was in the room, and who has come since does not read yet. */
    if (is_entry && seq > channel->delivered + 1) {
        retire(channel);
        return;
    }
    for (struct audience *audience = channel->audiences; audience; audience = audience->next) {
        struct buffer *scratch = &delivery->scratch;
        buffer_clear(scratch);
        bool shown = is_entry ? render_entry(audience->encoding, effect, deflater, scratch)
                              : render_signal(audience->encoding, effect, deflater, scratch);
        delivery->work += size * (audience->encoding.window_bits > 0 ? DEFLATE_CHARGE : 1);
        if (shown) {
            stream_append(audience->stream, buffer_slice(scratch), seq);
            audience_weigh(audience, true);
            audience_mark(audience);
            delivery->outlet.grown = true;
        } else if (is_entry) {
            stream_skip(audience->stream, seq);
        }
    }
    if (is_entry)
        channel->delivered = seq;
}
