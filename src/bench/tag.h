/* The mark at the front of each message of a run: who sent it, as which of its messages, and when.
 * It is found again whatever a protocol writes around it, without parsing that, and it reads the
 * same in JSON and in lines. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define TAG_LENGTH 38
#define TAG_PROBE UINT32_MAX /* as counter: sent before counting begins, to see who listens */

struct tag {
    uint32_t run; /* messages of other runs are none of ours */
    uint16_t publisher;
    uint32_t counter;
    uint64_t time_ns; /* when it was, or should have been, sent */
};

/* Writes TAG_LENGTH bytes. */
void tag_write(const struct tag *tag, char *text);

/* The first tag of this run in a message, which is advanced behind it; false: there is none. */
bool tag_find(struct slice *message, uint32_t run, struct tag *tag);
