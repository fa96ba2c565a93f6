#include "client/interrupt.h"

#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t interrupts(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

int interrupts_open(void) {
    sigset_t set = interrupts();
    int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor >= 0)
        sigprocmask(SIG_BLOCK, &set, NULL);
    return descriptor;
}

bool interrupts_take(int descriptor) {
    struct signalfd_siginfo information;
    return read(descriptor, &information, sizeof information) == (ssize_t)sizeof information;
}

void interrupts_let_through(sigset_t *before) {
    sigset_t set = interrupts();
    sigprocmask(SIG_UNBLOCK, &set, before);
}

void interrupts_put_back(const sigset_t *before) {
    sigprocmask(SIG_SETMASK, before, NULL);
}
