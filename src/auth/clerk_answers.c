#include "auth/clerk_internal.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "auth/principals.h"

#define TOUCH_US (INT64_C(3600) * 1000000) /* how exactly it is noted when something was used */

int64_t clerk_now(const struct clerk *clerk) {
    return clerk->options.clock(clerk->options.context);
}

void clerk_answer(struct clerk *clerk, struct question *question) {
    if (clerk->commons && question->kind != QUESTION_CHANGES) {
        if (question->principal && question->wants_ticket)
            commons_issue_ticket(clerk->commons, question, clerk_now(clerk));
        commons_tell_attempt(clerk->commons, question);
    }
    queue_put(clerk->options.answers, question);
    clerk->options.wake(clerk->options.context);
}

void clerk_refuse_unavailable(struct clerk *clerk, struct question *question) {
    if (!clerk->failing)
        log_write(clerk->options.log, LOG_WARNING, "Cannot use the accounts: %s",
                  accounts_error(&clerk->accounts));
    clerk->failing = true;
    question_refuse(question, ERR_UNAVAILABLE, "the accounts cannot be read");
}

/* Says whether an error means that somebody is not known; others are answered here. A copy that has
 * never been one knows nobody, which says nothing. */
static bool unknown(struct clerk *clerk, struct question *question, int error) {
    if (error == ERR_NOT_FOUND && clerk->commons && !commons_know(clerk->commons)) {
        question_refuse(question, ERR_UNAVAILABLE, "it is not known yet who has an account");
        return false;
    }
    if (error && error != ERR_NOT_FOUND)
        clerk_refuse_unavailable(clerk, question);
    else
        clerk->failing = false;
    return error == ERR_NOT_FOUND;
}

