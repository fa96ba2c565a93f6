#include "bench/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STAT_SIZE 1024 /* /proc/PID/stat is one line of about 350 bytes */
#define PATH_SIZE 320

/* CPU time of the threads that are there, to the nanosecond where the kernel counts it; else 0. */
static uint64_t threads_cpu_us(uint64_t pid) {
    char path[PATH_SIZE];
    uint64_t sum_ns = 0;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task", pid);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        uint64_t ns = 0;
        snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%s/schedstat", pid, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file == NULL)
            continue;
        if (fscanf(file, "%" SCNu64, &ns) == 1)
            sum_ns += ns;
        fclose(file);
    }
    closedir(threads);
    return sum_ns / 1000;
}

/* In steps of the clock tick, but with the threads that have ended. */
static int read_stat(uint64_t pid, uint64_t *cpu_us, uint64_t *resident_bytes) {
    char path[PATH_SIZE], line[STAT_SIZE];
    uint64_t user, system, pages;

    snprintf(path, sizeof path, "/proc/%" PRIu64 "/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return ERR_NOT_FOUND;
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = 0;

    /* The name in parentheses may hold anything; the fields behind it (proc(5), from the third) are
     * numbers. The ones wanted are the 14th, 15th and 24th. */
    const char *fields = strrchr(line, ')');
    if (fields == NULL || sscanf(fields + 1,
                                 " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64
                                 " %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
                                 &user, &system, &pages) != 3)
        return ERR_NOT_FOUND;
    *cpu_us = (user + system) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    *resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return 0;
}

int process_look(uint64_t pid, struct process_use *use) {
    uint64_t ticks_us, resident_bytes;

    int error = read_stat(pid, &ticks_us, &resident_bytes);
    if (error < 0)
        return error;
    uint64_t threads_us = threads_cpu_us(pid);
    use->cpu_us = threads_us > ticks_us ? threads_us : ticks_us;
    use->resident_bytes = resident_bytes;
    return 0;
}
