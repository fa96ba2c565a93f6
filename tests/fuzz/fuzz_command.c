/* The protocols of few words: commands, and numbered lines. The first byte says which, and how the
 * input is cut in pieces. Before the first LF a command is what one read brings, so there the
 * pieces would count: the conversation begins with one. */
#include "talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice input = slice_from(data, size);
    unsigned choice = take_byte(&input);
    const char *scheme = (choice & 32) != 0 ? "numbered" : "command";

    struct buffer lines = {0};

    buffer_append_string(&lines, (choice & 32) != 0 ? "" : "\n");
    buffer_append_slice(&lines, input);
    talk_both_ways(&(struct talk_options){.scheme = scheme}, buffer_slice(&lines), 1 + choice % 32);
    buffer_close(&lines);
    return 0;
}
