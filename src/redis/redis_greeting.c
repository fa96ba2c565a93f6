/* All is said at once and the first answer that is not as it should be is the reason. The password
 * is never part of one: what a server says of a command that it does not know repeats its
 * arguments. */
#include "redis/redis_greeting.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "redis/redis_reply.h"

#define QUOTED 200 /* bytes of what a server says */

void redis_describe(char *reason, const char *server, const char *what, struct slice text) {
    struct buffer line = {0};

    buffer_append_format(&line, "%s %s", server, what);
    if (text.length > 0) {
        struct slice cut = text_beginning(text, QUOTED);
        buffer_append_string(&line, ": ");
        if (utf8_valid(cut))
            text_append_line(&line, cut);
        else
            buffer_append_string(&line, "what is no text");
    }
    snprintf(reason, REDIS_REASON, "%.*s", SLICE_ARGS(buffer_slice(&line)));
    buffer_close(&line);
}

static void refuse(struct redis_greeting *greeting, const char *what, struct slice text) {
    if (greeting->reason[0] == 0)
        redis_describe(greeting->reason, greeting->options.server, what, text);
}

/* What any command can be answered with where the server cannot be used. */
static void take_error(struct redis_greeting *greeting, const struct redis_reply *reply) {
    if (reply->kind != REDIS_ERROR)
        return;
    if (redis_reply_is_error(reply, "NOAUTH"))
        refuse(greeting, "wants a password, and none is configured", SLICE_NONE);
    else if (redis_reply_is_error(reply, "NOPERM"))
        refuse(greeting, "does not let this user do what is needed", reply->text);
    else if (redis_reply_is_error(reply, "LOADING"))
        refuse(greeting, "is still loading its data", SLICE_NONE);
    else if (redis_reply_is_error(reply, "MASTERDOWN"))
        refuse(greeting, "is a replica that has lost its master", SLICE_NONE);
    else
        refuse(greeting, "refuses", reply->text);
}

static void take_login(void *context, const struct redis_reply *reply) {
    struct redis_greeting *greeting = context;

    if (reply->kind != REDIS_ERROR)
        return;
    if (redis_reply_is_error(reply, "WRONGPASS"))
        refuse(greeting, "does not accept the user name and password", SLICE_NONE);
    else if (slice_starts_with(reply->text, SLICE("ERR AUTH <password> called without")))
        refuse(greeting, "has no password, but one is configured", SLICE_NONE);
    else if (slice_starts_with(reply->text, SLICE("ERR unknown")))
        refuse(greeting, "does not know AUTH as it is meant", SLICE_NONE);
    else
        take_error(greeting, reply);
}

static void take_status(void *context, const struct redis_reply *reply) {
    take_error(context, reply);
}

bool redis_role_is_master(const struct redis_reply *reply) {
    return slice_equal(redis_reply_item(reply, 0)->text, SLICE("master"));
}

static void take_role(void *context, const struct redis_reply *reply) {
    struct redis_greeting *greeting = context;
    struct slice role = redis_reply_item(reply, 0)->text;

    if (reply->kind == REDIS_LOST)
        return;
    take_error(greeting, reply);
    if (slice_equal(role, SLICE("slave")))
        refuse(greeting, "is a replica, not the master", SLICE_NONE);
    else if (slice_equal(role, SLICE("sentinel")))
        refuse(greeting, "is a sentinel, not a server", SLICE_NONE);
    else if (!redis_role_is_master(reply))
        refuse(greeting, "does not say what its role is", SLICE_NONE);
}

static void take_field(struct redis_greeting *greeting, struct slice line) {
    struct slice name = slice_cut(&line, ':');
    struct slice value = slice_trim(line);

    if (slice_equal(name, SLICE("run_id")) && value.length <= REDIS_RUN_ID) {
        memcpy(greeting->run_id, value.data, value.length);
        greeting->run_id[value.length] = 0;
    } else if (slice_equal(name, SLICE("redis_mode")) && slice_equal(value, SLICE("cluster"))) {
        refuse(greeting, "runs in cluster mode, which is not supported", SLICE_NONE);
    }
}

static void take_info(void *context, const struct redis_reply *reply) {
    struct redis_greeting *greeting = context;
    struct slice rest = reply->text;

    if (reply->kind == REDIS_LOST)
        return;
    take_error(greeting, reply);
    while (rest.length > 0)
        take_field(greeting, slice_cut(&rest, '\n'));
    if (greeting->run_id[0] == 0)
        refuse(greeting, "does not say its run_id", SLICE_NONE);
    greeting->done(greeting->context);
}

void redis_greet_login(struct redis_greeting *greeting, struct redis_connection *connection) {
    const char *username = greeting->options.username, *password = greeting->options.password;
    const struct slice words[] = {SLICE("AUTH"), slice_of_string(username),
                                  slice_of_string(password)};
    const struct slice only_password[] = {words[0], words[2]};

    if (password && username && username[0] != 0)
        redis_connection_command(connection, words, 3, take_login, greeting);
    else if (password)
        redis_connection_command(connection, only_password, 2, take_login, greeting);
}

static void say(struct redis_connection *connection, const char *one, const char *two,
                const char *three, redis_answer *answer, void *context) {
    const struct slice words[] = {slice_of_string(one), slice_of_string(two),
                                  slice_of_string(three)};

    redis_connection_command(connection, words, three ? 3 : two ? 2 : 1, answer, context);
}

void redis_greet(struct redis_greeting *greeting, struct redis_connection *connection,
                 const struct redis_greeting_options *options, void (*done)(void *context),
                 void *context) {
    char database[16];

    *greeting = (struct redis_greeting){.options = *options, .done = done, .context = context};
    redis_greet_login(greeting, connection);
    if (options->database != 0) {
        snprintf(database, sizeof(database), "%u", options->database);
        say(connection, "SELECT", database, NULL, take_status, greeting);
    }
    /* The others are answered while data is loaded. */
    say(connection, "PING", NULL, NULL, take_status, greeting);
    /* Without the right to it there is just no name. */
    say(connection, "CLIENT", "SETNAME", options->name, NULL, NULL);
    say(connection, "ROLE", NULL, NULL, take_role, greeting);
    say(connection, "INFO", "server", NULL, take_info, greeting);
}
