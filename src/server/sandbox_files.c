/* Landlock, by its system calls, because the C library has no functions for them. What the headers
 * of the machine that builds this do not know yet is defined here: a kernel that does not know it
 * either says so by its version. See landlock(7) and linux/landlock.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/sandbox.h"

/* As many as version 3 of the interface knows: execute, write_file, …, refer, truncate. */
#define FILES_VERSION_1 ((UINT64_C(1) << 13) - 1)
#define FILES_REFER (UINT64_C(1) << 13)    /* version 2: between folders */
#define FILES_TRUNCATE (UINT64_C(1) << 14) /* version 3 */
#define NET_BIND_TCP (UINT64_C(1) << 0)    /* version 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define FILES_IOCTL_DEVICE (UINT64_C(1) << 15) /* version 5 */
#define RULE_NET_PORT 2
#define DNS_PORT 53
#define SCOPE_SIGNAL (UINT64_C(1) << 1) /* version 6 */

#define FILES_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* What the data folder is for; devices are not made, programs not run. */
#define FILES_KEEP                                                                                 \
    (FILES_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |                 \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |   \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | FILES_REFER | FILES_TRUNCATE)

/* struct landlock_ruleset_attr of version 6. */
struct ruleset {
    uint64_t files, net, scoped;
};

/* Needed by libraries at any time: time zones, OpenSSL's settings, randomness; and by the server to
 * tell how much memory it has. Not the rest of /proc, where other processes are. */
static const char *const system_paths[] = {
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/dev/null",
    "/dev/urandom",
    "/proc/sys/kernel/random",
    "/proc/self/statm",
};

static struct ruleset all_rules(long version) {
    struct ruleset ruleset = {.files = FILES_VERSION_1};

    if (version >= 2)
        ruleset.files |= FILES_REFER;
    if (version >= 3)
        ruleset.files |= FILES_TRUNCATE;
    if (version >= 4)
        ruleset.net = NET_BIND_TCP | NET_CONNECT_TCP;
    if (version >= 5)
        ruleset.files |= FILES_IOCTL_DEVICE;
    if (version >= 6)
        ruleset.scoped = SCOPE_SIGNAL;
    return ruleset;
}

/* Of the accesses only those that make sense for what stands there, and that the kernel knows. */
static void allow(int descriptor, const struct ruleset *ruleset, const char *path,
                  uint64_t access) {
    struct landlock_path_beneath_attr rule = {.allowed_access = access & ruleset->files};
    struct stat status;

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return; /* what is not there cannot be used either */
    if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
        rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
    if (syscall(SYS_landlock_add_rule, descriptor, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
        /* Then it stays forbidden, and whoever needs it will say what could not be opened. */
    }
    close(rule.parent_fd);
}

static void allow_folder_of(int descriptor, const struct ruleset *ruleset, const char *path,
                            uint64_t access) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

    if (folder)
        allow(descriptor, ruleset, folder, access);
    free(folder);
}

/* Certificates are often links into a folder of all that ever were. */
static void allow_readable(int descriptor, const struct ruleset *ruleset, const char *path) {
    char *real = realpath(path, NULL);

    allow_folder_of(descriptor, ruleset, path, FILES_READ);
    if (real)
        allow_folder_of(descriptor, ruleset, real, FILES_READ);
    free(real);
}

struct port_rule {
    uint64_t access, port; /* struct landlock_net_port_attr of version 4 */
};

static void allow_port(int descriptor, uint16_t port) {
    const struct port_rule rule = {.access = NET_CONNECT_TCP, .port = port};

    if (syscall(SYS_landlock_add_rule, descriptor, RULE_NET_PORT, &rule, 0) != 0) {
        /* As above. */
    }
}

/* Long answers of the DNS come over TCP; where its servers are stands in a file that may be a link
 * to where it was made. */
static void allow_connecting(int descriptor, const struct ruleset *ruleset,
                             const struct sandbox_options *options) {
    allow_readable(descriptor, ruleset, "/etc/resolv.conf");
    if (!(ruleset->net & NET_CONNECT_TCP))
        return;
    allow_port(descriptor, DNS_PORT);
    for (size_t i = 0; i < options->port_count; i++)
        allow_port(descriptor, options->ports[i]);
}

static void allow_all(int descriptor, const struct ruleset *ruleset,
                      const struct sandbox_options *options) {
    for (size_t i = 0; i < sizeof(system_paths) / sizeof(system_paths[0]); i++)
        allow(descriptor, ruleset, system_paths[i], FILES_READ);
    for (size_t i = 0; i < options->readable_count; i++)
        allow_readable(descriptor, ruleset, options->readable[i]);
    for (size_t i = 0; i < options->socket_count; i++)
        allow_folder_of(descriptor, ruleset, options->sockets[i], LANDLOCK_ACCESS_FS_REMOVE_FILE);
    if (options->data)
        allow(descriptor, ruleset, options->data, FILES_KEEP);
    if (options->connects)
        allow_connecting(descriptor, ruleset, options);
}

void sandbox_limit_files(const struct sandbox_options *options) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    struct ruleset ruleset = all_rules(version);
    size_t size = version >= 6 ? sizeof(ruleset) : version >= 4 ? 16 : 8;
    int descriptor = -1;

    if (options->connects && options->port_count == 0)
        ruleset.net &= ~NET_CONNECT_TCP;
    if (version >= 1)
        descriptor = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    if (descriptor >= 0)
        allow_all(descriptor, &ruleset, options);
    if (descriptor < 0 || syscall(SYS_landlock_restrict_self, descriptor, 0) != 0)
        log_write(options->log, LOG_DEBUG, "Files are not limited by landlock: %s",
                  strerror(errno));
    if (descriptor >= 0)
        close(descriptor);
}
