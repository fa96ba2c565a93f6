/* The protocols of few words: commands, and numbered lines. The first byte says which, and how the
 * input is cut in pieces. */
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data, size);
    unsigned choice = take_byte(&input);
    const char *scheme = (choice & 32) != 0 ? "numbered" : "command";

    talk_both_ways(&(struct talk_options){.scheme = scheme}, input, 1 + choice % 32);
    return 0;
}
