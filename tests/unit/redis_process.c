#include "redis_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY "ready to accept connections"

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

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
    strcpy(process->folder, "/tmp/banter-redis-XXXXXX");
    assert_non_null(mkdtemp(process->folder));
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
    nftw(process->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void redis_process_pause(struct redis_process *process) {
    kill(process->id, SIGSTOP);
}

void redis_process_resume(struct redis_process *process) {
    kill(process->id, SIGCONT);
}
