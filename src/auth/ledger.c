#include "auth/ledger.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "auth/exchange.h"
#include "auth/ledger_rows.h"
#include "auth/ledger_script.h"
#include "base/memory.h"

#define KEPT "10000" /* entries of the log, at least */
#define STEP "100"   /* of them at a time */
#define PAGE "1000"  /* records at a time, roughly */
#define REPEATS                                                                \
  100 /* how often something is decided again because others were first */
#define REPLICAS_MS "1000"

/* How the file and what is in Redis belong together. */
enum standing {
  STANDING_UNKNOWN,   /* Redis was not asked yet */
  STANDING_COPY,      /* the file is a copy */
  STANDING_NEW,       /* there is nothing in either */
  STANDING_UNSHARED,  /* what is in the file never was in Redis, which has
                         nothing */
  STANDING_FORGOTTEN, /* it was, and Redis has nothing any more */
  STANDING_OTHER,     /* Redis has something else */
};

struct ledger {
  struct ledger_options options;
  struct buffer records, log, changed; /* keys, and the channel */
  enum standing standing;
  bool known;         /* see ledger_is_known */
  bool overtaken;     /* the latest that was submitted was decided on a state of
                         before */
  unsigned repeats;   /* in a row */
  const char *reason; /* a literal, or `text` */
  char text[160];
};

static const char out_of_reach[] =
    "Redis cannot be reached, or does not answer";

static const char *const reasons[] = {
    [STANDING_UNKNOWN] = out_of_reach,
    [STANDING_COPY] = NULL,
    [STANDING_NEW] = NULL,
    [STANDING_UNSHARED] = "the accounts of this folder are not in Redis; "
                          "`banterd user import` puts them there",
    [STANDING_FORGOTTEN] =
        "Redis has lost all accounts; those of this folder stay in force here, "
        "and `banterd user import` puts them back",
    [STANDING_OTHER] =
        "Redis has other accounts than this folder, where its own stay in "
        "force; a "
        "server that starts without an accounts.db takes over those of Redis",
};

struct ledger *ledger_new(const struct ledger_options *options) {
  struct ledger *ledger = memory_new_struct(struct ledger);

  ledger->options = *options;
  ledger->records = exchange_key(options->exchange, "accounts");
  ledger->log = exchange_key(options->exchange, "accounts:log");
  ledger->changed = exchange_key(options->exchange, EXCHANGE_CHANGED);
  ledger->reason = out_of_reach;
  return ledger;
}

void ledger_free(struct ledger *ledger) {
  if (!ledger)
    return;
  buffer_close(&ledger->records);
  buffer_close(&ledger->log);
  buffer_close(&ledger->changed);
  memory_free(ledger);
}

bool ledger_is_known(const struct ledger *ledger) { return ledger->known; }

const char *ledger_reason(const struct ledger *ledger) {
  return ledger->reason;
}

int ledger_attach(struct ledger *ledger, struct accounts *accounts) {
  struct ledger_place place;
  bool any;
  int error = ledger_place_read(accounts, &place);

  if (!error)
    error = ledger_rows_any(accounts, &any);
  if (!error)
    error = ledger_rows_watch(accounts);
  if (error)
    return error;
  ledger->known = any || place.lineage[0];
  accounts->ledger = ledger;
  return 0;
}

/* Says so once, not each time. */
static int stand(struct ledger *ledger, enum standing standing) {
  ledger->reason = reasons[standing];
  if (standing != ledger->standing && ledger->reason)
    log_write(ledger->options.log, LOG_WARNING, "Accounts are not shared: %s",
              ledger->reason);
  ledger->standing = standing;
  return ledger->reason ? ERR_UNAVAILABLE : 0;
}

static int fail_local(struct ledger *ledger, struct accounts *accounts) {
  snprintf(ledger->text, sizeof(ledger->text), "%s",
           sqlite3_errmsg(accounts->db));
  ledger->reason = ledger->text;
  return ERR_UNAVAILABLE;
}

