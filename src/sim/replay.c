/* banter-replay FILE…: plays scenarios. Each is played twice: with what clients send arriving as
 * they sent it, and byte by byte. Folders stand for all the scenarios in them. */
#include "sim/replay.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define ENDING ".chat"
#define PATH_MOST 4096

struct tally {
    unsigned passed, failed;
    bool verbose;
};

static bool read_file(const char *path, struct buffer *text) {
    FILE *file = fopen(path, "rb");
    size_t size = 0;
    if (!file) {
        return false;
    }
    do {
        buffer_commit(text, size);
        size = fread(buffer_reserve(text, PATH_MOST), 1, PATH_MOST, file);
    } while (size > 0);
    bool fine = !ferror(file);
    fclose(file);
    return fine;
}

static void play(struct tally *tally, const char *path) {
    struct buffer text = {0};
    bool fine = read_file(path, &text);
    if (!fine) {
        printf("%s: cannot be read\n", path);
    }
    for (int bytewise = 0; bytewise <= 1 && fine; bytewise++) {
        struct replay_verdict verdict = {0};
        FILE *trace = tally->verbose && !bytewise ? stdout : NULL;
        replay_play(path, buffer_slice(&text), bytewise == 1, trace, &verdict);
        fine = verdict.passed;
        printf("%.*s", SLICE_ARGS(buffer_slice(&verdict.complaint)));
        buffer_close(&verdict.complaint);
    }
    *(fine ? &tally->passed : &tally->failed) += 1;
    buffer_close(&text);
}

static int is_scenario(const struct dirent *item) {
    size_t length = strlen(item->d_name), ending = strlen(ENDING);
    return length > ending && strcmp(item->d_name + length - ending, ENDING) == 0;
}

static void play_all(struct tally *tally, const char *path) {
    struct dirent **items;
    int count = scandir(path, &items, is_scenario, alphasort);
    if (count < 0) {
        play(tally, path);
        return;
    }
    for (int i = 0; i < count; i++) {
        char file[PATH_MOST];
        snprintf(file, sizeof file, "%s/%s", path, items[i]->d_name);
        play(tally, file);
        free(items[i]);
    }
    free(items);
}

int main(int count, char **arguments) {
    struct tally tally = {0};
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--verbose") == 0) {
            tally.verbose = true;
        } else {
            play_all(&tally, arguments[i]);
        }
    }
    if (tally.passed + tally.failed == 0) {
        fprintf(stderr, "Usage: banter-replay [--verbose] FILE-OR-FOLDER…\n");
        return 2;
    }
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    return tally.failed > 0;
}
