/* Private to auth/: the parts of the clerk. */
#pragma once

#include "auth/change_feed.h"
#include "auth/clerk.h"
#include "auth/commons.h"
#include "auth/hasher.h"
#include "auth/touches.h"

struct clerk {
    struct clerk_options options;
    pthread_t thread;
    struct queue waiting;
    struct hasher *hasher;
    struct jwt_setup *setup;
    struct accounts accounts; /* `db` NULL: there are none */
    struct commons *commons;  /* NULL: with nobody */
    struct touches touches;
    struct change_feed changes;
    uint64_t looked_ms;
    bool failing; /* the file cannot be used, which was told */
};

int64_t clerk_now(const struct clerk *clerk);

/* clerk_answers.c: what is said of a credential. Takes the question. */
void clerk_look_into(struct clerk *clerk, struct question *question);
/* It is answered. Takes it. */
void clerk_answer(struct clerk *clerk, struct question *question);
/* The file cannot be used. */
void clerk_refuse_unavailable(struct clerk *clerk, struct question *question);
/* Writes down what was used. */
void clerk_note_uses(struct clerk *clerk);
