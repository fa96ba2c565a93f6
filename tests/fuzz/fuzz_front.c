/* The HTTP front and what it upgrades to: requests, rooms over HTTP, whole conversations over
 * WebSocket. The first byte says whether there is nothing but raw text and whether it came over
 * TLS, and how the input is cut in pieces. */
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data, size);
    unsigned choice = take_byte(&input);

    talk_both_ways(&(struct talk_options){.scheme = (choice & 64) != 0 ? "ws+text" : "ws",
                                          .secure = (choice & 128) != 0},
                   input, 1 + choice % 64);
    return 0;
}
