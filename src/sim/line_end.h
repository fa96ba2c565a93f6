/* The client's end of a protocol of lines: what is read is cut into lines, and an entry of several
 * lines must come in one piece, byte for byte as the ledger has it. */
#pragma once

#include "base/buffer.h"
#include "sim/client.h"

struct line_end {
    struct buffer input;    /* no whole line yet */
    struct buffer expected; /* what must come next: the rest of an entry of several lines */
};

void line_end_close(struct line_end *end);
void line_end_receive(struct line_end *end, struct client *client, struct slice bytes,
                      void (*hear)(struct client *client, struct slice line));
/* The utterance whose first line this is; NULL: of none. */
const struct utterance *line_end_utterance(const struct client *client, struct slice line);
/* `line` must be the first line of this utterance under `prefix`; the others must follow. */
void line_end_expect(struct line_end *end, struct client *client, struct slice prefix,
                     const struct utterance *utterance, struct slice line);

/* Writes a line, in one of the ways in which lines may end. */
void line_end_send(struct client *client, const char *command, struct slice text);
void line_end_send_too_long(struct client *client);
