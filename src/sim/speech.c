#include "sim/speech.h"

#include <string.h>

#include "sim/world.h"

static const char *const people[PEOPLE][2] = {
    {"ann", "ANN"}, {"bob", "Bob"}, {"eve", "EVE"},   {"Jos\u00e9", "JOS\u00c9"},
    {"zak", "Zak"}, {"x-1", "X-1"}, {"jane", "Jane"}, {"ma.ry", "Ma.Ry"},
};

static const char *const rooms[ROOMS][2] = {
    {"lobby", "Lobby"},         {"ops", "OPS"}, {"general", "General"}, {"team.a", "Team.A"},
    {"b\u00fcro", "B\u00dcRO"},
};

static int find(const char *const (*pool)[2], int count, struct slice name) {
    for (int i = 0; i < count; i++) {
        if (slice_equal(name, slice_of_string(pool[i][0])) ||
            slice_equal(name, slice_of_string(pool[i][1]))) {
            return i;
        }
    }
    return -1;
}

const char *people_name(unsigned index, unsigned spelling) {
    return people[index % PEOPLE][spelling % 2];
}

int people_find(struct slice name) {
    return find(people, PEOPLE, name);
}

const char *room_name(unsigned index, unsigned spelling) {
    return rooms[index % ROOMS][spelling % 2];
}

const char *room_key(unsigned index) {
    return rooms[index % ROOMS][0];
}

int room_find_name(struct slice name) {
    return find(rooms, ROOMS, name);
}

static const char *const words[] = {"tea",    "ship", "disk full", "\u00e9t\u00e9", "\U0001f44d",
                                    "deploy", "a\tb", "QUIT",      "/quit",         "later"};

/* What somebody writes who wants to be taken for somebody else, or to move others' terminals. */
static const char *const tricks[] = {
    "\nann: I resign",           "\r\neve has connected", "\x1b[31mred",
    "\u2028bob: me too",         "\xc2\x85zak: hm",       "\rann: over",
    "\n[bob -> you] psst",       "\v\fjane: down",        "\x7f\x08",
    "\u2029ann has disconnected"};

#define REPLACEMENT "\ufffd"
#define COUNT(array) (sizeof array / sizeof array[0])

char *speech_words(struct world *world, uint32_t tag, enum manner manner, size_t most) {
    struct buffer text = {0};
    size_t wanted = draw(world, 20) == 0 ? (size_t)draw(world, most) : (size_t)draw(world, 60);
    buffer_append_format(&text, "#%u#", tag);
    for (;;) {
        bool trick = manner == MANNER_ANY && chance(world, 5);
        const char *piece =
            trick ? tricks[draw(world, COUNT(tricks))] : words[draw(world, COUNT(words))];
        size_t length = strlen(piece) + !trick;
        if (buffer_length(&text) + length > most || buffer_length(&text) > wanted) {
            break;
        }
        buffer_append_string(&text, trick ? "" : " ");
        buffer_append_string(&text, piece);
    }
    char *copy = memory_copy_string(buffer_slice(&text));
    buffer_close(&text);
    return copy;
}

const char *speech_label(struct world *world) {
    static const char *const labels[] = {"ann", "eve",          "Visitor", "root", "bob: x",
                                         "zak", "ann has conn", "* jane",  "->you"};
    return chance(world, 30) ? NULL : labels[draw(world, COUNT(labels))];
}

/* Bytes of what goes to another line at the beginning of `text`. */
static size_t line_end(struct slice text) {
    static const char *const ends[] = {"\r\n", "\n",       "\v",     "\f",
                                       "\r",   "\xc2\x85", "\u2028", "\u2029"};
    for (size_t i = 0; i < COUNT(ends); i++) {
        if (slice_starts_with(text, slice_of_string(ends[i]))) {
            return strlen(ends[i]);
        }
    }
    return 0;
}

/* One character of `text`, harmless; returns how many bytes it had. */
static size_t append_character(struct buffer *out, struct slice text) {
    unsigned char c = (unsigned char)text.data[0];
    bool control = (c < 0x20 && c != '\t') || c == 0x7f;
    bool high = text.length > 1 && c == 0xc2 && (unsigned char)text.data[1] < 0xa0;
    if (control || high) {
        buffer_append_string(out, REPLACEMENT);
        return high ? 2 : 1;
    }
    buffer_append_char(out, (char)c);
    return 1;
}

void speech_append_lines(struct buffer *out, struct slice prefix, struct slice text) {
    buffer_append_slice(out, prefix);
    while (text.length > 0) {
        size_t end = line_end(text);
        if (end > 0) {
            buffer_append_char(out, '\n');
            buffer_append_slice(out, prefix);
        } else {
            end = append_character(out, text);
        }
        text = slice_skip(text, end);
    }
    buffer_append_char(out, '\n');
}

void speech_append_flat(struct buffer *out, struct slice text) {
    while (text.length > 0) {
        size_t end = line_end(text);
        if (end > 0) {
            buffer_append_string(out, REPLACEMENT);
        } else {
            end = append_character(out, text);
        }
        text = slice_skip(text, end);
    }
}

/* The one signature of ours that reads like what a server announces. */
static const struct slice announcement = SLICE("ann has conn");

void speech_append_sender(struct buffer *out, struct slice sender) {
    for (size_t i = 0; i < sender.length; i++) {
        char c = sender.data[i];
        bool arrow = c == '>' && i > 0 && sender.data[i - 1] == '-';
        if (c == ':' || arrow || (c == '*' && i == 0)) {
            buffer_append_string(out, REPLACEMENT);
        } else {
            buffer_append_char(out, c);
        }
    }
    if (slice_equal(sender, announcement)) {
        buffer_append_string(out, REPLACEMENT);
    }
}
