#include "client/wait.h"

#include <limits.h>
#include <poll.h>
#include <time.h>

#include "client/interrupt.h"

/* For poll: -1 is for ever. */
static int timeout_until(uint64_t deadline_ms) {
    uint64_t now_ms = clock_monotonic_ms();
    if (deadline_ms == UINT64_MAX)
        return -1;
    if (deadline_ms <= now_ms)
        return 0;
    return deadline_ms - now_ms > INT_MAX ? INT_MAX : (int)(deadline_ms - now_ms);
}

void wait_for(struct wait *wait) {
    uint64_t deadline_ms = session_deadline(wait->session);
    struct pollfd descriptors[] = {
        {.fd = session_descriptor(wait->session), .events = session_wants(wait->session)},
        {.fd = wait->interrupts, .events = POLLIN},
        {.fd = wait->input, .events = POLLIN},
    };

    if (wait->until_ms < deadline_ms)
        deadline_ms = wait->until_ms;
    wait->interrupted = wait->readable = false;
    if (poll(descriptors, sizeof descriptors / sizeof *descriptors, timeout_until(deadline_ms)) <=
        0)
        return;
    wait->interrupted = descriptors[1].revents != 0 && interrupts_take(wait->interrupts);
    wait->readable = descriptors[2].revents != 0;
}
