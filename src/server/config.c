/* The table of keys and what is done with it.
 *
 * A row says all there is to know about a key: its name, the kind of its value, the default, what
 * it does, its bounds, where it goes in struct config, and whether a server that runs takes over a
 * new value (`reload`; it needs a restart where nothing is said). Setting, printing, bounds, the
 * help texts and what a reload does follow from it. */

#include "server/config.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "server/authority_choice.h"
#include "server/certificates.h"
#include "server/config_file.h"
#include "server/config_value.h"
#include "server/listen_url.h"
#include "server/redis_settings.h"
#include "server/room_settings.h"
#include "server/store_url.h"
#include "server/trusted_proxies.h"

#define KEY(member) .name = #member, .offset = offsetof(struct config, member)
#define KEY_MS(key) .name = #key, .offset = offsetof(struct config, key##_ms)

static const char *const auth_words[] = {"open", "mixed", "required", NULL};
static const char *const history_words[] = {"none", "memory", "durable", NULL};
static const char *const metrics_words[] = {"local", "on", "off", NULL};
static const char *const level_words[] = {"debug", "info", "warning", "error", NULL};
static const char *const format_words[] = {"text", "json", NULL};

/* clang-format off */
static const struct config_key keys[] = {
    {KEY(listen), .kind = CONFIG_LIST, .check = listen_url_check,
     .initial = "ws://127.0.0.1:8765\nline://127.0.0.1:8888",
     .help = "Where to listen, and for which protocol; may be repeated. The scheme picks the\n"
             "protocol: ws, ws+text, line, numbered or command; over TLS wss, or one of the others\n"
             "with +tls, as in line+tls. Then HOST:PORT, [V6]:PORT, *:PORT (every address) or\n"
             "unix:PATH. Port 0 picks a free one."},
    {KEY(tls_cert), .reload = true, .reads_file = true, .kind = CONFIG_LIST, .initial = "",
     .help = "The file of a certificate for TLS: PEM, with those of the authorities between it and\n"
             "the root behind it. May be repeated: clients get the one for the name they ask for,\n"
             "or else the first."},
    {KEY(tls_key), .reload = true, .reads_file = true, .kind = CONFIG_LIST, .initial = "",
     .help = "The file of its key: PEM, not encrypted. One for each tls_cert, in the same order."},
    {KEY(trusted_proxies), .reload = true, .kind = CONFIG_LIST, .check = trusted_proxies_check,
     .initial = "",
     .help = "The address, or a range as in 10.0.0.0/8, of proxies that are believed where a\n"
             "connection comes from; may be repeated. Limits for addresses do not hold for them."},
    {KEY(proxy_protocol), .reload = true, .kind = CONFIG_SWITCH, .initial = "off",
     .help = "Whether every connection comes from one of the trusted_proxies and begins with the\n"
             "PROXY protocol, version 1 or 2: on or off. Socket files are exempt."},
    {KEY(data), .kind = CONFIG_TEXT, .initial = "./data",
     .help = "The folder of the database. Created if it is not there, for the server's user only."},
    {KEY(store), .kind = CONFIG_TEXT, .initial = "sqlite", .check = store_url_check,
     .help = "What keeps the rooms: sqlite (a file in `data`), memory (gone with the server), or a\n"
             "Redis that several servers share: redis://HOST:PORT, over TLS rediss://HOST:PORT,\n"
             "or redis://unix:PATH. Several, separated by commas, have a part of the rooms each."},
    {KEY(redis_sentinel), .kind = CONFIG_LIST, .check = redis_settings_check_sentinel,
     .initial = "",
     .help = "HOST:PORT of a sentinel, may be repeated; then `store` has the names of the masters\n"
             "that they watch, as in redis://main."},
    {KEY(redis_username), .kind = CONFIG_TEXT, .initial = "",
     .help = "The user to log in to Redis as; empty: the default one."},
    {KEY(redis_password), .secret = true, .kind = CONFIG_TEXT, .initial = "",
     .help = "The password for it. Anyone who can read it has it: keep the file to the server's\n"
             "user (chmod 600)."},
    {KEY(redis_sentinel_password), .secret = true, .kind = CONFIG_TEXT, .initial = "",
     .help = "The same for the sentinels."},
    {KEY(redis_namespace), .kind = CONFIG_TEXT, .initial = "banter",
     .check = redis_settings_check_namespace,
     .help = "What the names of all keys and channels in Redis begin with. Servers that are to be\n"
             "one chat need the same; others may use the same Redis under another."},
    {KEY(redis_ca), .reads_file = true, .kind = CONFIG_TEXT, .initial = "",
     .help = "The file of the authorities that vouch for Redis, with rediss://: PEM; empty: those\n"
             "that the system trusts."},
    {KEY_MS(redis_timeout), .kind = CONFIG_SECONDS, .initial = "5", .minimum = 100,
     .maximum = 600000,
     .help = "Seconds after which a Redis that does not answer counts as lost."},
    {KEY(wait_replicas), .kind = CONFIG_NUMBER, .initial = "0", .maximum = 16,
     .help = "How many replicas of Redis must have a message before it is acknowledged and shown."},
    {KEY_MS(wait_timeout), .kind = CONFIG_SECONDS, .initial = "1", .minimum = 10,
     .maximum = 600000,
     .help = "Seconds they have for that; then the sender is told that it is not known to be stored."},
    {KEY(history), .kind = CONFIG_CHOICE, .initial = "durable", .words = history_words,
     .help = "What is kept of a room: durable (all, in the store), memory (the latest, until the\n"
             "server stops) or none."},
    {.name = "retention_age", .reload = true, .offset = offsetof(struct config, retention_age_s),
     .kind = CONFIG_AGE, .initial = "0", .maximum = 36500 * 86400ull,
     .help = "How long the entries of a room are kept: 30d, 12h, 90m, 45s; 0: as long as there is\n"
             "space. Numbers stay as they are; who wants what is gone gets a gap."},
    {KEY(retention_count), .reload = true, .kind = CONFIG_NUMBER, .initial = "0", .maximum = 4000000000,
     .help = "How many entries of a room are kept, the latest; 0: all."},
    {KEY(retention_bytes), .reload = true, .kind = CONFIG_BYTES, .initial = "0", .maximum = 1ull << 50,
     .help = "How many bytes of a room are kept: text and names, and 64 for each entry; 0: all."},
    {KEY(room), .reload = true, .kind = CONFIG_LIST, .check = room_settings_check_line, .initial = "",
     .help = "A room that differs, may be repeated: its name, then any of history, retention_age,\n"
             "retention_count and retention_bytes, as in\n"
             "ops history=memory retention_count=1000"},
    {KEY(create_rooms), .reload = true, .kind = CONFIG_SWITCH, .initial = "on",
     .help = "Whether joining a room, or publishing to it, makes it: on or off."},
    {KEY(auth), .kind = CONFIG_CHOICE, .initial = "open", .words = auth_words,
     .help = "Who is let in: open and mixed let in guests, and people with an account as who they\n"
             "are; required lets in nobody without account or token. Names with an account are\n"
             "nobody else's in any case. `banterd user add` makes accounts."},
    {KEY(token), .reload = true, .secret = true, .kind = CONFIG_LIST, .initial = "",
     .check = authority_choice_check_token,
     .help = "A token that lets in as a guest whoever shows it; may be repeated. Anyone who can read\n"
             "it has it: keep the file to the server's user (chmod 600)."},
    {KEY(jwt_key), .reload = true, .reads_file = true, .kind = CONFIG_TEXT, .initial = "",
     .help = "A file with the key of those who issue JSON Web Tokens that are good here: public keys\n"
             "in PEM (RS256, ES256), a JWKS, or a secret of 32 bytes at least (HS256)."},
    {KEY(jwt_issuer), .reload = true, .kind = CONFIG_TEXT, .initial = "",
     .help = "What the `iss` of such a token must be; empty: anything."},
    {KEY(jwt_audience), .reload = true, .kind = CONFIG_TEXT, .initial = "",
     .help = "What the `aud` of such a token must be or contain; empty: it must have none."},
    {.name = "jwt_leeway", .offset = offsetof(struct config, jwt_leeway_s), .reload = true,
     .kind = CONFIG_AGE, .initial = "1m", .maximum = 3600,
     .help = "How far the clocks of those who issue tokens may be off."},
    {.name = "session_age", .offset = offsetof(struct config, session_age_s),
     .kind = CONFIG_AGE, .initial = "30d", .maximum = 36500 * 86400ull,
     .help = "After how long a login that is not used ends: 30d, 12h; 0: never."},
    {KEY(allowed_origins), .reload = true, .kind = CONFIG_LIST, .initial = "",
     .help = "Origins besides the server's own whose pages may connect, for example\n"
             "https://chat.example.org; may be repeated. `null` and `*` (everybody's pages) count\n"
             "only when they are written here."},
    {KEY(public_host), .reload = true, .kind = CONFIG_LIST, .initial = "",
     .help = "A name by which browsers reach this server, for example chat.example.org; may be\n"
             "repeated. IP addresses, localhost and the hosts in `listen` need not be named."},
    {KEY(rate_per_minute), .reload = true, .kind = CONFIG_NUMBER, .initial = "20", .maximum = 1000000,
     .help = "Messages one session may send in a minute; 0: no limit."},
    {KEY(address_rate_per_minute), .reload = true, .kind = CONFIG_NUMBER, .initial = "0",
     .maximum = 1000000,
     .help = "Messages all sessions and HTTP callers of one address (of IPv6: one /64) may send in a\n"
             "minute; 0: no limit."},
    {KEY(senders_per_address), .reload = true, .kind = CONFIG_NUMBER, .initial = "100",
     .maximum = 1000000,
     .help = "Over HTTP each Sender of an address may send rate_per_minute; all together may send\n"
             "so many times that. 0: no limit."},
    {KEY(room_rate_per_second), .reload = true, .kind = CONFIG_NUMBER, .initial = "0",
     .maximum = 1000000,
     .help = "Messages one room takes in a second, from whomever; 0: no limit."},
    {KEY(bytes_per_minute), .reload = true, .kind = CONFIG_BYTES, .initial = "0",
     .maximum = 1 << 30,
     .help = "Bytes of text one session may send in a minute; 0: no limit."},
    {KEY(joins_per_minute), .reload = true, .kind = CONFIG_NUMBER, .initial = "30000",
     .maximum = 1000000,
     .help = "Rooms one session may join, or resume, in a minute; 0: no limit."},
    {KEY(names_per_minute), .reload = true, .kind = CONFIG_NUMBER, .initial = "60",
     .maximum = 1000000,
     .help = "Names one session may try to claim in a minute; 0: no limit."},
    {KEY(address_names_per_minute), .reload = true, .kind = CONFIG_NUMBER, .initial = "0",
     .maximum = 1000000, .help = "The same for all sessions of one address; 0: no limit."},
    {KEY(rooms_per_hour), .reload = true, .kind = CONFIG_NUMBER, .initial = "0",
     .maximum = 1000000,
     .help = "Rooms one session or HTTP caller may make in an hour, by being the first to write\n"
             "there; 0: no limit."},
    {KEY(address_rooms_per_hour), .reload = true, .kind = CONFIG_NUMBER, .initial = "0",
     .maximum = 1000000, .help = "The same for all of one address; 0: no limit."},
    {KEY(max_message), .reload = true, .kind = CONFIG_BYTES, .initial = "65536", .minimum = 1, .maximum = 16 << 20,
     .help = "The longest message, in bytes of UTF-8."},
    {KEY(max_connections), .reload = true, .kind = CONFIG_NUMBER, .initial = "0", .maximum = 10000000,
     .help = "Connections at the same time; 0: as many as the system gives descriptors for."},
    {KEY(max_connections_per_address), .reload = true, .kind = CONFIG_NUMBER, .initial = "0", .maximum = 10000000,
     .help = "The same for one address (of IPv6: one /64); 0: no limit. Socket files and\n"
             "trusted_proxies are exempt."},
    {KEY(connection_rate_per_address), .reload = true, .kind = CONFIG_NUMBER, .initial = "0",
     .maximum = 1000000,
     .help = "New connections one address may make in a minute; 0: no limit. The same exemptions."},
    {KEY_MS(ping_interval), .reload = true, .kind = CONFIG_SECONDS, .initial = "30", .maximum = 86400000,
     .help = "Seconds between two pings to a WebSocket client; 0: none."},
    {KEY_MS(ping_timeout), .reload = true, .kind = CONFIG_SECONDS, .initial = "10", .maximum = 86400000,
     .help = "Seconds a client has for its pong before it is dropped; 0: all it wants."},
    {KEY_MS(handshake_timeout), .reload = true, .kind = CONFIG_SECONDS, .initial = "10", .maximum = 86400000,
     .help = "Seconds for the head of an HTTP request, from its first byte on, and before that as many\n"
             "again for TLS and a proxy's header; 0: all it wants."},
    {KEY_MS(introduction_timeout), .reload = true, .kind = CONFIG_SECONDS, .initial = "120",
     .maximum = 86400000,
     .help = "Seconds a client has to say who it is, where it must: a name, hello, or a credential;\n"
             "0: all it wants."},
    {KEY_MS(message_timeout), .reload = true, .kind = CONFIG_SECONDS, .initial = "60",
     .maximum = 86400000,
     .help = "Seconds in which a message, line or HTTP request that has begun must be complete;\n"
             "0: all it wants."},
    {KEY_MS(idle_timeout), .reload = true, .kind = CONFIG_SECONDS, .initial = "0", .maximum = 86400000,
     .help = "Seconds after which a client that says nothing is sent away; 0: never."},
    {KEY_MS(session_linger), .reload = true, .kind = CONFIG_SECONDS, .initial = "120", .maximum = 86400000,
     .help = "Seconds a guest whose connection was lost keeps name and identity."},
    {.name = "drain", .offset = offsetof(struct config, drain_s), .reload = true,
     .kind = CONFIG_AGE, .initial = "0", .maximum = 3600,
     .help = "How long a server that is told to stop takes to send its clients away, one after the\n"
             "other, while /readyz tells load balancers to send no more: 30s, 2m; 0: all at once."},
    {KEY(announce_limit), .reload = true, .kind = CONFIG_NUMBER, .initial = "100", .maximum = 1000000,
     .help = "Sessions in a room up to which joins and leaves are announced one by one."},
    {KEY(backlog), .reload = true, .kind = CONFIG_NUMBER, .initial = "100", .maximum = 10000,
     .help = "Earlier messages sent to who joins a room."},
    {KEY(stream_window), .reload = true, .kind = CONFIG_BYTES, .initial = "4194304",
     .minimum = 65536, .maximum = 1 << 30,
     .help = "Bytes of a busy room kept ready to send; a reader further behind is cut off, and\n"
             "resumes. At least 16 times max_message."},
    {KEY_MS(flush), .reload = true, .kind = CONFIG_MILLISECONDS, .or_auto = true, .initial = "0",
     .maximum = 1000,
     .help = "How long what is said in a busy room waits for more, to be sent together: 5ms saves half\n"
             "of the work at 300 messages a second, and costs that time; 0: not at all; auto: not as\n"
             "long as the server keeps up, and up to 5ms where it does not. Acks never wait."},
    {KEY(io_threads), .kind = CONFIG_NUMBER, .or_auto = true, .initial = "auto", .maximum = 64,
     .help = "Threads that help to send, beside the one that does all else; 0: none. auto: none where\n"
             "there are fewer than 4 processors, else half as many as there are, less 1."},
    {KEY(banner), .reload = true, .kind = CONFIG_TEXT, .initial = "banter chat server",
     .help = "The first line that line:// clients see."},
    {KEY(metrics), .reload = true, .kind = CONFIG_CHOICE, .initial = "local",
     .words = metrics_words,
     .help = "Who may read GET /metrics: local (from this machine, not through a proxy), on\n"
             "(everybody) or off."},
    {KEY(user), .kind = CONFIG_TEXT, .initial = "",
     .help = "Whom a server that root starts becomes, for good, as soon as it listens: a name or a\n"
             "number. The data folder, certificates and this file have to be readable for them."},
    {KEY(group), .kind = CONFIG_TEXT, .initial = "",
     .help = "The same for the group; empty: the user's own."},
    {KEY(sandbox), .kind = CONFIG_SWITCH, .initial = "on",
     .help = "Whether the server gives up what it does not need to serve (seccomp, landlock): running\n"
             "programs, connecting to others, all files but the data folder and those it reads."},
    {KEY(log_level), .reload = true, .kind = CONFIG_CHOICE, .initial = "info", .words = level_words,
     .help = "The least important lines that are logged: debug, info, warning or error."},
    {KEY(log_format), .reload = true, .kind = CONFIG_CHOICE, .initial = "text", .words = format_words,
     .help = "Log lines for people (text) or for machines (json)."},
};
/* clang-format on */

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static void *field(const struct config *config, const struct config_key *key) {
    return (char *)config + key->offset;
}

