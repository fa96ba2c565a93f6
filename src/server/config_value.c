#include "server/config_value.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

static int refuse(const struct config_key *key, const char *value, const char *wanted,
                  char *message, size_t size) {
    snprintf(message, size, "%s = %s: %s", key->name, value, wanted);
    return ERR_BAD_REQUEST;
}

void config_list_clear(struct config_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        explicit_bzero(list->items[i], strlen(list->items[i])); /* some are secrets */
        memory_free(list->items[i]);
    }
    memory_free(list->items);
    *list = (struct config_list){0};
}

void config_list_add(struct config_list *list, struct slice item, enum config_source source) {
    if (list->source != source)
        config_list_clear(list);
    list->items = memory_resize(list->items, (list->count + 1) * sizeof(*list->items));
    list->items[list->count++] = memory_copy_string(item);
    list->source = source;
}

static int set_text(const struct config_key *key, void *field, const char *value, char *message,
                    size_t size) {
    char **text = field;

    if (!utf8_valid(slice_of_string(value)))
        return refuse(key, "?", "is not UTF-8", message, size);
    memory_free(*text);
    *text = memory_copy_string(slice_of_string(value));
    return 0;
}

static int set_switch(const struct config_key *key, void *field, const char *value, char *message,
                      size_t size) {
    bool on = strcasecmp(value, "on") == 0 || strcasecmp(value, "yes") == 0 ||
              strcasecmp(value, "true") == 0;
    bool off = strcasecmp(value, "off") == 0 || strcasecmp(value, "no") == 0 ||
               strcasecmp(value, "false") == 0;

    if (!on && !off)
        return refuse(key, value, "must be on or off", message, size);
    *(bool *)field = on;
    return 0;
}

static int set_choice(const struct config_key *key, void *field, const char *value, char *message,
                      size_t size) {
    char wanted[128] = "must be one of:";

    for (int i = 0; key->words[i]; i++) {
        size_t used = strlen(wanted);
        if (strcmp(key->words[i], value) == 0) {
            *(int *)field = i;
            return 0;
        }
        snprintf(wanted + used, sizeof(wanted) - used, " %s", key->words[i]);
    }
    return refuse(key, value, wanted, message, size);
}

/* Digits, and up to `decimals` more after a point, as one number in units of the last decimal. */
static bool parse_decimal(struct slice text, unsigned decimals, uint64_t *value) {
    uint64_t units;
    struct slice whole = slice_cut(&text, '.');
    bool has_fraction = text.data != NULL;

    if (!slice_to_u64(whole, &units) ||
        (has_fraction && (text.length == 0 || text.length > decimals)))
        return false;
    for (size_t i = 0; i < decimals; i++) {
        char digit = i < text.length ? text.data[i] : '0';
        if (digit < '0' || digit > '9' || units > UINT32_MAX)
            return false;
        units = units * 10 + (uint64_t)(digit - '0');
    }
    *value = units;
    return true;
}

/* Letters at the end of a number, and what they stand for. */
struct suffix {
    char letter;
    uint64_t factor;
};

static const struct suffix bytes_suffixes[] = {{'k', 1 << 10}, {'m', 1 << 20}, {'g', 1 << 30}, {0}};
static const struct suffix age_suffixes[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {0}};

/* Takes a suffix from the end; returns what it stands for. */
static uint64_t cut_suffix(const struct suffix *suffixes, struct slice *text) {
    char last = text->length > 0 ? text->data[text->length - 1] | 0x20 : 0;

    for (; suffixes->letter; suffixes++) {
        if (suffixes->letter == last) {
            text->length--;
            return suffixes->factor;
        }
    }
    return 1;
}

/* Takes the unit from the end, if there is one. */
static void cut_milliseconds(struct slice *text) {
    if (text->length > 2 && strncasecmp(text->data + text->length - 2, "ms", 2) == 0)
        text->length -= 2;
}

