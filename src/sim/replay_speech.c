/* What clients say and hear: "ann> …", "ann bob< …". A word at the arrow says that it is something
 * else than plain words:
 *
 *   >binary >ping >pong >close CODE   frames          >raw   bytes beneath the frames
 *   >GET TARGET [Header: value]… body  a request, of any method
 *   <nothing     has heard no more than was expected so far
 *   <anything    what it has heard so far does not matter
 *   <binary <ping <pong
 *   <closed [CODE [REASON]]            the server has closed the connection
 *   <reset                             and not gracefully
 *   <200 [Header: value]… body         a response */
#include "base/memory.h"
#include "sim/replay.h"

struct speech {
    struct slice manner; /* the word at the arrow; empty: none */
    struct slice words;
};

/* Takes "[Header: value]" from the front; data NULL: there is none. */
static struct slice take_header(struct slice *rest) {
    ptrdiff_t end = slice_starts_with(*rest, SLICE("[")) ? slice_find(*rest, ']') : -1;
    if (end < 0) {
        return SLICE_NONE;
    }
    struct slice header = slice_from(rest->data + 1, (size_t)end - 1);
    *rest = slice_trim(slice_skip(*rest, (size_t)end + 1));
    return header;
}

static bool expand(struct replay *replay, struct slice words, struct buffer *out) {
    const char *wrong = replay_words_expand(&replay->variables, words, out);
    return !wrong || replay_fail(replay, "%s", wrong);
}

static bool request(struct replay *replay, struct replay_client *client,
                    const struct speech *speech) {
    struct slice rest = speech->words, header;
    struct buffer target = {0}, headers = {0}, body = {0};
    bool fine = expand(replay, slice_cut(&rest, ' '), &target);
    rest = slice_trim(rest);
    while (fine && (header = take_header(&rest)).data) {
        fine = expand(replay, header, &headers);
        buffer_append_string(&headers, "\r\n");
    }
    if (fine && expand(replay, rest, &body)) {
        replay_http_send(client, speech->manner, buffer_slice(&target), buffer_slice(&headers),
                         buffer_slice(&body));
    }
    buffer_close(&target);
    buffer_close(&headers);
    buffer_close(&body);
    return !replay->failed;
}

static bool say_bytes(struct replay *replay, struct replay_client *client,
                      const struct speech *speech, struct slice bytes) {
    static const struct {
        struct slice name;
        enum websocket_opcode opcode;
    } frames[] = {
        {SLICE(""), WEBSOCKET_TEXT},
        {SLICE("binary"), WEBSOCKET_BINARY},
        {SLICE("ping"), WEBSOCKET_PING},
        {SLICE("pong"), WEBSOCKET_PONG},
    };
    uint64_t code;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        if (slice_equal(speech->manner, frames[i].name)) {
            replay_client_send(client, frames[i].opcode, bytes);
            return true;
        }
    }
    if (slice_equal(speech->manner, SLICE("raw"))) {
        replay_socket_write(client->socket, bytes);
        return true;
    }
    if (slice_equal(speech->manner, SLICE("close")) && slice_to_u64(bytes, &code)) {
        replay_client_send_close(client, (unsigned)code);
        return true;
    }
    return replay_fail(replay, "nobody can say >%.*s", SLICE_ARGS(speech->manner));
}

static bool say(struct replay *replay, struct replay_client *client, const struct speech *speech) {
    char first = speech->manner.length > 0 ? speech->manner.data[0] : '\0';
    if (!client->socket->peer) {
        return replay_fail(replay, "%s has no connection any more", client->name);
    }
    if (first >= 'A' && first <= 'Z') {
        return request(replay, client, speech) && replay_settle(replay);
    }
    struct buffer bytes = {0};
    bool fine = expand(replay, speech->words, &bytes) &&
                say_bytes(replay, client, speech, buffer_slice(&bytes)) && replay_settle(replay);
    buffer_close(&bytes);
    return fine;
}

static void show_heard(struct replay *replay, const char *label, const struct replay_heard *heard) {
    static const char *const names[] = {"", "<binary ", "<ping ", "<pong ", "<closed ", "<"};
    struct buffer text = {0};
    buffer_append_string(&text, names[heard->what]);
    if (heard->code > 0) {
        buffer_append_format(&text, "%u ", heard->code);
    }
    buffer_append_slice(&text, buffer_slice(&heard->head));
    buffer_append_slice(&text, buffer_slice(&heard->body));
    replay_fail_detail(replay, label, buffer_slice(&text));
    buffer_close(&text);
}

