#include "server/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/slice.h"
#include "base/thread.h"

struct who {
    uid_t user;
    gid_t group;
};

static bool to_number(const char *text, unsigned *number) {
    uint64_t value;

    if (!slice_to_u64(slice_of_string(text), &value) || value >= UINT32_MAX)
        return false;
    *number = (unsigned)value;
    return true;
}

static int find_user(const char *name, struct who *who, char *message, size_t size) {
    const struct passwd *user = getpwnam(name);
    unsigned number;

    if (!user && to_number(name, &number)) {
        user = getpwuid(number);
        *who = (struct who){.user = number, .group = number};
    } else if (!user) {
        snprintf(message, size, "user = %s: there is no such user on this machine", name);
        return ERR_BAD_REQUEST;
    }
    if (user)
        *who = (struct who){.user = user->pw_uid, .group = user->pw_gid};
    return 0;
}

static int find_group(const char *name, struct who *who, char *message, size_t size) {
    const struct group *group = getgrnam(name);
    unsigned number;

    if (group) {
        who->group = group->gr_gid;
    } else if (to_number(name, &number)) {
        who->group = number;
    } else {
        snprintf(message, size, "group = %s: there is no such group on this machine", name);
        return ERR_BAD_REQUEST;
    }
    return 0;
}

/* So that a crash of the machine does not lose the new folder, with all that is in it by then. */
static void sync_parent(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int parent = folder >= 0 ? openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (parent >= 0) {
        fsync(parent);
        close(parent);
    }
    if (folder >= 0)
        close(folder);
}

/* Only what is new is given away: what stands there already belongs to whom its owner says. */
static int make_data_folder(const char *path, const struct who *owner, char *message, size_t size) {
    if (mkdir(path, 0700) != 0) {
        if (errno == EEXIST)
            return 0;
        snprintf(message, size, "cannot create the data folder %s: %s%s", path, strerror(errno),
                 errno == ENOENT ? "; make the folder that it is to stand in first" : "");
        return ERR_IO;
    }
    sync_parent(path);
    if (!owner || chown(path, owner->user, owner->group) == 0)
        return 0;
    snprintf(message, size, "cannot give %s to the server's user: %s", path, strerror(errno));
    return ERR_IO;
}

/* Groups first, which only root can leave. All three ids of each kind change, so nothing is kept to
 * go back by; that it is so is tried out. */
static int become(const struct who *who, char *message, size_t size) {
    thread_keep_ahead();
    if (setgroups(0, NULL) != 0 || setresgid(who->group, who->group, who->group) != 0 ||
        setresuid(who->user, who->user, who->user) != 0) {
        snprintf(message, size, "cannot become the user that is to serve: %s", strerror(errno));
        return ERR_IO;
    }
    if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || getuid() != who->user ||
        geteuid() != who->user || getgid() != who->group || getegid() != who->group) {
        snprintf(message, size, "root could not be left for good");
        return ERR_INTERNAL;
    }
    return 0;
}

/* Who is not root cannot become anybody; that the right user started it is fine. */
static int check_same(const char *name, const struct who *who, char *message, size_t size) {
    if (who->user == geteuid())
        return 0;
    snprintf(message, size, "user = %s: only root can start a server for another user", name);
    return ERR_BAD_REQUEST;
}

static int find(const struct privileges_options *options, struct who *who, char *message,
                size_t size) {
    int error = find_user(options->user, who, message, size);

    if (!error && options->group[0] != 0)
        error = find_group(options->group, who, message, size);
    if (error || geteuid() != 0)
        return error ? error : check_same(options->user, who, message, size);
    if (who->user == 0 || who->group == 0) {
        snprintf(message, size, "user = %s: is root, whom the server is not to be", options->user);
        return ERR_BAD_REQUEST;
    }
    return 0;
}

int privileges_drop(const struct privileges_options *options, char *message, size_t size) {
    bool is_root = geteuid() == 0;
    bool changes = is_root && options->user[0] != 0;
    struct who who = {0};
    int error = options->user[0] != 0 ? find(options, &who, message, size) : 0;

    if (!error && options->data)
        error = make_data_folder(options->data, changes ? &who : NULL, message, size);
    return !error && changes ? become(&who, message, size) : error;
}
