#include "talk.h"

#include "base/memory.h"
#include "protocol/format.h"

/* Answers that a protocol gives by itself to a single input. */
#define MOST_CALLS 20000

struct talk {
    const struct talk_options *options;
    struct protocol_settings settings;
    const struct protocol *protocol;
    void *state;
    struct buffer input, trace;
    struct buffer output[2]; /* before and after it switched to another protocol */
    bool switched, head_only, over;
    unsigned calls;
};

static const struct asset assets[] = {{"/", "text/html; charset=utf-8", {"<!doctype html>", 15}}};
static const char *const hosts[] = {"chat.example.org"};
static const char *const origins[] = {"https://*.example.org"};

static struct buffer *output_of(struct talk *talk) {
    return &talk->output[talk->switched];
}

static void open_protocol(struct talk *talk, const struct protocol *protocol,
                          const struct handover *handover) {
    talk->protocol = protocol;
    talk->state = memory_new(protocol->state_size);
    protocol->open(talk->state, &talk->settings, handover, output_of(talk));
}

static void switch_protocol(struct talk *talk, const struct feed *feed) {
    void *former = talk->state;
    const struct protocol *former_protocol = talk->protocol;

    REQUIRE(!talk->switched && feed->handover.point_count <= LIMIT_SSE_ROOMS);
    note_number(&talk->trace, "switches to format", feed->handover.format);
    note_number(&talk->trace, "refused with", feed->handover.refuse);
    note(&talk->trace, "shown", feed->handover.credential.secret);
    talk->switched = true;
    open_protocol(talk, feed->next, &feed->handover);
    former_protocol->close(former);
    memory_free(former);
}

static void take_request(struct talk *talk, const struct request *request) {
    check_request(request);
    note_request(&talk->trace, request);
    if (talk->options->asked != NULL) {
        talk->options->asked(talk->options->context, request);
    }
    if (request->kind == REQUEST_QUIT) {
        talk->over = true;
        talk->protocol->goodbye(talk->state, &talk->settings, request->close_code, output_of(talk));
    } else {
        talk_answer(talk->protocol, talk->state, &talk->settings, request, output_of(talk));
    }
    if (talk->protocol->close_wanted != NULL) {
        uint16_t code = talk->protocol->close_wanted(talk->state);

        note_number(&talk->trace, "wants to close with", code);
        talk->over = talk->over || code != 0;
    }
}

typedef enum feed_result feeding(void *state, const struct protocol_settings *settings,
                                 struct feed *feed);

/* One call with what there is of the input. */
static enum feed_result call(struct talk *talk, feeding *feeds) {
    struct slice input = buffer_slice(&talk->input);
    char *own = own_bytes(input);
    struct feed feed = {.input = slice_from(own, input.length),
                        .output = output_of(talk),
                        .address = SLICE("192.0.2.7"),
                        .secure = talk->options->secure};
    enum feed_result result = feeds(talk->state, &talk->settings, &feed);

    REQUIRE(feed.consumed <= input.length && talk->calls++ < MOST_CALLS);
    buffer_consume(&talk->input, feed.consumed);
    if (result == FEED_SWITCH) {
        switch_protocol(talk, &feed);
    } else if (result == FEED_REQUEST) {
        take_request(talk, &feed.request);
    }
    free(own);
    return result;
}

static bool is_waiting(enum feed_result result) {
    return result == FEED_MORE || result == FEED_WAIT;
}

static void hear(struct talk *talk, struct slice piece) {
    buffer_append_slice(&talk->input, piece);
    while (!talk->over && !is_waiting(call(talk, talk->protocol->feed))) {
    }
}

static void hear_end(struct talk *talk) {
    if (talk->protocol->end_of_file == NULL) {
        return;
    }
    while (!talk->over && !is_waiting(call(talk, talk->protocol->end_of_file))) {
    }
}

/* Whether it is said depends on whether more was there already. */
static void drop_continue(struct buffer *output) {
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct slice all = buffer_slice(output);
    struct buffer kept = {0};
    const char *found;

    while (all.length > 0 && (found = memmem(all.data, all.length, line, sizeof(line) - 1))) {
        buffer_append(&kept, all.data, (size_t)(found - all.data));
        all = slice_skip(all, (size_t)(found - all.data) + sizeof(line) - 1);
    }
    buffer_append_slice(&kept, all);
    buffer_close(output);
    *output = kept;
}

static void check_output(struct talk *talk) {
    struct slice before = buffer_slice(&talk->output[0]), after = buffer_slice(&talk->output[1]);

    if (slice_starts_with(slice_of_string(talk->options->scheme), SLICE("ws"))) {
        check_http_output(before, talk->head_only);
    } else {
        check_plain_output(before);
    }
    if (talk->switched && talk->protocol == &sse_protocol) {
        check_sse_output(after);
    } else if (talk->switched) {
        check_websocket_output(after, talk->protocol == &json_protocol);
    }
}

static void talk_by(const struct talk_options *options, struct slice input, size_t step,
                    struct buffer *trace) {
    struct cidr proxies;
    struct talk talk = {.options = options};

    talk.head_only = input.length > 0 && memmem(input.data, input.length, "HEAD", 4) != NULL;

    REQUIRE(cidr_parse(SLICE("192.0.2.0/24"), &proxies) == 0);
    talk.settings = (struct protocol_settings){.max_message = TALK_MAX_MESSAGE,
                                               .ping_ms = 30000,
                                               .rate_per_minute = 20,
                                               .banner = SLICE("banter"),
                                               .server = SLICE("banterd"),
                                               .assets = assets,
                                               .asset_count = 1,
                                               .allowed_origins = origins,
                                               .allowed_origin_count = 1,
                                               .public_hosts = hosts,
                                               .public_host_count = 1,
                                               .trusted_proxies = &proxies,
                                               .trusted_proxy_count = 1,
                                               .inflater = inflater_new(),
                                               .deflater = deflater_new()};
    open_protocol(&talk, protocol_find(slice_of_string(options->scheme)), NULL);
    while (input.length > 0 && !talk.over) {
        hear(&talk, take_bytes(&input, step));
    }
    if (!talk.over) {
        hear_end(&talk);
    }
    drop_continue(&talk.output[0]);
    check_output(&talk);
    note(trace, "asked", buffer_slice(&talk.trace));
    note(trace, "said", buffer_slice(&talk.output[0]));
    note(trace, "said then", buffer_slice(&talk.output[1]));
    talk.protocol->close(talk.state);
    memory_free(talk.state);
    inflater_free(talk.settings.inflater);
    deflater_free(talk.settings.deflater);
    buffer_close(&talk.input);
    buffer_close(&talk.trace);
    buffer_close(&talk.output[0]);
    buffer_close(&talk.output[1]);
}

void talk_both_ways(const struct talk_options *options, struct slice input, size_t step) {
    struct buffer whole = {0}, pieces = {0};

    talk_by(options, input, input.length, &whole);
    talk_by(options, input, step, &pieces);
    require_equal(buffer_slice(&whole), buffer_slice(&pieces));
    buffer_close(&whole);
    buffer_close(&pieces);
}
