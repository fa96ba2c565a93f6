/* One connection of a protocol that hears the input and is answered as a hub might: what it asks
 * for and what it says is written down. However the input is cut in pieces, that must be the same.
 *
 * What is checked of all protocols: no more is used than came, what is asked for is what the hub
 * may count on (UTF-8, within limits), and what is said can be read by the other side: lines
 * without control characters, HTTP, frames of WebSocket with one JSON object each, events. */
#pragma once

#include "fuzz.h"
#include "protocol/protocol.h"

#define TALK_MAX_MESSAGE 1000

/* Called with each request before it is answered, to check what a target knows of its input. */
typedef void talk_asked(void *context, const struct request *request);

struct talk_options {
    const char *scheme; /* of --listen */
    bool secure;
    talk_asked *asked; /* NULL: nothing to check */
    void *context;
};

/* Whole and in pieces of `step` bytes. */
void talk_both_ways(const struct talk_options *options, struct slice input, size_t step);

/* talk_check.c */

/* What the hub may count on. */
void check_request(const struct request *request);
void note_request(struct buffer *trace, const struct request *request);
/* Text for terminals. */
void check_plain_output(struct slice output);
/* Whole answers of HTTP. Not looked at with `head_only`: an answer to HEAD has no body, whatever
 * its head says. */
void check_http_output(struct slice output, bool head_only);
void check_websocket_output(struct slice output, bool json);
/* The head of an answer, and events or the answer's body. */
void check_sse_output(struct slice output);

/* talk_answer.c */

/* Answers as the hub could; what is asked decides which way. */
void talk_answer(const struct protocol *protocol, void *state,
                 const struct protocol_settings *settings, const struct request *request,
                 struct buffer *output);
