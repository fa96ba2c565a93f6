#include "wire/proxy_header.h"

#include <string.h>

/* Section 2.2: the signature, version and command, family and transport, the length of the rest. */
#define BINARY_HEAD 16
#define VERSION_2 0x20
#define COMMAND_LOCAL 0
#define COMMAND_PROXY 1
#define FAMILY_IPV4 1
#define FAMILY_IPV6 2
#define FAMILY_UNIX 3
/* Bytes of two addresses and, but for socket files, two ports. */
#define ADDRESSES_IPV4 12
#define ADDRESSES_IPV6 36
#define ADDRESSES_UNIX 216
#define KEPT (BINARY_HEAD + ADDRESSES_IPV6)

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
#define SIGNATURE_LENGTH (sizeof(signature) - 1)

static bool is_binary(const struct proxy_header *header) {
    return header->bytes[0] == (uint8_t)signature[0];
}

/* Bytes of the whole header; 0: not known yet. */
static size_t binary_length(const struct proxy_header *header) {
    if (header->length < BINARY_HEAD)
        return 0;
    return BINARY_HEAD + (size_t)(header->bytes[14] << 8 | header->bytes[15]);
}

static enum proxy_result take_binary(struct proxy_header *header, size_t total) {
    unsigned command = header->bytes[12] & 0x0fu;
    unsigned family = header->bytes[13] >> 4;
    const uint8_t *addresses = header->bytes + BINARY_HEAD;
    size_t length = total - BINARY_HEAD;

    if (command == COMMAND_LOCAL)
        return PROXY_DONE;
    switch (family) {
    case FAMILY_IPV4:
        if (length < ADDRESSES_IPV4)
            return PROXY_WRONG;
        header->source = address16_from_v4(addresses);
        header->has_source = true;
        return PROXY_DONE;
    case FAMILY_IPV6:
        if (length < ADDRESSES_IPV6)
            return PROXY_WRONG;
        header->source = address16_from_v6(addresses);
        header->has_source = true;
        return PROXY_DONE;
    case FAMILY_UNIX:
        return length < ADDRESSES_UNIX ? PROXY_WRONG : PROXY_DONE;
    default: /* unspecified, and those to come: the connection speaks for itself */
        return PROXY_DONE;
    }
}

static bool head_is_wrong(const struct proxy_header *header) {
    return (header->bytes[12] & 0xf0u) != VERSION_2 ||
           (header->bytes[12] & 0x0fu) > COMMAND_PROXY || binary_length(header) > PROXY_BINARY_MAX;
}

/* The head is taken byte by byte, because nothing behind the header may be touched. */
static enum proxy_result feed_binary(struct proxy_header *header, struct slice *input) {
    while (input->length > 0) {
        size_t total = binary_length(header);
        if (header->length < KEPT && (total == 0 || header->length < total)) {
            header->bytes[header->length++] = (uint8_t)input->data[0];
            *input = slice_skip(*input, 1);
            if (header->length <= SIGNATURE_LENGTH &&
                memcmp(header->bytes, signature, header->length) != 0)
                return PROXY_WRONG;
            if (header->length == BINARY_HEAD && head_is_wrong(header))
                return PROXY_WRONG;
        } else {
            size_t left = total - header->length - header->skipped;
            size_t count = input->length < left ? input->length : left;
            *input = slice_skip(*input, count);
            header->skipped = (uint16_t)(header->skipped + count);
        }
        total = binary_length(header);
        if (total > 0 && (size_t)header->length + header->skipped == total)
            return take_binary(header, total);
    }
    return PROXY_MORE;
}

static bool is_port(struct slice text) {
    uint64_t port;

    return text.length <= 5 && !(text.length > 1 && text.data[0] == '0') &&
           slice_to_u64(text, &port) && port <= UINT16_MAX;
}

/* "TCP4 192.0.2.7 192.0.2.1 56324 443": nothing more and nothing less. */
static enum proxy_result take_line(struct proxy_header *header, struct slice line) {
    struct slice family, source, target, port;
    struct address16 from, to;

    if (!slice_equal(slice_cut(&line, ' '), SLICE("PROXY")) || !line.data)
        return PROXY_WRONG;
    family = slice_cut(&line, ' ');
    if (slice_equal(family, SLICE("UNKNOWN")))
        return PROXY_DONE; /* whatever follows is to be ignored */
    source = slice_cut(&line, ' ');
    target = slice_cut(&line, ' ');
    port = slice_cut(&line, ' ');
    if (address16_parse(source, &from) != 0 || address16_parse(target, &to) != 0 ||
        !is_port(port) || !is_port(line))
        return PROXY_WRONG;
    if (slice_equal(family, SLICE("TCP4"))
            ? slice_find(source, ':') >= 0 || slice_find(target, ':') >= 0
            : !slice_equal(family, SLICE("TCP6")) || slice_find(source, ':') < 0)
        return PROXY_WRONG;
    header->source = from;
    header->has_source = true;
    return PROXY_DONE;
}

static enum proxy_result feed_line(struct proxy_header *header, struct slice *input) {
    static const char begin[] = "PROXY ";

    while (input->length > 0 && header->length < PROXY_LINE_MAX) {
        uint8_t byte = (uint8_t)input->data[0];
        *input = slice_skip(*input, 1);
        header->bytes[header->length++] = byte;
        if (header->length < sizeof(begin) && byte != (uint8_t)begin[header->length - 1])
            return PROXY_WRONG;
        if (byte != '\n')
            continue;
        if (header->bytes[header->length - 2] != '\r')
            return PROXY_WRONG;
        return take_line(header, slice_from(header->bytes, (size_t)header->length - 2));
    }
    return header->length == PROXY_LINE_MAX ? PROXY_WRONG : PROXY_MORE;
}

enum proxy_result proxy_header_feed(struct proxy_header *header, struct slice *input) {
    if (header->length == 0) {
        if (input->length == 0)
            return PROXY_MORE;
        header->bytes[0] = (uint8_t)input->data[0];
        if (!is_binary(header) && header->bytes[0] != 'P')
            return PROXY_WRONG;
    }
    return is_binary(header) ? feed_binary(header, input) : feed_line(header, input);
}
