/* How each format words a room's feed. One table for each format, defined in the file of its
 * protocol and listed in protocol.c; framing (WebSocket, deflate) is put around it there. Private
 * to protocol/. */
#pragma once

#include "protocol/protocol.h"

struct feed_format {
    bool websocket; /* what is rendered becomes the payload of one WebSocket frame; else it is sent
                       as it is */
    bool binary_signals; /* the frame of a signal is binary; everything else is text */
    /* Append the words for an entry or a signal, or append nothing and return false. `side` is the
     * reader's. */
    bool (*entry)(enum format format, enum side side, const struct effect *show,
                  struct buffer *output);
    bool (*signal)(enum format format, enum side side, const struct effect *show,
                   struct buffer *output);
};

extern const struct feed_format json_feed; /* of the three JSON formats */
extern const struct feed_format text_feed;
extern const struct feed_format line_feed;
extern const struct feed_format numbered_feed;
extern const struct feed_format command_feed;
extern const struct feed_format sse_feed; /* of one room, and of several */

extern const struct protocol http_protocol;
extern const struct protocol json_protocol; /* reached from HTTP */
extern const struct protocol text_protocol; /* reached from HTTP */
extern const struct protocol sse_protocol;  /* reached from HTTP */
extern const struct protocol
    text_only_protocol; /* ws+text:// : HTTP whose every path upgrades to raw text */
extern const struct protocol line_protocol;
extern const struct protocol numbered_protocol;
extern const struct protocol command_protocol;
