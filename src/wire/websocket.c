/* Reading WebSocket frames (RFC 6455 section 5, RFC 7692 section 6).
 *
 * Most messages are small and arrive whole in one read. Those pass through here without a copy and
 * without an allocation: the header is read from the input, the payload is unmasked where it lies
 * and given out as a slice of it. Only what a read leaves half done - a header, a control frame, a
 * message in several frames or reads - is kept, in a struct websocket_partial that exists for that
 * long. A million idle connections therefore cost a million times sizeof(struct
 * websocket_reading).
 *
 * What must stay true:
 * - A rule is applied as soon as the bytes it speaks of are here: the first two bytes of a header,
 *   its length, each byte of a text. Nobody has to send a payload to learn that it is not wanted.
 * - Memory grows with what has arrived, never with what a header announces.
 * - A byte of the input is unmasked exactly once, and is then used: the caller never sees it
 *   again. */
#include "wire/websocket.h"

#include <assert.h>
#include <string.h>

#include "base/close_code.h"
#include "base/memory.h"

#define HEAD_MAX 14
#define CONTROL_MAX 125

struct frame {
    uint64_t remaining; /* bytes of the payload still to come */
    uint8_t mask[4];    /* zero from a server */
    uint8_t opcode;
    uint8_t mask_offset; /* modulo 4 */
    bool final, compressed;
};

struct websocket_partial {
    struct frame frame; /* being read, when in_frame */
    bool in_frame;
    bool compressed;        /* the message being collected has RSV1 on its first frame */
    uint8_t message_opcode; /* of the message being collected; 0: none */
    uint8_t head_length;
    uint8_t control_length;
    uint8_t head[HEAD_MAX];
    uint8_t control[CONTROL_MAX];
    struct utf8_check utf8;
    struct buffer message;  /* its payload so far, as it came */
    struct buffer inflated; /* the message given out last */
};

void websocket_decoder_init(struct websocket_decoder *decoder, bool server, bool deflate,
                            size_t max_message) {
    decoder->kept.expect_mask = server;
    decoder->kept.deflate = deflate;
    decoder->kept.max_message = max_message < UINT32_MAX ? (uint32_t)max_message : UINT32_MAX;
}

static void partial_free(struct websocket_decoder *decoder) {
    struct websocket_partial *partial = decoder->kept.partial;
    if (partial == NULL)
        return;
    buffer_close(&partial->message);
    buffer_close(&partial->inflated);
    memory_free(partial);
    decoder->kept.partial = NULL;
}

void websocket_decoder_close(struct websocket_decoder *decoder) {
    partial_free(decoder);
}

static struct websocket_partial *partial_need(struct websocket_decoder *decoder) {
    if (decoder->kept.partial == NULL)
        decoder->kept.partial = memory_new_struct(struct websocket_partial);
    return decoder->kept.partial;
}

bool websocket_half_read(const struct websocket_reading *reading) {
    const struct websocket_partial *partial = reading->partial;
    return partial != NULL &&
           (partial->in_frame || partial->head_length > 0 || partial->message_opcode != 0);
}

/* Gives back what the last result needed, unless something else is still half read. */
static void release_results(struct websocket_decoder *decoder) {
    decoder->payload = SLICE_NONE;
    if (!websocket_half_read(&decoder->kept))
        partial_free(decoder);
}

static enum websocket_event fail(struct websocket_decoder *decoder, uint16_t code) {
    partial_free(decoder);
    decoder->kept.fail_code = decoder->fail_code = code;
    return WEBSOCKET_FAILED;
}

static bool is_control(uint8_t opcode) {
    return opcode >= WEBSOCKET_CLOSE;
}

static uint8_t open_message(const struct websocket_decoder *decoder) {
    return decoder->kept.partial == NULL ? 0 : decoder->kept.partial->message_opcode;
}

/* The rules that the first two bytes of a header can break. */
static bool start_allowed(const struct websocket_decoder *decoder, const uint8_t head[2]) {
    bool final = head[0] & 0x80, rsv1 = head[0] & 0x40, masked = head[1] & 0x80;
    uint8_t opcode = head[0] & 0x0f, length = head[1] & 0x7f;

    if ((head[0] & 0x30) != 0 || masked != decoder->kept.expect_mask)
        return false;
    switch (opcode) {
    case WEBSOCKET_CONTINUATION:
        return open_message(decoder) != 0 && !rsv1;
    case WEBSOCKET_TEXT:
    case WEBSOCKET_BINARY:
        return open_message(decoder) == 0 && (!rsv1 || decoder->kept.deflate);
    case WEBSOCKET_CLOSE:
        return final && !rsv1 && length <= CONTROL_MAX && length != 1;
    case WEBSOCKET_PING:
    case WEBSOCKET_PONG:
        return final && !rsv1 && length <= CONTROL_MAX;
    default:
        return false;
    }
}

static size_t extended_size(const uint8_t *head) {
    uint8_t length = head[1] & 0x7f;
    return length == 127 ? 8 : length == 126 ? 2 : 0;
}

