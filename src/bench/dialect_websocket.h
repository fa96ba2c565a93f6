/* The dialects over HTTP and WebSocket, and what they share: the upgrade and the frames. */
#pragma once

#include "bench/dialect.h"
#include "wire/websocket.h"

extern const struct dialect text_dialect, json_dialect, plain_dialect, events_dialect, nats_dialect,
    mqtt_dialect;

/* The request, with the plan's Host and token; `headers` are whole lines beside these. */
void upgrade_append_request(const struct speaker *speaker, const char *target, const char *headers,
                            struct buffer *output);
void upgrade_append(const struct speaker *speaker, const char *target, const char *subprotocol,
                    struct buffer *output);

/* What a server answers before it comes to the point, up to the empty line; as dialect.cut. */
int upgrade_cut_head(struct slice *input, struct incoming *incoming);

/* Looks at that answer: 0, and `speaker->step` is 1, or ERR_PROTOCOL. */
int upgrade_take(struct speaker *speaker, struct slice head, struct slice *why);

/* The `cut` and `pong` of a dialect over WebSocket; heads as long as `speaker->step` is 0. */
int frame_cut(const struct speaker *speaker, struct slice *input, struct incoming *incoming);
void frame_pong(struct slice payload, struct buffer *output);

/* Sends `payload` as one frame, and frees it. */
void frame_append(struct buffer *output, enum websocket_opcode opcode, struct buffer *payload);
