/* Writing WebSocket frames (RFC 6455 section 5.2). We never fragment: every frame has FIN. */
#include <assert.h>
#include <string.h>

#include "wire/websocket.h"

#define CONTROL_MAX 125
#define FIN 0x80
#define RSV1 0x40
#define MASKED 0x80

/* Eight bytes a step, which the compiler turns into wider ones where the machine has them. */
void websocket_mask(uint8_t *bytes, size_t length, const uint8_t mask[4], size_t offset) {
    uint8_t turned[8];
    uint64_t pattern, word;
    size_t i = 0;

    for (size_t k = 0; k < sizeof turned; k++)
        turned[k] = mask[(offset + k) % 4];
    memcpy(&pattern, turned, sizeof pattern);
    for (; i + sizeof word <= length; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        word ^= pattern;
        memcpy(bytes + i, &word, sizeof word);
    }
    for (; i < length; i++)
        bytes[i] ^= turned[i % 4];
}

static void append_head(struct buffer *out, uint8_t first, uint8_t masked, uint64_t length) {
    uint8_t *head = (uint8_t *)buffer_reserve(out, 10);
    unsigned extended = length < 126 ? 0 : length < 65536 ? 2 : 8;

    head[0] = first;
    head[1] = (uint8_t)(masked | (extended == 0 ? length : extended == 2 ? 126 : 127));
    for (unsigned i = 0; i < extended; i++)
        head[2 + i] = (uint8_t)(length >> 8 * (extended - 1 - i));
    buffer_commit(out, 2 + extended);
}

void websocket_append_header(struct buffer *out, enum websocket_opcode opcode, bool compressed,
                             size_t length) {
    assert(opcode < WEBSOCKET_CLOSE || (length <= CONTROL_MAX && !compressed));
    append_head(out, (uint8_t)(FIN | (compressed ? RSV1 : 0) | opcode), 0, length);
}

void websocket_append_frame(struct buffer *out, enum websocket_opcode opcode,
                            struct slice payload) {
    websocket_append_header(out, opcode, false, payload.length);
    buffer_append_slice(out, payload);
}

void websocket_append_masked(struct buffer *out, enum websocket_opcode opcode, struct slice payload,
                             uint32_t mask) {
    uint8_t key[4];
    assert(opcode < WEBSOCKET_CLOSE || payload.length <= CONTROL_MAX);
    memcpy(key, &mask, sizeof key);
    append_head(out, (uint8_t)(FIN | opcode), MASKED, payload.length);
    buffer_append(out, key, sizeof key);
    uint8_t *bytes = (uint8_t *)buffer_reserve(out, payload.length);
    if (payload.length > 0)
        memcpy(bytes, payload.data, payload.length);
    websocket_mask(bytes, payload.length, key, 0);
    buffer_commit(out, payload.length);
}

void websocket_append_close(struct buffer *out, uint16_t code, struct slice reason) {
    char payload[CONTROL_MAX];
    size_t length = 0;
    assert(reason.length <= sizeof payload - 2);
    if (code != 1005 && code != 1006) { /* those two only say that no code came */
        payload[0] = (char)(code >> 8);
        payload[1] = (char)(code & 0xff);
        if (reason.length > 0)
            memcpy(payload + 2, reason.data, reason.length);
        length = 2 + reason.length;
    }
    websocket_append_frame(out, WEBSOCKET_CLOSE, slice_from(payload, length));
}
