#include "base/thread.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/memory.h"

struct start {
    void *(*run)(void *);
    void *argument;
    char name[16];
    bool behind;
};

/* Of the priorities from -20 to 19, of which each gets about four fifths of the share of the one
 * before. */
#define BEHIND 10

/* Each gives itself its name: to name another one takes a file in /proc, which a process that was
 * confined cannot open. */
static void *run_named(void *context) {
    struct start start = *(struct start *)context;

    memory_free(context);
    prctl(PR_SET_NAME, start.name);
    if (start.behind)
        setpriority(PRIO_PROCESS, 0, BEHIND); /* of this thread alone, on Linux */
    return start.run(start.argument);
}

static int start_thread(pthread_t *thread, const char *name, void *(*run)(void *), void *argument,
                        bool behind) {
    struct start *start = memory_new_struct(struct start);
    sigset_t all, before;

    *start = (struct start){.run = run, .argument = argument, .behind = behind};
    strncpy(start->name, name, sizeof(start->name) - 1);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, run_named, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        memory_free(start);
    return error != 0 ? ERR_IO : 0;
}

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
    return start_thread(thread, name, run, argument, false);
}

int thread_start_behind(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
    return start_thread(thread, name, run, argument, true);
}
