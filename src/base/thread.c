#include "base/thread.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/memory.h"

struct start {
    void *(*run)(void *);
    void *argument;
    char name[16];
    int priority;
};

/* Of the priorities from -20 to 19, of which each gets about four fifths of the share of the one
 * before. */
#define AHEAD (-10)
#define BEHIND 10

/* Each gives itself its name: to name another one takes a file in /proc, which a process that was
 * confined cannot open. */
static void *run_named(void *context) {
    struct start start = *(struct start *)context;

    memory_free(context);
    prctl(PR_SET_NAME, start.name);
    if (start.priority != 0)
        setpriority(PRIO_PROCESS, 0, start.priority); /* of this thread alone, on Linux */
    return start.run(start.argument);
}

static int start_thread(pthread_t *thread, const char *name, void *(*run)(void *), void *argument,
                        int priority) {
    struct start *start = memory_new_struct(struct start);
    sigset_t all, before;

    *start = (struct start){.run = run, .argument = argument, .priority = priority};
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
    return start_thread(thread, name, run, argument, 0);
}

int thread_start_behind(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
    return start_thread(thread, name, run, argument, BEHIND);
}

int thread_start_ahead(pthread_t *thread, const char *name, void *(*run)(void *), void *argument) {
    return start_thread(thread, name, run, argument, AHEAD);
}

void thread_keep_ahead(void) {
    const rlim_t limit = 20 - AHEAD; /* as setrlimit(2) counts it */

    setrlimit(RLIMIT_NICE, &(struct rlimit){limit, limit});
}
