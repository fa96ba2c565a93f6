#include "hub/rule.h"

#define EVERYWHERE SLICE("*")

static const char *const words[] = {
    [RULE_CREATE] = "create", [RULE_SET] = "set",   [RULE_ROLE] = "role",
    [RULE_INVITE] = "invite", [RULE_KICK] = "kick", [RULE_BAN] = "ban",
    [RULE_UNBAN] = "unban",   [RULE_MUTE] = "mute", [RULE_UNMUTE] = "unmute",
};

static const char digits[] = "0123456789abcdef";

const char *rule_word(enum rule_kind kind) {
    return words[kind];
}

bool rule_kind_parse(struct slice word, enum rule_kind *kind) {
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_equal(word, slice_of_string(words[i]))) {
            *kind = (enum rule_kind)i;
            return true;
        }
    }
    return false;
}

static int digit_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void append_hex(struct buffer *line, uint8_t byte) {
    buffer_append_char(line, digits[byte >> 4]);
    buffer_append_char(line, digits[byte & 15]);
}

/* What must not stand in a word is written as %XX. Above ASCII there is nothing that must not. */
static void append_word(struct buffer *line, struct slice word) {
    for (size_t i = 0; i < word.length; i++) {
        uint8_t c = (uint8_t)word.data[i];

        if (c <= ' ' || c == '%' || c == 0x7f) {
            buffer_append_char(line, '%');
            append_hex(line, c);
        } else {
            buffer_append_char(line, (char)c);
        }
    }
}

static int hex_byte(struct slice s, uint8_t *byte) {
    int high = s.length < 2 ? -1 : digit_value(s.data[0]);
    int low = s.length < 2 ? -1 : digit_value(s.data[1]);

    if (high < 0 || low < 0) {
        return ERR_BAD_REQUEST;
    }
    *byte = (uint8_t)(high << 4 | low);
    return 0;
}

/* Where nothing is packed, which is nearly always, the word is its own text. The memory is reserved
 * once for the whole line (see rule_read), so what was unpacked before stays where it is. */
static int unpack_word(struct slice word, struct buffer *memory, struct slice *text) {
    char *start = memory->data + memory->end;
    size_t length = 0;

    if (slice_find(word, '%') < 0) {
        *text = word;
        return 0;
    }
    while (word.length > 0) {
        uint8_t byte = (uint8_t)word.data[0];
        bool packed = byte == '%';

        if (packed && hex_byte(slice_skip(word, 1), &byte) < 0) {
            return ERR_BAD_REQUEST;
        }
        start[length++] = (char)byte;
        word = slice_skip(word, packed ? 3 : 1);
    }
    buffer_commit(memory, length);
    *text = slice_from(start, length);
    return 0;
}

/* What is about a room must not turn into something about the whole server, whatever its name. */
static void append_room(struct buffer *line, struct slice room) {
    if (slice_equal(room, EVERYWHERE)) {
        buffer_append_string(line, "%2a");
    } else {
        append_word(line, room.length > 0 ? room : EVERYWHERE);
    }
}

static void append_member(struct buffer *line, const char *key, struct slice value) {
    if (value.length > 0) {
        buffer_append_format(line, " %s=", key);
        append_word(line, value);
    }
}

static void append_identity(struct buffer *line, const struct identity *identity) {
    if (identity_none(identity)) {
        return;
    }
    buffer_append_string(line, " id=");
    for (size_t i = 0; i < sizeof(identity->bytes); i++) {
        append_hex(line, identity->bytes[i]);
    }
}

