#include "auth/accounts_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/ledger.h"
#include "auth/query.h"
#include "base/memory.h"

#define APPLICATION 0x626e7461 /* "bnta" */
#define BUSY_TIMEOUT_MS 5000   /* how long another program's transaction is waited for */

/* Forward only: what a version needs on top of the one before. Never change one that was released.
 */
static const char *const steps[] = {
    "CREATE TABLE accounts ("
    "  identity BLOB NOT NULL PRIMARY KEY," /* 16 random bytes: a name may be given away, not this
                                             */
    "  key TEXT NOT NULL UNIQUE,"           /* the folded name */
    "  name TEXT NOT NULL,"                 /* as it is shown */
    "  role INTEGER NOT NULL,"              /* 1 member, 2 moderator, 3 owner */
    "  password TEXT NOT NULL,"             /* $argon2id$… */
    "  created INTEGER NOT NULL"            /* microseconds since 1970, as all times here */
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE tokens ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  digest BLOB NOT NULL UNIQUE," /* SHA-256 of the token, which is kept nowhere */
    "  account BLOB NOT NULL REFERENCES accounts (identity) ON DELETE CASCADE,"
    "  kind INTEGER NOT NULL," /* 0 of a session, 1 of a program */
    "  label TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  used INTEGER NOT NULL,"    /* to the hour; 0: never */
    "  expires INTEGER NOT NULL," /* 0: never */
    "  rate INTEGER,"             /* messages a minute; NULL: as usual */
    "  rooms TEXT,"               /* patterns, one a line; NULL: all */
    "  role INTEGER NOT NULL"     /* no more than this */
    ") STRICT;"
    "CREATE INDEX tokens_by_account ON tokens (account, kind);"
    "CREATE INDEX tokens_by_expiry ON tokens (expires) WHERE expires > 0;"
    "CREATE TABLE changes ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  time INTEGER NOT NULL,"
    "  account BLOB NOT NULL,"
    "  name TEXT NOT NULL,"    /* of the account */
    "  kind INTEGER NOT NULL," /* 0 look at the account, 1 revoked */
    "  device BLOB"            /* what was revoked; NULL: all */
    ") STRICT;",
    "CREATE TABLE hooks ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  digest BLOB NOT NULL UNIQUE,"   /* SHA-256 of the secret, which is kept nowhere */
    "  identity BLOB NOT NULL UNIQUE," /* 16 random bytes, as an account has them */
    "  room TEXT NOT NULL,"            /* as the operator wrote it */
    "  label TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  used INTEGER NOT NULL," /* to the hour; 0: never */
    "  rate INTEGER"           /* messages a minute; NULL: as usual */
    ") STRICT;",
    "CREATE TABLE ledger ("    /* at most one row: this file is a copy of a ledger */
    "  lineage TEXT NOT NULL," /* of which */
    "  position TEXT NOT NULL" /* all that its log says up to there is done here */
    ") STRICT;",
};

#define SCHEMA_VERSION ((int)(sizeof(steps) / sizeof(steps[0])))

static const char pragmas[] = "PRAGMA synchronous = FULL;"
                              "PRAGMA foreign_keys = ON;"
                              "PRAGMA secure_delete = ON;"
                              "PRAGMA trusted_schema = OFF;"
                              "PRAGMA temp_store = MEMORY;"
                              "PRAGMA journal_size_limit = 1048576;";

static char *path_in(const char *folder) {
    struct buffer path = {0};
    char *copy;

    buffer_append_format(&path, "%s/accounts.db", folder);
    copy = memory_copy_string(buffer_slice(&path));
    buffer_close(&path);
    return copy;
}

static int fail(struct buffer *message, const char *path, const char *reason) {
    buffer_append_format(message, "cannot open the accounts in %s: %s", path, reason);
    return ERR_IO;
}