static int fail(struct ledger *ledger, const struct redis_reply *reply) {
  ledger->reason = out_of_reach;
  if (reply->kind == REDIS_ERROR) {
    snprintf(ledger->text, sizeof(ledger->text), "Redis refuses: %.*s",
             SLICE_ARGS(reply->text));
    ledger->reason = ledger->text;
  }
  return ERR_UNAVAILABLE;
}

static const struct redis_reply *run(struct ledger *ledger,
                                     struct ledger_call *call) {
  return ledger_call_run(call, ledger->options.exchange);
}

static struct ledger_call begin_script(const struct ledger *ledger,
                                       const char *script) {
  const struct slice keys[] = {buffer_slice(&ledger->records),
                               buffer_slice(&ledger->log),
                               buffer_slice(&ledger->changed)};
  struct ledger_call call = {0};

  ledger_call_script(&call, script, keys, sizeof(keys) / sizeof(keys[0]));
  return call;
}

static bool take_text(const struct redis_reply *reply, char *text,
                      size_t size) {
  if ((reply->kind != REDIS_BULK && reply->kind != REDIS_STATUS) ||
      reply->text.length >= size)
    return false;
  snprintf(text, size, "%.*s", SLICE_ARGS(reply->text));
  return true;
}

/* Applies what was laid out, unless somebody else (who runs `banterd user`) has
 * meanwhile brought the file further. */
static int apply(struct ledger *ledger, struct accounts *accounts,
                 const struct ledger_place *from,
                 const struct ledger_place *to) {
  struct ledger_place now;
  size_t refused = 0;
  int error = accounts_begin(accounts);

  if (error)
    return fail_local(ledger, accounts);
  error = ledger_place_read(accounts, &now);
  if (!error && strcmp(now.lineage, from->lineage) == 0 &&
      strcmp(now.position, from->position) == 0) {
    error = ledger_rows_apply(
        accounts, ledger->options.clock(ledger->options.context), &refused);
    if (!error)
      error = ledger_place_write(accounts, to);
  }
  error = accounts_end_copy(accounts, error);
  if (refused > 0)
    log_write(ledger->options.log, LOG_ERROR,
              "%zu accounts, tokens or hooks in Redis are none that can be "
              "understood",
              refused);
  return error ? fail_local(ledger, accounts) : 0;
}

static int lay_out(struct accounts *accounts, const struct redis_reply *items,
                   size_t count) {
  int error = 0;

  for (size_t i = 0; !error && i + 1 < count; i += 2)
    error = ledger_rows_lay_out(accounts, items[i].text, items[i + 1].text);
  return error;
}

/* All records, while others may be changing them: what changes meanwhile stands
 * in the log after the position that was read before. */
static int lay_out_all(struct ledger *ledger, struct accounts *accounts) {
  char cursor[32] = "0";
  int error = 0;

  do {
    struct ledger_call call = {0};
    ledger_call_add(&call, SLICE("HSCAN"));
    ledger_call_add(&call, buffer_slice(&ledger->records));
    ledger_call_add(&call, slice_of_string(cursor));
    ledger_call_add(&call, SLICE("COUNT"));
    ledger_call_add(&call, SLICE(PAGE));
    const struct redis_reply *reply = run(ledger, &call);
    if (reply->kind != REDIS_ARRAY || reply->count != 2 ||
        !take_text(&reply->items[0], cursor, sizeof(cursor)))
      return fail(ledger, reply);
    if (lay_out(accounts, reply->items[1].items, reply->items[1].count) != 0)
      return fail_local(ledger, accounts);
  } while (strcmp(cursor, "0") != 0);
  error = ledger_rows_lay_out_rest(accounts);
  return error ? fail_local(ledger, accounts) : 0;
}

/* Whether the first is the later of two positions, "MILLISECONDS-NUMBER". */
static bool is_later(const char *position, const char *other) {
  uint64_t time = 0, number = 0, other_time = 0, other_number = 0;

  return sscanf(position, "%" SCNu64 "-%" SCNu64, &time, &number) == 2 &&
         sscanf(other, "%" SCNu64 "-%" SCNu64, &other_time, &other_number) ==
             2 &&
         (time > other_time || (time == other_time && number > other_number));
}

