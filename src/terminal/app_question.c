/* What has to be answered before anything else: the input line shows the question, and the next key
 * is the answer. A password is typed there without being shown. */
#include <stdio.h>

#include "terminal/app.h"
#include "terminal/glyph.h"

static void end_question(struct app *app) {
    app->question = QUESTION_NONE;
    buffer_close(&app->question_text);
}

void app_ask_simple(struct app *app, enum question_kind kind) {
    end_question(app);
    app->question = kind;
}

static size_t count_lines(struct slice text) {
    size_t lines = 1;

    for (size_t i = 0; i < text.length; i++)
        lines += text.data[i] == '\n';
    return lines;
}

void app_ask_paste(struct app *app, struct slice text) {
    app_ask_simple(app, QUESTION_PASTE);
    line_set(&app->question_text, text);
    if (count_lines(buffer_slice(&app->question_text)) > 1)
        return;
    /* One line, after all: its end was pasted too. */
    struct buffer line = app->question_text;
    app->question_text = (struct buffer){0};
    end_question(app);
    app_insert(app, buffer_slice(&line));
    buffer_close(&line);
}

void app_ask_password(struct app *app, const struct session_event *event) {
    app_ask_simple(app, QUESTION_PASSWORD);
    snprintf(app->question_name, sizeof app->question_name, "%s", event->text);
    app->question_again = event->again;
    app->question_optional = event->optional;
}

/* As one message: what is there already stands in front of it. */
static void send_pasted(struct app *app) {
    struct buffer text = app->question_text;

    app->question_text = (struct buffer){0};
    end_question(app);
    app_insert(app, buffer_slice(&text));
    buffer_close(&text);
    app_submit(app);
}

static void edit_pasted(struct app *app) {
    struct buffer text = app->question_text;

    app->question_text = (struct buffer){0};
    end_question(app);
    app_insert(app, buffer_slice(&text));
    buffer_close(&text);
}

static void answer_paste(struct app *app, char letter) {
    if (letter == 'y')
        send_pasted(app);
    else if (letter == 'e')
        edit_pasted(app);
    else if (letter == 'n')
        end_question(app);
}

static void give_password(struct app *app) {
    struct buffer password = app->question_text;

    app->question_text = (struct buffer){0};
    end_question(app);
    session_give_password(app->session, app->now_ms, buffer_slice(&password));
    buffer_close(&password);
}

static void type_password(struct app *app, const struct input *input) {
    struct slice typed = buffer_slice(&app->question_text);

    switch (input->kind) {
    case INPUT_TEXT:
    case INPUT_PASTE:
        buffer_append_slice(&app->question_text, input->text);
        break;
    case INPUT_BACKSPACE:
        buffer_truncate(&app->question_text, glyph_previous_position(typed, typed.length));
        break;
    case INPUT_ENTER:
        give_password(app);
        break;
    case INPUT_CONTROL:
        if (input->letter == 'U')
            buffer_clear(&app->question_text);
        if (input->letter == 'C' || input->letter == 'D')
            app_quit(app);
        break;
    default:
        break;
    }
}

void app_answer_question(struct app *app, const struct input *input) {
    char letter = input->kind == INPUT_TEXT && input->text.length == 1
                      ? (char)(input->text.data[0] | 0x20)
                      : '\0';
    bool no = letter == 'n' || input->kind == INPUT_ESCAPE;
    bool interrupt = input->kind == INPUT_CONTROL && input->letter == 'C';

    if (app->question == QUESTION_PASSWORD) {
        type_password(app, input);
        return;
    }
    if (app->question == QUESTION_QUIT && (letter == 'y' || interrupt)) {
        end_question(app);
        app_quit(app);
        return;
    }
    if (no || interrupt) {
        end_question(app);
        return;
    }
    if (app->question == QUESTION_PASTE)
        answer_paste(app, letter);
    if (app->question == QUESTION_DELETE && letter == 'y') {
        end_question(app);
        app_delete(app, app_target(app, true));
    }
}

void app_question_text(const struct app *app, struct buffer *out) {
    struct slice text = buffer_slice(&app->question_text);

    switch (app->question) {
    case QUESTION_NONE:
        break;
    case QUESTION_PASTE:
        buffer_append_format(out, "Paste %zu lines? y: send them, n: no, e: edit them first ",
                             count_lines(text));
        break;
    case QUESTION_DELETE:
        buffer_append_string(out, "Delete this message? y/n ");
        break;
    case QUESTION_QUIT:
        buffer_append_string(out, "Leave? y/n (Ctrl+C again: yes) ");
        break;
    case QUESTION_PASSWORD:
        buffer_append_format(
            out, "%sPassword for %s%s: ", app->question_again ? "That was wrong. " : "",
            app->question_name, app->question_optional ? " (Enter: go by another name)" : "");
        for (size_t at = 0; at < text.length; at = glyph_next_position(text, at))
            buffer_append_char(out, '*');
        break;
    }
}
