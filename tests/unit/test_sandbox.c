/* The sandbox, from inside: a process enters it and tries what must not work any more, and what
 * must. Each case is a process of its own, because there is no way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/sandbox.h"

/* Where everything happens: data/, config/file, config/link → elsewhere/file, other/. */
static char folder[] = "/tmp/banter-sandbox-XXXXXX";

static int make_file(const char *path) {
    int descriptor = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    return descriptor >= 0 ? close(descriptor) : -1;
}

static int make_folders(void **state) {
    (void)state;
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    for (const char *const *name =
             (const char *const[]){"data", "config", "elsewhere", "other", NULL};
         *name; name++) {
        if (mkdir(*name, 0700) != 0)
            return -1;
    }
    if (symlink("../elsewhere/file", "config/link") != 0 || make_file("config/file") != 0)
        return -1;
    return make_file("elsewhere/file") != 0 || make_file("other/file") != 0 ? -1 : 0;
}

static int remove_folders(void **state) {
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static void enter(void) {
    const struct log log = {.level = LOG_WARNING, .descriptor = STDERR_FILENO};
    const char *const readable[] = {"config/file", "config/link"};

    sandbox_enter(&(struct sandbox_options){
        .log = &log, .data = "data", .readable = readable, .readable_count = 2});
}

/* Runs `attempt` in a sandbox; it returns whether everything was as it must be. */
static void inside(bool (*attempt)(void)) {
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        enter();
        _exit(attempt() ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool refused(long result) {
    return result == -1 && errno == EPERM;
}

static bool try_programs(void) {
    char *const words[] = {"/bin/true", NULL};

    return refused(execve("/bin/true", words, words)) &&
           refused(syscall(SYS_execveat, AT_FDCWD, "/bin/true", words, words, 0)) &&
           refused(fork()) && refused(vfork());
}

static void no_program_can_be_run(void **state) {
    (void)state;
    inside(try_programs);
}

static bool try_processes(void) {
    return refused(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)) && refused(kill(getppid(), 0)) &&
           refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0)) &&
           refused(syscall(SYS_pidfd_open, getppid(), 0));
}

static void other_processes_are_out_of_reach(void **state) {
    (void)state;
    inside(try_processes);
}

static bool try_connections(void) {
    int local = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};

    return refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_INET6, SOCK_DGRAM, 0)) &&
           refused(socket(AF_PACKET, SOCK_RAW, 0)) && refused(socket(AF_NETLINK, SOCK_RAW, 0)) &&
           local >= 0 && refused(connect(local, (struct sockaddr *)&address, sizeof(address)));
}

static void nothing_can_be_connected_to(void **state) {
    (void)state;
    inside(try_connections);
}

