#include "store/rules.h"

bool rules_need_target(enum entry_kind kind) {
    return kind == ENTRY_EDIT || kind == ENTRY_DELETE || kind == ENTRY_REACTION;
}

int rules_check_target(const struct draft *draft, const struct target *target) {
    const struct entry_body *body = &draft->body;
    bool any = body->kind == ENTRY_REACTION || (body->kind == ENTRY_DELETE && draft->moderates);

    if (!target->exists || target->kind != ENTRY_MESSAGE || target->deleted) {
        return ERR_NOT_FOUND;
    }
    if (!any && !identity_equal(&body->identity, &target->identity)) {
        return ERR_FORBIDDEN;
    }
    return 0;
}
