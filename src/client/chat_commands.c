/* Lines beginning with "/": a table of words. */
#include <stdio.h>

#include "client/chat.h"
#include "client/command.h"
#include "wire/json.h"

#define HISTORY_DEFAULT 20

static void run_help(struct chat *chat, struct slice rest);

static void run_join(struct chat *chat, struct slice rest) {
    chat_move(chat, rest);
}

/* Asks for something about the present room; the answer is shown when it comes. */
static void ask(struct chat *chat, const char *type, uint64_t limit) {
    struct buffer request = {0};

    buffer_append_string(&request, "{\"type\":");
    json_append_string(&request, slice_of_string(type));
    json_append_string_member(&request, "room", buffer_slice(&chat->room));
    if (limit > 0)
        json_append_u64_member(&request, "limit", limit);
    json_append_string_member(&request, "cid", slice_of_string(type));
    buffer_append_char(&request, '}');
    if (!session_ask(chat->session, buffer_slice(&request)))
        command_error("not connected; try again in a moment");
    buffer_close(&request);
}

static void run_rooms(struct chat *chat, struct slice rest) {
    (void)rest;
    ask(chat, "rooms", 0);
}

static void run_who(struct chat *chat, struct slice rest) {
    (void)rest;
    ask(chat, "members", 0);
}

static void run_message(struct chat *chat, struct slice rest) {
    struct slice name = slice_cut(&rest, ' ');
    struct slice text = slice_trim(rest);

    if (text.length == 0)
        command_error("/msg needs a name and a text");
    else
        chat_publish(chat, name, text);
}

static void run_history(struct chat *chat, struct slice rest) {
    uint64_t limit = HISTORY_DEFAULT;

    if (rest.length > 0 && (!slice_to_u64(rest, &limit) || limit == 0))
        command_error("/history takes a number");
    else
        ask(chat, "history", limit);
}

static void run_quit(struct chat *chat, struct slice rest) {
    (void)rest;
    chat_leave(chat);
}

struct chat_word {
    const char *word;
    const char *arguments;
    const char *help;
    bool needs_argument;
    void (*run)(struct chat *chat, struct slice rest);
};

static const struct chat_word words[] = {
    {"/join", "ROOM", "go to another room", true, run_join},
    {"/rooms", "", "which rooms there are", false, run_rooms},
    {"/who", "", "who is in this room", false, run_who},
    {"/msg", "NAME TEXT", "say something to one person", true, run_message},
    {"/history", "[N]", "the last N messages again", false, run_history},
    {"/quit", "", "leave (as do Ctrl+C and Ctrl+D)", false, run_quit},
    {"/help", "", "say this; //… says something that begins with /", false, run_help},
};

static void run_help(struct chat *chat, struct slice rest) {
    char left[32];

    (void)rest;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(left, sizeof left, "%s %s", words[i].word, words[i].arguments);
        buffer_append_format(&chat->out, "%-16s %s\n", left, words[i].help);
    }
    command_print(&chat->out);
}

void chat_command(struct chat *chat, struct slice line) {
    struct slice rest = line;
    struct slice name = slice_cut(&rest, ' ');

    rest = slice_trim(rest);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct chat_word *word = &words[i];
        if (!slice_equal_ignoring_case(name, slice_of_string(word->word)))
            continue;
        if (word->needs_argument && rest.length == 0)
            command_error("%s needs %s", word->word, word->arguments);
        else
            word->run(chat, rest);
        return;
    }
    command_error("no such command: %.*s; /help says which there are", SLICE_ARGS(name));
}