/* The size of a header of which `have` bytes are known; 2 as long as those do not tell. */
static size_t head_size(const uint8_t *head, size_t have) {
    if (have < 2)
        return 2;
    return 2 + extended_size(head) + (head[1] & 0x80 ? 4 : 0);
}

/* False when a whole header has its length in more bytes than needed, or past 63 bits (section
 * 5.2). */
static bool head_parse(const uint8_t *head, struct frame *frame) {
    size_t extended = extended_size(head);
    uint64_t length = extended == 0 ? head[1] & 0x7f : 0;
    for (size_t i = 0; i < extended; i++)
        length = length << 8 | head[2 + i];
    if ((extended == 2 && length < 126) || (extended == 8 && (length < 65536 || length >> 63)))
        return false;

    *frame = (struct frame){.remaining = length,
                            .opcode = head[0] & 0x0f,
                            .final = head[0] & 0x80,
                            .compressed = head[0] & 0x40};
    if (head[1] & 0x80)
        memcpy(frame->mask, head + 2 + extended, sizeof frame->mask);
    return true;
}

/* How long the payload of a message may be on the wire. Coding what does not compress makes it
 * longer, by up to an eighth with deflate's fixed codes, and by some bytes a block. */
static uint64_t wire_limit(uint64_t max_message, bool compressed) {
    uint64_t overhead = compressed ? max_message / 8 + max_message / 64 + 64 : 0;
    return max_message > UINT64_MAX - overhead ? UINT64_MAX : max_message + overhead;
}

static bool frame_fits(const struct websocket_decoder *decoder, const struct frame *frame) {
    const struct websocket_partial *partial = decoder->kept.partial;
    bool compressed = frame->compressed;
    uint64_t collected = 0;
    if (is_control(frame->opcode))
        return true;
    if (open_message(decoder) != 0) {
        compressed = partial->compressed;
        collected = buffer_length(&partial->message);
    }
    return frame->remaining <= wire_limit(decoder->kept.max_message, compressed) - collected;
}

/* Reads a header from the input, going on with what there is of it from earlier calls.
 * WEBSOCKET_MORE: not whole yet. WEBSOCKET_MESSAGE: `*frame` is set. */
static enum websocket_event take_head(struct websocket_decoder *decoder, struct slice *input,
                                      struct frame *frame) {
    uint8_t head[HEAD_MAX];
    size_t have = 0;
    if (decoder->kept.partial != NULL) {
        have = decoder->kept.partial->head_length;
        memcpy(head, decoder->kept.partial->head, have);
        decoder->kept.partial->head_length = 0;
    }

    size_t taken = 0;
    while (have < head_size(head, have) && taken < input->length)
        head[have++] = (uint8_t)input->data[taken++];
    *input = slice_skip(*input, taken);
    if (have >= 2 && !start_allowed(decoder, head))
        return fail(decoder, CLOSE_PROTOCOL_ERROR);
    if (have < head_size(head, have)) {
        if (have > 0) {
            struct websocket_partial *partial = partial_need(decoder);
            memcpy(partial->head, head, have);
            partial->head_length = (uint8_t)have;
        }
        return WEBSOCKET_MORE;
    }
    if (!head_parse(head, frame))
        return fail(decoder, CLOSE_PROTOCOL_ERROR);
    if (!frame_fits(decoder, frame))
        return fail(decoder, CLOSE_TOO_LARGE);
    return WEBSOCKET_MESSAGE;
}

/* As much of the frame's payload as the input has, unmasked. */
static struct slice take_payload(struct frame *frame, struct slice *input) {
    size_t length = input->length < frame->remaining ? input->length : (size_t)frame->remaining;
    struct slice chunk = {input->data, length};
    uint32_t mask;

    memcpy(&mask, frame->mask, sizeof mask);
    if (mask != 0 && length > 0) /* the caller agreed to have its input changed */
        websocket_mask((uint8_t *)(uintptr_t)chunk.data, length, frame->mask, frame->mask_offset);
    frame->mask_offset = (uint8_t)((frame->mask_offset + length) % 4);
    frame->remaining -= length;
    *input = slice_skip(*input, length);
    return chunk;
}

