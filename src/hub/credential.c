#include "hub/credential.h"

static const char *const names[] = {
    [ROLE_GUEST] = "guest",
    [ROLE_MEMBER] = "member",
    [ROLE_MODERATOR] = "moderator",
    [ROLE_OWNER] = "owner",
};

const char *role_name(enum role role) {
    return names[role];
}

bool role_parse(struct slice text, enum role *role) {
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(text, slice_of_string(names[i]))) {
            *role = (enum role)i;
            return true;
        }
    }
    return false;
}
