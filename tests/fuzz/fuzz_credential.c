/* What an HTTP request shows to be let in. The lines of the input are: the value of Authorization,
 * the query, a sender and what stands in X-Forwarded-For; what comes out must be plausible, and
 * must be what was shown. And base64 as such. */
#include "base/text.h"
#include "talk.h"
#include "wire/secret.h"

struct shown {
    struct slice authorization, query;
};

static void check_base64(struct slice text) {
    struct buffer decoded = {0}, encoded = {0};

    if (base64_append_decoded(&decoded, text) == 0) {
        base64_append(&encoded, buffer_slice(&decoded));
        require_equal(buffer_slice(&encoded), text); /* there is one way to write it */
    } else {
        REQUIRE(buffer_length(&decoded) == 0);
        base64_append(&encoded, text);
        REQUIRE(base64_append_decoded(&decoded, buffer_slice(&encoded)) == 0);
        require_equal(buffer_slice(&decoded), text);
    }
    buffer_close(&decoded);
    buffer_close(&encoded);
}

/* Nothing is let in by that was not shown in a place for it. */
static void check_asked(void *context, const struct request *request) {
    const struct shown *shown = context;
    const struct credential *credential = &request->credential;
    bool in_header = shown->authorization.length > 0;

    if (credential->kind == CREDENTIAL_PASSWORD) {
        REQUIRE(in_header);
    } else if (credential->kind == CREDENTIAL_TICKET) {
        REQUIRE(memmem(shown->query.data, shown->query.length, "ticket=", 7) != NULL);
    } else if (credential->kind == CREDENTIAL_TOKEN && !in_header) {
        REQUIRE(slice_find(shown->query, '=') >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data, size);
    struct shown shown = {.authorization = slice_trim(slice_cut(&input, '\n')),
                          .query = slice_cut(&input, '\n')};
    struct slice sender = slice_cut(&input, '\n');
    struct buffer request = {0};

    buffer_append_string(&request, "POST /r/ops?");
    buffer_append_slice(&request, shown.query);
    buffer_append_string(&request, " HTTP/1.1\r\nHost: localhost\r\nAuthorization: ");
    buffer_append_slice(&request, shown.authorization);
    buffer_append_string(&request, "\r\nSender: ");
    buffer_append_slice(&request, sender);
    buffer_append_string(&request, "\r\nX-Forwarded-For: ");
    buffer_append_slice(&request, input);
    buffer_append_string(&request, "\r\nContent-Length: 2\r\n\r\nhi");
    talk_both_ways(&(struct talk_options){.scheme = "ws", .asked = check_asked, .context = &shown},
                   buffer_slice(&request), 7);
    buffer_close(&request);
    check_base64(shown.authorization);
    return 0;
}
