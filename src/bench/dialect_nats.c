/* The protocol of NATS (docs.nats.io, "Client Protocol") over WebSocket, where it is a stream of
 * bytes in binary frames: as many messages in one frame as there were to send. The server's PING is
 * not answered; it may be missed for as long as a run lasts. */
#include <string.h>

#include "bench/dialect_websocket.h"

static void open_nats(const struct speaker *speaker, struct buffer *output) {
    upgrade_append(speaker, speaker->plan->target, NULL, output);
}

static bool complains(struct slice message) {
    return slice_starts_with(message, SLICE("-ERR"));
}

/* The answer to PING comes when what stands before it was taken. */
static void subscribe(const struct speaker *speaker, struct buffer *output) {
    struct buffer text = {0};

    buffer_append_string(&text, "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true,"
                                "\"lang\":\"c\",\"version\":\"1\",\"protocol\":1}\r\n");
    if (speaker->joins) {
        buffer_append_string(&text, "SUB ");
        dialect_append_room(speaker, &text);
        buffer_append_string(&text, " 1\r\n");
    }
    buffer_append_string(&text, "PING\r\n");
    frame_append(output, WEBSOCKET_BINARY, &text);
}

static int greet_nats(struct speaker *speaker, struct slice message, struct buffer *output,
                      struct slice *why) {
    if (speaker->step == 0) {
        subscribe(speaker, output);
        return upgrade_take(speaker, message, why);
    }
    return message.length > 0 && memmem(message.data, message.length, "PONG\r\n", 6) != NULL;
}

static void publish_nats(const struct speaker *speaker, struct slice content, struct slice tag,
                         struct buffer *output) {
    struct buffer text = {0};

    (void)tag;
    buffer_append_string(&text, "PUB ");
    dialect_append_room(speaker, &text);
    buffer_append_format(&text, " %zu\r\n", content.length);
    buffer_append_slice(&text, content);
    buffer_append_string(&text, "\r\n");
    frame_append(output, WEBSOCKET_BINARY, &text);
}

const struct dialect nats_dialect = {
    .open = open_nats,
    .cut = frame_cut,
    .complains = complains,
    .greet = greet_nats,
    .publish = publish_nats,
    .pong = frame_pong,
    .bundles = true,
};