/* What has come and was not expected yet. */
static void show_unheard(struct replay *replay, const struct replay_client *client) {
    struct slice bytes = buffer_slice(&client->socket->output);
    const char *label = "came";
    for (const struct replay_heard *heard = client->first; heard; heard = heard->next) {
        show_heard(replay, label, heard);
        label = "and then";
    }
    if (bytes.length > 0) {
        replay_fail_detail(replay, label, bytes);
        label = "and then";
    }
    if (client->socket->reset || client->socket->finished) {
        replay_fail_detail(replay, label,
                           client->socket->reset ? SLICE("<reset") : SLICE("<closed"));
    } else if (!client->first && bytes.length == 0) {
        replay_fail_detail(replay, "came", SLICE("<nothing"));
    }
}

static bool disappoint(struct replay *replay, const struct replay_client *client,
                       const struct speech *speech, struct slice why) {
    struct buffer expected = {0};
    replay_fail(replay, "%s has not heard what it should", client->name);
    if (speech->manner.length > 0) {
        buffer_append_format(&expected, "<%.*s ", SLICE_ARGS(speech->manner));
    }
    buffer_append_slice(&expected, speech->words);
    replay_fail_detail(replay, "expected", buffer_slice(&expected));
    show_unheard(replay, client);
    if (why.length > 0) {
        replay_fail_detail(replay, "differs", why);
    }
    buffer_close(&expected);
    return false;
}

/* Compares; where `whole`, nothing may follow. `*length`: what was matched. */
static bool match(struct replay *replay, const struct replay_client *client,
                  const struct speech *speech, struct slice words, struct slice came, bool whole,
                  size_t *length) {
    struct replay_match result;
    const char *wrong = replay_words_match(&replay->variables, words, came, &result);
    bool matches = !wrong && result.matches && (!whole || result.length == came.length);
    if (wrong) {
        replay_fail(replay, "%s", wrong);
    } else if (!matches) {
        disappoint(replay, client, speech, buffer_slice(&result.why));
    }
    *length = result.length;
    buffer_close(&result.why);
    return matches;
}

static bool hear_bytes(struct replay *replay, struct replay_client *client,
                       const struct speech *speech) {
    struct buffer *output = &client->socket->output;
    size_t length;
    if (speech->words.length == 0) {
        return replay_fail(replay, "what should %s hear?", client->name);
    }
    if (!match(replay, client, speech, speech->words, buffer_slice(output), false, &length)) {
        return false;
    }
    buffer_consume(output, length);
    return true;
}

/* The first thing heard, if it is of this sort. */
static bool hear_first(struct replay *replay, struct replay_client *client,
                       const struct speech *speech, enum replay_hearing what) {
    size_t length;
    if (!client->first || client->first->what != what) {
        return disappoint(replay, client, speech, SLICE_NONE);
    }
    if (!match(replay, client, speech, speech->words, buffer_slice(&client->first->body), true,
               &length)) {
        return false;
    }
    replay_heard_drop(client);
    return true;
}

static bool hear_words(struct replay *replay, struct replay_client *client,
                       const struct speech *speech) {
    bool bytes = client->kind->cut == CUT_BYTES || (client->lines && !client->first);
    return bytes ? hear_bytes(replay, client, speech)
                 : hear_first(replay, client, speech, HEARD_WORDS);
}

static bool hear_binary(struct replay *replay, struct replay_client *client,
                        const struct speech *speech) {
    return hear_first(replay, client, speech, HEARD_BINARY);
}

static bool hear_ping(struct replay *replay, struct replay_client *client,
                      const struct speech *speech) {
    return hear_first(replay, client, speech, HEARD_PING);
}

static bool hear_pong(struct replay *replay, struct replay_client *client,
                      const struct speech *speech) {
    return hear_first(replay, client, speech, HEARD_PONG);
}

static bool heard_all(const struct replay_client *client) {
    bool ended = client->socket->finished || client->socket->reset;
    return !client->first && buffer_length(&client->socket->output) == 0 &&
           (!ended || client->end_expected);
}

static bool hear_nothing(struct replay *replay, struct replay_client *client,
                         const struct speech *speech) {
    return heard_all(client) || disappoint(replay, client, speech, SLICE_NONE);
}

