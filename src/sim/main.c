/* banter-sim: whole servers with all their clients, from seeds.
 *
 * The runs happen in a child process, so that one that dies or hangs can be told by its seed too;
 * what it was doing stands in memory that both share. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/world.h"

#define TRACE_SHOWN 60
/* Of real time, for one seed: far more than any takes. */
#define PATIENCE_S 120

struct arguments {
    uint64_t first, last;
    double minutes; /* of real time; 0: until the last seed */
    unsigned seconds;
    uint64_t steps;
    size_t clients, trace;
    unsigned nodes;
    bool echo, digest, holes, seeds_given;
};

/* Shared with the child. */
struct shared {
    struct trace_ring ring;
    bool broken;
    char rule[240];
    uint64_t seeds, events, entries, digest;
};

static void usage(FILE *out) {
    fputs("usage: banter-sim [--seed SEED | --seeds FIRST-LAST] [--minutes M] [--seconds S]\n"
          "                  [--steps N] [--clients N] [--nodes N] [--trace LINES] [--echo]\n"
          "                  [--digest] [--ignore-holes]\n"
          "\n"
          "Runs a whole server with its clients from each seed and holds the rules against what "
          "the clients see.\n"
          "  --minutes M   stop after M minutes of real time (with --seeds: at the latest)\n"
          "  --seconds S   of virtual time in each run (default 60)\n"
          "  --steps N     at most N events in each run\n"
          "  --clients N   instead of as many as the seed has\n"
          "  --nodes N     servers over one log, instead of as many as the seed has\n"
          "  --ignore-holes  a bug on purpose: what a server was not told of is not read\n"
          "  --trace N     lines shown of what led to a broken rule (default 60)\n"
          "  --echo        show everything that happens\n"
          "  --digest      print what all bytes and events add up to; equal runs, equal digests\n",
          out);
}

static bool parse_seeds(const char *text, struct arguments *arguments) {
    char *end;
    arguments->first = strtoull(text, &end, 10);
    arguments->last = arguments->first;
    if (end != text && *end == '-') {
        const char *second = end + 1;
        arguments->last = strtoull(second, &end, 10);
        return end != second && *end == '\0' && arguments->last >= arguments->first;
    }
    return end != text && *end == '\0';
}

static bool take_option(int option, const char *value, struct arguments *arguments) {
    switch (option) {
    case 's':
        arguments->seeds_given = true;
        return parse_seeds(value, arguments);
    case 'm':
        arguments->minutes = atof(value);
        return true;
    case 'v':
        arguments->seconds = (unsigned)strtoul(value, NULL, 10);
        return arguments->seconds > 0;
    case 'n':
        arguments->steps = strtoull(value, NULL, 10);
        return true;
    case 'c':
        arguments->clients = strtoul(value, NULL, 10);
        return true;
    case 'o':
        arguments->nodes = (unsigned)strtoul(value, NULL, 10);
        return true;
    case 'i':
        arguments->holes = true;
        return true;
    case 't':
        arguments->trace = strtoul(value, NULL, 10);
        return true;
    case 'e':
        arguments->echo = true;
        return true;
    case 'd':
        arguments->digest = true;
        return true;
    default:
        return false;
    }
}

static bool parse(int count, char **values, struct arguments *arguments) {
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 's'},
        {"minutes", required_argument, NULL, 'm'},
        {"seconds", required_argument, NULL, 'v'},
        {"steps", required_argument, NULL, 'n'},
        {"clients", required_argument, NULL, 'c'},
        {"nodes", required_argument, NULL, 'o'},
        {"ignore-holes", no_argument, NULL, 'i'},
        {"trace", required_argument, NULL, 't'},
        {"echo", no_argument, NULL, 'e'},
        {"digest", no_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;
    *arguments = (struct arguments){.first = 1, .last = 100, .seconds = 60, .trace = TRACE_SHOWN};
    while ((option = getopt_long(count, values, "", options, NULL)) >= 0) {
        if (!take_option(option, optarg, arguments))
            return false;
    }
    if (arguments->minutes > 0 && !arguments->seeds_given)
        arguments->last = UINT64_MAX;
    return optind == count;
}

static double clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_seed(const struct arguments *arguments, uint64_t seed, struct shared *shared) {
    struct world_options options = {.seed = seed,
                                    .seconds = arguments->seconds,
                                    .steps = arguments->steps,
                                    .client_count = arguments->clients,
                                    .server_count = arguments->nodes,
                                    .ignores_holes = arguments->holes,
                                    .echo = arguments->echo ? stdout : NULL,
                                    .ring = &shared->ring};
    struct world_result result;
    alarm(PATIENCE_S);
    world_run(&options, &result);
    shared->seeds++;
    shared->events += result.events;
    shared->entries += result.entries;
    shared->digest = (shared->digest ^ result.digest) * UINT64_C(0x100000001b3);
    shared->broken = result.broken;
    memcpy(shared->rule, result.rule, sizeof shared->rule);
}

static void run_seeds(const struct arguments *arguments, struct shared *shared) {
    double end_s = clock_s() + arguments->minutes * 60;
    for (uint64_t seed = arguments->first; seed <= arguments->last && !shared->broken; seed++) {
        if (arguments->minutes > 0 && clock_s() >= end_s)
            return;
        run_seed(arguments, seed, shared);
    }
}

static void report_failure(const char *program, const struct arguments *arguments,
                           const struct shared *shared, int status) {
    uint64_t seed = shared->ring.seed;
    printf("What led to it:\n");
    trace_print(&shared->ring, arguments->trace, stdout);
    if (shared->broken) {
        printf("\nA rule is broken: %s\n", shared->rule);
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        printf("\nIt hangs.\n");
    } else {
        printf("\nThe process died (%s %d).\n", WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    printf("Seed %" PRIu64 "; once more: %s --seed %" PRIu64 " --seconds %u", seed, program, seed,
           arguments->seconds);
    if (arguments->steps > 0)
        printf(" --steps %" PRIu64, arguments->steps);
    if (arguments->clients > 0)
        printf(" --clients %zu", arguments->clients);
    if (arguments->nodes > 0)
        printf(" --nodes %u", arguments->nodes);
    printf("%s --echo\n", arguments->holes ? " --ignore-holes" : "");
}

static void report(const struct arguments *arguments, const struct shared *shared, double seconds) {
    double least = seconds > 0.001 ? seconds : 0.001;
    printf("%" PRIu64 " seeds, %" PRIu64 " events, %" PRIu64 " entries", shared->seeds,
           shared->events, shared->entries);
    if (!arguments->digest)
        printf("; %.0f seeds a minute, %.0f events a second", (double)shared->seeds / least * 60,
               (double)shared->events / least);
    else
        printf("; digest %016" PRIx64, shared->digest);
    printf("\n");
}

int main(int count, char **values) {
    struct arguments arguments;
    if (!parse(count, values, &arguments)) {
        usage(stderr);
        return 2;
    }
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    double start_s = clock_s();
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        run_seeds(&arguments, shared);
        fflush(NULL);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        return 1;
    }
    bool failed = status != 0 || shared->broken;
    if (failed)
        report_failure(values[0], &arguments, shared, status);
    report(&arguments, shared, clock_s() - start_s);
    munmap(shared, sizeof *shared);
    return failed ? 1 : 0;
}
