#include "tls_files.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_S 86400

static void write_certificate(const char *path, X509 *certificate) {
    FILE *file = fopen(path, "w");

    assert(file);
    PEM_write_X509(file, certificate);
    fclose(file);
}

static void write_key(const char *path, EVP_PKEY *key) {
    FILE *file = fopen(path, "w");

    assert(file);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

static void extend(X509 *certificate, int kind, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

    assert(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *new_certificate(struct tls_files *files, const char *name, EVP_PKEY *key, int days) {
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++files->serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -30 * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * DAY_S);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    return certificate;
}

void tls_files_init(struct tls_files *files) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *authority;

    memset(files, 0, sizeof(*files));
    snprintf(files->folder, sizeof(files->folder), "/tmp/banter-tls-XXXXXX");
    char *made = mkdtemp(files->folder);
    assert(made);
    snprintf(files->authority, sizeof(files->authority), "%s/authority.pem", files->folder);
    authority = new_certificate(files, "authority of a test", key, 30);
    X509_set_issuer_name(authority, X509_get_subject_name(authority));
    extend(authority, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(authority, key, EVP_sha256());
    write_certificate(files->authority, authority);
    files->authority_certificate = authority;
    files->authority_key = key;
}

void tls_files_close(struct tls_files *files) {
    DIR *folder = opendir(files->folder);
    struct dirent *entry;
    char path[400];

    while (folder && (entry = readdir(folder))) {
        snprintf(path, sizeof(path), "%s/%s", files->folder, entry->d_name);
        unlink(path);
    }
    closedir(folder);
    rmdir(files->folder);
    X509_free(files->authority_certificate);
    EVP_PKEY_free(files->authority_key);
}

void tls_files_make(struct tls_files *files, const char *names, int days,
                    struct tls_file_pair *pair) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = new_certificate(files, "server of a test", key, days);

    X509_set_issuer_name(certificate, X509_get_subject_name(files->authority_certificate));
    extend(certificate, NID_subject_alt_name, names);
    X509_sign(certificate, files->authority_key, EVP_sha256());
    snprintf(pair->chain, sizeof(pair->chain), "%s/%u.pem", files->folder, files->serial);
    snprintf(pair->key, sizeof(pair->key), "%s/%u-key.pem", files->folder, files->serial);
    write_certificate(pair->chain, certificate);
    write_key(pair->key, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void tls_files_write(struct tls_files *files, const char *text, char *path) {
    FILE *file;

    snprintf(path, TLS_FILES_PATH, "%s/%u.txt", files->folder, ++files->serial);
    file = fopen(path, "w");
    assert(file);
    fputs(text, file);
    fclose(file);
}

void tls_files_encrypt(struct tls_files *files, const struct tls_file_pair *pair, char *path) {
    FILE *file = fopen(pair->key, "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);

    fclose(file);
    snprintf(path, TLS_FILES_PATH, "%s/%u-encrypted.pem", files->folder, ++files->serial);
    file = fopen(path, "w");
    assert(file && key);
    PEM_write_PKCS8PrivateKey(file, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
    fclose(file);
    EVP_PKEY_free(key);
}
