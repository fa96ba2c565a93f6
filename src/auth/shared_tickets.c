#include "auth/shared_tickets.h"

#include <sodium.h>
#include <string.h>

#include "base/limits.h"
#include "wire/secret.h"

#define COUNT_MAX 10000 /* on this node, in LIMIT_TICKET_S */
#define LIFE_US (INT64_C(1000000) * LIMIT_TICKET_S)
#define NONCE_SIZE crypto_secretbox_NONCEBYTES
#define SEAL_SIZE (NONCE_SIZE + crypto_secretbox_MACBYTES)

/* Its digest, so that the ticket stands nowhere. */
static struct buffer key_of(const struct exchange *exchange, struct slice text) {
    char name[sizeof("ticket:") + 2 * IDENTITY_SIZE] = "ticket:";
    uint8_t digest[IDENTITY_SIZE];

    secret_digest(text, digest);
    sodium_bin2hex(name + strlen(name), 2 * sizeof(digest) + 1, digest, sizeof(digest));
    return exchange_key(exchange, name);
}

static void seal_key(struct slice text, uint8_t key[crypto_secretbox_KEYBYTES]) {
    static const char purpose[] = "what a ticket stands for";

    crypto_generichash(key, crypto_secretbox_KEYBYTES, (const uint8_t *)text.data, text.length,
                       (const uint8_t *)purpose, sizeof(purpose));
}

/* A nonce, and the meaning. */
static void seal(struct slice text, struct slice meaning, struct buffer *sealed) {
    uint8_t key[crypto_secretbox_KEYBYTES];
    uint8_t *place = (uint8_t *)buffer_reserve(sealed, SEAL_SIZE + meaning.length);

    seal_key(text, key);
    randombytes_buf(place, NONCE_SIZE);
    crypto_secretbox_easy(place + NONCE_SIZE, (const uint8_t *)meaning.data, meaning.length, place,
                          key);
    buffer_commit(sealed, SEAL_SIZE + meaning.length);
    sodium_memzero(key, sizeof(key));
}

static int unseal(struct slice text, struct slice sealed, struct buffer *meaning) {
    const uint8_t *bytes = (const uint8_t *)sealed.data;
    uint8_t key[crypto_secretbox_KEYBYTES];
    size_t length;
    int code;

    if (sealed.length < SEAL_SIZE)
        return ERR_UNAUTHORIZED;
    length = sealed.length - SEAL_SIZE;
    seal_key(text, key);
    code = crypto_secretbox_open_easy((uint8_t *)buffer_reserve(meaning, length),
                                      bytes + NONCE_SIZE, sealed.length - NONCE_SIZE, bytes, key);
    sodium_memzero(key, sizeof(key));
    if (code != 0)
        return ERR_UNAUTHORIZED;
    buffer_commit(meaning, length);
    return 0;
}

static bool has_place(struct shared_tickets *tickets, int64_t now_us) {
    if (now_us - tickets->since_us >= LIFE_US || now_us < tickets->since_us)
        *tickets = (struct shared_tickets){.since_us = now_us};
    return tickets->made < COUNT_MAX;
}

int shared_tickets_make(struct shared_tickets *tickets, struct exchange *exchange,
                        struct slice meaning, int64_t now_us, char text[TICKET_LENGTH + 1]) {
    struct buffer sealed = {0}, key, life = {0};
    const struct redis_reply *reply;

    if (!has_place(tickets, now_us))
        return ERR_UNAVAILABLE;
    tickets_format(text);
    seal(slice_of_string(text), meaning, &sealed);
    key = key_of(exchange, slice_of_string(text));
    buffer_append_u64(&life, LIMIT_TICKET_S);
    const struct slice words[] = {SLICE("SET"), buffer_slice(&key),  buffer_slice(&sealed),
                                  SLICE("EX"),  buffer_slice(&life), SLICE("NX")};
    reply = exchange_call(exchange, words, sizeof(words) / sizeof(words[0]));
    buffer_close(&sealed);
    buffer_close(&key);
    buffer_close(&life);
    if (reply->kind != REDIS_STATUS)
        return ERR_UNAVAILABLE;
    tickets->made++;
    return 0;
}

int shared_tickets_take(struct exchange *exchange, struct slice text, struct buffer *meaning) {
    struct buffer key = key_of(exchange, text);
    const struct slice words[] = {SLICE("GETDEL"), buffer_slice(&key)};
    const struct redis_reply *reply =
        exchange_call(exchange, words, sizeof(words) / sizeof(words[0]));

    buffer_close(&key);
    if (reply->kind == REDIS_NIL)
        return ERR_UNAUTHORIZED;
    return reply->kind == REDIS_BULK ? unseal(text, reply->text, meaning) : ERR_UNAVAILABLE;
}
