/* The system calls that a server which has started may make: what its own code, SQLite, libuv,
 * OpenSSL, libsodium and the C library need to serve, and no others. Everything else fails with
 * EPERM, as if the right to do it were missing. Some calls are allowed in one form only.
 *
 * To find out what a change needs: run with `log_level = debug`, which has the kernel's audit log
 * tell of each call that was denied, or under strace, which shows it as EPERM. */
#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "server/sandbox.h"

/* clang-format off */
/* By name, because not every architecture has all of them. */
static const char *const calls[] = {
    /* descriptors */
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
    "pwritev2", "close", "close_range", "lseek", "_llseek", "dup", "dup2", "dup3", "fcntl",
    "fcntl64", "flock", "pipe2", "eventfd2", "poll", "ppoll", "select", "pselect6", "epoll_create1",
    "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "sendfile", "sendfile64",
    /* files */
    "open", "openat", "stat", "stat64", "fstat", "fstat64", "lstat", "lstat64", "newfstatat",
    "fstatat64", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "getcwd",
    "readlink", "readlinkat", "getdents64", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat",
    "rename", "renameat", "renameat2", "link", "linkat", "truncate", "ftruncate", "ftruncate64",
    "fallocate", "fadvise64", "fsync", "fdatasync", "sync_file_range", "chmod", "fchmod",
    "fchmodat", "fchown", "utimensat", "umask",
    /* connections that were accepted, and the operator's socket */
    "bind", "listen", "accept", "accept4", "getsockname", "getpeername", "getsockopt", "setsockopt",
    "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "shutdown",
    /* memory */
    "munmap", "mremap", "madvise", "brk", "msync", "mlock", "mlock2", "munlock",
    /* threads and signals; who they are, what time it is, what they may use */
    "futex", "futex_time64", "futex_waitv", "get_robust_list", "set_robust_list", "rseq",
    "set_tid_address", "membarrier", "sched_yield", "sched_getaffinity", "sched_getparam",
    "sched_getscheduler", "getcpu", "exit", "exit_group", "tgkill", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "restart_syscall", "getpid",
    "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "nanosleep",
    "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "times",
    "getrusage", "sysinfo", "uname", "getrlimit", "setrlimit", "prlimit64", "setpriority",
};
/* clang-format on */

/* Calls of which only one form is allowed: where the bits of `mask` in an argument have this value.
 * Two rules for a call are an `or`. */
static const struct {
    const char *name;
    unsigned argument;
    uint64_t mask, value;
} forms[] = {
    /* A thread, not a process. */
    {"clone", 0, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD},
    /* Memory that is written is not executed. */
    {"mmap", 2, PROT_EXEC, 0},
    {"mmap", 2, PROT_WRITE, 0},
    {"mmap2", 2, PROT_EXEC, 0},
    {"mmap2", 2, PROT_WRITE, 0},
    {"mprotect", 2, PROT_EXEC, 0},
    /* Telling the service manager, the operator's socket; nothing that reaches another machine. */
    {"socket", 0, UINT32_MAX, AF_UNIX},
    {"socketpair", 0, UINT32_MAX, AF_UNIX},
    /* Names of threads. */
    {"prctl", 0, UINT32_MAX, PR_SET_NAME},
    /* Of terminals and devices, nothing but what is asked of any descriptor. */
    {"ioctl", 1, UINT32_MAX, FIONREAD},
    {"ioctl", 1, UINT32_MAX, FIONBIO},
    {"ioctl", 1, UINT32_MAX, FIOCLEX},
    {"ioctl", 1, UINT32_MAX, TIOCOUTQ},
    {"ioctl", 1, UINT32_MAX, TCGETS},
};

/* To a Redis, and to whoever knows its address. */
static int add_connecting(scmp_filter_ctx filter) {
    static const int families[] = {AF_INET, AF_INET6};
    int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]) && code == 0; i++)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    return code;
}

static int add_rules(scmp_filter_ctx filter, bool connects) {
    int code = 0;

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && code == 0; i++) {
        int number = seccomp_syscall_resolve_name(calls[i]);
        if (number != __NR_SCMP_ERROR)
            code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]) && code == 0; i++) {
        int number = seccomp_syscall_resolve_name(forms[i].name);
        struct scmp_arg_cmp form =
            SCMP_CMP(forms[i].argument, SCMP_CMP_MASKED_EQ, forms[i].mask, forms[i].value);
        if (number != __NR_SCMP_ERROR)
            code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, form);
    }
    if (code == 0 && connects)
        code = add_connecting(filter);
    /* What it is to do stands in memory, where a filter cannot look; told that there is no such
     * call, the C library uses the older one. */
    int newer = seccomp_syscall_resolve_name("clone3");
    if (code == 0 && newer != __NR_SCMP_ERROR)
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), newer, 0);
    return code;
}

void sandbox_limit_calls(const struct sandbox_options *options) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int code = filter ? 0 : -ENOMEM;

    if (code == 0 && options->log->level == LOG_DEBUG)
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    if (code == 0)
        code = add_rules(filter, options->connects);
    if (code == 0)
        code = seccomp_load(filter);
    if (code != 0)
        log_write(options->log, LOG_WARNING, "System calls are not limited by seccomp: %s",
                  strerror(-code));
    if (filter)
        seccomp_release(filter);
}