static const struct config_key *find_key(const char *name) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

bool config_has_key(const char *key) {
    return find_key(key) != NULL;
}

/* Letters to insert, remove or exchange to make one word of the other (Levenshtein). */
static size_t word_distance(const char *from, const char *to) {
    size_t row[64];
    size_t length = strlen(to);

    if (length >= sizeof(row) / sizeof(row[0]))
        return SIZE_MAX;
    for (size_t i = 0; i <= length; i++)
        row[i] = i;
    for (; *from; from++) {
        size_t diagonal = row[0]++;
        for (size_t i = 1; i <= length; i++) {
            size_t best = diagonal + (*from != to[i - 1]);
            diagonal = row[i];
            if (row[i] + 1 < best)
                best = row[i] + 1;
            if (row[i - 1] + 1 < best)
                best = row[i - 1] + 1;
            row[i] = best;
        }
    }
    return row[length];
}

/* How far `name` is from `key`; a beginning is not far at all. */
static size_t key_distance(const char *name, const char *key) {
    size_t length = strlen(name);

    return length >= 3 && strncmp(name, key, length) == 0 ? 0 : word_distance(name, key);
}

/* The key that was probably meant, or NULL. */
static const char *similar_key(const char *name) {
    size_t best = 3;
    const char *found = NULL;

    for (size_t i = 0; i < KEY_COUNT; i++) {
        size_t distance = key_distance(name, keys[i].name);
        if (distance < best && distance < strlen(name)) {
            best = distance;
            found = keys[i].name;
        }
    }
    return found;
}

