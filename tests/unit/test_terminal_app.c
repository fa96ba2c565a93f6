/* The full-screen client without a screen: what the session tells it, what is typed, and what one
 * would see. The session has no connection; its events are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "terminal/app.h"
#include "wire/json.h"

#define NOW_US (INT64_C(1771000000) * 1000000)

struct world {
    struct session *session;
    struct app app;
};

static struct world *open_world(void) {
    struct world *world = memory_new_struct(struct world);
    const struct session_options options = {.name = "ann"};

    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    setenv("TZ", "UTC", 1);
    world->session = session_new(&options);
    app_init(&world->app, &(struct app_options){.session = world->session, .room = "lobby"});
    app_tick(&world->app, 1000, NOW_US);
    app_resize(&world->app, 12, 90);
    buffer_append_string(&world->app.self, "ann");
    return world;
}

static void close_world(struct world *world) {
    app_close(&world->app);
    session_free(world->session);
    memory_free(world);
}

static void tell(struct world *world, enum session_event_kind kind, const char *text) {
    struct slice frame = slice_of_string(text);
    json_t *json = json_parse_object(frame);
    struct session_event event = {.kind = kind, .json = json};

    assert_non_null(json);
    event.room = line_member(json, "room");
    event.seq = line_number(json, "seq");
    event.cid = line_member(json, "cid");
    app_take_event(&world->app, &event);
    json_decref(json);
}

static void join(struct world *world, const char *room, unsigned read, unsigned last) {
    char frame[256];

    snprintf(frame, sizeof frame,
             "{\"room\":\"%s\",\"read\":%u,\"last\":%u,\"client_count\":2,\"topic\":\"\"}", room,
             read, last);
    tell(world, SESSION_JOINED, frame);
}

static void message(struct world *world, const char *room, unsigned seq, const char *sender,
                    const char *content) {
    char frame[512];

    snprintf(frame, sizeof frame,
             "{\"type\":\"message\",\"room\":\"%s\",\"seq\":%u,\"sender\":\"%s\",\"content\":"
             "\"%s\",\"timestamp\":\"2026-02-13T10:30:45.123456Z\"}",
             room, seq, sender, content);
    tell(world, SESSION_ENTRY, frame);
}

static void press(struct world *world, enum input_kind kind, char letter) {
    app_take_input(&world->app, &(struct input){.kind = kind, .letter = letter});
}

static void type(struct world *world, const char *text) {
    app_take_input(&world->app, &(struct input){.kind = INPUT_TEXT, .text = slice_of_string(text)});
}

static void say(struct world *world, const char *text) {
    type(world, text);
    press(world, INPUT_ENTER, 0);
}

/* The last line of the current room. */
static struct line *last_line(const struct world *world) {
    return container_of(world->app.current->lines.last, struct line, node);
}

static void check_text(const struct buffer *buffer, const char *expected) {
    assert_true(slice_equal(buffer_slice(buffer), slice_of_string(expected)));
}

/* What stands in the body of a line. */
static void check_body(struct world *world, const struct line *line, const char *expected) {
    struct layout layout = {0};

    layout_fill(&layout, world->app.current, line, &world->app.view.options);
    check_text(&layout.body.text, expected);
    layout_close(&layout);
}

static void what_is_new_elsewhere_is_counted(void **state) {
    struct world *world = open_world();

    (void)state;
    join(world, "lobby", 0, 0);
    say(world, "/join ops");
    join(world, "ops", 0, 0);
    message(world, "lobby", 1, "bob", "annual report");
    assert_false(world->app.ring);
    message(world, "lobby", 2, "bob", "Ann: hello");
    struct room *lobby = app_find_room(&world->app, SLICE("Lobby"));
    assert_int_equal(lobby->unread, 2);
    assert_int_equal(lobby->mentions, 1);
    assert_true(world->app.ring);
    message(world, "lobby", 3, "ann", "from another place");
    assert_int_equal(lobby->unread, 2);
    press(world, INPUT_ALT, 'a');
    assert_ptr_equal(world->app.current, lobby);
    assert_int_equal(lobby->unread, 0);
    assert_int_equal(lobby->read, 3);
    close_world(world);
}

