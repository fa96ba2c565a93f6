#include "redis_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY "ready to accept connections"

static void run(const struct redis_process *process, int output) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* not left behind by a test that crashes */
    dup2(output, STDOUT_FILENO);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", process->socket, "--dir",
           process->folder, "--save", "", "--appendonly", "no", "--daemonize", "no", (char *)NULL);
    _exit(127);
}

/* Reads its log up to there; the rest is for nobody. */
static void await_ready(int input) {
    char line[512];
    FILE *log = fdopen(input, "r");
    bool ready = false;

    while (!ready && fgets(line, sizeof(line), log))
        ready = strstr(line, READY) != NULL;
    fclose(log);
    assert_true(ready);
}

void redis_process_start(struct redis_process *process) {
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    unlink(process->socket);
    process->id = fork();
    assert_true(process->id >= 0);
    if (process->id == 0)
        run(process, ends[1]);
    close(ends[1]);
    await_ready(ends[0]);
}

void redis_process_open(struct redis_process *process) {
    folder_make(process->folder, "redis");
    snprintf(process->socket, sizeof(process->socket), "%s/socket", process->folder);
    redis_process_start(process);
}

void redis_process_kill(struct redis_process *process) {
    if (process->id == 0)
        return;
    kill(process->id, SIGKILL);
    waitpid(process->id, NULL, 0);
    process->id = 0;
}

void redis_process_close(struct redis_process *process) {
    redis_process_kill(process);
    folder_remove(process->folder);
}

void redis_process_pause(struct redis_process *process) {
    kill(process->id, SIGSTOP);
}

void redis_process_resume(struct redis_process *process) {
    kill(process->id, SIGCONT);
}
