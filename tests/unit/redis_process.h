/* A real redis-server of the tests' own, on a socket file in a folder that vanishes with it. It
 * keeps nothing on the disk. */
#pragma once

#include <sys/types.h>

#include "temporary_folder.h"

struct redis_process {
    char folder[FOLDER_SIZE];
    char socket[80]; /* its path */
    pid_t id;        /* 0: does not run */
};

/* Both return when it serves. */
void redis_process_open(struct redis_process *process);
void redis_process_start(struct redis_process *process); /* again: it has forgotten everything */
void redis_process_kill(struct redis_process *process);  /* as a crash would */
void redis_process_close(struct redis_process *process);

void redis_process_pause(struct redis_process *process); /* it hangs; connections stay */
void redis_process_resume(struct redis_process *process);
