/* One connection of a protocol that speaks in plain bytes, without a hub behind it: what it asks
 * for is written down as text ("publish|to=bob|content=hi\n"), and its answers are handed to it by
 * the test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "protocol/format.h"

struct plain_peer {
    const struct protocol *protocol;
    struct protocol_settings settings;
    void *state;
    struct buffer input;    /* not used yet */
    struct buffer output;   /* sent so far, taken by plain_sent */
    struct buffer requests; /* asked so far, taken by plain_asked */
    unsigned answers;       /* calls of the protocol that sent something */
    bool waits;             /* the protocol said FEED_WAIT */
};

static inline struct plain_peer *plain_connect(const struct protocol *protocol) {
    struct plain_peer *peer = memory_new_struct(struct plain_peer);
    peer->protocol = protocol;
    peer->settings.max_message = 100;
    peer->settings.banner = SLICE("banter chat server");
    peer->state = memory_new(protocol->state_size);
    protocol->open(peer->state, &peer->settings, NULL, &peer->output);
    return peer;
}

static inline void plain_close(struct plain_peer *peer) {
    peer->protocol->close(peer->state);
    memory_free(peer->state);
    buffer_close(&peer->input);
    buffer_close(&peer->output);
    buffer_close(&peer->requests);
    memory_free(peer);
}

static inline void plain_note_member(struct buffer *out, const char *key, struct slice value) {
    if (value.length == 0)
        return;
    buffer_append_format(out, "|%s=", key);
    buffer_append_slice(out, value);
}

static inline void plain_note(struct buffer *out, const struct request *request) {
    static const char *const kinds[] = {
        [REQUEST_HELLO] = "hello",     [REQUEST_NAME] = "name",       [REQUEST_JOIN] = "join",
        [REQUEST_LEAVE] = "leave",     [REQUEST_PUBLISH] = "publish", [REQUEST_BINARY] = "binary",
        [REQUEST_HISTORY] = "history", [REQUEST_ROOMS] = "rooms",     [REQUEST_MEMBERS] = "members",
        [REQUEST_SEARCH] = "search",   [REQUEST_NAMES] = "names",     [REQUEST_TOKEN] = "token",
        [REQUEST_TYPING] = "typing",   [REQUEST_QUIT] = "quit",
    };
    buffer_append_string(out, kinds[request->kind]);
    if (request->entry == ENTRY_TOPIC)
        buffer_append_string(out, "|topic");
    plain_note_member(out, "name", request->name);
    plain_note_member(out, "room", request->room);
    plain_note_member(out, "to", request->to);
    plain_note_member(out, "session", request->session);
    plain_note_member(out, "password", request->credential.secret);
    plain_note_member(out, "cid", request->cid);
    plain_note_member(out, "content", request->content);
    if (request->limit)
        buffer_append_format(out, "|limit=%u", request->limit);
    if (request->move)
        buffer_append_string(out, "|move");
    if (request->close_code)
        buffer_append_format(out, "|%u", request->close_code);
    if (request->lost)
        buffer_append_string(out, "|lost");
    buffer_append_char(out, '\n');
}

typedef enum feed_result plain_function(void *, const struct protocol_settings *, struct feed *);

/* Calls `function` until it wants more bytes or an answer. */
static inline void plain_call(struct plain_peer *peer, plain_function *function) {
    enum feed_result result;
    do {
        size_t before = buffer_length(&peer->output);
        struct feed feed = {.input = buffer_slice(&peer->input), .output = &peer->output};
        result = function(peer->state, &peer->settings, &feed);
        assert_true(feed.consumed <= buffer_length(&peer->input));
        if (result == FEED_REQUEST)
            plain_note(&peer->requests, &feed.request);
        buffer_consume(&peer->input, feed.consumed);
        peer->answers += buffer_length(&peer->output) > before;
    } while (result == FEED_REQUEST || result == FEED_AGAIN);
    peer->waits = result == FEED_WAIT;
}

static inline void plain_receive_slice(struct plain_peer *peer, struct slice bytes) {
    buffer_append_slice(&peer->input, bytes);
    plain_call(peer, peer->protocol->feed);
}

static inline void plain_receive(struct plain_peer *peer, const char *bytes) {
    plain_receive_slice(peer, slice_of_string(bytes));
}

/* Bytes, and then nothing more for now. */
static inline void plain_burst(struct plain_peer *peer, const char *bytes) {
    plain_receive(peer, bytes);
    if (peer->protocol->read_end)
        plain_call(peer, peer->protocol->read_end);
}

/* No more bytes will come. */
static inline void plain_end(struct plain_peer *peer) {
    plain_call(peer, peer->protocol->end_of_file);
}

static inline void plain_answer(struct plain_peer *peer, const struct reply *reply) {
    peer->protocol->reply(peer->state, &peer->settings, reply, &peer->output);
    if (peer->waits)
        plain_call(peer, peer->protocol->feed);
}

static inline void plain_assert_taken(struct buffer *buffer, const char *expected) {
    buffer_append_char(buffer, '\0');
    assert_string_equal(buffer_slice(buffer).data, expected);
    buffer_clear(buffer);
}

/* What was sent (or asked for) since the last time. */
static inline void plain_sent(struct plain_peer *peer, const char *expected) {
    plain_assert_taken(&peer->output, expected);
}

static inline void plain_asked(struct plain_peer *peer, const char *expected) {
    plain_assert_taken(&peer->requests, expected);
}

static inline void plain_forget(struct plain_peer *peer) {
    buffer_clear(&peer->output);
    buffer_clear(&peer->requests);
    peer->answers = 0;
}

/* An entry as a reader of `feed` sees it; `expected` NULL: not at all. */
struct plain_show {
    const struct feed_format *feed;
    enum format format;
    enum side reader, author;
    const char *room;
};

static inline void plain_shows(const struct plain_show *how, const struct entry_body *body,
                               const char *expected) {
    struct buffer output = {0};
    struct effect show = {.kind = EFFECT_SHOW_ENTRY, .room = slice_of_string(how->room)};
    show.show.entry = entry_new(body, 1, 0, "01HZZZZZZZZZZZZZZZZZZZZZZZ");
    show.show.author = how->author;
    bool shown = how->feed->entry(how->format, how->reader, &show, &output);
    assert_true(shown == (expected != NULL));
    plain_assert_taken(&output, expected ? expected : "");
    entry_unref(show.show.entry);
    buffer_close(&output);
}

static inline void plain_shows_message(const struct plain_show *how, const char *sender,
                                       const char *content, const char *expected) {
    struct entry_body body = {.sender = slice_of_string(sender),
                              .content = slice_of_string(content)};
    plain_shows(how, &body, expected);
}
