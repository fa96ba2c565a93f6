/* The clocks of the system, for those who may look at them: the layers that are deterministic are
 * told the time (tests/purity.py). */
#pragma once

#include <stdint.h>

/* Microseconds since 1970 UTC; may be set back. */
int64_t clock_wall_us(void);
/* Milliseconds since some time or other; never goes back. */
uint64_t clock_monotonic_ms(void);
