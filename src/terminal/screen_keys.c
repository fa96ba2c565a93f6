/* From the bytes of the terminal to inputs. ncurses knows the sequences of the terminal at hand;
 * what most terminals send beyond that is taught to it here. */
#include "terminal/screen_keys.h"

#include <string.h>

#include "base/text.h"
#include "terminal/screen_internal.h"

#define ESCAPE 27
#define PASTE_MOST EDITOR_TEXT_MAX

enum own_key {
    OWN_PASTE_BEGIN = KEY_MAX + 1,
    OWN_PASTE_END,
    OWN_ROOM_BEFORE,
    OWN_ROOM_BEHIND,
    OWN_SELECT_UP,
    OWN_SELECT_DOWN,
    OWN_WORD_LEFT,
    OWN_WORD_RIGHT,
    OWN_FIRST,
    OWN_LAST
};

struct sequence {
    const char *bytes;
    int key;
};

/* Also where the terminal's description means something else by them. */
static const struct sequence own_sequences[] = {
    {"\033[200~", OWN_PASTE_BEGIN}, {"\033[201~", OWN_PASTE_END},   {"\033[1;3A", OWN_ROOM_BEFORE},
    {"\033[1;3B", OWN_ROOM_BEHIND}, {"\033[1;3D", OWN_ROOM_BEFORE}, {"\033[1;3C", OWN_ROOM_BEHIND},
    {"\033[1;9A", OWN_ROOM_BEFORE}, {"\033[1;9B", OWN_ROOM_BEHIND}, {"\033[1;5A", OWN_SELECT_UP},
    {"\033[1;5B", OWN_SELECT_DOWN}, {"\033[1;5D", OWN_WORD_LEFT},   {"\033[1;5C", OWN_WORD_RIGHT},
    {"\033Od", OWN_WORD_LEFT},      {"\033Oc", OWN_WORD_RIGHT},     {"\033[1;5H", OWN_FIRST},
    {"\033[1;5F", OWN_LAST},
};

/* Where it says nothing of them. */
static const struct sequence common_sequences[] = {
    {"\033[A", KEY_UP},     {"\033[B", KEY_DOWN},   {"\033[C", KEY_RIGHT}, {"\033[D", KEY_LEFT},
    {"\033OA", KEY_UP},     {"\033OB", KEY_DOWN},   {"\033OC", KEY_RIGHT}, {"\033OD", KEY_LEFT},
    {"\033[H", KEY_HOME},   {"\033[F", KEY_END},    {"\033OH", KEY_HOME},  {"\033OF", KEY_END},
    {"\033[1~", KEY_HOME},  {"\033[4~", KEY_END},   {"\033[3~", KEY_DC},   {"\033[Z", KEY_BTAB},
    {"\033[5~", KEY_PPAGE}, {"\033[6~", KEY_NPAGE},
};

void screen_define_keys(void) {
    for (size_t i = 0; i < sizeof own_sequences / sizeof *own_sequences; i++)
        define_key(own_sequences[i].bytes, own_sequences[i].key);
    for (size_t i = 0; i < sizeof common_sequences / sizeof *common_sequences; i++)
        if (key_defined(common_sequences[i].bytes) == 0)
            define_key(common_sequences[i].bytes, common_sequences[i].key);
}

struct known_key {
    int key;
    enum input_kind kind;
};

static const struct known_key known[] = {
    {'\r', INPUT_ENTER},
    {KEY_ENTER, INPUT_ENTER},
    {'\n', INPUT_LINE_BREAK},
    {'\t', INPUT_TAB},
    {KEY_BTAB, INPUT_BACK_TAB},
    {KEY_BACKSPACE, INPUT_BACKSPACE},
    {'\b', INPUT_BACKSPACE},
    {0x7f, INPUT_BACKSPACE},
    {KEY_DC, INPUT_DELETE},
    {KEY_LEFT, INPUT_LEFT},
    {KEY_RIGHT, INPUT_RIGHT},
    {KEY_UP, INPUT_UP},
    {KEY_DOWN, INPUT_DOWN},
    {KEY_HOME, INPUT_HOME},
    {KEY_END, INPUT_END},
    {KEY_PPAGE, INPUT_PAGE_UP},
    {KEY_NPAGE, INPUT_PAGE_DOWN},
    {OWN_ROOM_BEFORE, INPUT_ROOM_BEFORE},
    {OWN_ROOM_BEHIND, INPUT_ROOM_BEHIND},
    {OWN_SELECT_UP, INPUT_SELECT_UP},
    {OWN_SELECT_DOWN, INPUT_SELECT_DOWN},
    {OWN_WORD_LEFT, INPUT_WORD_LEFT},
    {OWN_WORD_RIGHT, INPUT_WORD_RIGHT},
    {OWN_FIRST, INPUT_FIRST},
    {OWN_LAST, INPUT_LAST},
};

