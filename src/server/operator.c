#include "server/operator.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "server/config.h"
#include "server/operator_accounts.h"
#include "server/redis_settings.h"
#include "server/store_url.h"
#include "store/archive.h"
#include "store/redis_archive.h"
#include "store/sqlite_verify.h"

/* Why Redis is not there. */
static const struct log warnings = {.level = LOG_WARNING, .descriptor = STDERR_FILENO};

struct command {
    const char *name;
    const char *usage;
    bool takes_file;
    /* The exit status. */
    int (*run)(const struct config *config, const char *folder, const char *path);
};

static int fail(const char *message) {
    fprintf(stderr, "banterd: %s\n", message);
    return EXIT_FAILURE;
}

static int fail_with(struct buffer *message) {
    buffer_append_char(message, '\0');
    fail(buffer_slice(message).data);
    buffer_close(message);
    return EXIT_FAILURE;
}

static const char *plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

static bool is_shared(const struct config *config) {
    return store_url_kind(config->store) == STORE_KIND_REDIS;
}

static int run_verify(const struct config *config, const char *folder, const char *path) {
    struct verification found;
    struct buffer report = {0}, message = {0};

    (void)path;
    if (is_shared(config))
        return fail("the rooms are in Redis, which has no database to look at; to look at one that "
                    "is in the data folder add --store sqlite");
    if (sqlite_verify(folder, &found, &report, &message) != 0)
        return fail_with(&message);
    printf("%.*s", SLICE_ARGS(buffer_slice(&report)));
    printf("%zu room%s, %llu entr%s, ", found.rooms, plural(found.rooms),
           (unsigned long long)found.entries, found.entries == 1 ? "y" : "ies");
    if (found.problems == 0)
        printf("no problems\n");
    else
        printf("%llu problem%s\n", (unsigned long long)found.problems, plural(found.problems));
    buffer_close(&report);
    return found.problems == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void report_counts(const char *what, const struct archive_counts *counts) {
    fprintf(stderr, "%s %llu room%s, %llu entr%s\n", what, (unsigned long long)counts->rooms,
            plural(counts->rooms), (unsigned long long)counts->entries,
            counts->entries == 1 ? "y" : "ies");
}

/* What was said is for the operator alone to read. */
static FILE *create(const char *path) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return descriptor < 0 ? NULL : fdopen(descriptor, "w");
}

static int finish_file(FILE *file, const char *path, struct buffer *message) {
    bool synced = fsync(fileno(file)) == 0;
    bool closed = fclose(file) == 0;

    if (synced && closed)
        return 0;
    buffer_append_format(message, "cannot write %s: %s", path, strerror(errno));
    return ERR_IO;
}

/* A folder beside what else is there, for a moment. */
static char *spare_folder(const char *folder) {
    struct buffer path = {0};
    char *copy;

    if (mkdir(folder, 0700) != 0) {
        /* It is there, or the import will say what is wrong with it. */
    }
    buffer_append_format(&path, "%s/import", folder);
    copy = memory_copy_string(buffer_slice(&path));
    buffer_close(&path);
    return copy;
}

/* From the data folder, or from Redis. */
static int export_from(const struct config *config, const char *folder, FILE *file,
                       struct archive_counts *counts, struct buffer *message) {
    struct redis_settings settings;
    char text[512];
    int error;

    if (!is_shared(config))
        return archive_export(folder, file, counts, message);
    error = redis_settings_open(config, &settings, text, sizeof(text));
    if (error) {
        buffer_append_string(message, text);
        return error;
    }
    settings.store.log = &warnings;
    error = redis_archive_export(&settings.store, file, counts, message);
    redis_settings_close(&settings);
    return error;
}

static int import_into(const struct config *config, const char *folder, FILE *file,
                       const char *name, struct archive_counts *counts, struct buffer *message) {
    struct redis_settings settings;
    char *spare;
    char text[512];
    int error;

    if (!is_shared(config))
        return archive_import(folder, file, name, counts, message);
    error = redis_settings_open(config, &settings, text, sizeof(text));
    if (error) {
        buffer_append_string(message, text);
        return error;
    }
    settings.store.log = &warnings;
    spare = spare_folder(folder);
    error = redis_archive_import(&settings.store, spare, file, name, counts, message);
    memory_free(spare);
    redis_settings_close(&settings);
    return error;
}

