/* The states run one way: waiting for the answer to the upgrade, open, closing (we said
 * goodbye), ended. Whatever goes wrong leads to `ended` with the reason in `ending`, and stays
 * there. */
#include "client/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/link.h"
#include "wire/http.h"
#include "wire/json.h"
#include "wire/secret.h"
#include "wire/websocket.h"

#define MAX_MESSAGE                                                                                \
    (64 * 1024 * 1024) /* a batch holds one entry at least, however large the server lets them be  \
                        */
#define MAX_REFUSAL (64 * 1024) /* body of an answer that is no upgrade */

enum state { STATE_UPGRADING, STATE_OPEN, STATE_CLOSING, STATE_ENDED };

struct connection {
    struct link *link;
    enum state state;
    bool end_of_file; /* the server sends no more; what came before still counts */
    struct http_reader *reader;
    struct websocket_decoder decoder;
    struct buffer input, output;
    size_t used;          /* bytes of the input that the last event pointed into */
    struct buffer accept; /* what Sec-WebSocket-Accept must say */
    struct ending ending;
};

static void random_bytes(void *bytes, size_t size) {
    ssize_t taken = getrandom(bytes, size, 0);
    (void)taken; /* up to 256 bytes always come whole (getrandom(2)) */
}

static void append_upgrade(struct connection *connection, const struct url *url,
                           const char *token) {
    uint8_t nonce[16];
    struct buffer key = {0};

    random_bytes(nonce, sizeof nonce);
    base64_append(&key, slice_from(nonce, sizeof nonce));
    websocket_append_accept(&connection->accept, buffer_slice(&key));
    buffer_append_format(&connection->output,
                         "GET %s HTTP/1.1\r\n"
                         "Host: %s\r\n"
                         "Upgrade: websocket\r\n"
                         "Connection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Protocol: banter.v1\r\n"
                         "User-Agent: banter/" BANTER_VERSION "\r\n"
                         "Sec-WebSocket-Key: %.*s\r\n",
                         url->target, url->host, SLICE_ARGS(buffer_slice(&key)));
    if (token != NULL)
        buffer_append_format(&connection->output, "Authorization: Bearer %s\r\n", token);
    buffer_append_string(&connection->output, "\r\n");
    buffer_close(&key);
}

struct connection *connection_new(int descriptor, const struct url *url, struct tls_context *tls,
                                  const char *token) {
    struct connection *connection = memory_new_struct(struct connection);
    int flags = fcntl(descriptor, F_GETFL);
    if (flags >= 0)
        fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
    connection->link = link_new(descriptor, url->secure ? tls : NULL, url->host_port, true);
    connection->reader = http_reader_new(HTTP_CLIENT, MAX_REFUSAL);
    websocket_decoder_init(&connection->decoder, false, false, MAX_MESSAGE);
    append_upgrade(connection, url, token);
    return connection;
}

void connection_free(struct connection *connection) {
    if (connection == NULL)
        return;
    link_free(connection->link);
    http_reader_free(connection->reader);
    websocket_decoder_close(&connection->decoder);
    buffer_close(&connection->input);
    buffer_close(&connection->output);
    buffer_close(&connection->accept);
    memory_free(connection);
}

int connection_descriptor(const struct connection *connection) {
    return link_descriptor(connection->link);
}

short connection_wants(const struct connection *connection) {
    bool output = buffer_length(&connection->output) > 0 || link_wants_output(connection->link);

    return (short)(POLLIN | (output ? POLLOUT : 0));
}

const struct ending *connection_ending(const struct connection *connection) {
    return &connection->ending;
}

/* The first reason counts: what follows from it is noise. */
static void end_with(struct connection *connection, uint16_t code, bool hopeless,
                     struct slice text) {
    struct buffer clean = {0};

    if (connection->state == STATE_ENDED)
        return;
    connection->state = STATE_ENDED;
    connection->ending.code = code;
    connection->ending.hopeless = hopeless;
    text_append_line(&clean, text);
    struct slice cut = buffer_slice(&clean);
    if (cut.length >= sizeof connection->ending.text) {
        cut.length = sizeof connection->ending.text - 1;
        while (cut.length > 0 && (cut.data[cut.length] & 0xc0) == 0x80)
            cut.length--; /* not in the middle of a character */
    }
    snprintf(connection->ending.text, sizeof connection->ending.text, "%.*s", SLICE_ARGS(cut));
    buffer_close(&clean);
}

static void end(struct connection *connection, bool hopeless, const char *text) {
    end_with(connection, 1006, hopeless, slice_of_string(text));
}

void connection_flush(struct connection *connection) {
    link_send(connection->link, buffer_slice(&connection->output));
    buffer_clear(&connection->output);
    link_flush(connection->link);
}

bool connection_receive(struct connection *connection) {
    if (connection->state == STATE_ENDED || connection->end_of_file)
        return false;

    /* What the last event pointed at is out of date from here on. */
    buffer_consume(&connection->input, connection->used);
    connection->used = 0;
    size_t before = buffer_length(&connection->input);
    connection->end_of_file = link_receive(connection->link, &connection->input) == LINK_ENDED;
    return buffer_length(&connection->input) > before;
}

