/* The client's end of a WebSocket connection: the handshake, then frames. */
#pragma once

#include "base/buffer.h"
#include "wire/websocket.h"

struct client;

struct websocket_end {
    struct websocket_decoder decoder;
    struct buffer input; /* of the handshake */
    bool open;           /* the handshake is over */
    bool deflate;        /* to be offered, then: agreed on */
    uint16_t close_code; /* the server has sent a close frame; 0: not yet */
};

/* Zeroed before; sends the handshake. `protocol` may be NULL. */
void websocket_end_begin(struct websocket_end *end, struct client *client, const char *path,
                         const char *protocol, bool deflate);
void websocket_end_close(struct websocket_end *end);

void websocket_end_send(struct websocket_end *end, struct client *client,
                        enum websocket_opcode opcode, struct slice payload);
/* Says goodbye. */
void websocket_end_quit(struct websocket_end *end, struct client *client, uint16_t code);

/* Hands each message to `hear`; answers pings; fails on what no server may send. `opened` is called
 * once. */
void websocket_end_receive(struct websocket_end *end, struct client *client, struct slice bytes,
                           void (*opened)(struct client *client),
                           void (*hear)(struct client *client, enum websocket_opcode opcode,
                                        struct slice payload));
