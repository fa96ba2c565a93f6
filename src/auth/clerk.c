#include "auth/clerk_internal.h"

#include "auth/ledger.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"

#define LOOK_MS 2000 /* how often to look for changes that nobody has told of */

static void collect_changes(struct clerk *clerk, struct question *question) {
    if (!clerk->accounts.db)
        return;
    if (change_feed_next(&clerk->changes, &clerk->accounts, question) != 0)
        clerk_refuse_unavailable(clerk, question);
    else
        clerk->failing = false;
}

/* Told by nobody: who ran `banterd user` could not reach us, or we have ended a session. */
static void look_for_changes(struct clerk *clerk) {
    struct question *question;

    if (!clerk->accounts.db || !change_feed_moved(&clerk->changes, &clerk->accounts))
        return;
    question = question_new(QUESTION_CHANGES, 0, NULL, SLICE_NONE);
    collect_changes(clerk, question);
    if (question->notice_count > 0)
        clerk_answer(clerk, question);
    else
        question_free(question);
}

static void take_setup(struct clerk *clerk, struct question *question) {
    jwt_setup_free(clerk->setup);
    clerk->setup = question->setup;
    question->setup = NULL;
    question_free(question);
}

static void attend(struct clerk *clerk, struct question *question) {
    switch (question->kind) {
    case QUESTION_PASSWORD:
    case QUESTION_TOKEN:
    case QUESTION_HOOK:
    case QUESTION_TICKET:
        clerk_look_into(clerk, question);
        break;
    case QUESTION_KEYS:
        take_setup(clerk, question);
        break;
    case QUESTION_CHANGES:
        collect_changes(clerk, question);
        clerk_answer(clerk, question);
        break;
    case QUESTION_ATTEMPT: /* is no question */
        question_free(question);
        break;
    }
}

/* The next question; NULL: it is time to look around. False: that was all. What can wait is done
 * when nobody does. */
static bool wait_for_question(struct clerk *clerk, struct question **question) {
    if (!queue_look(&clerk->waiting, question))
        return false;
    if (*question)
        return true;
    clerk_note_uses(clerk);
    if (!clerk->commons)
        return queue_wait(&clerk->waiting, LOOK_MS, question);
    commons_wait(clerk->commons, LOOK_MS);
    return queue_look(&clerk->waiting, question);
}

static void look_around(struct clerk *clerk, bool idle) {
    uint64_t now_ms = clock_monotonic_ms();
    bool due = now_ms - clerk->looked_ms >= LOOK_MS;
    bool news = clerk->commons && commons_follow(clerk->commons, due);

    if (idle || due || news)
        look_for_changes(clerk);
    if (due)
        clerk->looked_ms = now_ms;
}

static void *run(void *argument) {
    struct clerk *clerk = argument;
    struct question *question;

    while (wait_for_question(clerk, &question)) {
        if (question)
            attend(clerk, question);
        look_around(clerk, !question);
    }
    clerk_note_uses(clerk);
    return NULL;
}

/* A login has ended on another node. */
static void on_heard(void *context, struct slice line) {
    struct clerk *clerk = context;
    const struct credential told = {.secret = line};

    queue_put(clerk->options.answers, question_new(QUESTION_ATTEMPT, 0, &told, SLICE_NONE));
    clerk->options.wake(clerk->options.context);
}

static void on_put(void *context) {
    commons_wake(context);
}

static int open_commons(struct clerk *clerk, struct buffer *message) {
    int error = commons_open(&(struct commons_options){.shared = clerk->options.shared,
                                                       .accounts = &clerk->accounts,
                                                       .log = clerk->options.log,
                                                       .clock = clerk->options.clock,
                                                       .clock_context = clerk->options.context,
                                                       .heard = on_heard,
                                                       .heard_context = clerk},
                             &clerk->commons, message);

    clerk->options.shared = NULL; /* not kept */
    if (!error)
        queue_notify(&clerk->waiting, on_put, clerk->commons);
    return error;
}

/* What was shared is this server's own from now on, and may differ. */
static int leave_others(struct clerk *clerk) {
    bool copied;
    int error = ledger_was_copied(&clerk->accounts, &copied);

    if (error || !copied)
        return error;
    log_write(clerk->options.log, LOG_WARNING,
              "The accounts of this folder were shared through Redis; from now on they are this "
              "server's own");
    return ledger_leave(&clerk->accounts);
}

static int open_accounts(struct clerk *clerk, struct question *notices, struct buffer *message) {
    int error = accounts_open(clerk->options.folder, &clerk->accounts, message);

    if (!error && clerk->options.shared)
        error = open_commons(clerk, message);
    if (error)
        return error;
    if (!clerk->commons)
        error = leave_others(clerk);
    if (!error)
        error = change_feed_begin(&clerk->changes, &clerk->accounts, notices);
    if (error)
        buffer_append_format(message, "cannot read the accounts: %s",
                             accounts_error(&clerk->accounts));
    return error;
}

static void clerk_free(struct clerk *clerk) {
    hasher_stop(clerk->hasher);
    queue_close(&clerk->waiting);
    commons_close(clerk->commons);
    accounts_close(&clerk->accounts);
    jwt_setup_free(clerk->setup);
    memory_free(clerk);
}

int clerk_start(const struct clerk_options *options, struct question **notices,
                struct clerk **clerk, struct buffer *message) {
    struct clerk *started = memory_new_struct(struct clerk);
    struct question *told = question_new(QUESTION_CHANGES, 0, NULL, SLICE_NONE);
    int error = 0;

    started->options = *options;
    started->setup = options->setup;
    queue_init(&started->waiting);
    if (options->folder)
        error = open_accounts(started, told, message);
    if (!error && (hasher_start(&started->waiting, &started->hasher) != 0 ||
                   thread_start(&started->thread, "auth", run, started) != 0)) {
        buffer_append_string(message, "the system has no thread left for checking passwords");
        error = ERR_IO;
    }
    if (error) {
        question_free(told);
        clerk_free(started);
        return error;
    }
    *notices = told;
    *clerk = started;
    return 0;
}

void clerk_put(struct clerk *clerk, struct question *question) {
    queue_put(&clerk->waiting, question);
}

void clerk_stop(struct clerk *clerk) {
    if (!clerk)
        return;
    queue_end(&clerk->waiting);
    pthread_join(clerk->thread, NULL);
    clerk_free(clerk);
}
