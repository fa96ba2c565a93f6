/* Two mechanisms, which do not overlap much. seccomp (sandbox_calls.c) sees system calls and
 * numbers in them, never paths: it takes away running programs, making processes, new connections,
 * and most of the kernel's surface. Landlock (sandbox_files.c) sees paths: it takes away all files
 * but a few. Both hold for threads that are started later, so this comes after listening, which
 * needs privileges, and before the store, which starts threads.
 *
 * Sanitizers start processes of their own to look for leaks, open what they like, and would report
 * what is denied to them as errors of the server: with them there is no sandbox. */
#include "server/sandbox.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__has_feature)
#define BUILT_WITH(feature) __has_feature(feature)
#else
#define BUILT_WITH(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    BUILT_WITH(address_sanitizer) || BUILT_WITH(thread_sanitizer) || BUILT_WITH(memory_sanitizer)
#define HAS_SANITIZER true
#else
#define HAS_SANITIZER false
#endif

bool sandbox_possible(void) {
    return !HAS_SANITIZER;
}

/* Memory has what people say and the digests of their secrets: it is not to be written to a disk,
 * nor read by other processes of the same user. */
static void keep_memory_private(void) {
    struct rlimit none = {0};

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
}

void sandbox_enter(const struct sandbox_options *options) {
    if (!sandbox_possible()) {
        log_write(options->log, LOG_DEBUG, "Without a sandbox: this build has a sanitizer");
        return;
    }
    keep_memory_private();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sandbox_limit_files(options);
    sandbox_limit_calls(options);
}
