#include "bench/crew.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

/* After the last has come to a meeting: enough for all to notice. */
#define NOTICE_NS UINT64_C(20000000)

struct crew *crew_new(const struct bench_plan *plan, size_t connections) {
    size_t size = plan->processes < connections ? (size_t)plan->processes : connections;
    size_t bytes = sizeof(struct crew) + size * sizeof(struct crew_member) +
                   (size_t)plan->publishers * sizeof(_Atomic uint32_t);
    struct crew *crew =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (crew == MAP_FAILED)
        return NULL;
    crew->size = size;
    crew->bytes = bytes;
    ssize_t taken = getrandom(&crew->run, sizeof crew->run, 0);
    (void)taken; /* up to 256 bytes always come whole (getrandom(2)) */
    return crew;
}

void crew_free(struct crew *crew) {
    if (crew != NULL)
        munmap(crew, crew->bytes);
}

size_t crew_start(struct crew *crew) {
    pid_t parent = getpid();

    for (size_t i = 1; i < crew->size; i++) {
        pid_t process = fork();
        if (process == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent) /* it was faster */
                _exit(1);
            return i;
        }
        if (process < 0) {
            snprintf(crew->members[0].message, CREW_MESSAGE_MAX, "cannot start a process: %s",
                     strerror(errno));
            crew_fail(crew, 0, ERR_TOO_MANY);
            break;
        }
        crew->members[i].process = process;
    }
    return 0;
}

void crew_fail(struct crew *crew, size_t member, int error) {
    uint32_t nobody = 0;
    crew->members[member].error = error;
    atomic_compare_exchange_strong(&crew->failed, &nobody, (uint32_t)member + 1);
}

bool crew_failed(const struct crew *crew) {
    return atomic_load(&crew->failed) != 0;
}

void crew_watch(struct crew *crew) {
    for (size_t i = 1; i < crew->size; i++) {
        struct crew_member *member = &crew->members[i];
        if (member->process == 0 || waitpid(member->process, NULL, WNOHANG) != member->process)
            continue;
        member->process = 0;
        if (crew_failed(crew)) /* that is why */
            continue;
        snprintf(member->message, CREW_MESSAGE_MAX, "process %zu of the load has died", i);
        crew_fail(crew, i, ERR_IO);
    }
}

static void add(struct bench_result *sum, const struct bench_result *result) {
    sum->published += result->published;
    sum->deliveries += result->deliveries;
    sum->disconnected += result->disconnected;
    sum->connections += result->connections;
    sum->returners += result->returners;
    sum->unreturned += result->unreturned;
    sum->faults.lost += result->faults.lost;
    sum->faults.duplicated += result->faults.duplicated;
    sum->faults.misordered += result->faults.misordered;
    histogram_merge(&sum->latency_ns, &result->latency_ns);
    histogram_merge(&sum->return_ns, &result->return_ns);
}

int crew_end(struct crew *crew, struct bench_result *result, char *message, size_t size) {
    *result = crew->members[0].result;
    for (size_t i = 1; i < crew->size; i++) {
        if (crew->members[i].process > 0)
            waitpid(crew->members[i].process, NULL, 0);
        add(result, &crew->members[i].result);
    }
    if (!crew_failed(crew))
        return 0;
    const struct crew_member *member = &crew->members[atomic_load(&crew->failed) - 1];
    snprintf(message, size, "%s", member->message);
    return member->error;
}

struct crew_progress_sum crew_sum(const struct crew *crew) {
    struct crew_progress_sum sum = {0};
    for (size_t i = 0; i < crew->size; i++) {
        const struct crew_progress *progress = &crew->members[i].progress;
        sum.joined += atomic_load_explicit(&progress->joined, memory_order_relaxed);
        sum.heard += atomic_load_explicit(&progress->heard, memory_order_relaxed);
        sum.closed += atomic_load_explicit(&progress->closed, memory_order_relaxed);
    }
    return sum;
}

_Atomic uint32_t *crew_sent(struct crew *crew) {
    return (_Atomic uint32_t *)(void *)&crew->members[crew->size];
}

void crew_arrive(struct crew *crew, size_t meeting, uint64_t now_ns) {
    uint64_t before = atomic_fetch_add(&crew->arrivals, 1);
    if (before + 1 == crew->size * (meeting + 1))
        atomic_store(&crew->times_ns[meeting], now_ns + (crew->size > 1 ? NOTICE_NS : 0));
}

uint64_t crew_time(const struct crew *crew, size_t meeting) {
    return atomic_load(&crew->times_ns[meeting]);
}
