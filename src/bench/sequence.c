#include "bench/sequence.h"

#define REMEMBERED 64

void sequence_take(struct sequence *sequence, uint32_t counter, struct sequence_faults *faults) {
    if (counter >= sequence->next) {
        uint32_t step = counter - sequence->next + 1;
        faults->lost += step - 1;
        sequence->came = step < REMEMBERED ? sequence->came << step | 1 : 1;
        sequence->next = counter + 1;
        return;
    }
    uint32_t behind = sequence->next - 1 - counter;
    uint64_t bit = behind < REMEMBERED ? UINT64_C(1) << behind : 0;
    if (bit == 0 || (sequence->came & bit) != 0) {
        faults->duplicated++;
        return;
    }
    sequence->came |= bit;
    faults->misordered++;
    faults->lost--;
}

void sequence_end(const struct sequence *sequence, uint32_t sent, struct sequence_faults *faults) {
    if (sent > sequence->next)
        faults->lost += sent - sequence->next;
}
