#include "server/admin_backup.h"

#include <unistd.h>
#include <uv.h>

#include "auth/accounts_file.h"
#include "base/memory.h"
#include "store/sqlite_backup.h"

#define PROGRESS_MS 200

struct admin_backup {
    struct admin_backup_options options;
    uv_work_t work;
    uv_timer_t timer;
    struct sqlite_backup copy;
    char *folder, *path;
    struct buffer message;
    int error;
    bool abandoned;
};

char *admin_backup_accounts(const char *path) {
    struct buffer name = {0};
    char *copy;

    buffer_append_format(&name, "%s.accounts", path);
    copy = memory_copy_string(buffer_slice(&name));
    buffer_close(&name);
    return copy;
}

void admin_backup_remove(const char *path) {
    char *accounts = admin_backup_accounts(path);

    unlink(path);
    unlink(accounts);
    memory_free(accounts);
}

/* On a thread of the pool. */
static void run(uv_work_t *work) {
    struct admin_backup *backup = work->data;
    char *accounts = admin_backup_accounts(backup->path);

    backup->error =
        sqlite_backup_run(&backup->copy, backup->folder, backup->path, &backup->message);
    if (!backup->error)
        backup->error = accounts_copy(backup->folder, accounts, &backup->message);
    if (backup->error)
        admin_backup_remove(backup->path);
    memory_free(accounts);
}

static void on_timer(uv_timer_t *timer) {
    struct admin_backup *backup = timer->data;

    if (!backup->abandoned)
        backup->options.progress(backup->options.context, atomic_load(&backup->copy.done),
                                 atomic_load(&backup->copy.total));
}

static void on_closed(uv_handle_t *handle) {
    struct admin_backup *backup = handle->data;

    memory_free(backup->folder);
    memory_free(backup->path);
    buffer_close(&backup->message);
    memory_free(backup);
}

static void on_done(uv_work_t *work, int status) {
    struct admin_backup *backup = work->data;
    struct slice text =
        backup->error ? buffer_slice(&backup->message) : slice_of_string(backup->path);

    (void)status;
    if (backup->error)
        log_write(backup->options.log, LOG_WARNING, "No copy was made: %.*s", SLICE_ARGS(text));
    else
        log_write(backup->options.log, LOG_INFO, "The database was copied");
    if (backup->abandoned && !backup->error)
        admin_backup_remove(backup->path);
    if (!backup->abandoned)
        backup->options.end(backup->options.context, backup->error, text);
    uv_close((uv_handle_t *)&backup->timer, on_closed);
}

struct admin_backup *admin_backup_begin(const struct admin_backup_options *options) {
    struct admin_backup *backup = memory_new_struct(struct admin_backup);

    backup->options = *options;
    backup->folder = memory_copy_string(slice_of_string(options->folder));
    backup->path = memory_copy_string(slice_of_string(options->path));
    backup->work.data = backup;
    backup->timer.data = backup;
    uv_timer_init(options->loop, &backup->timer);
    uv_timer_start(&backup->timer, on_timer, PROGRESS_MS, PROGRESS_MS);
    uv_queue_work(options->loop, &backup->work, run, on_done);
    return backup;
}

void admin_backup_abandon(struct admin_backup *backup) {
    backup->abandoned = true;
    atomic_store(&backup->copy.cancelled, true);
}
