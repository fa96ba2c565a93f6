/* What is said of whoever has shown a credential that is good. Private to auth/. */
#pragma once

#include "auth/hooks.h"
#include "auth/question.h"
#include "auth/tokens.h"

void vouch_for_account(struct question *question, const struct account *account,
                       struct slice session);
/* With a token of that account, which the question has shown. */
void vouch_for_token(struct question *question, const struct token *token,
                     const struct account *account);
void vouch_for_hook(struct question *question, const struct hook *hook);
void vouch_for_claims(struct question *question, const struct jwt_claims *claims);
