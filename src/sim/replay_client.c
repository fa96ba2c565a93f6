#include "sim/replay_client.h"

#include "base/memory.h"

#define LARGEST (64 * 1024 * 1024)
#define MASK 0x1b2c3d4e

static const struct replay_kind kinds[] = {
    {SLICE("line"), "line", CUT_BYTES},
    {SLICE("numbered"), "numbered", CUT_BYTES},
    {SLICE("command"), "command", CUT_WRITES},
    {SLICE("http"), "ws", CUT_RESPONSES},
    {SLICE("sse"), "ws", CUT_EVENTS},
    {SLICE("json"), "ws", CUT_FRAMES, "/", NULL},
    {SLICE("v1"), "ws", CUT_FRAMES, "/ws", "banter.v1"},
    {SLICE("text"), "ws", CUT_FRAMES, "/text", NULL},
    {SLICE("relay"), "ws+text", CUT_FRAMES, "/", NULL},
};

const struct replay_kind *replay_kind_find(struct slice name) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (slice_equal(name, kinds[i].name)) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void shake_hands(struct replay_client *client, const struct replay_opening *opening) {
    struct slice path = opening->path, host = opening->host;
    struct buffer head = {0};
    path = path.data ? path : slice_of_string(client->kind->path);
    host = host.data ? host : SLICE("127.0.0.1:8765");
    buffer_append_format(&head,
                         "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                         SLICE_ARGS(path), SLICE_ARGS(host));
    if (client->kind->subprotocol) {
        buffer_append_format(&head, "Sec-WebSocket-Protocol: %s\r\n", client->kind->subprotocol);
    }
    if (opening->origin.data) {
        buffer_append_format(&head, "Origin: %.*s\r\n", SLICE_ARGS(opening->origin));
    }
    if (opening->deflate) {
        buffer_append_string(&head, "Sec-WebSocket-Extensions: permessage-deflate");
        if (opening->bits.data) {
            buffer_append_format(&head, "; server_max_window_bits=%.*s", SLICE_ARGS(opening->bits));
        }
        buffer_append_string(&head, "\r\n");
    }
    buffer_append_string(&head, "\r\n");
    replay_socket_write(client->socket, buffer_slice(&head));
    buffer_close(&head);
}

struct replay_client *replay_client_new(struct replay_server *server, struct slice name,
                                        const struct replay_kind *kind,
                                        const struct replay_opening *opening) {
    struct replay_client *client = memory_new_struct(struct replay_client);
    const struct protocol *protocol = protocol_find(slice_of_string(kind->scheme));
    struct slice address = opening->address.data ? opening->address : SLICE("127.0.0.1");
    *client = (struct replay_client){
        .name = memory_copy_string(name),
        .kind = kind,
        .socket = replay_socket_open(server, protocol, address),
        .deflate = opening->deflate,
        .mute = opening->mute,
    };
    client->socket->bytewise = opening->bytewise;
    if (kind->cut == CUT_FRAMES) {
        shake_hands(client, opening);
    }
    return client;
}

void replay_heard_drop(struct replay_client *client) {
    struct replay_heard *heard = client->first;
    client->first = heard->next;
    if (!client->first) {
        client->last = NULL;
    }
    buffer_close(&heard->head);
    buffer_close(&heard->body);
    memory_free(heard);
}

void replay_client_free(struct replay_client *client) {
    while (client->first) {
        replay_heard_drop(client);
    }
    if (client->open && client->kind->cut == CUT_FRAMES) {
        websocket_decoder_close(&client->decoder);
    }
    memory_free(client->name);
    memory_free(client);
}

static struct replay_heard *hear(struct replay_client *client, enum replay_hearing what,
                                 struct slice body) {
    struct replay_heard *heard = memory_new_struct(struct replay_heard);
    heard->what = what;
    buffer_append_slice(&heard->body, body);
    if (client->last) {
        client->last->next = heard;
    } else {
        client->first = heard;
    }
    client->last = heard;
    return heard;
}

/* True: it was a ping, and was answered. */
static bool hear_control(struct replay_client *client) {
    const struct websocket_decoder *decoder = &client->decoder;
    switch (decoder->event_opcode) {
    case WEBSOCKET_PING:
        if (client->mute) {
            hear(client, HEARD_PING, decoder->payload);
            return false;
        }
        replay_client_send(client, WEBSOCKET_PONG, decoder->payload);
        return true;
    case WEBSOCKET_PONG:
        hear(client, HEARD_PONG, decoder->payload);
        return false;
    default:
        hear(client, HEARD_CLOSE, decoder->payload)->code = decoder->close_code;
        return false;
    }
}

static void open_frames(struct replay_client *client) {
    struct replay_heard response = {0};
    if (!replay_http_take(&client->socket->output, client->socket->finished, &response)) {
        return;
    }
    struct slice extensions =
        replay_http_header(buffer_slice(&response.head), SLICE("Sec-WebSocket-Extensions"));
    client->deflate = slice_starts_with(extensions, SLICE("permessage-deflate"));
    client->open = response.code == 101;
    client->broken = client->open ? NULL : "the handshake was refused";
    websocket_decoder_init(&client->decoder, false, client->deflate, LARGEST);
    buffer_close(&response.head);
    buffer_close(&response.body);
}

static bool hear_frames(struct replay_client *client) {
    struct slice bytes = buffer_slice(&client->socket->output);
    struct inflater *inflater = client->socket->server->settings.inflater;
    bool answered = false;
    while (bytes.length > 0 && !client->broken) {
        switch (websocket_decode(&client->decoder, inflater, &bytes)) {
        case WEBSOCKET_MESSAGE:
            hear(client,
                 client->decoder.event_opcode == WEBSOCKET_TEXT ? HEARD_WORDS : HEARD_BINARY,
                 client->decoder.payload);
            break;
        case WEBSOCKET_CONTROL:
            answered |= hear_control(client);
            break;
        case WEBSOCKET_FAILED:
            client->broken = "its frames are broken";
            break;
        case WEBSOCKET_MORE:
            break;
        }
    }
    buffer_clear(&client->socket->output);
    return answered;
}

static void hear_writes(struct replay_client *client) {
    size_t length;
    while (replay_socket_take_write(client->socket, &length)) {
        if (length > 0) {
            hear(client, HEARD_WORDS,
                 slice_from(buffer_slice(&client->socket->output).data, length));
            buffer_consume(&client->socket->output, length);
        }
    }
}

static void hear_responses(struct replay_client *client) {
    struct replay_heard response = {0};
    while (replay_http_take(&client->socket->output, client->socket->finished, &response)) {
        struct replay_heard *heard = hear(client, HEARD_RESPONSE, SLICE_NONE);
        heard->code = response.code;
        heard->head = response.head;
        heard->body = response.body;
        response = (struct replay_heard){0};
    }
}

static void hear_events(struct replay_client *client) {
    struct buffer *output = &client->socket->output;
    struct replay_heard head = {0};
    size_t length;
    if (!client->open && replay_http_take_stream_head(output, &head)) {
        struct replay_heard *heard = hear(client, HEARD_RESPONSE, SLICE_NONE);
        heard->code = head.code;
        heard->head = head.head;
        client->open = true;
    }
    while (client->open && (length = replay_http_event_length(buffer_slice(output))) > 0) {
        hear(client, HEARD_WORDS, slice_from(buffer_slice(output).data, length));
        buffer_consume(output, length + 1);
    }
    if (!client->open) {
        hear_responses(client); /* it was refused */
    }
}

bool replay_client_listen(struct replay_client *client) {
    switch (client->kind->cut) {
    case CUT_FRAMES:
        if (!client->open && !client->broken) {
            open_frames(client);
        }
        return client->open && hear_frames(client);
    case CUT_WRITES:
        if (!client->lines) {
            hear_writes(client);
        }
        return false;
    case CUT_RESPONSES:
        hear_responses(client);
        return false;
    case CUT_EVENTS:
        hear_events(client);
        return false;
    case CUT_BYTES:
        break;
    }
    return false;
}

void replay_client_send(struct replay_client *client, enum websocket_opcode opcode,
                        struct slice payload) {
    struct buffer packed = {0}, frame = {0};
    bool compress = client->deflate && (opcode == WEBSOCKET_TEXT || opcode == WEBSOCKET_BINARY);
    if (client->kind->cut != CUT_FRAMES) {
        client->lines |= slice_find(payload, '\n') >= 0;
        replay_socket_write(client->socket, payload);
        return;
    }
    if (compress) {
        deflater_compress(client->socket->server->settings.deflater, 15, payload, &packed);
        payload = buffer_slice(&packed);
    }
    websocket_append_masked(&frame, opcode, payload, MASK);
    frame.data[frame.start] |= compress ? 0x40 : 0; /* RSV1: a server's codec never needs both */
    replay_socket_write(client->socket, buffer_slice(&frame));
    buffer_close(&frame);
    buffer_close(&packed);
}

void replay_client_send_close(struct replay_client *client, unsigned code) {
    char payload[2] = {(char)(code >> 8), (char)code};
    replay_client_send(client, WEBSOCKET_CLOSE, slice_from(payload, sizeof payload));
    client->end_expected = true;
}
