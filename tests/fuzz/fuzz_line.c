/* The line protocol: names, passwords, commands, messages. The first byte says how the input is cut
 * in pieces. */
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data, size);
    size_t step = 1 + take_byte(&input) % 32;

    talk_both_ways(&(struct talk_options){.scheme = "line"}, input, step);
    return 0;
}
