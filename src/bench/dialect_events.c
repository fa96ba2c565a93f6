/* Server-sent events, of which each ends with an empty line. Who reads them cannot publish: the
 * publishers beside these readers speak JSON. */
#include <string.h>

#include "bench/dialect_websocket.h"

enum step { STEP_HEAD, STEP_EVENTS };

static void open_events(const struct speaker *speaker, struct buffer *output) {
    struct buffer target = {0};

    buffer_append_format(&target, "%s?room=", speaker->plan->target);
    dialect_append_room(speaker, &target);
    buffer_append_char(&target, 0);
    upgrade_append_request(speaker, buffer_slice(&target).data, "Accept: text/event-stream\r\n",
                           output);
    buffer_close(&target);
}

static int cut_event(const struct speaker *speaker, struct slice *input,
                     struct incoming *incoming) {
    if (speaker->step == STEP_HEAD)
        return upgrade_cut_head(input, incoming);
    const char *end = input->length > 0 ? memmem(input->data, input->length, "\n\n", 2) : NULL;
    if (end == NULL)
        return 0;
    size_t length = (size_t)(end - input->data);
    *incoming =
        (struct incoming){.kind = INCOMING_MESSAGE, .payload = slice_from(input->data, length)};
    *input = slice_skip(*input, length + 2);
    return 1;
}

static int greet_events(struct speaker *speaker, struct slice message, struct buffer *output,
                        struct slice *why) {
    (void)output;
    if (!slice_starts_with(message, SLICE("HTTP/1.1 200 "))) {
        *why = slice_trim(slice_cut(&message, '\n'));
        return ERR_PROTOCOL;
    }
    speaker->step = STEP_EVENTS;
    return 1;
}

const struct dialect events_dialect = {
    .open = open_events,
    .cut = cut_event,
    .greet = greet_events,
};
