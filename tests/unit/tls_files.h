/* Certificates for tests, made as they run: an authority, and what it vouches for. */
#pragma once

#include <stdbool.h>

#define TLS_FILES_PATH 128

struct tls_files {
    char folder[64];
    char authority[TLS_FILES_PATH]; /* its certificate, PEM */
    void *authority_certificate, *authority_key;
    unsigned serial;
};

struct tls_file_pair {
    char chain[TLS_FILES_PATH], key[TLS_FILES_PATH]; /* PEM files */
};

void tls_files_init(struct tls_files *files);
void tls_files_close(struct tls_files *files); /* removes them */

/* A certificate for `names`, as subjectAltName has them: "DNS:one.test,IP:127.0.0.1". It was valid
 * until `days` from now. */
void tls_files_make(struct tls_files *files, const char *names, int days,
                    struct tls_file_pair *pair);
/* Writes a file with this text; `path` gets where. */
void tls_files_write(struct tls_files *files, const char *text, char *path);
/* Encrypts the key of the pair into another file. */
void tls_files_encrypt(struct tls_files *files, const struct tls_file_pair *pair, char *path);
