#include "auth/password.h"

#include <assert.h>
#include <sodium.h>

static_assert(PASSWORD_HASH_SIZE == crypto_pwhash_STRBYTES, "a hash as text");

/* Of the same cost as password_hash: m and t are its limits. */
static_assert(crypto_pwhash_MEMLIMIT_INTERACTIVE == 65536 * 1024 &&
                  crypto_pwhash_OPSLIMIT_INTERACTIVE == 2,
              "as in the hash of nobody");
const char password_of_nobody[PASSWORD_HASH_SIZE] =
    "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

int password_hash(struct slice password, char text[PASSWORD_HASH_SIZE]) {
    int code =
        crypto_pwhash_str(text, password.data, password.length, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE);

    return code == 0 ? 0 : ERR_UNAVAILABLE;
}

bool password_verify(const char *hash, struct slice password) {
    return crypto_pwhash_str_verify(hash, password.data, password.length) == 0;
}
