/* How soon what is said in a room goes out: at once, a while later, or as the server has time. */
#include "delivery_world.h"

/* Numbered readers are shown what is said and nothing else. */
struct scene {
    struct world *world;
    struct wire *writer, *reader;
};

static struct scene scene_of(unsigned flush_ms) {
    struct scene scene = {.world =
                              world_of(1 << 20, (struct outlet_options){.flush_ms = flush_ms})};
    scene.writer = wire_open(scene.world, "numbered");
    scene.reader = wire_open(scene.world, "numbered");
    return scene;
}

static void scene_free(struct scene *scene) {
    wire_close(scene->world, scene->writer);
    wire_close(scene->world, scene->reader);
    world_free(scene->world);
}

/* So much later, in steps of a millisecond. */
static void wait(struct world *world, uint64_t ms) {
    for (; ms > 0; ms--) {
        world->now_ms++;
        turn(world);
    }
}

static void assert_due(const struct world *world, uint64_t expected_ms) {
    uint64_t due_ms = 0;
    assert_true(delivery_next_turn(world->delivery, &due_ms));
    assert_int_equal(due_ms, expected_ms);
}

static void assert_nothing_due(const struct world *world) {
    uint64_t due_ms;
    assert_false(delivery_next_turn(world->delivery, &due_ms));
}

static void without_a_pace_everything_goes_out_at_once(void **state) {
    (void)state;
    struct scene scene = scene_of(0);
    say(scene.world, scene.writer, "one\n");
    assert_output(scene.reader, "Client 1: one\n");
    say(scene.world, scene.writer, "two\n");
    assert_output(scene.reader, "Client 1: two\n");
    assert_nothing_due(scene.world);
    scene_free(&scene);
}

static void the_first_words_after_a_silence_go_out_at_once(void **state) {
    (void)state;
    struct scene scene = scene_of(5);
    for (int i = 0; i < 3; i++) {
        say(scene.world, scene.writer, "hello\n");
        assert_output(scene.reader, "Client 1: hello\n");
        assert_nothing_due(scene.world);
        wait(scene.world, 5);
    }
    scene_free(&scene);
}

static void what_follows_soon_waits_and_goes_out_together(void **state) {
    (void)state;
    struct scene scene = scene_of(5);
    say(scene.world, scene.writer, "one\n");
    assert_output(scene.reader, "Client 1: one\n");
    wait(scene.world, 2);
    unsigned sends = scene.reader->sends;
    say(scene.world, scene.writer, "two\n");
    assert_due(scene.world, scene.world->now_ms + 5);
    wait(scene.world, 3);
    say(scene.world, scene.writer, "three\n");
    wait(scene.world, 1);
    assert_output(scene.reader, "");
    wait(scene.world, 1);
    assert_output(scene.reader, "Client 1: two\nClient 1: three\n");
    assert_int_equal(scene.reader->sends, sends + 1);
    assert_nothing_due(scene.world);
    scene_free(&scene);
}

static void a_driver_that_comes_late_finds_it_sent(void **state) {
    (void)state;
    struct scene scene = scene_of(5);
    say(scene.world, scene.writer, "one\n");
    say(scene.world, scene.writer, "two\n");
    pass(scene.world, 100);
    assert_output(scene.reader, "Client 1: one\nClient 1: two\n");
    scene_free(&scene);
}

static void much_at_once_does_not_wait(void **state) {
    (void)state;
    struct scene scene = scene_of(1000);
    char line[20002];
    memset(line, 'x', 20000);
    memcpy(line + 20000, "\n", 2);
    say(scene.world, scene.writer, "one\n");
    say(scene.world, scene.writer, "two\n");
    assert_output(scene.reader, "Client 1: one\n");
    say(scene.world, scene.writer, line);
    assert_int_equal(buffer_length(&scene.reader->output),
                     strlen("Client 1: two\nClient 1: \n") + 20000);
    assert_nothing_due(scene.world);
    scene_free(&scene);
}

