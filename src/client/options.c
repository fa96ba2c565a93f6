#include "client/options.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "base/text.h"
#include "client/url.h"

static void print_help(const struct command_line *line) {
    char left[64];

    printf("usage: banter %s\n\n%s\n\n", line->usage, line->summary);
    for (size_t i = 0; i < line->option_count; i++) {
        const struct option *option = &line->options[i];
        char letter[5] = "    ";
        if (option->letter != 0)
            snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name,
                 option->placeholder != NULL ? " " : "",
                 option->placeholder != NULL ? option->placeholder : "");
        printf("  %-24s %s\n", left, option->help);
    }
    printf("      %-20s %s\n", "--help", "say this");
}

static enum options_result wrong(const struct command_line *line, const char *what,
                                 const char *argument) {
    size_t verb = strcspn(line->usage, " ");
    fprintf(stderr, "error: %s: %s; see banter %.*s --help\n", what, argument, (int)verb,
            line->usage);
    return OPTIONS_WRONG;
}

/* `name` without dashes; of a short option its letter. */
static const struct option *find_option(const struct command_line *line, bool is_long,
                                        struct slice name) {
    for (size_t i = 0; i < line->option_count; i++) {
        const struct option *option = &line->options[i];
        if (is_long ? slice_equal(name, slice_of_string(option->name))
                    : name.length == 1 && name.data[0] == option->letter)
            return option;
    }
    return NULL;
}

static bool set_value(const struct option *option, const char *value) {
    if (option->text != NULL) {
        *option->text = value;
        return true;
    }
    return slice_to_u64(slice_of_string(value), option->number);
}

/* One option at `arguments[*at]`, with its value behind "=" or in the next argument. */
static enum options_result take_option(const struct command_line *line, int count, char **arguments,
                                       int *at) {
    char *argument = arguments[*at];
    bool is_long = argument[1] == '-';
    char *text = argument + (is_long ? 2 : 1);
    char *equals = is_long ? strchr(text, '=') : NULL;
    size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    const struct option *option = find_option(line, is_long, slice_from(text, length));

    if (option == NULL)
        return wrong(line, "unknown option", argument);
    if (option->placeholder == NULL) {
        if (equals != NULL)
            return wrong(line, "takes no value", argument);
        *option->flag = true;
        return OPTIONS_RUN;
    }
    if (equals == NULL && *at + 1 >= count)
        return wrong(line, "a value is missing", argument);
    const char *value = equals != NULL ? equals + 1 : arguments[++*at];
    if (!set_value(option, value))
        return wrong(line, "not a number", value);
    return OPTIONS_RUN;
}

static enum options_result take_word(struct command_line *line, const char *argument) {
    if (line->url == NULL && url_recognise(argument))
        line->url = argument;
    else if (line->takes_word && line->word == NULL)
        line->word = argument;
    else if (line->takes_word)
        return wrong(line, "one text only, put quotes around it", argument);
    else if (line->url == NULL)
        return wrong(line, "not a URL like " URL_DEFAULT, argument);
    else
        return wrong(line, "what is this for", argument);
    return OPTIONS_RUN;
}

enum options_result options_parse(struct command_line *line, int count, char **arguments) {
    bool options_over = false;

    for (int i = 0; i < count; i++) {
        enum options_result result;
        if (!utf8_valid(slice_of_string(arguments[i])))
            return wrong(line, "not UTF-8", "an argument");
        if (!options_over && strcmp(arguments[i], "--") == 0) {
            options_over = true;
            continue;
        }
        if (!options_over &&
            (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0)) {
            print_help(line);
            return OPTIONS_DONE;
        }
        if (!options_over && arguments[i][0] == '-' && arguments[i][1] != 0)
            result = take_option(line, count, arguments, &i);
        else
            result = take_word(line, arguments[i]);
        if (result != OPTIONS_RUN)
            return result;
    }
    return OPTIONS_RUN;
}