static void what_was_read_before_is_not_new(void **state) {
    struct world *world = open_world();

    (void)state;
    say(world, "/join ops");
    join(world, "lobby", 2, 3);
    message(world, "lobby", 2, "bob", "old");
    message(world, "lobby", 3, "bob", "new");
    assert_int_equal(app_find_room(&world->app, SLICE("lobby"))->unread, 1);
    assert_int_equal(app_find_room(&world->app, SLICE("lobby"))->marker, 2);
    close_world(world);
}

static void what_comes_twice_is_shown_once(void **state) {
    struct world *world = open_world();

    (void)state;
    join(world, "lobby", 0, 0);
    message(world, "lobby", 1, "bob", "once");
    message(world, "lobby", 1, "bob", "once");
    assert_int_equal(world->app.current->line_count, 1);
    close_world(world);
}

static void edits_and_reactions_find_their_message_in_history_too(void **state) {
    struct world *world = open_world();
    const char *page[] = {
        "{\"type\":\"message\",\"room\":\"lobby\",\"seq\":1,\"sender\":\"bob\",\"content\":"
        "\"frist\"}",
        "{\"type\":\"edit\",\"room\":\"lobby\",\"seq\":2,\"of\":1,\"sender\":\"bob\",\"content\":"
        "\"second try\"}",
    };

    (void)state;
    join(world, "lobby", 0, 5);
    /* Live: an edit and a reaction of a message that is not here. */
    tell(world, SESSION_ENTRY,
         "{\"type\":\"edit\",\"room\":\"lobby\",\"seq\":4,\"of\":1,\"sender\":\"bob\",\"content\":"
         "\"first\"}");
    tell(world, SESSION_ENTRY,
         "{\"type\":\"react\",\"room\":\"lobby\",\"seq\":5,\"of\":1,\"key\":\"+\",\"op\":\"add\","
         "\"sender\":\"cat\"}");
    struct room *room = world->app.current;
    for (size_t i = 0; i < 2; i++) {
        json_t *json = json_parse_object(slice_of_string(page[i]));
        room_take_entry(room, json, SLICE("ann"), true);
        json_decref(json);
    }
    room_end_page(room, true);
    struct line *line = room_find(room, 1);
    assert_non_null(line);
    check_text(&line->content, "first");
    check_body(world, line, "first (edited)\n+ 1");
    assert_true(room->complete);
    close_world(world);
}

static void what_was_let_go_of_comes_back_as_it_was(void **state) {
    struct world *world = open_world();
    const char *again = "{\"type\":\"message\",\"room\":\"lobby\",\"seq\":1,\"sender\":\"bob\","
                        "\"content\":\"old\"}";

    (void)state;
    join(world, "lobby", 0, 0);
    for (unsigned i = 1; i <= 5001; i++)
        message(world, "lobby", i, "bob", i == 1 ? "old" : "more");
    tell(world, SESSION_ENTRY,
         "{\"type\":\"edit\",\"room\":\"lobby\",\"seq\":5002,\"of\":1,\"sender\":\"bob\","
         "\"content\":\"corrected\"}");
    struct room *room = world->app.current;
    room_trim(room);
    assert_null(room_find(room, 1));
    assert_true(room->first > 1 && !room->complete);
    json_t *json = json_parse_object(slice_of_string(again));
    room_take_entry(room, json, SLICE("ann"), true);
    room_end_page(room, true);
    check_text(&room_find(room, 1)->content, "corrected");
    json_decref(json);
    close_world(world);
}

static void a_deleted_message_has_no_words(void **state) {
    struct world *world = open_world();

    (void)state;
    join(world, "lobby", 0, 0);
    message(world, "lobby", 1, "bob", "secret");
    tell(world, SESSION_ENTRY,
         "{\"type\":\"delete\",\"room\":\"lobby\",\"seq\":2,\"of\":1,\"sender\":\"bob\"}");
    check_body(world, last_line(world), "this message was deleted");
    close_world(world);
}

