/* Raw text and JSON (banter.v1) over WebSocket.
 *
 * Frames are cut here and not by the decoder of wire/: a reader of a benchmark must cost less than
 * what it measures, and for that it is enough to look at a frame's head. Servers neither mask nor,
 * without an extension, need to fragment; one that does is told off. */
#include "bench/dialect_websocket.h"

#include <string.h>

#include "bench/tag.h"
#include "wire/json.h"
#include "wire/websocket.h"

/* The same for all: it guards against caches, and there are none between us and the server. */
#define KEY "YmFudGVyIGJlbmNobWFyaw=="
/* Leaves the payload as it is. Masks protect from proxies (RFC 6455 section 10.3). */
#define MASK 0

enum step { STEP_UPGRADING, STEP_WELCOME, STEP_JOINING };

static void open_websocket(const struct speaker *speaker, struct buffer *output) {
    bool is_json = speaker->plan->protocol == BENCH_JSON;
    buffer_append_format(output,
                         "GET %s HTTP/1.1\r\n"
                         "Host: %s\r\n"
                         "Upgrade: websocket\r\n"
                         "Connection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: " KEY "\r\n%s",
                         speaker->plan->target, speaker->plan->host,
                         is_json ? "Sec-WebSocket-Protocol: banter.v1\r\n" : "");
    if (speaker->plan->token != NULL)
        buffer_append_format(output, "Authorization: Bearer %s\r\n", speaker->plan->token);
    buffer_append_string(output, "\r\n");
}

static int cut_head(struct slice *input, struct incoming *incoming) {
    const char *end = memmem(input->data, input->length, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t length = (size_t)(end - input->data) + 4;
    *incoming = (struct incoming){INCOMING_MESSAGE, slice_from(input->data, length)};
    *input = slice_skip(*input, length);
    return 1;
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

static int cut_websocket(const struct speaker *speaker, struct slice *input,
                         struct incoming *incoming) {
    const uint8_t *bytes = (const uint8_t *)input->data;
    uint64_t length;

    if (speaker->step == STEP_UPGRADING)
        return cut_head(input, incoming);
    if (input->length >= 2 && ((bytes[0] & 0xf0) != 0x80 || (bytes[1] & 0x80) != 0))
        return ERR_PROTOCOL;
    size_t head = read_head(bytes, input->length, &length);
    if (head == 0 || length > input->length - head)
        return 0;
    unsigned opcode = bytes[0] & 15;
    incoming->payload = slice_from(input->data + head, (size_t)length);
    *input = slice_skip(*input, head + (size_t)length);
    incoming->kind = opcode == WEBSOCKET_PING    ? INCOMING_PING
                     : opcode == WEBSOCKET_CLOSE ? INCOMING_CLOSE
                                                 : INCOMING_MESSAGE;
    if (opcode == WEBSOCKET_CLOSE)
        incoming->payload = slice_skip(incoming->payload, 2);
    return 1;
}

/* An answer that tells of an error is none that anybody waits for. */
static int cut_json(const struct speaker *speaker, struct slice *input, struct incoming *incoming) {
    int result = cut_websocket(speaker, input, incoming);
    if (result == 1 && incoming->kind == INCOMING_MESSAGE &&
        slice_starts_with(incoming->payload, SLICE("{\"type\":\"error\"")))
        incoming->kind = INCOMING_ERROR;
    return result;
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

static int take_upgrade(struct speaker *speaker, struct slice head, struct slice *why) {
    if (!accepted(head)) {
        *why = slice_trim(slice_cut(&head, '\n'));
        return ERR_PROTOCOL;
    }
    speaker->step = STEP_WELCOME;
    return 0;
}

static int greet_text(struct speaker *speaker, struct slice message, struct buffer *output,
                      struct slice *why) {
    (void)output;
    int result = take_upgrade(speaker, message, why);
    return result < 0 ? result : 1;
}

static void append_frame(struct buffer *output, struct buffer *text) {
    websocket_append_masked(output, WEBSOCKET_TEXT, buffer_slice(text), MASK);
    buffer_close(text);
}

/* Rooms of this run alone, so that no history comes first. */
static void append_room(struct buffer *output, const struct speaker *speaker) {
    buffer_append_format(output, "bench-%08x-%u", speaker->run, speaker->room);
}

static bool has_type(struct slice message, const char *type) {
    struct slice prefix = SLICE("{\"type\":\"");
    struct slice rest = slice_skip(message, prefix.length);
    return slice_starts_with(message, prefix) && slice_starts_with(rest, slice_of_string(type)) &&
           slice_starts_with(slice_skip(rest, strlen(type)), SLICE("\""));
}

static void say_hello(struct buffer *output) {
    struct buffer text = {0};
    buffer_append_string(&text, "{\"type\":\"hello\"}");
    append_frame(output, &text);
}

static void join(const struct speaker *speaker, struct buffer *output) {
    struct buffer text = {0};
    buffer_append_string(&text, "{\"type\":\"join\",\"room\":\"");
    append_room(&text, speaker);
    buffer_append_string(&text, "\"}");
    append_frame(output, &text);
}

static int greet_json(struct speaker *speaker, struct slice message, struct buffer *output,
                      struct slice *why) {
    switch ((enum step)speaker->step) {
    case STEP_UPGRADING:
        say_hello(output);
        return take_upgrade(speaker, message, why);
    case STEP_WELCOME:
        if (!has_type(message, "welcome"))
            return 0;
        if (!speaker->joins)
            return 1;
        speaker->step = STEP_JOINING;
        join(speaker, output);
        return 0;
    case STEP_JOINING:
        return has_type(message, "live");
    }
    return 0;
}

static void publish_text(const struct speaker *speaker, struct slice content, struct slice tag,
                         struct buffer *output) {
    (void)speaker;
    (void)tag;
    websocket_append_masked(output, WEBSOCKET_TEXT, content, MASK);
}

static void publish_json(const struct speaker *speaker, struct slice content, struct slice tag,
                         struct buffer *output) {
    struct buffer text = {0};
    buffer_append_string(&text, "{\"type\":\"message\",\"room\":\"");
    append_room(&text, speaker);
    buffer_append_string(&text, "\",\"content\":\"");
    buffer_append_slice(&text, content);
    if (!speaker->joins) { /* what it waits for is the acknowledgement */
        buffer_append_string(&text, "\",\"cid\":\"");
        buffer_append_slice(&text, tag);
    }
    buffer_append_string(&text, "\"}");
    append_frame(output, &text);
}

static void pong(struct slice payload, struct buffer *output) {
    websocket_append_masked(output, WEBSOCKET_PONG, payload, MASK);
}

const struct dialect text_dialect = {
    .open = open_websocket,
    .cut = cut_websocket,
    .greet = greet_text,
    .publish = publish_text,
    .pong = pong,
};

const struct dialect json_dialect = {
    .open = open_websocket,
    .cut = cut_json,
    .greet = greet_json,
    .publish = publish_json,
    .pong = pong,
};
