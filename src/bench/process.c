#include "bench/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STAT_SIZE 1024 /* /proc/PID/stat is one line of about 350 bytes */

int process_look(uint64_t pid, struct process_use *use) {
    char path[64], line[STAT_SIZE];
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
    use->cpu_us = (user + system) * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
    use->resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return 0;
}