static uint64_t cut_factor(const struct config_key *key, struct slice *text) {
    if (key->kind == CONFIG_MILLISECONDS)
        cut_milliseconds(text);
    if (key->kind == CONFIG_BYTES)
        return cut_suffix(bytes_suffixes, text);
    return key->kind == CONFIG_AGE ? cut_suffix(age_suffixes, text) : 1;
}

static int set_number(const struct config_key *key, void *field, const char *value, char *message,
                      size_t size) {
    struct slice text = slice_of_string(value);
    uint64_t factor = cut_factor(key, &text);
    unsigned decimals = key->kind == CONFIG_SECONDS ? 3 : 0;
    unsigned unit = key->kind == CONFIG_SECONDS ? 1000 : 1;
    char wanted[96];
    uint64_t number;

    if (key->or_auto && strcasecmp(value, "auto") == 0) {
        *(size_t *)field = CONFIG_AUTO;
        return 0;
    }
    if (parse_decimal(text, decimals, &number) && number <= UINT32_MAX &&
        number * factor >= key->minimum && number * factor <= key->maximum) {
        *(size_t *)field = (size_t)(number * factor);
        return 0;
    }
    snprintf(wanted, sizeof(wanted), "must be %sa number from %zu to %zu",
             key->or_auto ? "auto or " : "", key->minimum / unit, key->maximum / unit);
    return refuse(key, value, wanted, message, size);
}

int config_value_set(const struct config_key *key, void *field, const char *value,
                     enum config_source source, char *message, size_t size) {
    if (value[0] == 0 && key->kind != CONFIG_TEXT)
        return refuse(key, value, "needs a value", message, size);
    if (key->check && key->check(value, message, size) != 0)
        return ERR_BAD_REQUEST;
    switch (key->kind) {
    case CONFIG_TEXT:
        return set_text(key, field, value, message, size);
    case CONFIG_LIST:
        config_list_add(field, slice_of_string(value), source);
        return 0;
    case CONFIG_SWITCH:
        return set_switch(key, field, value, message, size);
    case CONFIG_CHOICE:
        return set_choice(key, field, value, message, size);
    case CONFIG_NUMBER:
    case CONFIG_BYTES:
    case CONFIG_AGE:
    case CONFIG_SECONDS:
    case CONFIG_MILLISECONDS:
        return set_number(key, field, value, message, size);
    }
    return ERR_INTERNAL;
}

int config_value_reset(const struct config_key *key, void *field, char *message, size_t size) {
    struct slice rest = slice_of_string(key->initial);

    if (key->kind != CONFIG_LIST)
        return config_value_set(key, field, key->initial, CONFIG_FROM_DEFAULT, message, size);
    while (rest.length > 0)
        config_list_add(field, slice_cut(&rest, '\n'), CONFIG_FROM_DEFAULT);
    return 0;
}

static bool list_equal(const struct config_list *list, const struct config_list *other) {
    bool equal = list->count == other->count;

    for (size_t i = 0; equal && i < list->count; i++)
        equal = strcmp(list->items[i], other->items[i]) == 0;
    return equal;
}

static size_t field_size(const struct config_key *key) {
    switch (key->kind) {
    case CONFIG_TEXT:
        return sizeof(char *);
    case CONFIG_LIST:
        return sizeof(struct config_list);
    case CONFIG_SWITCH:
        return sizeof(bool);
    case CONFIG_CHOICE:
        return sizeof(int);
    case CONFIG_NUMBER:
    case CONFIG_BYTES:
    case CONFIG_AGE:
    case CONFIG_SECONDS:
    case CONFIG_MILLISECONDS:
        return sizeof(size_t);
    }
    return 0;
}

void config_value_each_file(const struct config_key *key, const void *field,
                            void (*reads)(void *context, const char *path), void *context) {
    const struct config_list *list = field;

    if (key->kind == CONFIG_TEXT && (*(char *const *)field)[0] != 0)
        reads(context, *(char *const *)field);
    for (size_t i = 0; key->kind == CONFIG_LIST && i < list->count; i++)
        reads(context, list->items[i]);
}