bool accounts_exist(const char *folder) {
    char *path = path_in(folder);
    bool there = access(path, F_OK) == 0;

    memory_free(path);
    return there;
}

/* What root makes in the folder of a server that is somebody else is theirs; SQLite's own files get
 * the owner of this one. */
static void give_to_owner(const char *folder, int descriptor) {
    struct stat status;

    if (geteuid() == 0 && stat(folder, &status) == 0 &&
        fchown(descriptor, status.st_uid, status.st_gid) != 0)
        return; /* then the server will say that it cannot open it */
}

/* SQLite would make it readable for all. */
static int make_file(const char *folder, const char *path, struct buffer *message) {
    int descriptor;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return fail(message, path, strerror(errno));
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0)
        return fail(message, path, strerror(errno));
    give_to_owner(folder, descriptor);
    close(descriptor);
    return 0;
}

static int read_number(sqlite3 *db, const char *sql, int64_t *number) {
    struct query query;

    query_begin(&query, db, sql);
    if (query_row(&query))
        *number = query_number(&query, 0);
    return query_end(&query);
}

static int use_write_ahead_log(sqlite3 *db) {
    struct query query;
    bool used;

    query_begin(&query, db, "PRAGMA journal_mode = WAL");
    used = query_row(&query) && slice_equal(query_text(&query, 0), SLICE("wal"));
    return query_end(&query) == 0 && used ? 0 : ERR_IO;
}

/* Within the transaction that will bring it up to date: of two programs that start at once, the
 * second finds it done. */
static int migrate(sqlite3 *db, const char *path, struct buffer *message) {
    int64_t application = 0, version = 0, tables = 0;
    char *mark;
    int code;

    if (read_number(db, "PRAGMA application_id", &application) != 0 ||
        read_number(db, "PRAGMA user_version", &version) != 0 ||
        read_number(db, "SELECT count(*) FROM sqlite_schema", &tables) != 0)
        return fail(message, path, sqlite3_errmsg(db));
    if (application != APPLICATION && tables > 0)
        return fail(message, path, "it is another program's database; move it away");
    if (version > SCHEMA_VERSION)
        return fail(message, path, "a newer banterd has written it; install that version");
    if (version == SCHEMA_VERSION)
        return 0;
    code = SQLITE_OK;
    for (int64_t step = version; code == SQLITE_OK && step < SCHEMA_VERSION; step++)
        code = sqlite3_exec(db, steps[step], NULL, NULL, NULL);
    mark = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION,
                           SCHEMA_VERSION);
    if (code == SQLITE_OK)
        code = mark ? sqlite3_exec(db, mark, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(mark);
    return code == SQLITE_OK ? 0 : fail(message, path, sqlite3_errmsg(db));
}

static int prepare(struct accounts *accounts, const char *path, struct buffer *message) {
    sqlite3 *db = accounts->db;
    int error;

    if (use_write_ahead_log(db) != 0)
        return fail(message, path, sqlite3_errmsg(db));
    error = accounts_begin(accounts);
    if (error)
        return fail(message, path, sqlite3_errmsg(db));
    error = migrate(db, path, message);
    if (error) {
        int ignored = accounts_end(accounts, error);
        return ignored;
    }
    return accounts_end(accounts, 0) == 0 ? 0 : fail(message, path, sqlite3_errmsg(db));
}

