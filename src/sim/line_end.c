#include "sim/line_end.h"

#include "sim/world.h"

void line_end_close(struct line_end *end) {
    buffer_close(&end->input);
    buffer_close(&end->expected);
}

/* False: it is not part of an entry of several lines. */
static bool continues(struct line_end *end, struct client *client, struct slice line) {
    struct slice expected = buffer_slice(&end->expected);
    if (expected.length == 0) {
        return false;
    }
    struct slice due = slice_cut(&expected, '\n');
    if (!slice_equal(due, line)) {
        client_fail(client, "reads \"%.*s\" in the middle of an entry", SLICE_ARGS(line));
    }
    buffer_consume(&end->expected, due.length + 1);
    return true;
}

void line_end_receive(struct line_end *end, struct client *client, struct slice bytes,
                      void (*hear)(struct client *client, struct slice line)) {
    uint64_t wire = client->wire;
    buffer_append_slice(&end->input, bytes);
    while (client->wire == wire && !client->world->broken) {
        struct slice rest = buffer_slice(&end->input);
        if (slice_find(rest, '\n') < 0) {
            return;
        }
        struct slice line = slice_cut(&rest, '\n');
        char *copy = memory_copy_string(line);
        buffer_consume(&end->input, line.length + 1);
        line = slice_from(copy, line.length);
        if (!continues(end, client, line)) {
            hear(client, line);
        }
        memory_free(copy);
    }
}

const struct utterance *line_end_utterance(const struct client *client, struct slice line) {
    ptrdiff_t at = slice_find(line, '#');
    if (at < 0) {
        return NULL;
    }
    return ledger_by_text(&client->world->ledger, slice_skip(line, (size_t)at));
}

void line_end_expect(struct line_end *end, struct client *client, struct slice prefix,
                     const struct utterance *utterance, struct slice line) {
    buffer_clear(&end->expected);
    speech_append_lines(&end->expected, prefix, slice_of_string(utterance->content));
    continues(end, client, line);
}

void line_end_send(struct client *client, const char *command, struct slice text) {
    struct buffer line = {0};
    buffer_append_string(&line, command);
    buffer_append_slice(&line, text);
    buffer_append_string(&line, chance(client->world, 20) ? "\r\n" : "\n");
    client_send(client, buffer_slice(&line));
    buffer_close(&line);
}

void line_end_send_too_long(struct client *client) {
    struct buffer line = {0};
    while (buffer_length(&line) < client->world->plan.max_message + 1000) {
        buffer_append_string(&line, "too long ");
    }
    line_end_send(client, "", buffer_slice(&line));
    buffer_close(&line);
}