static int refuse_key(const char *name, char *message, size_t size) {
    const char *similar = similar_key(name);

    if (similar)
        snprintf(message, size, "unknown key \"%s\"; did you mean \"%s\"?", name, similar);
    else
        snprintf(message, size, "unknown key \"%s\"; --print-config shows those there are", name);
    return ERR_BAD_REQUEST;
}

int config_set(struct config *config, const char *name, const char *value,
               enum config_source source, char *message, size_t size) {
    const struct config_key *key = find_key(name);

    if (!key)
        return refuse_key(name, message, size);
    return config_value_set(key, field(config, key), value, source, message, size);
}

int config_parse(const char *name, const char *value, void *field, char *message, size_t size) {
    const struct config_key *key = find_key(name);

    if (!key)
        return refuse_key(name, message, size);
    return config_value_set(key, field, value, CONFIG_FROM_FILE, message, size);
}

void config_init(struct config *config) {
    char message[256];

    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < KEY_COUNT; i++) {
        int error = config_value_reset(&keys[i], field(config, &keys[i]), message, sizeof(message));
        assert(error == 0);
    }
}

void config_close(struct config *config) {
    config_list_clear(&config->files);
    for (size_t i = 0; i < KEY_COUNT; i++)
        config_value_close(&keys[i], field(config, &keys[i]));
}