static int read_all(struct ledger *ledger, struct accounts *accounts,
                    const struct ledger_place *from,
                    const struct ledger_place *to) {
  int error;

  if (from->lineage[0] && is_later(from->position, to->position))
    log_write(ledger->options.log, LOG_WARNING,
              "Redis has forgotten what was last changed in accounts, tokens "
              "and hooks; what it "
              "has holds from now on");
  error = lay_out_all(ledger, accounts);
  return error ? error : apply(ledger, accounts, from, to);
}

/* What is in Redis is not what the file was a copy of. */
static int judge(struct ledger *ledger, struct accounts *accounts,
                 const struct ledger_place *place, bool there) {
  bool any;

  if (place->lineage[0])
    return stand(ledger, there ? STANDING_OTHER : STANDING_FORGOTTEN);
  if (ledger_rows_any(accounts, &any) != 0)
    return fail_local(ledger, accounts);
  if (any)
    return stand(ledger, there ? STANDING_OTHER : STANDING_UNSHARED);
  return stand(ledger, there ? STANDING_COPY : STANDING_NEW);
}

/* What follows the place of the file. `*more`: that may not have been all. */
static int take_step(struct ledger *ledger, struct accounts *accounts,
                     bool *more) {
  struct ledger_place from, to = {0};
  struct ledger_call call = begin_script(ledger, ledger_script_since);
  const struct redis_reply *reply;
  bool is_place;
  int error;

  *more = false;
  if (ledger_place_read(accounts, &from) != 0)
    return fail_local(ledger, accounts);
  ledger_call_add(&call,
                  slice_of_string(from.lineage[0] ? from.position : "0-0"));
  ledger_call_add(&call, SLICE(STEP));
  reply = run(ledger, &call);
  if (reply->kind != REDIS_ARRAY)
    return fail(ledger, reply);
  if (reply->count < 3 ||
      !take_text(&reply->items[0], to.lineage, sizeof(to.lineage)) ||
      !take_text(&reply->items[2], to.position, sizeof(to.position)))
    return judge(ledger, accounts, &from, false);
  is_place = reply->items[1].integer != 0;
  error = strcmp(from.lineage, to.lineage) == 0
              ? stand(ledger, STANDING_COPY)
              : judge(ledger, accounts, &from, true);
  if (error)
    return error;
  *more = strcmp(from.position, to.position) != 0;
  if (!is_place || strcmp(from.lineage, to.lineage) != 0)
    return read_all(ledger, accounts, &from, &to);
  if (!*more)
    return 0;
  if (lay_out(accounts, reply->items + 3, reply->count - 3) != 0)
    return fail_local(ledger, accounts);
  return apply(ledger, accounts, &from, &to);
}

int ledger_catch_up(struct ledger *ledger, struct accounts *accounts) {
  bool more = true;
  int error = 0;

  while (!error && more) {
    error = take_step(ledger, accounts, &more);
    if (ledger_rows_clear(accounts) != 0 && !error)
      error = fail_local(ledger, accounts);
  }
  ledger->known = ledger->known || !error || ledger->standing > STANDING_NEW;
  return error;
}

static void add_row(void *context, struct slice field, struct slice record) {
  struct ledger_call *call = context;

  ledger_call_add(call, field);
  ledger_call_add(call, record);
}

static void make_lineage(struct ledger_place *place) {
  uint8_t random[(sizeof(place->lineage) - 1) / 2];

  randombytes_buf(random, sizeof(random));
  sodium_bin2hex(place->lineage, sizeof(place->lineage), random,
                 sizeof(random));
}

