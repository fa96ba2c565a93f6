/* What an upgrade from HTTP to WebSocket needs: the key of RFC 6455 section 4.2.2 and the
 * negotiation of permessage-deflate, RFC 7692 section 7.1. */
#include <openssl/sha.h>

#include "wire/secret.h"
#include "wire/websocket.h"

void websocket_append_accept(struct buffer *out, struct slice key) {
    uint8_t digest[SHA_DIGEST_LENGTH];
    struct buffer text = {0};
    buffer_append_slice(&text, key);
    buffer_append_string(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    SHA1((const uint8_t *)buffer_slice(&text).data, buffer_length(&text), digest);
    buffer_close(&text);
    base64_append(out, slice_from(digest, sizeof digest));
}

static bool is_alphanumeric(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool websocket_key_valid(struct slice key) {
    if (key.length != 24 || key.data[22] != '=' || key.data[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++)
        if (!is_alphanumeric(key.data[i]) && key.data[i] != '+' && key.data[i] != '/')
            return false;
    return true;
}

/* Section 9.1 of RFC 6455:
 *
 *     extension-list = 1#( token *( ";" parameter ) )
 *     parameter      = token [ "=" ( token | quoted-string ) ]
 *
 * One offer that does not fit it is passed over, up to the next comma outside of quotes; the
 * others still count. */

/* Cuts `*rest` like slice_cut, but not inside a quoted string. */
static struct slice cut_unquoted(struct slice *rest, char separator) {
    struct slice all = *rest;
    bool quoted = false;
    for (size_t i = 0; i < all.length; i++) {
        char c = all.data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (c == separator && !quoted) {
            *rest = slice_skip(all, i + 1);
            return slice_from(all.data, i);
        }
    }
    *rest = SLICE_NONE;
    return all;
}

/* The window bits of a parameter's value: 8 to 15 without leading zero, bare or quoted (a quoted
 * string may also escape its characters, for which there is no reason here). 0: anything else. */
static int window_bits_parse(struct slice value) {
    if (value.length >= 2 && value.data[0] == '"' && value.data[value.length - 1] == '"')
        value = slice_from(value.data + 1, value.length - 2);
    uint64_t bits = 0;
    if (value.length == 0 || value.data[0] == '0' || !slice_to_u64(value, &bits))
        return 0;
    return bits >= 8 && bits <= 15 ? (int)bits : 0;
}

/* What one offer asks for; each parameter at most once. */
struct offer {
    bool server_no_context_takeover, client_no_context_takeover;
    bool server_max_window_bits, client_max_window_bits;
    int window_bits;
};

static bool set_once(bool *flag) {
    bool was = *flag;
    *flag = true;
    return !was;
}

/* False: the parameter is unknown, given twice or has a value that it must not have. */
static bool offer_take_parameter(struct offer *offer, struct slice parameter) {
    bool has_value = slice_find(parameter, '=') >= 0;
    struct slice value = parameter;
    struct slice name = slice_trim(slice_cut(&value, '='));
    value = slice_trim(value);

    if (slice_equal(name, SLICE("server_no_context_takeover")))
        return !has_value && set_once(&offer->server_no_context_takeover);
    if (slice_equal(name, SLICE("client_no_context_takeover")))
        return !has_value && set_once(&offer->client_no_context_takeover);
    if (slice_equal(name,
                    SLICE("client_max_window_bits"))) /* only allows us to ask, which we do not */
        return (!has_value || window_bits_parse(value) != 0) &&
               set_once(&offer->client_max_window_bits);
    if (slice_equal(name, SLICE("server_max_window_bits"))) {
        offer->window_bits = window_bits_parse(value);
        return offer->window_bits != 0 && set_once(&offer->server_max_window_bits);
    }
    return false;
}

/* Whether an extension is an offer that we can meet. zlib writes no raw stream with a window of 8
 * bits. */
static bool offer_parse(struct slice extension, struct offer *offer) {
    *offer = (struct offer){.window_bits = 15};
    struct slice name = slice_trim(cut_unquoted(&extension, ';'));
    if (!slice_equal(name, SLICE("permessage-deflate")))
        return false;
    while (extension.data != NULL) {
        struct slice parameter = slice_trim(cut_unquoted(&extension, ';'));
        if (!offer_take_parameter(offer, parameter))
            return false;
    }
    return offer->window_bits >= 9;
}

bool websocket_accept_deflate(struct slice offers, int *window_bits, struct buffer *answer) {
    struct offer offer;
    bool found = false;
    while (offers.data != NULL && !found)
        found = offer_parse(cut_unquoted(&offers, ','), &offer);
    if (!found)
        return false;

    *window_bits = offer.window_bits;
    buffer_append_string(answer, "permessage-deflate; server_no_context_takeover; "
                                 "client_no_context_takeover");
    if (offer.server_max_window_bits)
        buffer_append_format(answer, "; server_max_window_bits=%d", offer.window_bits);
    return true;
}
