/* The reading side holds one read transaction from the beginning to the end. Otherwise SQLite would
 * begin the copy anew after each commit, and never end where people talk. */
#include "store/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/sqlite_connection.h"
#include "store/sqlite_offline.h"

#define STEP_PAGES 256
#define PART ".part"

static int fail_errno(struct buffer *message, const char *what, const char *path) {
    buffer_append_format(message, "cannot %s %s: %s", what, path, strerror(errno));
    return ERR_IO;
}

static int fail_sqlite(struct buffer *message, const char *path, int code) {
    buffer_append_format(message, "cannot write %s: %s", path, sqlite3_errstr(code));
    return ERR_IO;
}

/* Readable for the server's user alone, as the database is. */
static int create(const char *path, struct buffer *message) {
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return fail_errno(message, "create", path);
    }
    close(descriptor);
    return 0;
}

static int copy_pages(struct sqlite_backup *backup, sqlite3 *from, sqlite3 *to) {
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
    int code = copy != NULL ? SQLITE_OK : sqlite3_errcode(to);
    while (code == SQLITE_OK && !atomic_load(&backup->cancelled)) {
        code = sqlite3_backup_step(copy, STEP_PAGES);
        unsigned total = (unsigned)sqlite3_backup_pagecount(copy);
        atomic_store(&backup->total, total);
        atomic_store(&backup->done, total - (unsigned)sqlite3_backup_remaining(copy));
    }
    int end = copy != NULL ? sqlite3_backup_finish(copy) : SQLITE_OK;
    if (code == SQLITE_OK) {
        return SQLITE_INTERRUPT;
    }
    return code == SQLITE_DONE ? end : code;
}

/* One file, without a log beside it, in an epoch of its own. */
static int make_whole(sqlite3 *db) {
    int code = sqlite3_exec(db, "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK) {
        code = sqlite_file_renew_epoch(db);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    return code;
}

static int copy_into(struct sqlite_backup *backup, const struct sqlite_offline *offline,
                     const char *part, struct buffer *message) {
    sqlite3 *db = NULL;
    int code = sqlite_connection_open_file(part, &db);
    if (code == SQLITE_OK) {
        code = copy_pages(backup, offline->db, db);
    }
    if (code == SQLITE_OK) {
        code = make_whole(db);
    }
    int end = sqlite3_close(db);
    code = code == SQLITE_OK ? end : code;
    if (code == SQLITE_INTERRUPT) {
        buffer_append_string(message, "the server is stopping");
        return ERR_IO;
    }
    return code == SQLITE_OK ? 0 : fail_sqlite(message, part, code);
}

static void sync_path(const char *path, int flags) {
    int descriptor = open(path, flags | O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
}

/* The name is given only to what is on disk, and never taken from another file. */
static int give_name(const char *part, const char *path, struct buffer *message) {
    struct buffer folder = {0};
    const char *slash = strrchr(path, '/');
    sync_path(part, 0);
    if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) != 0) {
        return fail_errno(message, "create", path);
    }
    buffer_append_format(&folder, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
                         slash != NULL ? path : ".");
    buffer_append_char(&folder, '\0');
    sync_path(buffer_slice(&folder).data, O_DIRECTORY);
    buffer_close(&folder);
    return 0;
}

int sqlite_backup_run(struct sqlite_backup *backup, const char *folder, const char *path,
                      struct buffer *message) {
    struct sqlite_offline offline = {0};
    struct buffer name = {0};
    buffer_append_format(&name, "%s" PART, path);
    buffer_append_char(&name, '\0');
    const char *part = buffer_slice(&name).data;
    int error = 0;
    if (access(path, F_OK) == 0) {
        errno = EEXIST;
        error = fail_errno(message, "create", path);
        goto out;
    }
    error = sqlite_offline_open(&offline, folder, message);
    if (error == 0) {
        error = create(part, message);
    }
    if (error != 0) {
        goto out;
    }
    error = copy_into(backup, &offline, part, message);
    if (error == 0) {
        error = give_name(part, path, message);
    }
    if (error != 0) {
        unlink(part);
    }
out:
    sqlite_offline_close(&offline);
    buffer_close(&name);
    return error;
}
