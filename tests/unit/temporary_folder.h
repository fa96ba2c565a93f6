/* A folder of a test's own, and the end of it with all that is in it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDER_SIZE 64

/* `whose`: for those who look into /tmp. */
static inline void folder_make(char folder[FOLDER_SIZE], const char *whose) {
    snprintf(folder, FOLDER_SIZE, "/tmp/banter-%s-XXXXXX", whose);
    assert_non_null(mkdtemp(folder));
}

static inline int folder_remove_entry(const char *path, const struct stat *status, int type,
                                      struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void folder_remove(const char *folder) {
    nftw(folder, folder_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