static enum input_kind find(int key) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].key == key)
            return known[i].kind;
    return INPUT_NONE;
}

/* How many bytes a character that begins so has; 0: none begins so. */
static size_t length_of(unsigned char lead) {
    if (lead < 0x80)
        return 1;
    return lead >= 0xf0 ? (lead < 0xf5 ? 4 : 0) : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
}

/* Characters come byte by byte, whatever the locale. True: one is complete. */
static bool take_byte(struct screen *screen, char byte, struct input *input) {
    buffer_append_char(&screen->typed, byte);
    struct slice typed = buffer_slice(&screen->typed);
    size_t length = length_of((unsigned char)typed.data[0]);

    if (length > typed.length)
        return false;
    buffer_clear(&screen->given);
    buffer_append_slice(&screen->given, typed);
    buffer_clear(&screen->typed);
    *input = (struct input){.kind = INPUT_TEXT, .text = buffer_slice(&screen->given)};
    return utf8_valid(input->text);
}

static void take_pasted(struct screen *screen, int key) {
    if (key < 256 && buffer_length(&screen->typed) < PASTE_MOST)
        buffer_append_char(&screen->typed, (char)key);
}

static bool end_paste(struct screen *screen, struct input *input) {
    screen->pasting = false;
    buffer_clear(&screen->given);
    if (utf8_valid(buffer_slice(&screen->typed)))
        buffer_append_slice(&screen->given, buffer_slice(&screen->typed));
    buffer_clear(&screen->typed);
    *input = (struct input){.kind = INPUT_PASTE, .text = buffer_slice(&screen->given)};
    return input->text.length > 0;
}

/* The rest of a key that nobody knows (ECMA-48 section 5.4): it must not end up in the text. */
static void skip_sequence(void) {
    int key;

    do
        key = getch();
    while (key != ERR && (key < 0x40 || key > 0x7e));
}

/* Behind an Escape: with Alt held down, or the Escape by itself. */
static void take_escape(struct input *input) {
    int next = getch();

    if (next == '\r' || next == '\n')
        input->kind = INPUT_LINE_BREAK;
    else if (next == 0x7f || next == '\b' || next == KEY_BACKSPACE)
        input->kind = INPUT_WORD_BACKSPACE;
    else if (next == KEY_UP || next == KEY_LEFT)
        input->kind = INPUT_ROOM_BEFORE;
    else if (next == KEY_DOWN || next == KEY_RIGHT)
        input->kind = INPUT_ROOM_BEHIND;
    else if (next == '[' || next == 'O')
        skip_sequence();
    else if (next > ' ' && next < 0x7f)
        *input = (struct input){.kind = INPUT_ALT, .letter = (char)next};
    else
        input->kind = INPUT_ESCAPE;
    if (next == ESCAPE) /* pressed twice */
        ungetch(next);
    if (input->kind == INPUT_ALT && input->letter >= 'A' && input->letter <= 'Z')
        input->letter = (char)(input->letter | 0x20);
}

static void take_mouse(struct input *input) {
    MEVENT event;

    if (getmouse(&event) != OK)
        return;
    if (event.bstate & BUTTON4_PRESSED)
        input->kind = INPUT_WHEEL_UP;
    else if (event.bstate & BUTTON5_PRESSED)
        input->kind = INPUT_WHEEL_DOWN;
    else if (event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED))
        input->kind = INPUT_CLICK;
    input->row = (unsigned)event.y;
    input->column = (unsigned)event.x;
}

/* False: it means nothing by itself. */
static bool take_key(struct screen *screen, int key, struct input *input) {
    *input = (struct input){.kind = find(key)};
    if (input->kind != INPUT_NONE)
        return true;
    if (key == ESCAPE)
        take_escape(input);
    else if (key == KEY_MOUSE)
        take_mouse(input);
    else if (key > 0 && key < ' ')
        *input = (struct input){.kind = INPUT_CONTROL, .letter = (char)(key | 0x40)};
    else if (key >= ' ' && key < 256)
        return take_byte(screen, (char)key, input);
    return input->kind != INPUT_NONE;
}

bool screen_read(struct screen *screen, struct input *input) {
    int key;

    while ((key = getch()) != ERR) {
        if (screen->pasting && key == OWN_PASTE_END) {
            if (end_paste(screen, input))
                return true;
        } else if (screen->pasting) {
            take_pasted(screen, key);
        } else if (key == OWN_PASTE_BEGIN) {
            screen->pasting = true;
            buffer_clear(&screen->typed);
        } else if (take_key(screen, key, input)) {
            return true;
        }
    }
    return false;
}
