/* Runs a fuzz target over files and over all files of folders, once each. What a fuzzer found lies
 * in the corpus, and so stays found. */
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "fuzz.h"

static void read_all(FILE *file, struct buffer *content) {
    size_t count;

    do {
        count = fread(buffer_reserve(content, BUFSIZ), 1, BUFSIZ, file);
        buffer_commit(content, count);
    } while (count > 0);
}

/* The name goes out first: a target that finds something does not return. */
static int run_file(const char *path) {
    FILE *file = fopen(path, "re");
    struct buffer content = {0};

    printf("%s\n", path);
    fflush(stdout);
    if (file == NULL) {
        perror(path);
        return 0;
    }
    read_all(file, &content);
    fclose(file);
    char *bytes = own_bytes(buffer_slice(&content));

    LLVMFuzzerTestOneInput((const uint8_t *)bytes, buffer_length(&content));
    free(bytes);
    buffer_close(&content);
    return 1;
}

static int run_folder(const char *path) {
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    int passed = 0;

    for (int i = 0; i < count; i++) {
        char name[PATH_MAX];

        if (entries[i]->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
            passed += run_file(name);
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    return passed;
}

int main(int count, char **paths) {
    int passed = 0;

    for (int i = 1; i < count; i++) {
        struct stat status;
        bool folder = stat(paths[i], &status) == 0 && S_ISDIR(status.st_mode);

        passed += folder ? run_folder(paths[i]) : run_file(paths[i]);
    }
    printf("%d passed, 0 failed\n", passed);
    return passed > 0 ? 0 : 1;
}
