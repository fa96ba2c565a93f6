/* The clients of a scenario: the other end of each wire language, down to its frames. What a client
 * is sent is cut into what a program on this side would see at once: a frame, a response, a write;
 * of lines, the bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/replay_server.h"
#include "wire/websocket.h"

enum replay_cut { CUT_BYTES, CUT_WRITES, CUT_FRAMES, CUT_RESPONSES, CUT_EVENTS };

struct replay_kind {
    struct slice name;
    const char *scheme;
    enum replay_cut cut;
    const char *path, *subprotocol; /* of frames */
};

enum replay_hearing {
    HEARD_WORDS,
    HEARD_BINARY,
    HEARD_PING,
    HEARD_PONG,
    HEARD_CLOSE,
    HEARD_RESPONSE
};

/* One thing that came. */
struct replay_heard {
    struct replay_heard *next;
    enum replay_hearing what;
    unsigned code;      /* of a close frame, or the status of a response */
    struct buffer head; /* of a response */
    struct buffer body;
};

struct replay_client {
    struct replay_client *next;
    char *name;
    const struct replay_kind *kind;
    struct replay_socket *socket;
    struct websocket_decoder decoder;
    struct replay_heard *first, *last;
    bool open;          /* the handshake is over */
    bool deflate;       /* compresses what it sends */
    bool mute;          /* does not answer pings */
    bool lines;         /* has sent LF: what comes is no more cut by writes */
    bool end_expected;  /* of the connection; or the client ended it */
    const char *broken; /* what the server sent cannot be read; NULL: fine */
};

struct replay_opening {
    struct slice address, origin, path, bits, host;
    bool deflate, mute, bytewise;
};

const struct replay_kind *replay_kind_find(struct slice name); /* NULL: there is none */

struct replay_client *replay_client_new(struct replay_server *server, struct slice name,
                                        const struct replay_kind *kind,
                                        const struct replay_opening *opening);
void replay_client_free(struct replay_client *client); /* the socket stays */

/* Looks at what has come. True: it has answered a ping. */
bool replay_client_listen(struct replay_client *client);
void replay_heard_drop(struct replay_client *client); /* the first thing it heard */

/* In frames, where it speaks in frames. */
void replay_client_send(struct replay_client *client, enum websocket_opcode opcode,
                        struct slice payload);
void replay_client_send_close(struct replay_client *client, unsigned code);

/* replay_http.c. `headers` are as they go over the wire, each with CR LF. */
void replay_http_send(struct replay_client *client, struct slice method, struct slice target,
                      struct slice headers, struct slice body);
/* Takes the head of a response whose body is a stream of events. */
bool replay_http_take_stream_head(struct buffer *bytes, struct replay_heard *response);
/* Length of the first event, to be taken with the empty line behind it; 0: it has not come. */
size_t replay_http_event_length(struct slice bytes);
/* Takes a whole response out of `bytes`; `ended`: no more will come. */
bool replay_http_take(struct buffer *bytes, bool ended, struct replay_heard *response);
/* The value of a header; data NULL: it is not there. */
struct slice replay_http_header(struct slice head, struct slice name);
