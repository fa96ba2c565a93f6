/* Names and labels: whoever looks the same is the same, for good (folding twice changes nothing),
 * and what is shown of a text holds nothing that could pass for something else. */
#include "base/codepoint.h"
#include "base/limits.h"
#include "base/text.h"
#include "fuzz.h"

static void check_line(struct slice text) {
    struct buffer line = {0};

    text_append_line(&line, text);
    struct slice rest = buffer_slice(&line);

    REQUIRE(utf8_valid(rest) && rest.length <= 3 * text.length);
    while (rest.length > 0) {
        int32_t codepoint = codepoint_take(&rest);

        REQUIRE(codepoint == '\t' || !codepoint_is_control(codepoint));
    }
    buffer_close(&line);
}

static void check_label(struct slice text) {
    struct buffer label = {0}, again = {0};

    if (text_append_label(&label, text) == 0) {
        struct slice rest = buffer_slice(&label);

        REQUIRE(rest.length > 0 && rest.length <= LIMIT_NAME && utf8_valid(rest));
        REQUIRE(text_append_label(&again, rest) == 0);
        require_equal(rest, buffer_slice(&again));
        while (rest.length > 0) {
            int32_t codepoint = codepoint_take(&rest);

            REQUIRE(!codepoint_is_control(codepoint) && !codepoint_is_deceptive(codepoint));
        }
    }
    buffer_close(&label);
    buffer_close(&again);
}

static void check_folding(struct slice text, int (*fold)(struct slice, struct buffer *)) {
    struct buffer once = {0}, twice = {0};

    if (fold(text, &once) == 0) {
        REQUIRE(utf8_valid(buffer_slice(&once)));
        int error = fold(buffer_slice(&once), &twice);

        if (error == ERR_TOO_LARGE) { /* a label may grow: an ellipsis is three points */
            REQUIRE(fold == label_fold && buffer_length(&once) > LIMIT_NAME_CHARACTERS);
        } else {
            REQUIRE(error == 0);
            require_equal(buffer_slice(&once), buffer_slice(&twice));
        }
    } else {
        REQUIRE(buffer_length(&once) == 0);
    }
    buffer_close(&once);
    buffer_close(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *own = own_bytes(slice_from(data, size));
    struct slice text = slice_from(own, size);

    if (utf8_valid(text)) {
        check_line(text);
    }
    check_label(text);
    check_folding(text, name_fold);
    check_folding(text, label_fold);
    free(own);
    return 0;
}
