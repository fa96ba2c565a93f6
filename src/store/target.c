#include "store/target.h"

int target_check(const struct draft *draft, const struct target *target) {
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