static int set_from_file(void *context, const char *key, const char *value, char *message,
                         size_t size) {
    return config_set(context, key, value, CONFIG_FROM_FILE, message, size);
}

int config_load(struct config *config, const char *path, char *message, size_t size) {
    config_list_add(&config->files, slice_of_string(path), CONFIG_FROM_FILE);
    return config_file_read(path, set_from_file, config, message, size);
}

int config_check(const struct config *config, char *message, size_t size) {
    size_t least = 16 * config->max_message;

    if (config->stream_window < least) {
        snprintf(message, size,
                 "stream_window is %zu, but must be at least 16 times max_message: set it to %zu",
                 config->stream_window, least);
        return ERR_BAD_REQUEST;
    }
    for (size_t i = 0; i < config->listen.count; i++) {
        struct listen_url url;
        int error = listen_url_parse(config->listen.items[i], &url, message, size);
        if (error)
            return error;
    }
    int error = certificates_check(config, message, size);
    if (!error)
        error = redis_settings_check(config, message, size);
    if (!error)
        error = authority_choice_check(config, message, size);
    return error ? error : room_settings_check(config, message, size);
}

void config_each_file(const struct config *config, void (*reads)(void *context, const char *path),
                      void *context) {
    for (size_t i = 0; i < config->files.count; i++)
        reads(context, config->files.items[i]);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (keys[i].reads_file)
            config_value_each_file(&keys[i], field(config, &keys[i]), reads, context);
    }
}

