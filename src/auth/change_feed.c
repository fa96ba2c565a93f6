#include "auth/change_feed.h"

#include "auth/query.h"

/* Notices that are being added to a question. */
struct collecting {
    struct question *question;
    int64_t last;
};

static void add_account(void *context, const struct account *account) {
    question_add_notice(context, &(struct notice){.identity = account->identity,
                                                  .name = account->name,
                                                  .role = account->role});
}

/* In this order: what changes in between is told twice, and not missed. */
int change_feed_begin(struct change_feed *feed, struct accounts *accounts,
                      struct question *question) {
    int error = changes_last(accounts, &feed->last);

    return error ? error : accounts_list(accounts, add_account, question);
}

static void add_change(void *context, const struct account_change *change) {
    struct collecting *collecting = context;

    collecting->last = change->id;
    question_add_notice(collecting->question,
                        &(struct notice){.is_revocation = change->kind == CHANGE_REVOKED,
                                         .identity = change->account,
                                         .device = change->device,
                                         .name = change->name});
}

/* What became of those accounts that have changed. */
static int look_up(struct accounts *accounts, struct question *question) {
    for (size_t i = 0; i < question->notice_count; i++) {
        struct notice *notice = &question->notices[i];
        struct account account = {0};
        int error = accounts_find_identity(accounts, &notice->identity, &account);
        if (error && error != ERR_NOT_FOUND)
            return error;
        notice->gone = error == ERR_NOT_FOUND;
        notice->role = account.role;
    }
    return 0;
}

/* It changes with every commit of somebody else's. */
static int read_version(struct accounts *accounts, int64_t *version) {
    struct query query;

    query_begin(&query, accounts->db, "PRAGMA data_version");
    if (query_row(&query))
        *version = query_number(&query, 0);
    return query_end(&query);
}

int change_feed_next(struct change_feed *feed, struct accounts *accounts,
                     struct question *question) {
    struct collecting collecting = {question, feed->last};
    int64_t version = feed->version;
    int error = read_version(accounts, &version);

    if (!error)
        error = changes_list(accounts, feed->last, add_change, &collecting);
    if (!error)
        error = look_up(accounts, question);
    if (error) {
        question->notice_count = 0;
        return error;
    }
    *feed = (struct change_feed){collecting.last, version};
    return 0;
}

bool change_feed_moved(const struct change_feed *feed, struct accounts *accounts) {
    int64_t version = feed->version, last = feed->last;

    return read_version(accounts, &version) == 0 && changes_last(accounts, &last) == 0 &&
           (version != feed->version || last != feed->last);
}
