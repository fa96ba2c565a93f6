/* MQTT 3.1.1 over WebSocket (chapter 6 there), at most once: CONNECT, SUBSCRIBE, PUBLISH. A server
 * may put packets into frames as it likes; one that splits a packet's payload is found out by the
 * messages that are then lost. */
#include "bench/dialect_websocket.h"

enum packet { CONNECT = 0x10, CONNACK = 0x20, PUBLISH = 0x30, SUBSCRIBE = 0x82, SUBACK = 0x90 };
enum step { STEP_UPGRADING, STEP_CONNECTING, STEP_SUBSCRIBING };

static void append_u16(struct buffer *output, size_t number) {
    buffer_append_char(output, (char)(number >> 8 & 255));
    buffer_append_char(output, (char)(number & 255));
}

static void append_text(struct buffer *output, struct slice text) {
    append_u16(output, text.length);
    buffer_append_slice(output, text);
}

/* A frame of one packet (section 2.2); frees `body`. */
static void append_packet(struct buffer *output, enum packet type, struct buffer *body) {
    struct buffer packet = {0};
    size_t left = buffer_length(body);

    buffer_append_char(&packet, (char)type);
    do {
        buffer_append_char(&packet, (char)((left & 127) | (left > 127 ? 128 : 0)));
        left >>= 7;
    } while (left > 0);
    buffer_append_slice(&packet, buffer_slice(body));
    buffer_close(body);
    frame_append(output, WEBSOCKET_BINARY, &packet);
}

static void open_mqtt(const struct speaker *speaker, struct buffer *output) {
    upgrade_append(speaker, speaker->plan->target, "mqtt", output);
}

static void append_topic(const struct speaker *speaker, struct buffer *body) {
    struct buffer topic = {0};
    dialect_append_room(speaker, &topic);
    append_text(body, buffer_slice(&topic));
    buffer_close(&topic);
}

/* A clean session, and no keeping alive. */
static void say_connect(const struct speaker *speaker, struct buffer *output) {
    struct buffer body = {0}, identifier = {0};

    append_text(&body, SLICE("MQTT"));
    buffer_append_slice(&body, SLICE("\x04\x02\x00\x00"));
    buffer_append_format(&identifier, "bench-%08x-%u", speaker->run, speaker->number);
    append_text(&body, buffer_slice(&identifier));
    buffer_close(&identifier);
    append_packet(output, CONNECT, &body);
}

static void subscribe(const struct speaker *speaker, struct buffer *output) {
    struct buffer body = {0};

    append_u16(&body, 1);
    append_topic(speaker, &body);
    buffer_append_char(&body, 0);
    append_packet(output, SUBSCRIBE, &body);
}

static bool is_packet(struct slice message, enum packet type) {
    return message.length > 0 && (uint8_t)message.data[0] == type;
}

static int greet_mqtt(struct speaker *speaker, struct slice message, struct buffer *output,
                      struct slice *why) {
    switch ((enum step)speaker->step) {
    case STEP_UPGRADING:
        say_connect(speaker, output);
        return upgrade_take(speaker, message, why);
    case STEP_CONNECTING:
        if (!is_packet(message, CONNACK) || message.length < 4 || message.data[3] != 0) {
            *why = SLICE("the connection is not accepted");
            return ERR_PROTOCOL;
        }
        if (!speaker->joins)
            return 1;
        speaker->step = STEP_SUBSCRIBING;
        subscribe(speaker, output);
        return 0;
    case STEP_SUBSCRIBING:
        return is_packet(message, SUBACK);
    }
    return 0;
}

static void publish_mqtt(const struct speaker *speaker, struct slice content, struct slice tag,
                         struct buffer *output) {
    struct buffer body = {0};

    (void)tag;
    append_topic(speaker, &body);
    buffer_append_slice(&body, content);
    append_packet(output, PUBLISH, &body);
}

const struct dialect mqtt_dialect = {
    .open = open_mqtt,
    .cut = frame_cut,
    .greet = greet_mqtt,
    .publish = publish_mqtt,
    .pong = frame_pong,
    .bundles = true,
};
