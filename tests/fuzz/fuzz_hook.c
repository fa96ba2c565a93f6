/* Messages in Slack's form: the body of POST /hooks/SECRET, a form or JSON. What becomes of one is
 * text within the limits and a signature, or one of Slack's words for what is wrong. And the markup
 * as such: what comes out is no longer than what went in. */
#include "base/text.h"
#include "fuzz.h"
#include "protocol/hook_payload.h"
#include "protocol/slack_text.h"

static void check_word(const char *word) {
    REQUIRE(strcmp(word, "invalid_payload") == 0 || strcmp(word, "no_text") == 0 ||
            strcmp(word, "too_many_attachments") == 0);
}

static void check_payload(struct slice body, size_t max_text) {
    char *own = own_bytes(body);
    struct hook_payload payload = {0};
    const char *word = "";

    if (hook_payload_parse(slice_from(own, body.length), max_text, &payload, &word) == 0) {
        struct slice text = buffer_slice(&payload.text), sender = buffer_slice(&payload.sender);

        REQUIRE(slice_trim(text).length > 0 && text.length <= max_text && utf8_valid(text));
        REQUIRE(utf8_valid(sender));
        require_equal(text_first(sender, HOOK_SENDER_CHARACTERS), sender);
        hook_payload_close(&payload);
    } else {
        check_word(word);
    }
    free(own);
}

static void check_markup(struct slice text, bool styled) {
    char *own = own_bytes(text);
    struct buffer out = {0};

    slack_text_append(&out, slice_from(own, text.length), styled);
    struct slice plain = buffer_slice(&out);

    REQUIRE(utf8_valid(plain) && plain.length <= text.length && slice_find(plain, '\0') < 0);
    buffer_close(&out);
    free(own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data, size);

    check_payload(input, 1000);
    check_payload(input, 7);
    if (utf8_valid(input)) {
        check_markup(input, true);
        check_markup(input, false);
    }
    return 0;
}
