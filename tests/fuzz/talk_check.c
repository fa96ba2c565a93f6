#include "base/codepoint.h"
#include "base/text.h"
#include "talk.h"
#include "wire/http.h"
#include "wire/json.h"
#include "wire/websocket.h"

static void check_meta(struct slice meta) {
    struct buffer object = {0};

    buffer_append_format(&object, "{%.*s}", SLICE_ARGS(meta));
    json_t *parsed = json_parse_object(buffer_slice(&object));

    REQUIRE(parsed != NULL);
    json_decref(parsed);
    buffer_close(&object);
}

static void check_credential(const struct credential *credential) {
    REQUIRE(credential->kind == CREDENTIAL_NONE || credential_plausible(credential));
}

void check_request(const struct request *request) {
    const struct slice texts[] = {request->cid,    request->room,    request->to,
                                  request->name,   request->sender,  request->key,
                                  request->reason, request->subject, request->epoch};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        REQUIRE(utf8_valid(texts[i]));
    }
    REQUIRE(request->kind == REQUEST_BINARY || utf8_valid(request->content));
    REQUIRE(request->cid.length <= LIMIT_CID && request->content.length <= LIMIT_PAGE_BYTES);
    check_meta(request->meta);
    check_credential(&request->credential);
    REQUIRE(request->room_count <= LIMIT_SEARCH_ROOMS);
    REQUIRE(request->resume_count <= LIMIT_ROOMS_PER_SESSION);
    for (size_t i = 0; i < request->resume_count; i++) {
        REQUIRE(utf8_valid(request->resume[i].room) && utf8_valid(request->resume[i].epoch));
    }
    REQUIRE(request->role <= ROLE_OWNER);
    REQUIRE(request->address.length <= ADDRESS_TEXT_LENGTH);
    REQUIRE(request->entry <= ENTRY_TOPIC && request->rule <= RULE_UNMUTE);
}

void note_request(struct buffer *trace, const struct request *request) {
    note_number(trace, "request", request->kind);
    note(trace, "cid", request->cid);
    note(trace, "room", request->room);
    note(trace, "to", request->to);
    note(trace, "name", request->name);
    note(trace, "sender", request->sender);
    note(trace, "content", request->content);
    note(trace, "key", request->key);
    note(trace, "meta", request->meta);
    note(trace, "reason", request->reason);
    note(trace, "subject", request->subject);
    note(trace, "address", request->address);
    note(trace, "shown name", request->credential.name);
    note(trace, "shown", request->credential.secret);
    note(trace, "identity",
         slice_from(request->session_identity.bytes, sizeof(request->session_identity.bytes)));
    for (size_t i = 0; i < request->resume_count; i++) {
        note(trace, "resumes", request->resume[i].room);
        note(trace, "epoch", request->resume[i].epoch);
        note_number(trace, "after", (int64_t)request->resume[i].after);
    }
    note_number(trace, "entry", request->entry);
    note_number(trace, "rule", request->rule);
    note_number(trace, "seconds", (int64_t)request->seconds);
    note_number(trace, "after", (int64_t)request->after);
    note_number(trace, "before", (int64_t)request->before);
    note_number(trace, "limit", request->limit);
    note_number(trace, "close code", request->close_code);
}

void check_plain_output(struct slice output) {
    struct slice rest = output;

    while (rest.length > 0) {
        int32_t codepoint = codepoint_take(&rest);

        REQUIRE(codepoint >= 0 && codepoint != 0x2028 && codepoint != 0x2029);
        REQUIRE(codepoint == '\n' || codepoint == '\t' || !codepoint_is_control(codepoint));
    }
}

/* False: it is the last of HTTP. */
static bool check_http_answer(const struct http_message *answer) {
    REQUIRE(answer->status >= 100 && answer->status <= 505);
    for (size_t i = 0; i < answer->header_count; i++) {
        REQUIRE(utf8_valid(answer->headers[i].value));
    }
    if (answer->status != 101) {
        struct slice policy = http_header(answer, "Content-Security-Policy");
        struct slice sniff = http_header(answer, "X-Content-Type-Options");

        REQUIRE(policy.length > 0 && slice_equal(sniff, SLICE("nosniff")));
    }
    return answer->status != 101;
}

void check_http_output(struct slice output, bool head_only) {
    struct http_reader *reader = http_reader_new(HTTP_CLIENT, SIZE_MAX / 2);
    bool going = !head_only;

    while (going && output.length > 0) {
        int result = http_reader_feed(reader, &output);

        REQUIRE(result >= 0);
        going = result > 0 && check_http_answer(http_reader_message(reader));
        if (result > 0) {
            http_reader_next(reader);
        }
    }
    http_reader_free(reader);
}

static void check_frame(const struct websocket_decoder *decoder, bool json) {
    if (json && decoder->event_opcode == WEBSOCKET_TEXT) {
        json_t *object = json_parse_object(decoder->payload);

        REQUIRE(object != NULL && json_is_string(json_object_get(object, "type")));
        json_decref(object);
    }
}

void check_websocket_output(struct slice output, bool json) {
    struct websocket_decoder decoder = {0};
    struct inflater *inflater = inflater_new();
    enum websocket_event event;

    websocket_decoder_init(&decoder, false, true, SIZE_MAX / 2);
    while ((event = websocket_decode(&decoder, inflater, &output)) != WEBSOCKET_MORE) {
        REQUIRE(event != WEBSOCKET_FAILED);
        check_frame(&decoder, json);
    }
    REQUIRE(!websocket_half_read(&decoder.kept));
    websocket_decoder_close(&decoder);
    inflater_free(inflater);
}

static void check_event_line(struct slice line) {
    static const struct slice fields[] = {SLICE("id: "), SLICE("data: "), SLICE("event: "),
                                          SLICE("retry: "), SLICE(": ")};
    bool known = line.length == 0;

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        known = known || slice_starts_with(line, fields[i]);
    }
    REQUIRE(known && utf8_valid(line) && slice_find(line, '\r') < 0);
    if (slice_starts_with(line, SLICE("data: "))) {
        json_t *object = json_parse_object(slice_skip(line, 6));

        REQUIRE(object != NULL);
        json_decref(object);
    }
}

/* What stands before `mark`, and leaves what follows it in `*rest`. False: it is not there. */
static bool cut_at(struct slice *rest, struct slice mark, struct slice *before) {
    const char *found =
        rest->length > 0 ? memmem(rest->data, rest->length, mark.data, mark.length) : NULL;

    if (found == NULL) {
        return false;
    }
    *before = slice_from(rest->data, (size_t)(found - rest->data));
    *rest = slice_skip(*rest, before->length + mark.length);
    return true;
}

void check_sse_output(struct slice output) {
    struct slice rest = output, head, before;

    if (!cut_at(&rest, SLICE("\r\n\r\n"), &head) ||
        !cut_at(&head, SLICE("text/event-stream"), &before)) {
        check_http_output(output, false);
        return;
    }
    while (rest.length > 0) {
        check_event_line(slice_cut(&rest, '\n'));
    }
}
