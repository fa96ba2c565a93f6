/* The header of the PROXY protocol: however it is cut in pieces the same comes out, no more than
 * its length is ever taken, and an address that it gave can be written in both versions and read
 * again. And addresses and ranges as text. The first byte says how the pieces are cut. */
#include "fuzz.h"
#include "wire/proxy_header.h"

struct result {
    enum proxy_result result;
    size_t taken;
    struct proxy_header header;
};

static struct result read_by(struct slice bytes, size_t step) {
    struct result read = {.result = PROXY_MORE};

    while (read.result == PROXY_MORE && bytes.length > 0) {
        struct slice piece = take_bytes(&bytes, step);
        char *own = own_bytes(piece);
        struct slice input = slice_from(own, piece.length);

        read.result = proxy_header_feed(&read.header, &input);
        REQUIRE(read.result != PROXY_MORE || input.length == 0);
        read.taken += piece.length - input.length;
        free(own);
    }
    return read;
}

static void check_source(const struct address16 *source, struct slice header) {
    struct result read = read_by(header, header.length);

    REQUIRE(read.result == PROXY_DONE && read.taken == header.length && read.header.has_source);
    REQUIRE(memcmp(&read.header.source, source, sizeof(*source)) == 0);
}

/* The same address as a proxy would tell it. */
static void check_again(const struct address16 *source) {
    static const char signature[] = "\r\n\r\n\0\r\nQUIT\n\x21";
    char text[ADDRESS_TEXT_LENGTH + 1];
    struct buffer header = {0};
    bool v4 = address16_is_v4(source);

    address16_format(source, text);
    buffer_append_format(&header, "PROXY TCP%d %s %s 1234 443\r\n", v4 ? 4 : 6, text, text);
    check_source(source, buffer_slice(&header));

    buffer_clear(&header);
    buffer_append(&header, signature, sizeof(signature) - 1);
    buffer_append(&header, v4 ? "\x11\0\x0c" : "\x21\0\x24", 3);
    for (int i = 0; i < 2; i++) {
        buffer_append(&header, source->bytes + (v4 ? 12 : 0), v4 ? 4 : 16);
    }
    buffer_append(&header, "\x04\xd2\x01\xbb", 4);
    check_source(source, buffer_slice(&header));
    buffer_close(&header);
}

static void check_text(struct slice text) {
    struct address16 address, again;
    struct cidr cidr;
    char written[ADDRESS_TEXT_LENGTH + 1];

    if (address16_parse(text, &address) == 0) {
        address16_format(&address, written);
        REQUIRE(address16_parse(slice_of_string(written), &again) == 0);
        REQUIRE(memcmp(&address, &again, sizeof(address)) == 0);
    }
    if (cidr_parse(text, &cidr) == 0) {
        REQUIRE(cidr.prefix <= 128 && cidr_contains(&cidr, &cidr.base));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice bytes = slice_from(data, size);
    size_t step = 1 + take_byte(&bytes) % 16;
    struct result whole = read_by(bytes, bytes.length);
    struct result pieces = read_by(bytes, step);

    REQUIRE(whole.result == pieces.result);
    if (whole.result == PROXY_DONE) {
        REQUIRE(whole.taken == pieces.taken && whole.taken <= PROXY_BINARY_MAX);
        REQUIRE(whole.header.has_source == pieces.header.has_source);
        REQUIRE(memcmp(&whole.header.source, &pieces.header.source, sizeof(whole.header.source)) ==
                0);
        if (whole.header.has_source) {
            check_again(&whole.header.source);
        }
    }
    check_text(bytes);
    return 0;
}