static bool hear_anything(struct replay *replay, struct replay_client *client,
                          const struct speech *speech) {
    (void)replay;
    (void)speech;
    while (client->first) {
        replay_heard_drop(client);
    }
    buffer_clear(&client->socket->output);
    return true;
}

static bool hear_closed(struct replay *replay, struct replay_client *client,
                        const struct speech *speech) {
    struct slice reason = speech->words, text = slice_cut(&reason, ' ');
    struct replay_heard *heard = client->first;
    uint64_t code = 0;
    size_t length;
    bool framed = text.length > 0;
    if (framed && !slice_to_u64(text, &code)) {
        return replay_fail(replay, "what kind of code is \"%.*s\"?", SLICE_ARGS(text));
    }
    if (framed && (!heard || heard->what != HEARD_CLOSE || heard->code != code)) {
        return disappoint(replay, client, speech, SLICE_NONE);
    }
    if (reason.length > 0 &&
        !match(replay, client, speech, reason, buffer_slice(&heard->body), true, &length)) {
        return false;
    }
    if (framed) {
        replay_heard_drop(client);
    }
    client->end_expected = true;
    return (heard_all(client) && client->socket->finished && !client->socket->reset) ||
           disappoint(replay, client, speech, SLICE_NONE);
}

static bool hear_reset(struct replay *replay, struct replay_client *client,
                       const struct speech *speech) {
    client->end_expected = true;
    return (heard_all(client) && client->socket->reset) ||
           disappoint(replay, client, speech, SLICE_NONE);
}

static bool hear_response(struct replay *replay, struct replay_client *client,
                          const struct speech *speech, unsigned status) {
    struct replay_heard *heard = client->first;
    struct slice rest = speech->words, header;
    size_t length;
    if (!heard || heard->what != HEARD_RESPONSE || heard->code != status) {
        return disappoint(replay, client, speech, SLICE_NONE);
    }
    while ((header = take_header(&rest)).data) {
        struct slice name = slice_cut(&header, ':');
        struct slice value = replay_http_header(buffer_slice(&heard->head), name);
        if (!match(replay, client, speech, slice_trim(header), value, true, &length)) {
            return false;
        }
    }
    if (rest.length > 0 &&
        !match(replay, client, speech, rest, buffer_slice(&heard->body), true, &length)) {
        return false;
    }
    replay_heard_drop(client);
    return true;
}

static bool hear(struct replay *replay, struct replay_client *client, const struct speech *speech) {
    static const struct {
        struct slice name;
        bool (*hear)(struct replay *replay, struct replay_client *client,
                     const struct speech *speech);
    } manners[] = {
        {SLICE(""), hear_words},        {SLICE("nothing"), hear_nothing},
        {SLICE("closed"), hear_closed}, {SLICE("anything"), hear_anything},
        {SLICE("reset"), hear_reset},   {SLICE("binary"), hear_binary},
        {SLICE("ping"), hear_ping},     {SLICE("pong"), hear_pong},
    };
    uint64_t status;
    for (size_t i = 0; i < sizeof manners / sizeof manners[0]; i++) {
        if (slice_equal(speech->manner, manners[i].name)) {
            return manners[i].hear(replay, client, speech);
        }
    }
    if (slice_to_u64(speech->manner, &status)) {
        return hear_response(replay, client, speech, (unsigned)status);
    }
    return replay_fail(replay, "nobody can hear <%.*s", SLICE_ARGS(speech->manner));
}

bool replay_run_speech(struct replay *replay, struct slice statement, size_t arrow) {
    struct slice names = {statement.data, arrow};
    struct speech speech = {.words = slice_skip(statement, arrow + 1)};
    bool hears = statement.data[arrow] == '<';
    speech.manner = slice_cut(&speech.words, ' ');
    speech.words = slice_trim(speech.words);
    while (names.length > 0) {
        struct slice name = slice_cut(&names, ' ');
        struct replay_client *client = replay_find_client(replay, name);
        if (!client) {
            return replay_fail(replay, "there is no client \"%.*s\"", SLICE_ARGS(name));
        }
        if (!(hears ? hear : say)(replay, client, &speech)) {
            return false;
        }
    }
    return true;
}

bool replay_check_unheard(struct replay *replay, const struct replay_client *client) {
    if (!heard_all(client)) {
        replay_fail(replay, "%s has heard more than was expected", client->name);
        show_unheard(replay, client);
    }
    return !replay->failed;
}