static void await_replicas(struct ledger *ledger) {
  struct ledger_call call = {0};
  struct buffer number = {0};
  const struct redis_reply *reply;

  if (ledger->options.replicas == 0)
    return;
  buffer_append_u64(&number, ledger->options.replicas);
  ledger_call_add(&call, SLICE("WAIT"));
  ledger_call_add(&call, buffer_slice(&number));
  ledger_call_add(&call, SLICE(REPLICAS_MS));
  reply = run(ledger, &call);
  if (reply->kind != REDIS_INTEGER ||
      reply->integer < (int64_t)ledger->options.replicas)
    log_write(ledger->options.log, LOG_WARNING,
              "A change of accounts is not on %u replicas of Redis yet",
              ledger->options.replicas);
  buffer_close(&number);
}

typedef int row_lister(struct accounts *accounts, ledger_row_visitor *visit,
                       void *context);

/* Sends what is listed, and makes the file a copy of what Redis has then. */
static int send(struct ledger *ledger, struct accounts *accounts,
                struct ledger_place *place, bool is_new, row_lister *list) {
  struct ledger_call call = begin_script(ledger, ledger_script_submit);
  const struct redis_reply *reply;
  size_t least;
  int error;

  ledger_call_add(&call, slice_of_string(place->lineage));
  ledger_call_add(&call, slice_of_string(place->position));
  ledger_call_add(&call, SLICE(KEPT));
  ledger_call_add(&call, is_new ? SLICE("new") : SLICE(""));
  least = call.count;
  error = list(accounts, add_row, &call);
  if (error || call.count == least) {
    ledger_call_close(&call);
    return error ? fail_local(ledger, accounts) : 0;
  }
  reply = run(ledger, &call);
  ledger->overtaken =
      reply->kind == REDIS_BULK && (slice_equal(reply->text, SLICE("behind")) ||
                                    slice_equal(reply->text, SLICE("other")));
  if (ledger->overtaken) {
    ledger->reason = "others have changed accounts at the same time; try again";
    return ERR_UNAVAILABLE;
  }
  if (!take_text(reply, place->position, sizeof(place->position)))
    return fail(ledger, reply);
  ledger->standing = STANDING_COPY;
  ledger->reason = NULL;
  ledger->repeats = 0;
  if (ledger_place_write(accounts, place) != 0 ||
      ledger_rows_forget(accounts) != 0)
    return fail_local(ledger, accounts);
  await_replicas(ledger);
  return 0;
}

static int send_changed(struct ledger *ledger, struct accounts *accounts) {
  struct ledger_place place;
  bool is_new = ledger->standing == STANDING_NEW;

  if (ledger_place_read(accounts, &place) != 0)
    return fail_local(ledger, accounts);
  if (is_new) {
    make_lineage(&place);
    snprintf(place.position, sizeof(place.position), "0-0");
  }
  return send(ledger, accounts, &place, is_new, ledger_rows_changed);
}

int ledger_submit(struct ledger *ledger, struct accounts *accounts) {
  ledger->overtaken = false;
  if (ledger->standing != STANDING_COPY && ledger->standing != STANDING_NEW) {
    ledger->reason = reasons[ledger->standing];
    return ERR_UNAVAILABLE;
  }
  return send_changed(ledger, accounts);
}

bool ledger_overtaken(struct ledger *ledger, struct accounts *accounts) {
  bool overtaken = ledger->overtaken && ++ledger->repeats < REPEATS;

  ledger->overtaken = false;
  return overtaken && ledger_catch_up(ledger, accounts) == 0;
}

int ledger_begin(struct ledger *ledger, struct accounts *accounts) {
  struct ledger_place place;
  bool any;
  int error;

  if (ledger_place_read(accounts, &place) != 0 ||
      ledger_rows_any(accounts, &any) != 0)
    return fail_local(ledger, accounts);
  if (!any)
    return ERR_NOT_FOUND;
  if (!place.lineage[0])
    make_lineage(&place);
  snprintf(place.position, sizeof(place.position), "0-0");
  error = accounts_begin(accounts);
  if (error)
    return fail_local(ledger, accounts);
  error = send(ledger, accounts, &place, true, ledger_rows_all);
  if (error && ledger->overtaken)
    error = ERR_NAME_TAKEN;
  return accounts_end_copy(accounts, error);
}