static int open_file(const char *path, struct accounts *accounts, struct buffer *message) {
    struct accounts opened = {0};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int error = 0;

    if (sqlite3_open_v2(path, &opened.db, flags, NULL) != SQLITE_OK ||
        sqlite3_extended_result_codes(opened.db, 1) != SQLITE_OK ||
        sqlite3_busy_timeout(opened.db, BUSY_TIMEOUT_MS) != SQLITE_OK ||
        sqlite3_exec(opened.db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
        error = fail(message, path, opened.db ? sqlite3_errmsg(opened.db) : "out of memory");
    if (!error)
        error = prepare(&opened, path, message);
    if (error)
        accounts_close(&opened);
    else
        *accounts = opened;
    return error;
}

int accounts_open(const char *folder, struct accounts *accounts, struct buffer *message) {
    char *path = path_in(folder);
    int error = make_file(folder, path, message);

    if (!error)
        error = open_file(path, accounts, message);
    memory_free(path);
    return error;
}

int accounts_open_existing(const char *folder, struct accounts *accounts, struct buffer *message) {
    if (accounts_exist(folder))
        return accounts_open(folder, accounts, message);
    buffer_append_format(message,
                         "there are no accounts and no hooks in %s; `banterd user add NAME` or "
                         "`banterd hook add ROOM` makes the first, and --data names another folder",
                         folder);
    return ERR_NOT_FOUND;
}

void accounts_close(struct accounts *accounts) {
    sqlite3_finalize(accounts->find_token);
    sqlite3_finalize(accounts->find_hook);
    sqlite3_close(accounts->db);
    buffer_close(&accounts->text);
    *accounts = (struct accounts){0};
}

const char *accounts_error(const struct accounts *accounts) {
    const char *reason = accounts->ledger ? ledger_reason(accounts->ledger) : NULL;

    return reason ? reason : sqlite3_errmsg(accounts->db);
}

int accounts_begin(struct accounts *accounts) {
    int code = sqlite3_exec(accounts->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    return code == SQLITE_OK ? 0 : ERR_UNAVAILABLE;
}

int accounts_end_copy(struct accounts *accounts, int error) {
    if (!error && sqlite3_exec(accounts->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    sqlite3_exec(accounts->db, "ROLLBACK", NULL, NULL, NULL);
    return error ? error : ERR_UNAVAILABLE;
}

/* The ledger first: what it has taken holds, and comes back from it if the file fails. */
int accounts_end(struct accounts *accounts, int error) {
    if (!error && accounts->ledger)
        error = ledger_submit(accounts->ledger, accounts);
    return accounts_end_copy(accounts, error);
}

/* What somebody has looked up before stays where it is. */
bool accounts_overtaken(struct accounts *accounts, int error) {
    struct buffer text = accounts->text;
    bool overtaken;

    if (error != ERR_UNAVAILABLE || !accounts->ledger)
        return false;
    accounts->text = (struct buffer){0};
    overtaken = ledger_overtaken(accounts->ledger, accounts);
    buffer_close(&accounts->text);
    accounts->text = text;
    return overtaken;
}

/* VACUUM fills a file that is there and empty; so its mode is ours. */
static int copy_to(struct accounts *accounts, const char *path, struct buffer *message) {
    struct query query;
    int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int error;

    if (descriptor < 0) {
        buffer_append_format(message, "cannot create %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    query_begin(&query, accounts->db, "VACUUM INTO ?1");
    query_bind_text(&query, slice_of_string(path));
    error = query_run(&query);
    if (error)
        buffer_append_format(message, "cannot copy the accounts to %s: %s", path,
                             accounts_error(accounts));
    else if (fsync(descriptor) != 0) {
        buffer_append_format(message, "cannot write %s: %s", path, strerror(errno));
        error = ERR_IO;
    }
    close(descriptor);
    if (error)
        unlink(path);
    return error ? ERR_IO : 0;
}

int accounts_copy(const char *folder, const char *path, struct buffer *message) {
    struct accounts accounts;
    int64_t any = 0;
    int error;

    if (!accounts_exist(folder))
        return 0;
    error = accounts_open(folder, &accounts, message);
    if (error)
        return error;
    error =
        read_number(accounts.db,
                    "SELECT EXISTS (SELECT 1 FROM accounts) OR EXISTS (SELECT 1 FROM hooks)", &any);
    if (error)
        fail(message, folder, accounts_error(&accounts));
    else if (any)
        error = copy_to(&accounts, path, message);
    accounts_close(&accounts);
    return error;
}
