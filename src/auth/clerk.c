#include "auth/clerk.h"

#include <sodium.h>
#include <string.h>

#include "auth/change_feed.h"
#include "auth/hasher.h"
#include "auth/hooks.h"
#include "auth/tokens.h"
#include "auth/vouch.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"

#define LOOK_MS 2000 /* how often to look for changes that nobody has told of */
#define TOUCH_US (INT64_C(3600) * 1000000)

struct clerk {
    struct clerk_options options;
    pthread_t thread;
    struct queue waiting;
    struct hasher *hasher;
    struct jwt_setup *setup;
    struct accounts accounts; /* `db` NULL: there are none */
    struct change_feed changes;
    uint64_t looked_ms;
    bool failing; /* the file cannot be used, which was told */
};

static int64_t now_us(const struct clerk *clerk) {
    return clerk->options.clock(clerk->options.context);
}

static void answer(struct clerk *clerk, struct question *question) {
    queue_put(clerk->options.answers, question);
    clerk->options.wake(clerk->options.context);
}

static void refuse_unavailable(struct clerk *clerk, struct question *question) {
    if (!clerk->failing)
        log_write(clerk->options.log, LOG_WARNING, "Cannot use the accounts: %s",
                  accounts_error(&clerk->accounts));
    clerk->failing = true;
    question_refuse(question, ERR_UNAVAILABLE, "the accounts cannot be read");
}

/* Says whether an error means that somebody is not known; others are answered here. */
static bool unknown(struct clerk *clerk, struct question *question, int error) {
    if (error && error != ERR_NOT_FOUND)
        refuse_unavailable(clerk, question);
    else
        clerk->failing = false;
    return error == ERR_NOT_FOUND;
}

static void vouch(struct question *question, const struct principal *principal) {
    question->principal = principal_copy(principal);
}

/* Looks the name up. Whether it is there or not, the hasher has the same to do. */
static void begin_password(struct clerk *clerk, struct question *question) {
    struct account account = {0};
    int error = clerk->accounts.db ? accounts_find(&clerk->accounts, question->name, &account)
                                   : ERR_NOT_FOUND;

    question->known =
        !unknown(clerk, question, error) && account.password.length < sizeof(question->hash);
    if (question->error) {
        answer(clerk, question);
        return;
    }
    memcpy(question->hash, password_of_nobody, sizeof(question->hash));
    if (question->known) {
        memset(question->hash, 0, sizeof(question->hash));
        memcpy(question->hash, account.password.data, account.password.length);
        question->account = account.identity;
    }
    hasher_put(clerk->hasher, question);
}

static int add_session(struct clerk *clerk, const struct account *account,
                       struct principal *principal, char text[TOKEN_LENGTH + 1]) {
    int64_t now = now_us(clerk), age = clerk->options.session_age_us;
    struct token token = {
        .kind = TOKEN_SESSION,
        .created_us = now,
        .expires_us = age > 0 ? now + age : 0,
        .role = ROLE_OWNER,
    };

    token_make(text);
    principal->session = slice_from(text, TOKEN_LENGTH);
    principal->device = token_device(principal->session);
    return tokens_add(&clerk->accounts, account, &token, principal->session);
}

/* The account as it is now: it may have been removed, or have got another password meanwhile. */
static void let_in(struct clerk *clerk, struct question *question) {
    char session[TOKEN_LENGTH + 1] = "";
    struct account account = {0};
    struct principal principal;
    int error = accounts_find_identity(&clerk->accounts, &question->account, &account);

    if (!error && !slice_equal(account.password, slice_of_string(question->hash)))
        error = ERR_NOT_FOUND;
    principal = (struct principal){
        .identity = account.identity, .name = account.name, .role = account.role};
    if (!error && !question->passing && !question->wants_ticket)
        error = add_session(clerk, &account, &principal, session);
    if (unknown(clerk, question, error))
        question_refuse(question, ERR_UNAUTHORIZED, "the account has just been changed");
    else if (!question->error)
        vouch(question, &principal);
    sodium_memzero(session, sizeof(session));
}

static void end_password(struct clerk *clerk, struct question *question) {
    if (!question->known)
        question_refuse(question, ERR_UNAUTHORIZED, "there is no such account");
    else if (!question->right)
        question_refuse(question, ERR_UNAUTHORIZED, "the password is wrong");
    else
        let_in(clerk, question);
    answer(clerk, question);
}

/* The lines of a token's patterns; to be freed. */
static struct slice *split_rooms(struct slice lines, size_t *count) {
    struct slice *rooms = memory_new((lines.length + 1) * sizeof(*rooms));

    *count = 0;
    while (lines.length > 0)
        rooms[(*count)++] = slice_cut(&lines, '\n');
    return rooms;
}

static void touch(struct clerk *clerk, const struct token *token, int64_t now) {
    int64_t age = clerk->options.session_age_us, expires_us = token->expires_us;

    if (now - token->used_us < TOUCH_US)
        return;
    if (token->kind == TOKEN_SESSION)
        expires_us = age > 0 ? now + age : 0;
    if (tokens_touch(&clerk->accounts, token->id, now, expires_us) != 0)
        log_write(clerk->options.log, LOG_WARNING, "Cannot note that a token was used: %s",
                  accounts_error(&clerk->accounts));
}

