/* What the protocols over WebSocket share: messages out of frames, pings and pongs, the closing
 * handshake (RFC 6455 sections 5.5 and 7). Private to protocol/.
 *
 * However a connection ends, it ends through the hub: a close frame, a broken frame and the end of
 * the stream each become one REQUEST_QUIT, which takes effect after everything asked for before it;
 * the close frame is then written by websocket_link_goodbye. After that request nothing more is
 * read from the peer. */
#pragma once

#include "protocol/protocol.h"
#include "wire/websocket.h"

/* Part of a protocol's state; small, because every idle connection has one. Zeroed, then
 * websocket_link_open. */
struct websocket_link {
    struct websocket_reading reading;
    uint16_t refuse_code; /* from the handover; 0: welcome */
    uint16_t peer_code;   /* of the peer's close frame; 0: none has come */
    uint8_t window_bits;  /* for what we send; 0: not compressed */
    uint8_t format;       /* enum format, from the handover; for the protocol */
    bool awaiting_pong : 1;
    bool wrong_origin : 1; /* refused for it */
    bool quit : 1;         /* REQUEST_QUIT was given: what follows is not for us */
    bool close_sent : 1;
};

struct websocket_message {
    enum websocket_opcode opcode; /* WEBSOCKET_TEXT or WEBSOCKET_BINARY */
    struct slice payload;         /* valid until the next websocket_link_next */
};

/* `max_message`: bytes; a longer one closes with 1009. */
void websocket_link_open(struct websocket_link *link, const struct handover *handover,
                         size_t max_message);
void websocket_link_close(struct websocket_link *link);

/* The next message out of feed->input. True: `*message` is one. False: `*result` is what `feed`
 * must return. Answers pings by itself. Sets feed->consumed either way. */
bool websocket_link_next(struct websocket_link *link, const struct protocol_settings *settings,
                         struct feed *feed, struct websocket_message *message,
                         enum feed_result *result);

/* Gives up on the peer with a close code; returns what `feed` must return. */
enum feed_result websocket_link_fail(struct websocket_link *link, struct feed *feed,
                                     uint16_t close_code);

/* As in struct protocol. */
enum feed_result websocket_link_end_of_file(struct websocket_link *link, struct feed *feed);
void websocket_link_goodbye(struct websocket_link *link, uint16_t close_code,
                            struct buffer *output);
void websocket_link_ping(struct websocket_link *link, struct buffer *output);

/* A whole frame from a server, compressed with `window_bits` (0: not) where that makes it smaller.
 * */
void websocket_append_message(struct buffer *output, enum websocket_opcode opcode,
                              struct slice payload, struct deflater *deflater, int window_bits);