static void what_is_written_waits_for_the_server(void **state) {
    struct world *world = open_world();
    struct session_event refused = {.kind = SESSION_REFUSED, .text = "You are muted"};
    struct session_event held = {
        .kind = SESSION_HELD, .text = "Rate limit exceeded", .delay_ms = 3000};

    (void)state;
    join(world, "lobby", 0, 0);
    say(world, "one");
    say(world, "two");
    assert_int_equal(session_unacked(world->session), 2);
    check_body(world, last_line(world), "two\n… is sent when the connection is back");
    message(world, "lobby", 1, "bob", "in between"); /* stands before what is on its way */
    check_text(&last_line(world)->content, "two");
    app_take_event(&world->app, &held);
    assert_true(app_send_is_held(&world->app));
    app_take_event(&world->app, &refused);
    app_take_event(&world->app, &(struct session_event){.kind = SESSION_ACKED});
    assert_int_equal(world->app.current->line_count, 2);
    check_body(world, last_line(world),
               "one\n✗ not sent: You are muted  (/retry sends it again, /drop forgets it)");
    say(world, "/retry");
    check_body(world, last_line(world), "one\n… is sent when the connection is back");
    app_take_event(&world->app, &refused);
    say(world, "/drop");
    assert_int_equal(world->app.current->line_count, 1);
    close_world(world);
}

static void several_lines_are_only_sent_when_that_is_wanted(void **state) {
    struct world *world = open_world();
    struct input paste = {.kind = INPUT_PASTE, .text = SLICE("one\r\ntwo\r\n")};

    (void)state;
    join(world, "lobby", 0, 0);
    app_take_input(&world->app, &paste);
    assert_int_equal(world->app.question, QUESTION_PASTE);
    type(world, "x");
    assert_int_equal(world->app.question, QUESTION_PASTE);
    type(world, "n");
    assert_int_equal(world->app.question, QUESTION_NONE);
    assert_int_equal(world->app.current->line_count, 0);
    app_take_input(&world->app, &paste);
    type(world, "y");
    check_text(&last_line(world)->content, "one\ntwo");
    close_world(world);
}

static void the_place_is_kept_while_lines_come(void **state) {
    struct world *world = open_world();
    char text[32];

    (void)state;
    join(world, "lobby", 0, 0);
    for (unsigned i = 1; i <= 100; i++) {
        snprintf(text, sizeof text, "line %u", i);
        message(world, "lobby", i, "bob", text);
    }
    struct room *room = world->app.current;
    press(world, INPUT_PAGE_UP, 0);
    struct view_start before = view_begin(&world->app.view, room);
    message(world, "lobby", 101, "bob", "more");
    struct view_start after = view_begin(&world->app.view, room);
    assert_ptr_equal(before.line, after.line);
    assert_int_equal(room->unread, 1);
    for (int i = 0; i < 30; i++)
        press(world, INPUT_PAGE_UP, 0);
    after = view_begin(&world->app.view, room);
    assert_int_equal(after.line->seq, 1);
    assert_int_equal(after.skip, 0);
    assert_int_equal(after.blank, 0);
    for (int i = 0; i < 30; i++)
        press(world, INPUT_PAGE_DOWN, 0);
    assert_null(room->anchor);
    assert_int_equal(room->unread, 0);
    close_world(world);
}

static void every_size_can_be_laid_out(void **state) {
    struct world *world = open_world();

    (void)state;
    join(world, "lobby", 0, 0);
    message(world, "lobby", 1, "bob",
            "日本語のテキスト and https://example.org/ with `code` 👨‍👩‍👧");
    message(world, "lobby", 2, "a-very-long-name-that-does-not-fit", "/me waves");
    for (unsigned rows = 1; rows < 30; rows++) {
        for (unsigned columns = 1; columns < 130; columns += 3) {
            app_resize(&world->app, rows, columns);
            const struct frame *frame = &world->app.frame;
            assert_true(frame->input + frame->input_rows <= rows);
            assert_true(frame->height + frame->top <= rows);
            assert_true(frame->left + frame->width <= columns);
            view_begin(&world->app.view, world->app.current);
        }
    }
    close_world(world);
}

