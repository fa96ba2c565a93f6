/* What a hello or an auth shows to be let in. */
#include "protocol/json.h"

int json_get_token(struct json_request *json, struct credential *credential) {
    struct credential shown = {.kind = CREDENTIAL_TOKEN};
    int error = json_get_string(json->object, "token", &shown.secret);
    if (error != 0 || shown.secret.data == NULL) {
        return error;
    }
    if (!credential_plausible(&shown)) {
        json->error_text = SLICE("Invalid token");
        return ERR_UNAUTHORIZED;
    }
    *credential = shown;
    return 0;
}

/* The password of `name`. */
static int get_password(struct json_request *json, struct slice name,
                        struct credential *credential) {
    struct credential shown = {.kind = CREDENTIAL_PASSWORD, .name = name};
    int error = json_get_string(json->object, "password", &shown.secret);
    if (error != 0 || shown.secret.data == NULL) {
        return error;
    }
    if (credential->kind != CREDENTIAL_NONE) {
        json->error_text = SLICE("Either a token or a password");
        return ERR_BAD_REQUEST;
    }
    if (name.length == 0) {
        json->error_text = SLICE("A password needs a name");
        return ERR_BAD_REQUEST;
    }
    if (!credential_plausible(&shown)) {
        json->error_text = SLICE("Wrong name or password");
        return ERR_UNAUTHORIZED;
    }
    *credential = shown;
    return 0;
}

int json_get_credential(struct json_request *json, struct slice name,
                        struct credential *credential) {
    struct credential shown = {0};
    int error = json_get_token(json, &shown);
    if (error == 0) {
        error = get_password(json, name, &shown);
    }
    if (error == 0) {
        *credential = shown;
    }
    return error;
}
