/* An archive as `banterd import` reads it. What is taken is whole: exported, it can be imported
 * again, and is then exported as the same but for the epoch. The database lies in memory. */
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "store/archive.h"

struct folder {
    char path[64];
};

static void folder_make(struct folder *folder) {
    snprintf(folder->path, sizeof(folder->path), "/dev/shm/banter-fuzz-XXXXXX");
    REQUIRE(mkdtemp(folder->path) != NULL);
}

static void folder_remove(const struct folder *folder) {
    static const char *const files[] = {"banter.db", "banter.db-wal", "banter.db-shm",
                                        "banter.lock"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[128];

        snprintf(path, sizeof(path), "%s/%s", folder->path, files[i]);
        unlink(path);
    }
    REQUIRE(rmdir(folder->path) == 0);
}

static int import(const struct folder *folder, struct slice archive, struct buffer *message) {
    FILE *file = fmemopen((char *)archive.data, archive.length, "r");
    struct archive_counts counts;

    REQUIRE(file != NULL);
    int error = archive_import(folder->path, file, "archive", &counts, message);

    fclose(file);
    return error;
}

static void export(const struct folder *folder, struct buffer *archive) {
    struct archive_counts counts;
    struct buffer message = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    REQUIRE(file != NULL);
    REQUIRE(archive_export(folder->path, file, &counts, &message) == 0);
    fclose(file);
    buffer_append(archive, text, size);
    free(text);
    buffer_close(&message);
}

/* Behind the first line, which has the epoch. */
static struct slice content_of(const struct buffer *archive) {
    struct slice rest = buffer_slice(archive);

    (void)slice_cut(&rest, '\n');
    return rest;
}

static void check_again(const struct folder *first) {
    struct buffer archive = {0}, again = {0}, message = {0};
    struct folder second;

    folder_make(&second);
    export(first, &archive);
    REQUIRE(import(&second, buffer_slice(&archive), &message) == 0);
    export(&second, &again);
    require_equal(content_of(&archive), content_of(&again));
    folder_remove(&second);
    buffer_close(&archive);
    buffer_close(&again);
    buffer_close(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buffer message = {0};
    struct folder folder;

    if (size == 0) { /* there is no such file for fmemopen */
        return 0;
    }
    folder_make(&folder);
    if (import(&folder, slice_from(data, size), &message) == 0) {
        check_again(&folder);
    } else {
        REQUIRE(slice_starts_with(buffer_slice(&message), SLICE("archive:")));
    }
    folder_remove(&folder);
    buffer_close(&message);
    return 0;
}