static void answers_do_not_wait(void **state) {
    (void)state;
    struct world *world = world_of(1 << 20, (struct outlet_options){.flush_ms = 1000});
    struct wire *ann = open_json(world, "banter.v1\r\n");
    send_json(world, ann, "{\"type\":\"hello\"}");
    send_json(world, ann, "{\"type\":\"join\",\"room\":\"ops\"}");
    send_json(world, ann,
              "{\"type\":\"message\",\"room\":\"ops\",\"content\":\"one\",\"cid\":\"c1\"}");
    buffer_clear(&ann->output);
    send_json(world, ann,
              "{\"type\":\"message\",\"room\":\"ops\",\"content\":\"two\",\"cid\":\"c2\"}");
    assert_true(saw(ann, "\"ack\""));
    assert_false(saw(ann, "\"two\""));
    wait(world, 1000);
    assert_true(saw(ann, "\"two\""));
    wire_close(world, ann);
    world_free(world);
}

static void who_leaves_gets_what_was_said_before(void **state) {
    (void)state;
    struct world *world = world_of(1 << 20, (struct outlet_options){.flush_ms = 1000});
    struct wire *ann = wire_open(world, "line"), *bob = wire_open(world, "line");
    say(world, ann, "ann\n");
    say(world, bob, "bob\n");
    wait(world, 1000);
    say(world, ann, "one\n");
    say(world, ann, "two\n");
    buffer_clear(&bob->output);
    say(world, bob, "QUIT\n");
    assert_true(saw(bob, "ann: two"));
    assert_true(bob->finished);
    wire_close(world, ann);
    wire_close(world, bob);
    world_free(world);
}

static void who_comes_to_a_room_that_waits_sees_each_message_once(void **state) {
    (void)state;
    struct scene scene = scene_of(1000);
    say(scene.world, scene.writer, "one\n");
    say(scene.world, scene.writer, "two\n");
    struct wire *late = open_json(scene.world, "banter.v1\r\n");
    send_json(scene.world, late, "{\"type\":\"hello\"}");
    send_json(scene.world, late, "{\"type\":\"join\",\"room\":\"lobby\",\"after\":0}");
    assert_true(saw(late, "\"one\""));
    assert_true(saw(late, "\"two\""));
    buffer_clear(&late->output);
    wait(scene.world, 1000);
    say(scene.world, scene.writer, "three\n");
    wait(scene.world, 1000);
    assert_true(saw(late, "\"three\""));
    assert_false(saw(late, "\"two\""));
    assert_output(scene.reader, "Client 1: one\nClient 1: two\nClient 1: three\n");
    wire_close(scene.world, late);
    scene_free(&scene);
}

static void a_blocked_reader_of_a_room_that_waits_keeps_its_place(void **state) {
    (void)state;
    struct scene scene = scene_of(5);
    scene.reader->room = 3;
    for (int i = 0; i < 3; i++)
        say(scene.world, scene.writer, "hello\n");
    wait(scene.world, 20);
    say(scene.world, scene.writer, "more\n");
    say(scene.world, scene.writer, "again\n");
    allow(scene.world, scene.reader, 1000);
    wait(scene.world, 5);
    assert_output(scene.reader, "Client 1: hello\nClient 1: hello\nClient 1: hello\n"
                                "Client 1: more\nClient 1: again\n");
    scene_free(&scene);
}

static void configure(struct world *world, unsigned flush_ms) {
    delivery_configure(
        world->delivery,
        &(struct delivery_options){.hub = world_hub_options,
                                   .outlet = {.settings = &world->settings, .flush_ms = flush_ms},
                                   .stream_window = 1 << 20});
    turn(world);
}

