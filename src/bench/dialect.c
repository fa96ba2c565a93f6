/* The dialects of lines, and the table of all. */
#include "bench/dialect.h"

#include "bench/dialect_websocket.h"

enum line_step { LINE_ASKED, LINE_NAMED };

void dialect_append_room(const struct speaker *speaker, struct buffer *output) {
    buffer_append_format(output, "bench-%08x-%u", speaker->run, speaker->room);
}

static int cut_line(const struct speaker *speaker, struct slice *input, struct incoming *incoming) {
    (void)speaker;
    ptrdiff_t end = slice_find(*input, '\n');
    if (end < 0)
        return 0;
    *incoming = (struct incoming){.kind = INCOMING_MESSAGE,
                                  .payload = slice_from(input->data, (size_t)end)};
    *input = slice_skip(*input, (size_t)end + 1);
    return 1;
}

/* BANNER, "Enter your name:", our name, "Welcome …"; the banner may be any line. */
static int greet_line(struct speaker *speaker, struct slice message, struct buffer *output,
                      struct slice *why) {
    bool is_prompt = slice_equal(message, SLICE("Enter your name:"));

    if (speaker->step == LINE_NAMED && is_prompt) {
        *why = SLICE("the name is not accepted");
        return ERR_PROTOCOL;
    }
    if (is_prompt) {
        buffer_append_format(output, "bench-%08x-%u\n", speaker->run, speaker->number);
        speaker->step = LINE_NAMED;
    }
    return speaker->step == LINE_NAMED && slice_starts_with(message, SLICE("Welcome "));
}

static void publish_line(const struct speaker *speaker, struct slice content, struct slice tag,
                         struct buffer *output) {
    (void)speaker;
    (void)tag;
    buffer_append_slice(output, content);
    buffer_append_char(output, '\n');
}

static const struct dialect line_dialect = {
    .cut = cut_line,
    .greet = greet_line,
    .publish = publish_line,
};

static const struct dialect numbered_dialect = {
    .cut = cut_line,
    .publish = publish_line,
};

const struct dialect *dialect_of(enum bench_protocol protocol, bool publishes) {
    switch (protocol) {
    case BENCH_JSON:
        return &json_dialect;
    case BENCH_PLAIN:
        return &plain_dialect;
    case BENCH_TEXT:
        return &text_dialect;
    case BENCH_EVENTS:
        return publishes ? &json_dialect : &events_dialect;
    case BENCH_NATS:
        return &nats_dialect;
    case BENCH_MQTT:
        return &mqtt_dialect;
    case BENCH_LINE:
        return &line_dialect;
    case BENCH_NUMBERED:
        break;
    }
    return &numbered_dialect;
}