/* The words for an answer that is no upgrade: the `message` of a JSON body, else the status. */
static void end_refused(struct connection *connection, const struct http_message *answer) {
    struct buffer text = {0};
    struct slice message = SLICE_NONE;
    json_t *body = json_parse_object(answer->body);

    buffer_append_format(&text, "the server answered %u %s", answer->status,
                         http_status_text(answer->status));
    if (body != NULL && json_get_string(body, "message", &message) == 0 && message.length > 0) {
        buffer_append_string(&text, ": ");
        buffer_append_slice(&text, message);
    }
    end_with(connection, 1006, answer->status < 500 && answer->status != 429, buffer_slice(&text));
    json_decref(body);
    buffer_close(&text);
}

/* Whether the upgrade is settled; ends the connection when it failed. */
static bool read_upgrade(struct connection *connection, struct slice *input) {
    int result = http_reader_feed(connection->reader, input);
    if (result == 0)
        return false;
    if (result < 0) {
        end(connection, true, "that is no WebSocket server");
        return true;
    }
    const struct http_message *answer = http_reader_message(connection->reader);
    if (answer->status != 101)
        end_refused(connection, answer);
    else if (!slice_equal(http_header(answer, "Sec-WebSocket-Accept"),
                          buffer_slice(&connection->accept)))
        end(connection, true, "the server accepted somebody else's WebSocket");
    else if (!slice_equal(http_header(answer, "Sec-WebSocket-Protocol"), SLICE("banter.v1")))
        end(connection, true, "the server does not speak banter.v1 at this path");
    else
        connection->state = STATE_OPEN;
    return true;
}

static void append_frame(struct connection *connection, enum websocket_opcode opcode,
                         struct slice payload) {
    uint32_t mask;
    random_bytes(&mask, sizeof mask);
    websocket_append_masked(&connection->output, opcode, payload, mask);
}

/* Codes after which the same client meets the same end (protocol errors, refusals, 4500 and up). */
static bool hopeless_code(uint16_t code) {
    switch (code) {
    case 1002:
    case 1003:
    case 1007:
    case 1008:
    case 1009:
        return true;
    default:
        return code >= 4500 && code <= 4999;
    }
}

static void append_close(struct connection *connection, uint16_t code) {
    uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)(code & 0xff)};
    append_frame(connection, WEBSOCKET_CLOSE,
                 slice_from(payload, code == 1005 ? 0 : sizeof payload));
}

static void take_close(struct connection *connection) {
    uint16_t code = connection->decoder.close_code;
    struct slice reason = connection->decoder.payload;
    char text[64];

    if (connection->state == STATE_OPEN) {
        append_close(connection, code); /* section 5.5.1; nobody waits for whether it arrives */
        connection_flush(connection);
    }
    if (reason.length == 0) {
        snprintf(text, sizeof text, "closed by the server (code %u)", code);
        reason = slice_of_string(text);
    }
    end_with(connection, code, hopeless_code(code), reason);
}

static void fail(struct connection *connection) {
    append_close(connection, connection->decoder.fail_code);
    connection_flush(connection);
    end(connection, true, "the server broke the WebSocket protocol");
}

/* Decodes up to something that concerns the owner. */
static enum connection_event read_frames(struct connection *connection, struct slice *input,
                                         struct slice *text) {
    for (;;) {
        switch (websocket_decode(&connection->decoder, NULL, input)) {
        case WEBSOCKET_MORE:
            return CONNECTION_IDLE;
        case WEBSOCKET_MESSAGE:
            if (connection->decoder.event_opcode != WEBSOCKET_TEXT)
                continue; /* banter.v1 has no binary messages */
            *text = connection->decoder.payload;
            return CONNECTION_TEXT;
        case WEBSOCKET_CONTROL:
            if (connection->decoder.event_opcode == WEBSOCKET_CLOSE) {
                take_close(connection);
                return CONNECTION_ENDED;
            }
            if (connection->decoder.event_opcode == WEBSOCKET_PING &&
                connection->state == STATE_OPEN)
                append_frame(connection, WEBSOCKET_PONG, connection->decoder.payload);
            continue;
        case WEBSOCKET_FAILED:
            fail(connection);
            return CONNECTION_ENDED;
        }
    }
}

enum connection_event connection_next(struct connection *connection, struct slice *text) {
    enum connection_event event = CONNECTION_IDLE;

    buffer_consume(&connection->input, connection->used);
    connection->used = 0;
    struct slice input = buffer_slice(&connection->input);
    size_t had = input.length;

    if (connection->state == STATE_UPGRADING) {
        if (read_upgrade(connection, &input))
            event = connection->state == STATE_OPEN ? CONNECTION_OPEN : CONNECTION_ENDED;
    } else if (connection->state != STATE_ENDED) {
        event = read_frames(connection, &input, text);
    }
    connection->used = had - input.length;
    if (event == CONNECTION_IDLE && connection->end_of_file && link_fault(connection->link) != NULL)
        end(connection, true, link_fault(connection->link));
    else if (event == CONNECTION_IDLE && connection->end_of_file)
        end(connection, false,
            connection->state == STATE_UPGRADING ? "the server hung up" : "the connection broke");
    return connection->state == STATE_ENDED ? CONNECTION_ENDED : event;
}

void connection_send(struct connection *connection, struct slice text) {
    if (connection->state == STATE_OPEN)
        append_frame(connection, WEBSOCKET_TEXT, text);
}

void connection_close(struct connection *connection, uint16_t code) {
    if (connection->state == STATE_OPEN) {
        append_close(connection, code);
        connection->state = STATE_CLOSING;
    }
}
