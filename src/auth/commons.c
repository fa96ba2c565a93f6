#include "auth/commons.h"

#include <assert.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#include "auth/attempts.h"
#include "auth/exchange.h"
#include "auth/ledger.h"
#include "auth/shared_tickets.h"
#include "auth/vouch.h"
#include "base/memory.h"

#define START_MS 3000 /* how long a server that starts waits for Redis */

/* What a ticket stands for begins with one of these. */
#define OF_PASSWORD 'p' /* identity, and a digest of the password's hash that was right */
#define OF_TOKEN 't'    /* what was shown; it is looked at anew */

struct commons {
    struct commons_options options; /* without `shared` */
    struct exchange *exchange;
    struct ledger *ledger;
    struct shared_tickets tickets;
};

int commons_open(const struct commons_options *options, struct commons **commons,
                 struct buffer *message) {
    struct commons *made = memory_new_struct(struct commons);
    int error = exchange_new(&(struct exchange_options){.redis = options->shared->redis,
                                                        .prefix = options->shared->prefix,
                                                        .heard = options->heard,
                                                        .context = options->heard_context},
                             &made->exchange);

    made->options = *options;
    made->options.shared = NULL;
    if (error) {
        buffer_append_string(message, "the system has no descriptors left for accounts in Redis");
        commons_close(made);
        return error;
    }
    made->ledger = ledger_new(&(struct ledger_options){.exchange = made->exchange,
                                                       .replicas = options->shared->replicas,
                                                       .log = options->log,
                                                       .clock = options->clock,
                                                       .context = options->clock_context});
    if (ledger_attach(made->ledger, options->accounts) != 0) {
        buffer_append_format(message, "cannot use the accounts: %s",
                             accounts_error(options->accounts));
        commons_close(made);
        return ERR_IO;
    }
    if (exchange_connect(made->exchange, START_MS) != 0)
        log_write(options->log, LOG_WARNING,
                  "Redis cannot be reached: accounts are as this node has seen them last");
    else
        commons_follow(made, true);
    *commons = made;
    return 0;
}

void commons_close(struct commons *commons) {
    if (!commons)
        return;
    commons->options.accounts->ledger = NULL;
    ledger_free(commons->ledger);
    exchange_free(commons->exchange);
    memory_free(commons);
}

void commons_wait(struct commons *commons, unsigned milliseconds) {
    exchange_wait(commons->exchange, milliseconds);
}

void commons_wake(struct commons *commons) {
    exchange_wake(commons->exchange);
}

/* While Redis is away, its coming back is news. */
bool commons_follow(struct commons *commons, bool due) {
    bool news;

    exchange_look(commons->exchange);
    news = exchange_take_news(commons->exchange);
    if ((!news && !due) || !exchange_is_up(commons->exchange))
        return false;
    if (ledger_catch_up(commons->ledger, commons->options.accounts) != 0)
        log_write(commons->options.log, LOG_DEBUG, "Accounts do not follow those of Redis: %s",
                  ledger_reason(commons->ledger));
    return true;
}

bool commons_know(const struct commons *commons) {
    return ledger_is_known(commons->ledger);
}

int commons_begin(struct commons *commons) {
    return ledger_begin(commons->ledger, commons->options.accounts);
}

bool commons_cut_off(const struct commons *commons) {
    return ledger_reason(commons->ledger) != NULL;
}

static void fingerprint(struct slice hash, uint8_t digest[SHA256_DIGEST_LENGTH]) {
    SHA256((const uint8_t *)hash.data, hash.length, digest);
}

static void describe(const struct question *question, struct buffer *meaning) {
    uint8_t digest[SHA256_DIGEST_LENGTH];

    if (question->kind == QUESTION_PASSWORD) {
        fingerprint(slice_of_string(question->hash), digest);
        buffer_append_char(meaning, OF_PASSWORD);
        buffer_append(meaning, question->account.bytes, IDENTITY_SIZE);
        buffer_append(meaning, digest, sizeof(digest));
    } else {
        buffer_append_char(meaning, OF_TOKEN);
        buffer_append_slice(meaning, question->secret);
    }
}

static void wipe(struct buffer *meaning) {
    if (meaning->data)
        sodium_memzero(meaning->data, meaning->capacity);
    buffer_close(meaning);
}

void commons_issue_ticket(struct commons *commons, struct question *question, int64_t now_us) {
    struct buffer meaning = {0};
    int error;

    describe(question, &meaning);
    error = shared_tickets_make(&commons->tickets, commons->exchange, buffer_slice(&meaning),
                                now_us, question->ticket);
    wipe(&meaning);
    if (error) {
        principal_free(question->principal);
        question->principal = NULL;
        question_refuse(question, error, "tickets cannot be kept");
    }
}

/* As whoever has just shown the password that was right when the ticket was made, and still is. */
static int redeem_password(struct commons *commons, struct question *question,
                           struct slice meaning) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct account account;
    struct identity identity;
    int error;

    if (meaning.length != IDENTITY_SIZE + sizeof(digest))
        return ERR_UNAUTHORIZED;
    memcpy(identity.bytes, meaning.data, IDENTITY_SIZE);
    error = accounts_find_identity(commons->options.accounts, &identity, &account);
    if (error)
        return error == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : error;
    fingerprint(account.password, digest);
    if (memcmp(digest, meaning.data + IDENTITY_SIZE, sizeof(digest)) != 0)
        return ERR_UNAUTHORIZED;
    question->principal = principal_copy(&(struct principal){
        .identity = account.identity, .name = account.name, .role = account.role});
    return 0;
}

static int redeem(struct commons *commons, struct question *question, struct slice meaning) {
    char kind = meaning.length > 0 ? meaning.data[0] : '\0';

    if (kind == OF_PASSWORD)
        return redeem_password(commons, question, slice_skip(meaning, 1));
    if (kind != OF_TOKEN)
        return ERR_UNAUTHORIZED;
    question_exchange(question, slice_skip(meaning, 1));
    return 0;
}

void commons_redeem_ticket(struct commons *commons, struct question *question) {
    struct buffer meaning = {0};
    int error = shared_tickets_take(commons->exchange, question->secret, &meaning);

    if (!error)
        error = redeem(commons, question, buffer_slice(&meaning));
    wipe(&meaning);
    if (error)
        question_refuse(question, error, "it is no ticket, or was used");
}

/* What is right clears what was counted against a name, and matters to others by nothing else.
 * Tickets do not count. */
void commons_tell_attempt(struct commons *commons, const struct question *question) {
    bool is_password = question->kind == QUESTION_PASSWORD;
    bool right = question->error != ERR_UNAUTHORIZED;
    struct buffer line = {0};

    if (question->error == ERR_UNAVAILABLE || question->kind == QUESTION_TICKET ||
        (right && !is_password))
        return;
    attempts_tell(is_password ? question->name : SLICE_NONE, question->address, right, &line);
    if (buffer_length(&line) > 0)
        exchange_tell(commons->exchange, buffer_slice(&line));
    buffer_close(&line);
}
