/* The tables of this layer: which protocol speaks under which URL scheme, and how each format words
 * a room's feed.
 *
 * A feed is rendered once for each encoding and shared by all of its readers, so whatever stands in
 * it may depend on the encoding alone, never on who reads it. Framing is put around the words here:
 * formats that travel over WebSocket give a payload, the others give the bytes themselves. */
#include "protocol/protocol.h"

#include "protocol/format.h"
#include "protocol/websocket.h"

static const struct protocol *const protocol_table[] = {
    &http_protocol, &text_only_protocol, &line_protocol, &numbered_protocol, &command_protocol,
};

static const struct feed_format *const feed_formats[FORMAT_COUNT] = {
    [FORMAT_JSON_PLAIN] = &json_feed, [FORMAT_JSON_FULL] = &json_feed,
    [FORMAT_JSON_V1] = &json_feed,    [FORMAT_TEXT] = &text_feed,
    [FORMAT_LINE] = &line_feed,       [FORMAT_NUMBERED] = &numbered_feed,
    [FORMAT_COMMAND] = &command_feed, [FORMAT_COMMAND_LINES] = &command_feed,
    [FORMAT_SSE] = &sse_feed,         [FORMAT_SSE_MANY] = &sse_feed,
};

const struct protocol *protocol_find(struct slice scheme) {
    for (size_t i = 0; i < sizeof(protocol_table) / sizeof(protocol_table[0]); i++) {
        if (slice_equal(scheme, slice_of_string(protocol_table[i]->scheme))) {
            return protocol_table[i];
        }
    }
    return NULL;
}

uint32_t encoding_key(struct encoding encoding) {
    return (uint32_t)encoding.format | (uint32_t)encoding.window_bits << 8 |
           (uint32_t)encoding.side << 16;
}

typedef bool render_words(enum format format, enum side side, const struct effect *show,
                          struct buffer *output);

static bool render_frame(render_words *words, enum websocket_opcode opcode,
                         struct encoding encoding, const struct effect *show,
                         struct deflater *deflater, struct buffer *output) {
    struct buffer payload = {0};
    bool shown = words(encoding.format, encoding.side, show, &payload);
    if (shown) {
        websocket_append_message(output, opcode, buffer_slice(&payload), deflater,
                                 encoding.window_bits);
    }
    buffer_close(&payload);
    return shown;
}

bool render_entry(struct encoding encoding, const struct effect *show, struct deflater *deflater,
                  struct buffer *output) {
    const struct feed_format *format = feed_formats[encoding.format];
    if (format == NULL) {
        return false;
    }
    if (!format->websocket) {
        return format->entry(encoding.format, encoding.side, show, output);
    }
    return render_frame(format->entry, WEBSOCKET_TEXT, encoding, show, deflater, output);
}

bool render_signal(struct encoding encoding, const struct effect *show, struct deflater *deflater,
                   struct buffer *output) {
    const struct feed_format *format = feed_formats[encoding.format];
    if (format == NULL) {
        return false;
    }
    if (!format->websocket) {
        return format->signal(encoding.format, encoding.side, show, output);
    }
    enum websocket_opcode opcode = format->binary_signals ? WEBSOCKET_BINARY : WEBSOCKET_TEXT;
    return render_frame(format->signal, opcode, encoding, show, deflater, output);
}
