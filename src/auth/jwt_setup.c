#include "auth/jwt_setup.h"

#include "base/memory.h"

static bool given(const char *text) {
    return text && text[0];
}

int jwt_setup_load(const struct authority_local_keys *keys, struct jwt_setup **setup,
                   struct buffer *message) {
    struct jwt_setup *loaded = memory_new_struct(struct jwt_setup);
    struct buffer why = {0};
    int error = 0;

    if (given(keys->jwt_key))
        error = jwt_keys_load(keys->jwt_key, &loaded->keys, &why);
    if (error) {
        buffer_append_format(message, "jwt_key = %s: %.*s", keys->jwt_key,
                             SLICE_ARGS(buffer_slice(&why)));
        jwt_setup_free(loaded);
    } else {
        struct slice issuer = slice_of_string(keys->jwt_issuer);
        struct slice audience = slice_of_string(keys->jwt_audience);
        buffer_append_slice(&loaded->text, issuer);
        buffer_append_slice(&loaded->text, audience);
        struct slice text = buffer_slice(&loaded->text);
        loaded->rules = (struct jwt_rules){
            .issuer = slice_from(text.data, issuer.length),
            .audience = slice_skip(text, issuer.length),
            .leeway_s = keys->jwt_leeway_s,
        };
        *setup = loaded;
    }
    buffer_close(&why);
    return error;
}

void jwt_setup_free(struct jwt_setup *setup) {
    if (!setup)
        return;
    jwt_keys_close(&setup->keys);
    buffer_close(&setup->text);
    memory_free(setup);
}