static void another_pace_holds_for_what_waits_already(void **state) {
    (void)state;
    struct scene scene = scene_of(1000);
    say(scene.world, scene.writer, "one\n");
    say(scene.world, scene.writer, "two\n");
    assert_output(scene.reader, "Client 1: one\n");
    configure(scene.world, 0);
    assert_output(scene.reader, "Client 1: two\n");
    assert_nothing_due(scene.world);
    scene_free(&scene);
}

/* The loop is busy for so much of each of these milliseconds. */
static void work(struct world *world, uint64_t ms, int64_t busy_us) {
    struct outlet *outlet = delivery_outlet(world->delivery);
    for (; ms > 0; ms--) {
        world->now_ms++;
        outlet_set_time(outlet, 1700000000000000 + (int64_t)world->now_ms * 1000, world->now_ms);
        world->work_us = busy_us;
        while (delivery_turn(world->delivery))
            ;
        world->work_us = 0;
    }
}

/* For how long what is said now waits. */
static unsigned pace_of(struct scene *scene) {
    unsigned waited = 0;
    say(scene->world, scene->writer, "one\n");
    say(scene->world, scene->writer, "two\n");
    buffer_clear(&scene->reader->output);
    while (delivery_next_turn(scene->world->delivery, &(uint64_t){0})) {
        wait(scene->world, 1);
        waited++;
    }
    return waited;
}

static void a_loop_with_time_sends_at_once(void **state) {
    (void)state;
    struct scene scene = scene_of(FLUSH_AUTO);
    assert_int_equal(pace_of(&scene), 0);
    work(scene.world, 1000, 700);
    assert_int_equal(pace_of(&scene), 0);
    scene_free(&scene);
}

static void a_loop_without_time_waits_longer_and_longer_up_to_a_bound(void **state) {
    (void)state;
    struct scene scene = scene_of(FLUSH_AUTO);
    work(scene.world, 60, 900);
    assert_int_equal(pace_of(&scene), 1);
    work(scene.world, 60, 900);
    assert_int_equal(pace_of(&scene), 2);
    work(scene.world, 1000, 900);
    assert_int_equal(pace_of(&scene), FLUSH_AUTO_MOST_MS);
    /* Neither too much nor too little to do: it stays. */
    work(scene.world, 1000, 650);
    assert_int_equal(pace_of(&scene), FLUSH_AUTO_MOST_MS);
    work(scene.world, 120, 100);
    assert_in_range(pace_of(&scene), 1, FLUSH_AUTO_MOST_MS - 1);
    work(scene.world, 1000, 100);
    assert_int_equal(pace_of(&scene), 0);
    scene_free(&scene);
}

static void a_silence_is_time_enough(void **state) {
    (void)state;
    struct scene scene = scene_of(FLUSH_AUTO);
    work(scene.world, 1000, 900);
    scene.world->now_ms += 10000;
    turn(scene.world);
    assert_int_equal(pace_of(&scene), 0);
    scene_free(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_pace_everything_goes_out_at_once),
        cmocka_unit_test(the_first_words_after_a_silence_go_out_at_once),
        cmocka_unit_test(what_follows_soon_waits_and_goes_out_together),
        cmocka_unit_test(a_driver_that_comes_late_finds_it_sent),
        cmocka_unit_test(much_at_once_does_not_wait),
        cmocka_unit_test(answers_do_not_wait),
        cmocka_unit_test(who_leaves_gets_what_was_said_before),
        cmocka_unit_test(who_comes_to_a_room_that_waits_sees_each_message_once),
        cmocka_unit_test(a_blocked_reader_of_a_room_that_waits_keeps_its_place),
        cmocka_unit_test(another_pace_holds_for_what_waits_already),
        cmocka_unit_test(a_loop_with_time_sends_at_once),
        cmocka_unit_test(a_loop_without_time_waits_longer_and_longer_up_to_a_bound),
        cmocka_unit_test(a_silence_is_time_enough),
    };
    return cmocka_run_group_tests_name("one after the other", tests, use_transport, NULL) +
           cmocka_run_group_tests_name("together", tests, use_transport_shared, NULL);
}
