/* Frames of WebSocket, as a server and as a client reads them: however they are cut in pieces, the
 * same messages come out, whole, no larger than allowed, and text is UTF-8; and what came out can
 * be sent and read again. The first byte says who reads and what was agreed on, the second how the
 * pieces are cut. */
#include "base/text.h"
#include "fuzz.h"
#include "wire/websocket.h"

#define MAX_MESSAGE 2000

struct reading {
    bool server, deflate;
    struct inflater *inflater;
    struct buffer *trace;
};

static void check_event(enum websocket_event event, const struct websocket_decoder *decoder) {
    bool control = decoder->event_opcode >= WEBSOCKET_CLOSE;

    if (event == WEBSOCKET_FAILED) {
        REQUIRE(decoder->fail_code == 1002 || decoder->fail_code == 1007 ||
                decoder->fail_code == 1009);
        return;
    }
    REQUIRE(control == (event == WEBSOCKET_CONTROL));
    REQUIRE(decoder->payload.length <= (control ? 125 : MAX_MESSAGE));
    if (decoder->event_opcode == WEBSOCKET_TEXT || decoder->event_opcode == WEBSOCKET_CLOSE) {
        REQUIRE(utf8_valid(decoder->payload));
    }
    if (decoder->event_opcode == WEBSOCKET_CLOSE) {
        REQUIRE(decoder->close_code >= 1000 && decoder->close_code < 5000);
    }
}

static void note_event(struct buffer *trace, enum websocket_event event,
                       const struct websocket_decoder *decoder) {
    note_number(trace, "event", event);
    if (event == WEBSOCKET_FAILED) {
        note_number(trace, "code", decoder->fail_code);
        return;
    }
    note_number(trace, "opcode", decoder->event_opcode);
    note(trace, "payload", decoder->payload);
    if (decoder->event_opcode == WEBSOCKET_CLOSE) {
        note_number(trace, "closes with", decoder->close_code);
    }
}

/* Sent by us and read by the other side it is the same. */
static void check_again(const struct reading *reading, enum websocket_opcode opcode,
                        struct slice payload) {
    struct websocket_decoder decoder = {0};
    struct buffer frame = {0};
    bool masked = !reading->server;

    if (masked) {
        websocket_append_masked(&frame, opcode, payload, 0x12345678);
    } else {
        websocket_append_frame(&frame, opcode, payload);
    }
    struct slice input = buffer_slice(&frame);

    websocket_decoder_init(&decoder, masked, false, MAX_MESSAGE);
    REQUIRE(websocket_decode(&decoder, NULL, &input) == WEBSOCKET_MESSAGE && input.length == 0);
    REQUIRE(decoder.event_opcode == opcode);
    require_equal(decoder.payload, payload);
    websocket_decoder_close(&decoder);
    buffer_close(&frame);
}

/* False: it is over. */
static bool read_piece(const struct reading *reading, struct websocket_decoder *decoder,
                       struct slice piece) {
    char *own = own_bytes(piece);
    struct slice input = slice_from(own, piece.length);
    enum websocket_event event = WEBSOCKET_MORE;

    while (input.length > 0 && event != WEBSOCKET_FAILED) {
        event = websocket_decode(decoder, reading->inflater, &input);
        if (event == WEBSOCKET_MORE) {
            REQUIRE(input.length == 0);
            break;
        }
        check_event(event, decoder);
        note_event(reading->trace, event, decoder);
        if (event == WEBSOCKET_MESSAGE) {
            check_again(reading, decoder->event_opcode, decoder->payload);
        }
    }
    /* What was given lies in the input, so it has to go before that does. */
    if (event != WEBSOCKET_FAILED) {
        input = slice_from(own, 0);
        REQUIRE(websocket_decode(decoder, reading->inflater, &input) == WEBSOCKET_MORE);
    }
    free(own);
    return event != WEBSOCKET_FAILED;
}

static void read_by(const struct reading *reading, struct slice bytes, size_t step) {
    struct websocket_decoder decoder = {0};
    bool going = true;

    websocket_decoder_init(&decoder, reading->server, reading->deflate, MAX_MESSAGE);
    while (going && bytes.length > 0) {
        going = read_piece(reading, &decoder, take_bytes(&bytes, step));
    }
    if (going) {
        note_number(reading->trace, "half read", websocket_half_read(&decoder.kept));
    }
    websocket_decoder_close(&decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice bytes = slice_from(data, size);
    unsigned choice = take_byte(&bytes);
    size_t step = 1 + take_byte(&bytes) % 32;
    struct buffer whole = {0}, pieces = {0};
    struct reading reading = {.server = (choice & 1) == 0,
                              .deflate = (choice & 2) != 0,
                              .inflater = inflater_new(),
                              .trace = &whole};

    read_by(&reading, bytes, bytes.length);
    reading.trace = &pieces;
    read_by(&reading, bytes, step);
    require_equal(buffer_slice(&whole), buffer_slice(&pieces));
    inflater_free(reading.inflater);
    buffer_close(&whole);
    buffer_close(&pieces);
    return 0;
}