/* Looks the name up. Whether it is there or not, the hasher has the same to do. */
static void begin_password(struct clerk *clerk, struct question *question) {
    struct account account = {0};
    int error = clerk->accounts.db ? accounts_find(&clerk->accounts, question->name, &account)
                                   : ERR_NOT_FOUND;

    question->known =
        !unknown(clerk, question, error) && account.password.length < sizeof(question->hash);
    if (question->error) {
        clerk_answer(clerk, question);
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
                       char text[TOKEN_LENGTH + 1]) {
    int64_t now = clerk_now(clerk), age = clerk->options.session_age_us;
    struct token token = {
        .kind = TOKEN_SESSION,
        .created_us = now,
        .expires_us = age > 0 ? now + age : 0,
        .role = ROLE_OWNER,
    };
    int error;

    token_make(text);
    error = tokens_add(&clerk->accounts, account, &token, slice_from(text, TOKEN_LENGTH));
    if (error)
        text[0] = '\0';
    return error;
}

/* Where sessions cannot be written because Redis is away, people are let in without one: they must
 * show their password again when they come back. */
static bool may_go_without(const struct clerk *clerk, int error) {
    return error == ERR_UNAVAILABLE && clerk->commons && commons_cut_off(clerk->commons);
}

/* The account as it is now: it may have been removed, or have got another password meanwhile. */
static void let_in(struct clerk *clerk, struct question *question) {
    char session[TOKEN_LENGTH + 1] = "";
    struct account account = {0};
    int error = accounts_find_identity(&clerk->accounts, &question->account, &account);

    if (!error && !slice_equal(account.password, slice_of_string(question->hash)))
        error = ERR_NOT_FOUND;
    if (!error && !question->passing && !question->wants_ticket) {
        error = add_session(clerk, &account, session);
        if (may_go_without(clerk, error))
            error = 0;
    }
    if (unknown(clerk, question, error))
        question_refuse(question, ERR_UNAUTHORIZED, "the account has just been changed");
    else if (!question->error)
        vouch_for_account(question, &account, slice_of_string(session));
    sodium_memzero(session, sizeof(session));
}

static void end_password(struct clerk *clerk, struct question *question) {
    if (!question->known)
        question_refuse(question, ERR_UNAUTHORIZED, "there is no such account");
    else if (!question->right)
        question_refuse(question, ERR_UNAUTHORIZED, "the password is wrong");
    else
        let_in(clerk, question);
    clerk_answer(clerk, question);
}

void clerk_note_uses(struct clerk *clerk) {
    if (touches_write(&clerk->touches, &clerk->accounts) != 0)
        log_write(clerk->options.log, LOG_WARNING, "Cannot note which tokens were used: %s",
                  accounts_error(&clerk->accounts));
}

/* It is noted when there is somewhere to note it; later will do. */
static void touch(struct clerk *clerk, const struct touch *touch, int64_t before_us) {
    if (touch->used_us - before_us < TOUCH_US ||
        (clerk->commons && commons_cut_off(clerk->commons)))
        return;
    touches_add(&clerk->touches, touch);
    if (touches_press(&clerk->touches, touch->used_us))
        clerk_note_uses(clerk);
}

static void touch_token(struct clerk *clerk, const struct token *token, int64_t now) {
    int64_t age = clerk->options.session_age_us, expires_us = token->expires_us;

    if (token->kind == TOKEN_SESSION)
        expires_us = age > 0 ? now + age : 0;
    touch(clerk, &(struct touch){.id = token->id, .used_us = now, .expires_us = expires_us},
          token->used_us);
}

static void answer_own_token(struct clerk *clerk, struct question *question) {
    int64_t now = clerk_now(clerk);
    struct account account = {0};
    struct token token = {0};
    int error = clerk->accounts.db
                    ? tokens_find(&clerk->accounts, question->secret, now, &token, &account)
                    : ERR_NOT_FOUND;
    bool good;

    if (unknown(clerk, question, error))
        question_refuse(question, ERR_UNAUTHORIZED, "it was revoked, has expired, or never was");
    good = !question->error;
    if (good)
        vouch_for_token(question, &token, &account);
    clerk_answer(clerk, question);
    if (good)
        touch_token(clerk, &token, now);
}

static void answer_hook(struct clerk *clerk, struct question *question) {
    int64_t now = clerk_now(clerk);
    struct hook hook = {0};
    int error = ERR_NOT_FOUND;
    bool good;

    if (clerk->accounts.db && hook_form(question->secret))
        error = hooks_find(&clerk->accounts, question->secret, &hook);
    if (unknown(clerk, question, error))
        question_refuse(question, ERR_UNAUTHORIZED, "it was revoked, or never was");
    good = !question->error;
    if (good)
        vouch_for_hook(question, &hook);
    clerk_answer(clerk, question);
    if (good)
        touch(clerk, &(struct touch){.is_hook = true, .id = hook.id, .used_us = now}, hook.used_us);
}

/* A name that has an account here is not for others to be given. */
static void judge_claims(struct clerk *clerk, struct question *question,
                         const struct jwt_claims *claims) {
    struct account account;
    int error = ERR_NOT_FOUND;

    if (clerk->accounts.db && claims->name.length > 0)
        error = accounts_find(&clerk->accounts, claims->name, &account);
    if (unknown(clerk, question, error))
        vouch_for_claims(question, claims);
    else if (!question->error)
        question_refuse(question, ERR_NAME_TAKEN, "its name belongs to an account here");
}

static void answer_jwt(struct clerk *clerk, struct question *question) {
    struct jwt_claims claims;
    const char *why;
    int error = jwt_read(&clerk->setup->keys, &clerk->setup->rules, question->secret,
                         clerk_now(clerk), &claims, &why);

    if (error) {
        question_refuse(question, error, why);
    } else {
        judge_claims(clerk, question, &claims);
        jwt_claims_close(&claims);
    }
    clerk_answer(clerk, question);
}

/* Who was found good already, by a static token, is here for a ticket. */
static void answer_token(struct clerk *clerk, struct question *question) {
    if (!question->principal && token_form(question->secret)) {
        answer_own_token(clerk, question);
    } else if (!question->principal && jwt_form(question->secret) && clerk->setup->keys.count > 0) {
        answer_jwt(clerk, question);
    } else {
        if (!question->principal)
            question_refuse(question, ERR_UNAUTHORIZED, "it is none that is known here");
        clerk_answer(clerk, question);
    }
}

static void answer_ticket(struct clerk *clerk, struct question *question) {
    assert(clerk->commons); /* otherwise nobody asks */
    commons_redeem_ticket(clerk->commons, question);
    clerk_answer(clerk, question);
}

void clerk_look_into(struct clerk *clerk, struct question *question) {
    if (touches_press(&clerk->touches, clerk_now(clerk)))
        clerk_note_uses(clerk);
    if (question->kind == QUESTION_HOOK)
        answer_hook(clerk, question);
    else if (question->kind == QUESTION_TICKET)
        answer_ticket(clerk, question);
    else if (question->kind == QUESTION_TOKEN)
        answer_token(clerk, question);
    else if (question->hashed)
        end_password(clerk, question);
    else
        begin_password(clerk, question);
}