static void drafts_stay_in_their_rooms(void **state) {
    struct world *world = open_world();

    (void)state;
    join(world, "lobby", 0, 0);
    type(world, "half a thou");
    press(world, INPUT_ALT, '1');
    say(world, "");
    type(world, "left");
    app_join(&world->app, SLICE("ops"));
    assert_int_equal(editor_text(&world->app.editor).length, 0);
    press(world, INPUT_CONTROL, 'P');
    check_text(&world->app.editor.text, "left");
    close_world(world);
}

static void people_stand_in_order(void **state) {
    struct world *world = open_world();

    (void)state;
    join(world, "lobby", 0, 0);
    struct room *room = world->app.current;
    room_person_add(room, SLICE("Zoe"), SLICE_NONE);
    room_person_add(room, SLICE("ann"), SLICE("guest"));
    room_person_add(room, SLICE("Mo"), SLICE("owner"));
    assert_false(room_person_add(room, SLICE("ZOE"), SLICE_NONE));
    check_text(&room->people[0].name, "Mo");
    check_text(&room->people[1].name, "ann");
    check_text(&room->people[2].name, "Zoe");
    tell(world, SESSION_FRAME,
         "{\"type\":\"presence\",\"room\":\"lobby\",\"join\":[\"bob\"],\"leave\":[\"Zoe\"],"
         "\"client_count\":3}");
    assert_int_equal(room->people_count, 3);
    check_text(&last_line(world)->content, "← Zoe  → bob");
    close_world(world);
}

static void a_conversation_begins_with_a_name(void **state) {
    struct world *world = open_world();

    (void)state;
    join(world, "lobby", 0, 0);
    say(world, "/query bob");
    assert_true(room_is_direct(world->app.current));
    message(world, "@ann,bob", 1, "bob", "hello");
    assert_true(app_find_room(&world->app, SLICE("@ann,bob")) == world->app.current);
    check_text(&world->app.current->name, "@ann,bob");
    say(world, "/query ann");
    check_text(&last_line(world)->content, "that is you");
    close_world(world);
}

static void another_life_of_the_store_forgets_the_old_numbers(void **state) {
    struct world *world = open_world();

    (void)state;
    join(world, "lobby", 0, 0);
    message(world, "lobby", 7, "bob", "old");
    say(world, "mine");
    tell(world, SESSION_GAP,
         "{\"type\":\"gap\",\"room\":\"lobby\",\"epoch\":\"f\",\"after\":7,\"first\":1,"
         "\"reason\":\"epoch\"}");
    assert_null(room_find(world->app.current, 7));
    message(world, "lobby", 1, "bob", "anew");
    assert_non_null(room_find(world->app.current, 1));
    check_text(&last_line(world)->content, "mine");
    close_world(world);
}

static void commands_may_be_cut_short(void **state) {
    struct world *world = open_world();

    (void)state;
    join(world, "lobby", 0, 0);
    say(world, "/hel");
    assert_true(world->app.picker.open);
    press(world, INPUT_ESCAPE, 0);
    say(world, "/m"); /* /msg, /me, /mute, /mode */
    assert_int_equal(last_line(world)->kind, LINE_ERROR);
    say(world, "//hel");
    check_text(&last_line(world)->content, "/hel");
    close_world(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_new_elsewhere_is_counted),
        cmocka_unit_test(what_was_read_before_is_not_new),
        cmocka_unit_test(what_comes_twice_is_shown_once),
        cmocka_unit_test(edits_and_reactions_find_their_message_in_history_too),
        cmocka_unit_test(what_was_let_go_of_comes_back_as_it_was),
        cmocka_unit_test(a_deleted_message_has_no_words),
        cmocka_unit_test(what_is_written_waits_for_the_server),
        cmocka_unit_test(several_lines_are_only_sent_when_that_is_wanted),
        cmocka_unit_test(the_place_is_kept_while_lines_come),
        cmocka_unit_test(every_size_can_be_laid_out),
        cmocka_unit_test(drafts_stay_in_their_rooms),
        cmocka_unit_test(people_stand_in_order),
        cmocka_unit_test(a_conversation_begins_with_a_name),
        cmocka_unit_test(another_life_of_the_store_forgets_the_old_numbers),
        cmocka_unit_test(commands_may_be_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
