/* WebSocket connections, whatever is said over them. See websocket.h. */
#include "protocol/websocket.h"

#include "base/close_code.h"

/* Below this deflate gains nothing worth its time. */
#define COMPRESS_MINIMUM 64

/* What is compressed with a small window unpacks with any larger one. Each size in use has
 * everything that is said compressed once more, so there are three of them for the seven that can
 * be asked for. */
static uint8_t window_size(uint8_t agreed_bits) {
    return agreed_bits == 0 ? 0 : agreed_bits >= 15 ? 15 : agreed_bits >= 12 ? 12 : 9;
}

void websocket_link_open(struct websocket_link *link, const struct handover *handover,
                         size_t max_message) {
    bool inflate = handover != NULL && handover->inflate != 0;
    struct websocket_decoder decoder = {0};
    websocket_decoder_init(&decoder, true, inflate, max_message);
    link->reading = decoder.kept;
    if (handover == NULL) {
        return;
    }
    link->window_bits = window_size(handover->window_bits);
    link->refuse_code = handover->refuse;
    link->wrong_origin = handover->wrong_origin;
    link->format = handover->format;
    link->quit = handover->refuse != 0;
}

void websocket_link_close(struct websocket_link *link) {
    struct websocket_decoder decoder = {.kept = link->reading};
    websocket_decoder_close(&decoder);
    link->reading = decoder.kept;
}

static enum feed_result quit(struct websocket_link *link, struct feed *feed, uint16_t close_code,
                             bool lost) {
    link->quit = true;
    feed->request = (struct request){
        .kind = REQUEST_QUIT,
        .close_code = close_code,
        .lost = lost,
    };
    return FEED_REQUEST;
}

enum feed_result websocket_link_fail(struct websocket_link *link, struct feed *feed,
                                     uint16_t close_code) {
    return quit(link, feed, close_code, true);
}

static enum feed_result handle_control(struct websocket_link *link, struct feed *feed,
                                       const struct websocket_decoder *decoder) {
    feed->aside = true;
    switch (decoder->event_opcode) {
    case WEBSOCKET_PING:
        websocket_append_frame(feed->output, WEBSOCKET_PONG, decoder->payload);
        return FEED_AGAIN;
    case WEBSOCKET_PONG:
        link->awaiting_pong = false;
        return FEED_AGAIN;
    default:
        link->peer_code = decoder->close_code;
        /* Only 1000 is a goodbye for good: a browser says 1001 when its page is reloaded, and will
         * be back. */
        return quit(link, feed, link->peer_code, link->peer_code != CLOSE_NORMAL);
    }
}

bool websocket_link_next(struct websocket_link *link, const struct protocol_settings *settings,
                         struct feed *feed, struct websocket_message *message,
                         enum feed_result *result) {
    struct slice input = feed->input;
    feed->consumed = input.length;
    *result = FEED_MORE;
    if (link->quit || link->close_sent) {
        websocket_link_close(link);
        return false;
    }
    struct websocket_decoder decoder = {.kept = link->reading};
    enum websocket_event event = websocket_decode(&decoder, settings->inflater, &input);
    link->reading = decoder.kept;
    feed->consumed = feed->input.length - input.length;
    switch (event) {
    case WEBSOCKET_MESSAGE:
        message->opcode = decoder.event_opcode;
        message->payload = decoder.payload;
        feed->message_size = message->payload.length;
        return true;
    case WEBSOCKET_CONTROL:
        *result = handle_control(link, feed, &decoder);
        return false;
    case WEBSOCKET_FAILED:
        *result = websocket_link_fail(link, feed, decoder.fail_code);
        return false;
    case WEBSOCKET_MORE:
        return false;
    }
    return false;
}

enum feed_result websocket_link_end_of_file(struct websocket_link *link, struct feed *feed) {
    feed->consumed = feed->input.length;
    if (link->quit) {
        return FEED_MORE;
    }
    return quit(link, feed, CLOSE_LOST, true);
}

static const char *close_reason(const struct websocket_link *link, uint16_t close_code) {
    switch (close_code) {
    case CLOSE_GOING_AWAY:
        return "shutting down";
    case CLOSE_POLICY:
        return link->wrong_origin ? "Invalid origin" : "Invalid token";
    case CLOSE_TOO_LARGE:
        return "message too large";
    case CLOSE_RESTART:
        return "service restart";
    case CLOSE_TRY_LATER:
        return "try later";
    case CLOSE_TOO_SLOW:
        return "too slow";
    case CLOSE_IDLE:
        return "idle";
    case CLOSE_KICKED:
        return "kicked";
    case CLOSE_BANNED:
        return "banned";
    case CLOSE_REPLACED:
        return "replaced";
    default:
        return "";
    }
}

void websocket_link_goodbye(struct websocket_link *link, uint16_t close_code,
                            struct buffer *output) {
    if (link->close_sent) {
        return;
    }
    link->close_sent = true;
    if (link->peer_code != 0) {
        websocket_append_close(output, link->peer_code, SLICE_NONE);
        return;
    }
    if (close_code != CLOSE_LOST) { /* else there is nobody to send it to */
        websocket_append_close(output, close_code, slice_of_string(close_reason(link, close_code)));
    }
}

void websocket_link_ping(struct websocket_link *link, struct buffer *output) {
    if (!link->close_sent && !link->quit) {
        websocket_append_frame(output, WEBSOCKET_PING, SLICE_NONE);
        link->awaiting_pong = true;
    }
}

void websocket_append_message(struct buffer *output, enum websocket_opcode opcode,
                              struct slice payload, struct deflater *deflater, int window_bits) {
    if (window_bits == 0 || deflater == NULL || payload.length < COMPRESS_MINIMUM) {
        websocket_append_frame(output, opcode, payload);
        return;
    }
    struct buffer compressed = {0};
    deflater_compress(deflater, window_bits, payload, &compressed);
    if (buffer_length(&compressed) < payload.length) {
        websocket_append_header(output, opcode, true, buffer_length(&compressed));
        buffer_append_slice(output, buffer_slice(&compressed));
    } else {
        websocket_append_frame(output, opcode, payload);
    }
    buffer_close(&compressed);
}