/* Without FILE to standard output. A file that was not written to its end is not left behind. */
static int run_export(const struct config *config, const char *folder, const char *path) {
    FILE *file = path ? create(path) : stdout;
    struct archive_counts counts;
    struct buffer message = {0};
    int error;

    if (!file) {
        buffer_append_format(&message, "cannot create %s: %s", path, strerror(errno));
        return fail_with(&message);
    }
    error = export_from(config, folder, file, &counts, &message);
    if (path) {
        int finished = finish_file(file, path, &message);
        error = error ? error : finished;
        if (error)
            unlink(path);
    }
    if (error)
        return fail_with(&message);
    report_counts("Exported", &counts);
    buffer_close(&message);
    return EXIT_SUCCESS;
}

static int run_import(const struct config *config, const char *folder, const char *path) {
    FILE *file = path ? fopen(path, "re") : stdin;
    struct archive_counts counts;
    struct buffer message = {0};
    int error;

    if (!file) {
        buffer_append_format(&message, "cannot open %s: %s", path, strerror(errno));
        return fail_with(&message);
    }
    error = import_into(config, folder, file, path ? path : "standard input", &counts, &message);
    if (path)
        fclose(file);
    if (error)
        return fail_with(&message);
    report_counts("Imported", &counts);
    buffer_close(&message);
    return EXIT_SUCCESS;
}

static const struct command commands[] = {
    {"verify",
     "Usage: banterd verify [--config FILE] [--data DIR] [--store STORE]\n"
     "Looks whether the database holds what it must: numbers without a hole, times in order, ids\n"
     "that are there once, and pages that fit together. Only reads, also while a server runs.\n"
     "Prints a line for each room with problems, and exits with 1 if there are any.\n",
     false, run_verify},
    {"export",
     "Usage: banterd export [--config FILE] [--data DIR] [--store STORE] [FILE]\n"
     "Writes all rooms as lines of JSON to FILE, which must not be there yet, or to standard\n"
     "output; as they are at one moment (from Redis: each as it is when its turn comes), also "
     "while\n"
     "a server runs.\n",
     true, run_export},
    {"import",
     "Usage: banterd import [--config FILE] [--data DIR] [--store STORE] [FILE]\n"
     "Reads what banterd export has written into a folder without rooms and without a server, or\n"
     "into a Redis of which the same is true (--store redis://HOST:PORT).\n"
     "Numbers, ids and times stay; the epoch is a new one. All of it is imported, or nothing.\n",
     true, run_import},
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"data", required_argument, NULL, 'd'},
    {"store", required_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* What is said of a value that is wrong. */
static int take_option(int code, struct config *config, const char **data, char *message,
                       size_t size) {
    if (code == 'c')
        return config_load(config, optarg, message, size);
    if (code == 's')
        return config_set(config, "store", optarg, CONFIG_FROM_COMMAND_LINE, message, size);
    if (code == 'd') {
        *data = optarg;
        return 0;
    }
    snprintf(message, size, "an option is unknown or needs a value; --help shows those there are");
    return ERR_BAD_REQUEST;
}

static int run(const struct command *command, int count, char **values, struct config *config) {
    const char *data = NULL;
    char message[512];
    int code;

    optind = 0; /* getopt starts anew */
    while ((code = getopt_long(count, values, ":", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(command->usage, stdout);
            return EXIT_SUCCESS;
        }
        if (take_option(code, config, &data, message, sizeof(message)) != 0)
            return fail(message);
    }
    if (count - optind > (command->takes_file ? 1 : 0)) {
        fputs(command->usage, stderr);
        return EXIT_FAILURE;
    }
    return command->run(config, data ? data : config->data, optind < count ? values[optind] : NULL);
}

bool operator_command(int count, char **values, int *status) {
    struct config config;

    if (count > 1 && strcmp(values[1], "user") == 0) {
        *status = operator_user(count - 1, values + 1);
        return true;
    }
    if (count > 1 && strcmp(values[1], "token") == 0) {
        *status = operator_token(count - 1, values + 1);
        return true;
    }
    if (count > 1 && strcmp(values[1], "hook") == 0) {
        *status = operator_hook(count - 1, values + 1);
        return true;
    }
    for (size_t i = 0; count > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, values[1]) != 0)
            continue;
        config_init(&config);
        *status = run(&commands[i], count - 1, values + 1, &config);
        config_close(&config);
        return true;
    }
    return false;
}
