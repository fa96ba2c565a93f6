/* How entries and signals are shown, in all formats. Whatever was said, each reader gets whole
 * frames, objects, events or lines with nothing in them that would pass for words of somebody else,
 * and no more than a few times what was said.
 *
 * The first byte is the kind, the second chooses among rooms; the lines are the sender, the name of
 * somebody else, and what is said. */
#include "base/text.h"
#include "talk.h"
#include "wire/json.h"
#include "wire/websocket.h"

#define SOME_TIME INT64_C(1770978645123456)
/* Of one message, beyond what its bytes come to. */
#define FRAMING_MOST (64 * 1024)

struct said {
    struct slice sender, other, content;
    struct slice room;
};

/* A name has come through name_check or was made a label, before anything is shown of it. */
static struct slice label_of(struct slice text, struct buffer *label) {
    if (text_append_label(label, text) < 0) {
        buffer_append_string(label, "ann");
    }
    return buffer_slice(label);
}

static void check_object(enum format format, const struct said *said, struct slice text) {
    struct slice content;
    json_t *object = json_parse_object(text);

    REQUIRE(object != NULL);
    if (format != FORMAT_TEXT && json_object_get(object, "seq") != NULL &&
        json_object_get(object, "content") != NULL) {
        REQUIRE(json_get_string(object, "content", &content) == 0);
        require_equal(content, said->content);
    }
    json_decref(object);
}

static void check_frame(enum format format, const struct said *said, struct slice output,
                        bool compressed) {
    struct websocket_decoder decoder = {0};
    struct inflater *inflater = inflater_new();

    websocket_decoder_init(&decoder, false, compressed, SIZE_MAX / 2);
    REQUIRE(websocket_decode(&decoder, inflater, &output) == WEBSOCKET_MESSAGE);
    REQUIRE(output.length == 0);
    if (format != FORMAT_TEXT) {
        check_object(format, said, decoder.payload);
    }
    websocket_decoder_close(&decoder);
    inflater_free(inflater);
}

static void check_events(struct slice output) {
    struct buffer stream = {0};

    REQUIRE(output.length > 2 && slice_equal(slice_skip(output, output.length - 2), SLICE("\n\n")));
    buffer_append_string(&stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    buffer_append_slice(&stream, output);
    check_sse_output(buffer_slice(&stream));
    buffer_close(&stream);
}

/* In a public room every line of a message begins with who said it: no line can look like another's
 * or like the server's. */
static void check_lines(const struct said *said, enum entry_kind kind, struct slice output) {
    ptrdiff_t colon = slice_find(output, ':');
    bool message = kind == ENTRY_MESSAGE && !slice_starts_with(said->content, SLICE("/me "));

    check_plain_output(output);
    REQUIRE(output.length > 0 && output.data[output.length - 1] == '\n');
    if (!message || said->room.data[0] == '@') {
        return;
    }
    REQUIRE(colon >= 0);
    struct slice prefix = slice_from(output.data, (size_t)colon + 1);

    while (output.length > 0) {
        REQUIRE(slice_starts_with(slice_cut(&output, '\n'), prefix));
    }
}

static void check_shown(struct encoding encoding, const struct said *said, enum entry_kind kind,
                        struct slice output) {
    enum format format = encoding.format;

    REQUIRE(output.length <= FRAMING_MOST + 12 * (said->content.length + said->sender.length +
                                                  said->other.length + said->room.length));
    if (format == FORMAT_LINE) {
        check_lines(said, kind, output);
    } else if (format == FORMAT_SSE || format == FORMAT_SSE_MANY) {
        check_events(output);
    } else if (format >= FORMAT_NUMBERED) {
        check_plain_output(output);
    } else {
        check_frame(format, said, output, encoding.window_bits > 0);
    }
}

static void show_entry(const struct said *said, unsigned choice, struct deflater *deflater) {
    struct entry_body body = {.kind = choice % 5,
                              .sender = said->sender,
                              .cid = (choice & 8) != 0 ? said->other : SLICE_NONE,
                              .content = said->content,
                              .key = said->other,
                              .of = 3,
                              .deleted = (choice & 16) != 0};
    struct entry *entry = entry_new(&body, 42, SOME_TIME, "01JM0000000000000000000042");
    struct effect show = {.kind = EFFECT_SHOW_ENTRY, .room = said->room};

    show.show.entry = entry;
    show.show.epoch = SLICE("k3f");
    show.show.author = said->room.data[0] == '@' ? SIDE_FIRST : SIDE_PUBLIC;
    for (int format = FORMAT_JSON_PLAIN; format < FORMAT_COUNT; format++) {
        struct encoding encoding = {.format = (uint8_t)format,
                                    .window_bits = (choice & 32) != 0 ? 15 : 0,
                                    .side = (uint8_t)(choice >> 6) % 3};
        struct buffer output = {0};

        if (render_entry(encoding, &show, deflater, &output)) {
            check_shown(encoding, said, body.kind, buffer_slice(&output));
        } else {
            REQUIRE(buffer_length(&output) == 0);
        }
        buffer_close(&output);
    }
    entry_unref(entry);
}

static void show_signal(const struct said *said, unsigned choice, struct deflater *deflater) {
    struct signal signal = {.kind = choice % SIGNAL_FENCE,
                            .room_name = said->room,
                            .name = said->sender,
                            .former = said->other,
                            .payload = said->content,
                            .event = SLICE("kick"),
                            .client_count = 3,
                            .announced = (choice & 8) != 0,
                            .timestamp_us = SOME_TIME};
    struct effect show = {.kind = EFFECT_SHOW_SIGNAL, .room = said->room, .signal = &signal};

    for (int format = FORMAT_JSON_PLAIN; format < FORMAT_COUNT; format++) {
        struct encoding encoding = {.format = (uint8_t)format,
                                    .window_bits = (choice & 32) != 0 ? 9 : 0};
        struct buffer output = {0};

        if (render_signal(encoding, &show, deflater, &output)) {
            check_shown(encoding, said, ENTRY_EDIT, buffer_slice(&output));
        }
        buffer_close(&output);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const rooms[] = {"lobby", "@ann,bob", "@ann,ann", "\xc3\xa9t\xc3\xa9"};
    struct slice input = slice_from(data, size);
    unsigned choice = take_byte(&input), room = take_byte(&input);
    struct buffer labels[2] = {{0}, {0}};
    struct deflater *deflater = deflater_new();
    struct said said = {.sender = label_of(slice_cut(&input, '\n'), &labels[0]),
                        .other = label_of(slice_cut(&input, '\n'), &labels[1]),
                        .content = input,
                        .room = slice_of_string(rooms[room % 4])};

    if (utf8_valid(said.content)) {
        if ((room & 4) == 0) {
            show_entry(&said, choice, deflater);
        } else {
            show_signal(&said, choice, deflater);
        }
    }
    deflater_free(deflater);
    buffer_close(&labels[0]);
    buffer_close(&labels[1]);
    return 0;
}
