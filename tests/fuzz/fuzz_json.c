/* Messages in JSON: what is asked for holds what the hub may count on, and is the same when the
 * object is written anew by another hand; and what we write of any text can be read again. */
#include "base/text.h"
#include "protocol/json.h"
#include "talk.h"

static int parse(struct slice text, struct buffer *trace) {
    struct json_request json = {0};
    struct request request = {0};
    char *own = own_bytes(text);
    int error = json_request_parse(slice_from(own, text.length), &json, &request);

    free(own); /* it points into its own copy */
    REQUIRE(error == 0 || error == ERR_BAD_REQUEST || error == ERR_TOO_MANY ||
            error == ERR_UNAUTHORIZED);
    note_number(trace, "error", error);
    if (error == 0) {
        check_request(&request);
        note_request(trace, &request);
    } else {
        REQUIRE(utf8_valid(request.cid) && utf8_valid(json.error_text));
        note(trace, "cid", request.cid);
    }
    json_request_close(&json);
    return error;
}

/* Members keep their order, for a room that is resumed twice. */
static void parse_rewritten(const json_t *object, struct slice expected) {
    char *text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    struct buffer trace = {0};

    if (text != NULL) {
        parse(slice_of_string(text), &trace);
        require_equal(buffer_slice(&trace), expected);
    }
    free(text);
    buffer_close(&trace);
}

static void check_string(struct slice text) {
    struct buffer written = {0};
    struct slice read;

    buffer_append_string(&written, "{\"a\":1");
    json_append_string_member(&written, "text", text);
    buffer_append_char(&written, '}');
    json_t *object = json_parse_object(buffer_slice(&written));

    REQUIRE(object != NULL && json_get_string(object, "text", &read) == 0);
    require_equal(read, text);
    check_plain_output(buffer_slice(&written));
    json_decref(object);
    buffer_close(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice text = slice_from(data, size);
    struct buffer trace = {0};
    json_t *object = json_parse_object(text);
    int error = parse(text, &trace);

    if (object != NULL) {
        parse_rewritten(object, buffer_slice(&trace));
    } else {
        REQUIRE(error != 0);
    }
    if (utf8_valid(text)) {
        check_string(text);
    }
    json_decref(object);
    buffer_close(&trace);
    return 0;
}
