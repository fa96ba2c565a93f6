/* Frames of WebSocket, and the dialect that has nothing else: raw text.
 *
 * Frames are cut here and not by the decoder of wire/: a reader of a benchmark must cost less than
 * what it measures, and for that it is enough to look at a frame's head. Servers neither mask nor,
 * without an extension, need to fragment; one that does is told off. */
#include "bench/dialect_websocket.h"

#include <string.h>

/* The same for all: it guards against caches, and there are none between us and the server. */
#define KEY "YmFudGVyIGJlbmNobWFyaw=="
/* Leaves the payload as it is. Masks protect from proxies (RFC 6455 section 10.3). */
#define MASK 0
#define DEFLATE_OFFER                                                                              \
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "                   \
    "client_no_context_takeover\r\n"

void upgrade_append_request(const struct speaker *speaker, const char *target, const char *headers,
                            struct buffer *output) {
    buffer_append_format(output, "GET %s HTTP/1.1\r\nHost: %s\r\n%s", target, speaker->plan->host,
                         headers);
    if (speaker->plan->token != NULL)
        buffer_append_format(output, "Authorization: Bearer %s\r\n", speaker->plan->token);
    buffer_append_string(output, "\r\n");
}

void upgrade_append(const struct speaker *speaker, const char *target, const char *subprotocol,
                    struct buffer *output) {
    struct buffer headers = {0};

    buffer_append_string(&headers, "Upgrade: websocket\r\n"
                                   "Connection: Upgrade\r\n"
                                   "Sec-WebSocket-Version: 13\r\n"
                                   "Sec-WebSocket-Key: " KEY "\r\n");
    if (subprotocol != NULL)
        buffer_append_format(&headers, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
    if (speaker->plan->deflate)
        buffer_append_string(&headers, DEFLATE_OFFER);
    buffer_append_char(&headers, 0);
    upgrade_append_request(speaker, target, buffer_slice(&headers).data, output);
    buffer_close(&headers);
}

int upgrade_cut_head(struct slice *input, struct incoming *incoming) {
    const char *end = input->length > 0 ? memmem(input->data, input->length, "\r\n\r\n", 4) : NULL;
    if (end == NULL)
        return 0;
    size_t length = (size_t)(end - input->data) + 4;
    *incoming =
        (struct incoming){.kind = INCOMING_MESSAGE, .payload = slice_from(input->data, length)};
    *input = slice_skip(*input, length);
    return 1;
}

static bool accepted(struct slice head) {
    struct buffer expected = {0};
    websocket_append_accept(&expected, SLICE(KEY));
    struct slice accept = buffer_slice(&expected);
    bool result = slice_starts_with(head, SLICE("HTTP/1.1 101 ")) &&
                  memmem(head.data, head.length, accept.data, accept.length) != NULL;
    buffer_close(&expected);
    return result;
}

int upgrade_take(struct speaker *speaker, struct slice head, struct slice *why) {
    if (!accepted(head)) {
        *why = slice_trim(slice_cut(&head, '\n'));
        return ERR_PROTOCOL;
    }
    speaker->step = 1;
    return 0;
}

/* 0: the head is not complete. */
static size_t read_head(const uint8_t *bytes, size_t available, uint64_t *length) {
    size_t extended = available < 2 || bytes[1] < 126 ? 0 : bytes[1] == 126 ? 2 : 8;
    if (available < 2 + extended)
        return 0;
    *length = extended == 0 ? bytes[1] : 0;
    for (size_t i = 0; i < extended; i++)
        *length = *length << 8 | bytes[2 + i];
    return 2 + extended;
}

/* The first byte of a whole message: FIN, and RSV1 where it may be compressed. */
static bool is_whole(const struct speaker *speaker, uint8_t first) {
    return (first & 0xf0) == 0x80 || (speaker->plan->deflate && (first & 0xf8) == 0xc0);
}

int frame_cut(const struct speaker *speaker, struct slice *input, struct incoming *incoming) {
    const uint8_t *bytes = (const uint8_t *)input->data;
    uint64_t length;

    if (speaker->step == 0)
        return upgrade_cut_head(input, incoming);
    if (input->length >= 2 && (!is_whole(speaker, bytes[0]) || (bytes[1] & 0x80) != 0))
        return ERR_PROTOCOL;
    size_t head = read_head(bytes, input->length, &length);
    if (head == 0 || length > input->length - head)
        return 0;
    unsigned opcode = bytes[0] & 15;
    incoming->packed = (bytes[0] & 0x40) != 0;
    incoming->payload = slice_from(input->data + head, (size_t)length);
    *input = slice_skip(*input, head + (size_t)length);
    incoming->kind = opcode == WEBSOCKET_PING    ? INCOMING_PING
                     : opcode == WEBSOCKET_CLOSE ? INCOMING_CLOSE
                                                 : INCOMING_MESSAGE;
    if (opcode == WEBSOCKET_CLOSE)
        incoming->payload = slice_skip(incoming->payload, 2);
    return 1;
}

void frame_pong(struct slice payload, struct buffer *output) {
    websocket_append_masked(output, WEBSOCKET_PONG, payload, MASK);
}

void frame_append(struct buffer *output, enum websocket_opcode opcode, struct buffer *payload) {
    websocket_append_masked(output, opcode, buffer_slice(payload), MASK);
    buffer_close(payload);
}

static void open_text(const struct speaker *speaker, struct buffer *output) {
    upgrade_append(speaker, speaker->plan->target, NULL, output);
}

static int greet_text(struct speaker *speaker, struct slice message, struct buffer *output,
                      struct slice *why) {
    (void)output;
    int result = upgrade_take(speaker, message, why);
    return result < 0 ? result : 1;
}

static void publish_text(const struct speaker *speaker, struct slice content, struct slice tag,
                         struct buffer *output) {
    (void)speaker;
    (void)tag;
    websocket_append_masked(output, WEBSOCKET_TEXT, content, MASK);
}

const struct dialect text_dialect = {
    .open = open_text,
    .cut = frame_cut,
    .greet = greet_text,
    .publish = publish_text,
    .pong = frame_pong,
};