bool config_value_equal(const struct config_key *key, const void *field, const void *other) {
    if (key->kind == CONFIG_LIST)
        return list_equal(field, other);
    if (key->kind == CONFIG_TEXT)
        return strcmp(*(char *const *)field, *(char *const *)other) == 0;
    return memcmp(field, other, field_size(key)) == 0;
}

void config_value_exchange(const struct config_key *key, void *field, void *other) {
    char kept[sizeof(struct config_list)];
    size_t size = field_size(key);

    memcpy(kept, field, size);
    memcpy(field, other, size);
    memcpy(other, kept, size);
}

void config_value_close(const struct config_key *key, void *field) {
    if (key->kind == CONFIG_TEXT)
        memory_free(*(char **)field);
    else if (key->kind == CONFIG_LIST)
        config_list_clear(field);
}

static void append_seconds(size_t milliseconds, struct buffer *output) {
    buffer_append_u64(output, milliseconds / 1000);
    if (milliseconds % 1000 > 0)
        buffer_append_format(output, ".%03zu", milliseconds % 1000);
}

static void append_milliseconds(size_t milliseconds, struct buffer *output) {
    buffer_append_u64(output, milliseconds);
    if (milliseconds > 0)
        buffer_append_string(output, "ms");
}

/* In the largest unit that it is a whole number of. */
static void append_age(size_t seconds, struct buffer *output) {
    const struct suffix *best = &age_suffixes[0];

    for (const struct suffix *suffix = age_suffixes; suffix->letter; suffix++) {
        if (seconds % suffix->factor == 0)
            best = suffix;
    }
    buffer_append_u64(output, seconds / best->factor);
    if (seconds > 0)
        buffer_append_char(output, best->letter);
}

static void append_value(const struct config_key *key, const void *field, struct buffer *output) {
    if (key->or_auto && *(const size_t *)field == CONFIG_AUTO) {
        buffer_append_string(output, "auto");
        return;
    }
    switch (key->kind) {
    case CONFIG_TEXT:
        buffer_append_string(output, *(char *const *)field);
        break;
    case CONFIG_SWITCH:
        buffer_append_string(output, *(const bool *)field ? "on" : "off");
        break;
    case CONFIG_CHOICE:
        buffer_append_string(output, key->words[*(const int *)field]);
        break;
    case CONFIG_NUMBER:
    case CONFIG_BYTES:
        buffer_append_u64(output, *(const size_t *)field);
        break;
    case CONFIG_AGE:
        append_age(*(const size_t *)field, output);
        break;
    case CONFIG_SECONDS:
        append_seconds(*(const size_t *)field, output);
        break;
    case CONFIG_MILLISECONDS:
        append_milliseconds(*(const size_t *)field, output);
        break;
    case CONFIG_LIST:
        break;
    }
}

/* After white space a ; begins a comment. */
static void print_pair(const char *mark, const char *name, const char *value,
                       struct buffer *output) {
    buffer_append_format(output, "%s%s =%s%s\n", mark, name, value[0] == ';' ? "" : " ", value);
}

static void print_list(const struct config_key *key, const struct config_list *list,
                       struct buffer *output) {
    const char *mark = key->secret || list->source == CONFIG_FROM_DEFAULT ? "#" : "";

    for (size_t i = 0; i < list->count; i++)
        print_pair(mark, key->name, key->secret ? "(is set)" : list->items[i], output);
    if (list->count == 0)
        buffer_append_format(output, "#%s =\n", key->name);
}

void config_value_print(const struct config_key *key, const void *field, struct buffer *output) {
    struct buffer value = {0};

    if (key->kind == CONFIG_LIST) {
        print_list(key, field, output);
        return;
    }
    append_value(key, field, &value);
    bool initial = slice_equal(buffer_slice(&value), slice_of_string(key->initial));

    if (key->secret && !initial) {
        buffer_clear(&value);
        buffer_append_string(&value, "(is set)");
        initial = true;
    }
    buffer_append_char(&value, '\0');
    print_pair(initial ? "#" : "", key->name, buffer_slice(&value).data, output);
    buffer_close(&value);
}