void config_compare(const struct config *config, const struct config *other,
                    config_difference *differs, void *context) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (!config_value_equal(&keys[i], field(config, &keys[i]), field(other, &keys[i])))
            differs(context, keys[i].name, keys[i].reload);
    }
}

void config_exchange(struct config *config, struct config *other) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (keys[i].reload)
            config_value_exchange(&keys[i], field(config, &keys[i]), field(other, &keys[i]));
    }
}

static void print_help(const char *help, struct buffer *output) {
    struct slice rest = slice_of_string(help);

    while (rest.data) {
        struct slice line = slice_cut(&rest, '\n');
        buffer_append_format(output, "# %.*s\n", SLICE_ARGS(line));
    }
}

void config_print(const struct config *config, struct buffer *output) {
    buffer_append_string(
        output,
        "# Configuration of banterd: one `key = value` a line. A line that begins with # is a\n"
        "# comment, and so is what follows a ; after white space. Every key that is commented out\n"
        "# stands at its default. Sizes may end in K, M or G. On SIGHUP a server reads it "
        "again.\n");
    for (size_t i = 0; i < KEY_COUNT; i++) {
        buffer_append_char(output, '\n');
        print_help(keys[i].help, output);
        if (!keys[i].reload)
            buffer_append_string(output, "# A change takes effect after a restart.\n");
        config_value_print(&keys[i], field(config, &keys[i]), output);
    }
}
