#include "hub/credential.h"

#include "base/limits.h"
#include "base/text.h"

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

static bool has_control(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

bool credential_plausible(const struct credential *credential) {
    struct slice secret = credential->secret;
    if (secret.length == 0 || secret.length > LIMIT_SECRET || has_control(secret) ||
        !utf8_valid(secret)) {
        return false;
    }
    return credential->kind != CREDENTIAL_PASSWORD || name_check(credential->name) == 0;
}