void rule_write(const struct rule *rule, struct buffer *line) {
    buffer_append_string(line, words[rule->kind]);
    buffer_append_char(line, ' ');
    append_room(line, rule->room);
    append_member(line, "key", rule->key);
    append_member(line, "value", rule->value);
    append_member(line, "name", rule->name);
    append_identity(line, &rule->identity);
    append_member(line, "address", rule->address);
    if (rule->kind == RULE_ROLE) {
        append_member(line, "role", slice_of_string(role_name(rule->role)));
    }
    if (rule->guest) {
        buffer_append_string(line, " guest");
    }
    if (rule->claim) {
        buffer_append_string(line, " claim");
    }
    if (rule->seconds > 0) {
        buffer_append_string(line, " for=");
        buffer_append_u64(line, rule->seconds);
    }
    if (rule->reason.length > 0) {
        buffer_append_string(line, " reason=");
        buffer_append_slice(line, rule->reason);
    }
}

static int read_identity(struct slice text, struct identity *identity) {
    if (text.length != 2 * sizeof(identity->bytes)) {
        return ERR_BAD_REQUEST;
    }
    for (size_t i = 0; i < sizeof(identity->bytes); i++) {
        if (hex_byte(slice_skip(text, 2 * i), &identity->bytes[i]) < 0) {
            return ERR_BAD_REQUEST;
        }
    }
    return 0;
}

static int read_member(struct slice key, struct slice value, struct buffer *memory,
                       struct rule *rule) {
    struct {
        struct slice key;
        struct slice *text;
    } const texts[] = {
        {SLICE("key"), &rule->key},
        {SLICE("value"), &rule->value},
        {SLICE("name"), &rule->name},
        {SLICE("address"), &rule->address},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (slice_equal(key, texts[i].key)) {
            return unpack_word(value, memory, texts[i].text);
        }
    }
    if (slice_equal(key, SLICE("id"))) {
        return read_identity(value, &rule->identity);
    }
    if (slice_equal(key, SLICE("role"))) {
        return role_parse(value, &rule->role) ? 0 : ERR_BAD_REQUEST;
    }
    if (slice_equal(key, SLICE("for"))) {
        bool valid = slice_to_u64(value, &rule->seconds) && rule->seconds <= RULE_SECONDS_MOST;

        return valid ? 0 : ERR_BAD_REQUEST;
    }
    rule->guest = rule->guest || slice_equal(key, SLICE("guest"));
    rule->claim = rule->claim || slice_equal(key, SLICE("claim"));
    return 0;
}

static int read_members(struct slice rest, struct buffer *memory, struct rule *rule) {
    while (rest.length > 0) {
        if (slice_starts_with(rest, SLICE("reason="))) {
            rule->reason = slice_skip(rest, sizeof("reason=") - 1);
            return 0;
        }
        struct slice value = slice_cut(&rest, ' ');
        struct slice key = slice_cut(&value, '=');
        int error = read_member(key, value, memory, rule);

        if (error < 0) {
            return error;
        }
    }
    return 0;
}

/* What a rule of this kind cannot do without. */
static bool is_complete(const struct rule *rule) {
    switch (rule->kind) {
    case RULE_CREATE:
        return rule->room.length > 0;
    case RULE_SET:
        return rule->room.length > 0 && rule->key.length > 0;
    case RULE_ROLE:
    case RULE_INVITE:
        return rule->room.length > 0 && !identity_none(&rule->identity);
    case RULE_BAN:
    case RULE_UNBAN:
        return rule->name.length > 0 || rule->address.length > 0;
    case RULE_KICK:
    case RULE_MUTE:
    case RULE_UNMUTE:
        return rule->name.length > 0;
    }
    return false;
}

int rule_read(struct slice line, struct buffer *memory, struct rule *rule) {
    struct slice rest = line;
    struct slice word = slice_cut(&rest, ' ');
    struct slice room = slice_cut(&rest, ' ');
    struct rule read = {0};

    buffer_reserve(memory, line.length);
    if (!rule_kind_parse(word, &read.kind) || room.length == 0) {
        return ERR_BAD_REQUEST;
    }
    int error = slice_equal(room, EVERYWHERE) ? 0 : unpack_word(room, memory, &read.room);

    if (error == 0) {
        error = read_members(rest, memory, &read);
    }
    if (error < 0 || !is_complete(&read)) {
        return ERR_BAD_REQUEST;
    }
    *rule = read;
    return 0;
}