static void answer_own_token(struct clerk *clerk, struct question *question) {
    int64_t now = now_us(clerk);
    struct account account = {0};
    struct token token = {0};
    struct slice *rooms;
    size_t count;
    int error = clerk->accounts.db
                    ? tokens_find(&clerk->accounts, question->secret, now, &token, &account)
                    : ERR_NOT_FOUND;

    if (unknown(clerk, question, error))
        question_refuse(question, ERR_UNAUTHORIZED, "it was revoked, has expired, or never was");
    if (question->error)
        return;
    rooms = split_rooms(token.rooms, &count);
    vouch(question, &(struct principal){
                        .identity = account.identity,
                        .device = token_device(question->secret),
                        .name = account.name,
                        .role = token.role < account.role ? token.role : account.role,
                        .has_ceiling = true,
                        .ceiling = token.role,
                        .restricted = token.restricted,
                        .rooms = rooms,
                        .room_count = count,
                        .expires_us = token.kind == TOKEN_API ? token.expires_us : 0,
                        .has_rate = token.has_rate,
                        .rate_per_minute = token.rate_per_minute,
                    });
    memory_free(rooms);
    touch(clerk, &token, now);
}

static void vouch_for_hook(struct question *question, const struct hook *hook) {
    vouch(question, &(struct principal){
                        .identity = hook->identity,
                        .device = hook_device(question->secret),
                        .role = ROLE_GUEST,
                        .restricted = true,
                        .rooms = &hook->room,
                        .room_count = 1,
                        .has_rate = hook->has_rate,
                        .rate_per_minute = hook->rate_per_minute,
                        .hook_room = hook->room,
                        .label = hook->label,
                    });
}

static void answer_hook(struct clerk *clerk, struct question *question) {
    int64_t now = now_us(clerk);
    struct hook hook = {0};
    int error = ERR_NOT_FOUND;

    if (clerk->accounts.db && hook_form(question->secret))
        error = hooks_find(&clerk->accounts, question->secret, &hook);
    if (unknown(clerk, question, error))
        question_refuse(question, ERR_UNAUTHORIZED, "it was revoked, or never was");
    if (!question->error) {
        vouch_for_hook(question, &hook);
        if (now - hook.used_us >= TOUCH_US && hooks_touch(&clerk->accounts, hook.id, now) != 0)
            log_write(clerk->options.log, LOG_WARNING, "Cannot note that a hook was used: %s",
                      accounts_error(&clerk->accounts));
    }
    answer(clerk, question);
}

/* A name that has an account here is not for others to be given. */
static void vouch_for_claims(struct clerk *clerk, struct question *question,
                             const struct jwt_claims *claims) {
    struct account account;
    int error = ERR_NOT_FOUND;

    if (clerk->accounts.db && claims->name.length > 0)
        error = accounts_find(&clerk->accounts, claims->name, &account);
    if (!unknown(clerk, question, error)) {
        if (!question->error)
            question_refuse(question, ERR_NAME_TAKEN, "its name belongs to an account here");
        return;
    }
    vouch(question, &(struct principal){
                        .identity = jwt_identity(claims),
                        .name = claims->name,
                        .role = claims->role,
                        .restricted = claims->restricted,
                        .rooms = claims->rooms,
                        .room_count = claims->room_count,
                        .expires_us = claims->expires_us,
                    });
}

static void answer_jwt(struct clerk *clerk, struct question *question) {
    struct jwt_claims claims;
    const char *why;
    int error = jwt_read(&clerk->setup->keys, &clerk->setup->rules, question->secret, now_us(clerk),
                         &claims, &why);

    if (error) {
        question_refuse(question, error, why);
        return;
    }
    vouch_for_claims(clerk, question, &claims);
    jwt_claims_close(&claims);
}

static void answer_token(struct clerk *clerk, struct question *question) {
    if (token_form(question->secret))
        answer_own_token(clerk, question);
    else if (jwt_form(question->secret) && clerk->setup->keys.count > 0)
        answer_jwt(clerk, question);
    else
        question_refuse(question, ERR_UNAUTHORIZED, "it is none that is known here");
    answer(clerk, question);
}

static void collect_changes(struct clerk *clerk, struct question *question) {
    if (!clerk->accounts.db)
        return;
    if (change_feed_next(&clerk->changes, &clerk->accounts, question) != 0)
        refuse_unavailable(clerk, question);
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
        answer(clerk, question);
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
        if (question->hashed)
            end_password(clerk, question);
        else
            begin_password(clerk, question);
        break;
    case QUESTION_TOKEN:
        answer_token(clerk, question);
        break;
    case QUESTION_HOOK:
        answer_hook(clerk, question);
        break;
    case QUESTION_KEYS:
        take_setup(clerk, question);
        break;
    case QUESTION_CHANGES:
        collect_changes(clerk, question);
        answer(clerk, question);
        break;
    }
}

static void *run(void *argument) {
    struct clerk *clerk = argument;
    struct question *question;

    while (queue_wait(&clerk->waiting, LOOK_MS, &question)) {
        if (question)
            attend(clerk, question);
        if (!question || clock_monotonic_ms() - clerk->looked_ms >= LOOK_MS) {
            look_for_changes(clerk);
            clerk->looked_ms = clock_monotonic_ms();
        }
    }
    return NULL;
}

static int open_accounts(struct clerk *clerk, struct question *notices, struct buffer *message) {
    int error = accounts_open(clerk->options.folder, &clerk->accounts, message);

    if (error)
        return error;
    error = change_feed_begin(&clerk->changes, &clerk->accounts, notices);
    if (error)
        buffer_append_format(message, "cannot read the accounts: %s",
                             accounts_error(&clerk->accounts));
    return error;
}

static void clerk_free(struct clerk *clerk) {
    hasher_stop(clerk->hasher);
    queue_close(&clerk->waiting);
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
