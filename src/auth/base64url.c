#include "auth/base64url.h"

#include <sodium.h>

#include "base/text.h"

/* The library takes bytes past ASCII for the last digit of its alphabet. */
int base64url_decode(struct slice text, struct buffer *out) {
    size_t room = text.length / 4 * 3 + 3;
    size_t length = 0;
    unsigned char *to = (unsigned char *)buffer_reserve(out, room);

    if (!text_is_ascii(text))
        return ERR_BAD_REQUEST;
    if (text.length > 0 && sodium_base642bin(to, room, text.data, text.length, NULL, &length, NULL,
                                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return ERR_BAD_REQUEST;
    buffer_commit(out, length);
    return 0;
}