/* Section 7.4 and the registry it founds: what may stand in a close frame. */
static bool close_code_allowed(unsigned code) {
    if (code >= 3000)
        return code <= 4999;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

static enum websocket_event deliver_close(struct websocket_decoder *decoder, struct slice payload) {
    unsigned code = 1005;
    if (payload.length >= 2) {
        code = (unsigned)((uint8_t)payload.data[0] << 8 | (uint8_t)payload.data[1]);
        if (!close_code_allowed(code))
            return fail(decoder, CLOSE_PROTOCOL_ERROR);
        payload = slice_skip(payload, 2);
        if (!utf8_valid(payload))
            return fail(decoder, CLOSE_INVALID);
    }
    decoder->kept.ended = true;
    decoder->close_code = (uint16_t)code;
    decoder->payload = payload;
    decoder->event_opcode = WEBSOCKET_CLOSE;
    return WEBSOCKET_CONTROL;
}

static enum websocket_event take_control(struct websocket_decoder *decoder,
                                         const struct frame *frame, struct slice chunk) {
    bool begun = decoder->kept.partial != NULL && decoder->kept.partial->in_frame;
    if (begun || frame->remaining > 0) {
        struct websocket_partial *partial = partial_need(decoder);
        assert(partial->control_length + chunk.length <= CONTROL_MAX);
        if (chunk.length > 0)
            memcpy(partial->control + partial->control_length, chunk.data, chunk.length);
        partial->control_length = (uint8_t)(partial->control_length + chunk.length);
        partial->in_frame = frame->remaining > 0;
        partial->frame = *frame;
        if (partial->in_frame)
            return WEBSOCKET_MORE;
        chunk = slice_from(partial->control, partial->control_length);
        partial->control_length = 0;
    }
    if (frame->opcode == WEBSOCKET_CLOSE)
        return deliver_close(decoder, chunk);
    decoder->event_opcode = frame->opcode;
    decoder->payload = chunk;
    return WEBSOCKET_CONTROL;
}

/* Inflates `*message` if need be, and checks what can only be checked at its end. */
static int finish_message(struct websocket_decoder *decoder, struct inflater *inflater,
                          bool compressed, bool text, struct slice *message) {
    if (compressed) {
        struct buffer *inflated = &partial_need(decoder)->inflated;
        int error = inflater_expand(inflater, *message, decoder->kept.max_message, inflated);
        if (error != 0)
            return error;
        *message = buffer_slice(inflated);
    }
    if (!text)
        return 0;
    if (compressed || open_message(decoder) == 0)
        return utf8_valid(*message) ? 0 : ERR_UTF8;
    return utf8_check_complete(&decoder->kept.partial->utf8) ? 0 : ERR_UTF8;
}

static enum websocket_event deliver_message(struct websocket_decoder *decoder,
                                            struct inflater *inflater, uint8_t opcode,
                                            bool compressed, struct slice message) {
    int error = finish_message(decoder, inflater, compressed, opcode == WEBSOCKET_TEXT, &message);
    if (error != 0) /* RFC 7692 names no code for a broken stream; 1007 is what most servers send */
        return fail(decoder, error == ERR_TOO_LARGE ? CLOSE_TOO_LARGE : CLOSE_INVALID);
    if (decoder->kept.partial != NULL)
        decoder->kept.partial->message_opcode = 0;
    decoder->event_opcode = opcode;
    decoder->payload = message;
    return WEBSOCKET_MESSAGE;
}

/* WEBSOCKET_MORE: a fragment, or part of one, was put away. */
static enum websocket_event take_data(struct websocket_decoder *decoder, struct inflater *inflater,
                                      const struct frame *frame, struct slice chunk) {
    bool frame_ends = frame->remaining == 0, message_ends = frame_ends && frame->final;
    if (open_message(decoder) == 0 && message_ends)
        return deliver_message(decoder, inflater, frame->opcode, frame->compressed, chunk);

    struct websocket_partial *partial = partial_need(decoder);
    if (partial->message_opcode == 0) {
        partial->message_opcode = frame->opcode;
        partial->compressed = frame->compressed;
    }
    if (partial->message_opcode == WEBSOCKET_TEXT && !partial->compressed &&
        utf8_check_feed(&partial->utf8, chunk) != 0)
        return fail(decoder, CLOSE_INVALID);
    buffer_append_slice(&partial->message, chunk);
    partial->in_frame = !frame_ends;
    partial->frame = *frame;
    if (!message_ends)
        return WEBSOCKET_MORE;
    return deliver_message(decoder, inflater, partial->message_opcode, partial->compressed,
                           buffer_slice(&partial->message));
}

static enum websocket_event take_frame(struct websocket_decoder *decoder, struct inflater *inflater,
                                       struct slice *input) {
    struct frame frame;
    if (decoder->kept.partial != NULL && decoder->kept.partial->in_frame) {
        frame = decoder->kept.partial->frame;
    } else {
        enum websocket_event event = take_head(decoder, input, &frame);
        if (event != WEBSOCKET_MESSAGE)
            return event;
    }
    struct slice chunk = take_payload(&frame, input);
    return is_control(frame.opcode) ? take_control(decoder, &frame, chunk)
                                    : take_data(decoder, inflater, &frame, chunk);
}

enum websocket_event websocket_decode(struct websocket_decoder *decoder, struct inflater *inflater,
                                      struct slice *input) {
    enum websocket_event event = decoder->kept.fail_code != 0 ? WEBSOCKET_FAILED : WEBSOCKET_MORE;
    decoder->fail_code = decoder->kept.fail_code;
    release_results(decoder);
    while (event == WEBSOCKET_MORE && input->length > 0 && !decoder->kept.ended)
        event = take_frame(decoder, inflater, input);
    if (event == WEBSOCKET_FAILED || event == WEBSOCKET_MORE)
        *input = slice_skip(*input, input->length);
    return event;
}
