/* WebSocket framing, RFC 6455, both ends, sans I/O. The decoder takes bytes as they arrive and
 * gives messages and control frames; text is checked for UTF-8 while it arrives (not when
 * compressed: then once, at its end). The three files behind this header: websocket.c reads
 * frames, websocket_encode.c writes them, websocket_handshake.c has what an upgrade from HTTP
 * needs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "wire/deflate.h"

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10
};

enum websocket_event {
    WEBSOCKET_MORE,    /* needs more bytes; all input was used */
    WEBSOCKET_MESSAGE, /* a whole text or binary message */
    WEBSOCKET_CONTROL, /* ping, pong or close, possibly between the fragments of a message */
    WEBSOCKET_FAILED   /* `fail_code` says what to close with: 1002, 1007, 1009 */
};

struct websocket_partial; /* a frame or message that is half read */

/* What has to be kept of a connection while nothing arrives. Who has many of them keeps only this
 * of the decoder between two calls. */
struct websocket_reading {
    struct websocket_partial *partial; /* NULL between messages */
    uint32_t max_message;
    uint16_t fail_code;   /* 0: it has not failed */
    bool expect_mask : 1; /* we are the server */
    bool deflate : 1;     /* permessage-deflate was agreed on */
    bool ended : 1;       /* a close frame came: what follows it is dropped */
};

/* Zeroed, then websocket_decoder_init. Costs nothing beside these bytes while nothing is half read.
 */
struct websocket_decoder {
    struct websocket_reading kept;
    /* Results, valid until the next call. */
    uint16_t fail_code;
    uint16_t close_code; /* of a close frame: its code, or 1005 when it had none */
    enum websocket_opcode event_opcode;
    struct slice payload; /* of a close frame: its reason, without the code */
};

/* `max_message`: bytes of a message after inflating (more than 4 GiB are as good as that); a frame
 * that would exceed it fails with 1009 at its header. */
void websocket_decoder_init(struct websocket_decoder *decoder, bool server, bool deflate,
                            size_t max_message);
void websocket_decoder_close(struct websocket_decoder *decoder);

/* Whether a frame or a message has begun to arrive and has not ended. */
bool websocket_half_read(const struct websocket_reading *reading);

/* Uses bytes from the front of `*input` (advances it) up to the end of one message or control
 * frame. May unmask in place inside `input`. An unfragmented message that is whole in `input` is
 * given without copying; the memory of any other is given back by the next call, for which an
 * empty `input` is enough. After WEBSOCKET_FAILED it fails again with the same code, after a
 * close frame it gives WEBSOCKET_MORE, both using up all input. `inflater` may be NULL without
 * deflate. */
enum websocket_event websocket_decode(struct websocket_decoder *decoder, struct inflater *inflater,
                                      struct slice *input);

/* XORs `bytes` with `mask` (section 5.3), of which `offset` bytes of the frame were done before. */
void websocket_mask(uint8_t *bytes, size_t length, const uint8_t mask[4], size_t offset);

/* Appends the header of a frame with FIN; from a server without mask. `compressed` sets RSV1. */
void websocket_append_header(struct buffer *out, enum websocket_opcode opcode, bool compressed,
                             size_t length);
/* A whole unmasked frame. */
void websocket_append_frame(struct buffer *out, enum websocket_opcode opcode, struct slice payload);
/* A whole masked frame, from a client. */
void websocket_append_masked(struct buffer *out, enum websocket_opcode opcode, struct slice payload,
                             uint32_t mask);
/* A close frame from a server; `reason` at most 123 bytes. Codes 1005 and 1006 are sent as an
 * empty close. */
void websocket_append_close(struct buffer *out, uint16_t code, struct slice reason);

/* Sec-WebSocket-Accept for a key (section 4.2.2), 28 characters appended. */
void websocket_append_accept(struct buffer *out, struct slice key);
/* Whether a Sec-WebSocket-Key is 16 bytes in base64. */
bool websocket_key_valid(struct slice key);

/* Sec-WebSocket-Extensions as offered (RFC 7692 section 7.1; several headers are joined with
 * commas): takes the first acceptable permessage-deflate offer. Returns false when there is none;
 * otherwise sets `*window_bits` (15 unless the offer asks for server_max_window_bits; an offer
 * that asks for 8 is passed over, as is a malformed one) and appends the answer, with both
 * no_context_takeover parameters, to `answer`. */
bool websocket_accept_deflate(struct slice offers, int *window_bits, struct buffer *answer);
