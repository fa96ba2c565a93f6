#include "store/rules.h"

bool rules_need_target(enum entry_kind kind) {
    return kind == ENTRY_EDIT || kind == ENTRY_DELETE || kind == ENTRY_REACTION;
}

int rules_check_target(const struct entry_body *body, const struct target *target) {
    if (!target->exists || target->kind != ENTRY_MESSAGE || target->deleted) {
        return ERR_NOT_FOUND;
    }
    if (body->kind != ENTRY_REACTION && !identity_equal(&body->identity, &target->identity)) {
        return ERR_FORBIDDEN;
    }
    return 0;
}
