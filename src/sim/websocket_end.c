#include "sim/websocket_end.h"

#include "sim/client.h"
#include "sim/world.h"

#define LARGEST (8 * 1024 * 1024)

void websocket_end_begin(struct websocket_end *end, struct client *client, const char *path,
                         const char *protocol, bool deflate) {
    struct buffer head = {0};
    *end = (struct websocket_end){.deflate = deflate};
    buffer_append_format(&head,
                         "GET %s HTTP/1.1\r\nHost: 192.0.2.7:8765\r\nUpgrade: websocket\r\n"
                         "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                         path);
    if (protocol) {
        buffer_append_format(&head, "Sec-WebSocket-Protocol: %s\r\n", protocol);
    }
    if (deflate) {
        buffer_append_format(&head,
                             "Sec-WebSocket-Extensions: permessage-deflate; "
                             "client_no_context_takeover%s\r\n",
                             chance(client->world, 50) ? "; server_max_window_bits=9" : "");
    }
    buffer_append_string(&head, "\r\n");
    client_send(client, buffer_slice(&head));
    buffer_close(&head);
}

void websocket_end_close(struct websocket_end *end) {
    if (end->open) {
        websocket_decoder_close(&end->decoder);
    }
    buffer_close(&end->input);
    *end = (struct websocket_end){0};
}

static uint32_t mask(struct client *client) {
    return (uint32_t)draw(client->world, UINT32_MAX);
}

/* RSV1 and the mask bit are set by hand: a server never needs both. */
static void send_compressed(struct client *client, enum websocket_opcode opcode,
                            struct slice payload) {
    struct buffer plain = {0}, frame = {0};
    deflater_compress(client->world->servers[0].settings.deflater, 15, payload, &plain);
    websocket_append_masked(&frame, opcode, buffer_slice(&plain), mask(client));
    frame.data[frame.start] |= 0x40;
    client_send(client, buffer_slice(&frame));
    buffer_close(&plain);
    buffer_close(&frame);
}

/* In several frames, with a ping between them. */
static void send_fragments(struct client *client, enum websocket_opcode opcode,
                           struct slice payload) {
    struct buffer frames = {0};
    size_t first = (size_t)draw(client->world, payload.length + 1);
    websocket_append_masked(&frames, opcode, slice_from(payload.data, first), mask(client));
    frames.data[frames.start] &= 0x7f;
    websocket_append_masked(&frames, WEBSOCKET_PING, SLICE("?"), mask(client));
    websocket_append_masked(&frames, WEBSOCKET_CONTINUATION, slice_skip(payload, first),
                            mask(client));
    client_send(client, buffer_slice(&frames));
    buffer_close(&frames);
}

void websocket_end_send(struct websocket_end *end, struct client *client,
                        enum websocket_opcode opcode, struct slice payload) {
    struct buffer frame = {0};
    if (end->deflate && chance(client->world, 50)) {
        send_compressed(client, opcode, payload);
        return;
    }
    if (chance(client->world, 10)) {
        send_fragments(client, opcode, payload);
        return;
    }
    websocket_append_masked(&frame, opcode, payload, mask(client));
    client_send(client, buffer_slice(&frame));
    buffer_close(&frame);
}

void websocket_end_quit(struct websocket_end *end, struct client *client, uint16_t code) {
    char payload[2] = {(char)(code >> 8), (char)code};
    (void)end;
    struct buffer frame = {0};
    websocket_append_masked(&frame, WEBSOCKET_CLOSE, slice_from(payload, 2), mask(client));
    client_send(client, buffer_slice(&frame));
    buffer_close(&frame);
}

static bool contains(struct slice text, struct slice part) {
    for (; text.length >= part.length; text = slice_skip(text, 1)) {
        if (slice_starts_with(text, part)) {
            return true;
        }
    }
    return false;
}

/* True: the handshake is over and `*bytes` is what followed it. */
static bool shake_hands(struct websocket_end *end, struct client *client, struct slice *bytes) {
    while (bytes->length > 0) {
        buffer_append_char(&end->input, bytes->data[0]);
        *bytes = slice_skip(*bytes, 1);
        struct slice head = buffer_slice(&end->input);
        if (head.length < 4 || !slice_equal(slice_skip(head, head.length - 4), SLICE("\r\n\r\n"))) {
            continue;
        }
        if (!slice_starts_with(head, SLICE("HTTP/1.1 101 "))) {
            client_fail(client, "the handshake was answered with %.*s", 40, head.data);
            return false;
        }
        end->deflate = end->deflate && contains(head, SLICE("permessage-deflate"));
        websocket_decoder_init(&end->decoder, false, end->deflate, LARGEST);
        end->open = true;
        return true;
    }
    return false;
}

static void control(struct websocket_end *end, struct client *client) {
    struct buffer pong = {0};
    switch (end->decoder.event_opcode) {
    case WEBSOCKET_PING:
        websocket_append_masked(&pong, WEBSOCKET_PONG, end->decoder.payload, mask(client));
        client_send(client, buffer_slice(&pong));
        buffer_close(&pong);
        return;
    case WEBSOCKET_CLOSE:
        end->close_code = end->decoder.close_code;
        client_note(client, "is told goodbye with %u", end->close_code);
        return;
    default:
        return;
    }
}

void websocket_end_receive(struct websocket_end *end, struct client *client, struct slice bytes,
                           void (*opened)(struct client *client),
                           void (*hear)(struct client *client, enum websocket_opcode opcode,
                                        struct slice payload)) {
    if (!end->open) {
        if (!shake_hands(end, client, &bytes)) {
            return;
        }
        opened(client);
    }
    uint64_t wire = client->wire;
    while (bytes.length > 0 && client->wire == wire && !client->world->broken) {
        world_check(client->world, end->close_code == 0, "bytes after a close frame");
        switch (
            websocket_decode(&end->decoder, client->world->servers[0].settings.inflater, &bytes)) {
        case WEBSOCKET_MESSAGE:
            hear(client, end->decoder.event_opcode, end->decoder.payload);
            break;
        case WEBSOCKET_CONTROL:
            control(end, client);
            break;
        case WEBSOCKET_FAILED:
            client_fail(client, "the server's frames are broken (%u)", end->decoder.fail_code);
            return;
        case WEBSOCKET_MORE:
            return;
        }
    }
}
