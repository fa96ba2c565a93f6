/* What one reader has had of one publisher, whose messages are counted from 0: enough to tell a
 * message that is missing from one that comes late or twice. */
#pragma once

#include <stdint.h>

/* Zeroed: nothing came yet. */
struct sequence {
    uint32_t next; /* one more than the highest that came */
    uint64_t came; /* of the 64 before `next`, bit 0 being the last: which came */
};

struct sequence_faults {
    int64_t lost; /* at the end; meanwhile also what has been overtaken */
    uint64_t duplicated, misordered;
};

/* Message `counter` has come. One that is more than 64 behind counts as duplicated. */
void sequence_take(struct sequence *sequence, uint32_t counter, struct sequence_faults *faults);

/* No more come; `sent` were sent. */
void sequence_end(const struct sequence *sequence, uint32_t sent, struct sequence_faults *faults);