/* A listener on loopback; its port. */
static uint16_t listen_anywhere(int *listener) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);

    *listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(*listener, 4), 0);
    assert_int_equal(getsockname(*listener, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static int connect_to(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
}

static void a_redis_can_be_connected_to_where_one_is_configured(void **state) {
    int listeners[2];
    const uint16_t redis = listen_anywhere(&listeners[0]), other = listen_anywhere(&listeners[1]);
    const struct log log = {.level = LOG_WARNING, .descriptor = STDERR_FILENO};
    bool knows_ports = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u) >= 4;
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        sandbox_enter(&(struct sandbox_options){
            .log = &log, .data = "data", .connects = true, .ports = &redis, .port_count = 1});
        bool good = connect_to(redis) == 0 && refused(socket(AF_PACKET, SOCK_RAW, 0)) &&
                    socket(AF_INET, SOCK_DGRAM, 0) >= 0 && access("/etc/resolv.conf", R_OK) == 0;
        struct addrinfo *found = NULL;
        good = good && getaddrinfo("127.0.0.1", "1", NULL, &found) == 0;
        bool kept = !knows_ports || (connect_to(other) != 0 && errno == EACCES);
        _exit(good && kept ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(listeners[0]);
    close(listeners[1]);
}

static bool try_kernel(void) {
    return refused(mount("none", "data", "tmpfs", 0, NULL)) && refused(unshare(CLONE_NEWUSER)) &&
           refused(setuid(0)) && refused(chroot("data")) && refused(syscall(SYS_bpf, 0, NULL, 0)) &&
           refused(syscall(SYS_keyctl, 0, 0, 0, 0, 0)) &&
           refused(syscall(SYS_io_uring_setup, 1, NULL)) && refused(syscall(SYS_userfaultfd, 0)) &&
           refused(syscall(SYS_perf_event_open, 0, 0, 0, 0));
}

static void the_kernel_has_little_to_offer(void **state) {
    (void)state;
    inside(try_kernel);
}

static bool try_code(void) {
    void *both =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return both == MAP_FAILED && page != MAP_FAILED &&
           refused(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static void what_was_written_is_not_executed(void **state) {
    (void)state;
    inside(try_code);
}

static bool cannot_open(const char *path, int flags) {
    return open(path, flags | O_CLOEXEC, 0600) < 0 && errno == EACCES;
}

static bool can_open(const char *path, int flags) {
    int descriptor = open(path, flags | O_CLOEXEC, 0600);

    return descriptor >= 0 && close(descriptor) == 0;
}

static bool try_files(void) {
    return cannot_open("other/file", O_RDONLY) && cannot_open("other/new", O_CREAT | O_WRONLY) &&
           cannot_open("config/file", O_WRONLY) && cannot_open("config/new", O_CREAT | O_WRONLY) &&
           cannot_open("/etc/passwd", O_WRONLY) && cannot_open("/proc/self/environ", O_RDONLY) &&
           cannot_open("data/../other/file", O_RDONLY) && unlink("other/file") != 0 &&
           rename("other/file", "data/file") != 0 && link("other/file", "data/file") != 0;
}

static void all_files_but_a_few_are_out_of_reach(void **state) {
    (void)state;
    inside(try_files);
}

static bool try_own_files(void) {
    return can_open("data/new", O_CREAT | O_RDWR) && rename("data/new", "data/newer") == 0 &&
           truncate("data/newer", 10) == 0 && unlink("data/newer") == 0 &&
           can_open("config/file", O_RDONLY) && can_open("config/link", O_RDONLY) &&
           can_open("/dev/null", O_RDONLY) && can_open("/etc/passwd", O_RDONLY);
}

static void what_it_serves_with_is_within_reach(void **state) {
    (void)state;
    inside(try_own_files);
}

/* As a certificate is renewed: another file of the same name, while the process is in its sandbox.
 */
static void a_file_that_was_replaced_can_be_read_again(void **state) {
    int replaced[2], status;
    char byte;

    (void)state;
    assert_int_equal(pipe(replaced), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        enter();
        _exit(read(replaced[0], &byte, 1) == 1 && can_open("config/file", O_RDONLY) ? 0 : 1);
    }
    assert_int_equal(make_file("config/new"), 0);
    assert_int_equal(rename("config/new", "config/file"), 0);
    assert_int_equal(write(replaced[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(replaced[0]);
    close(replaced[1]);
}

static void *answer(void *argument) {
    *(int *)argument = 42;
    return NULL;
}

static bool try_threads(void) {
    pthread_t thread;
    int result = 0;

    return pthread_create(&thread, NULL, answer, &result) == 0 && pthread_join(thread, NULL) == 0 &&
           result == 42;
}

static void threads_can_be_started(void **state) {
    (void)state;
    inside(try_threads);
}

static void *try_in_thread(void *argument) {
    *(bool *)argument = try_programs() && try_files();
    return NULL;
}

static bool try_from_thread(void) {
    pthread_t thread;
    bool held = false;

    return pthread_create(&thread, NULL, try_in_thread, &held) == 0 &&
           pthread_join(thread, NULL) == 0 && held;
}

static void threads_are_in_it_too(void **state) {
    (void)state;
    inside(try_from_thread);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_program_can_be_run),
        cmocka_unit_test(other_processes_are_out_of_reach),
        cmocka_unit_test(nothing_can_be_connected_to),
        cmocka_unit_test(a_redis_can_be_connected_to_where_one_is_configured),
        cmocka_unit_test(the_kernel_has_little_to_offer),
        cmocka_unit_test(what_was_written_is_not_executed),
        cmocka_unit_test(all_files_but_a_few_are_out_of_reach),
        cmocka_unit_test(what_it_serves_with_is_within_reach),
        cmocka_unit_test(a_file_that_was_replaced_can_be_read_again),
        cmocka_unit_test(threads_can_be_started),
        cmocka_unit_test(threads_are_in_it_too),
    };

    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
