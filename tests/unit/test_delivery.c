/* The outlet and what it drives, for a transport that sends to one after the other, and for one
 * that sends to many at once. */
#include "delivery_world.h"

static void every_reader_gets_a_line_in_one_send(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *a = wire_open(world, "numbered"), *b = wire_open(world, "numbered");
    say(world, a, "one\ntwo\nthree\n");
    assert_output(a, "Client 1: one\nClient 1: two\nClient 1: three\n");
    assert_output(b, "Client 1: one\nClient 1: two\nClient 1: three\n");
    assert_int_equal(b->sends, 1);
    wire_close(world, a);
    wire_close(world, b);
    world_free(world);
}

static void a_blocked_reader_goes_on_in_the_middle_of_a_frame(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *a = wire_open(world, "numbered"), *slow = wire_open(world, "numbered");
    slow->room = 5;
    say(world, a, "hello\n");
    say(world, a, "again\n");
    assert_output(slow, "Clien");
    assert_int_equal(slow->sends, 1);
    allow(world, slow, 3);
    assert_output(slow, "t 1");
    allow(world, slow, 1000);
    assert_output(slow, ": hello\nClient 1: again\n");
    wire_close(world, a);
    wire_close(world, slow);
    world_free(world);
}

static void an_answer_waits_for_the_end_of_a_frame(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *ann = wire_open(world, "line"), *bob = wire_open(world, "line");
    say(world, ann, "ann\n");
    say(world, bob, "bob\n");
    buffer_clear(&ann->output);
    ann->room = 6;
    say(world, bob, "hi\n");
    assert_output(ann, "bob: h");
    say(world, ann, "/nonsense\n");
    say(world, bob, "ho\n");
    allow(world, ann, 1000);
    struct slice output = buffer_slice(&ann->output);
    assert_true(slice_starts_with(output, SLICE("i\nerror: ")));
    assert_memory_equal(output.data + output.length - 8, "bob: ho\n", 8);
    wire_close(world, ann);
    wire_close(world, bob);
    world_free(world);
}

static void a_reader_outside_the_window_is_cut_after_its_frame(void **state) {
    (void)state;
    struct world *world = world_new(64 * 1024);
    struct wire *a = wire_open(world, "line"), *slow = wire_open(world, "line");
    char line[1002];
    say(world, a, "a\n");
    say(world, slow, "slow\n");
    buffer_clear(&slow->output);
    memset(line, 'x', 1000);
    memcpy(line + 1000, "\n", 2);
    slow->room = 10;
    for (int i = 0; i < 200; i++) {
        say(world, a, line);
        buffer_clear(&a->output);
    }
    assert_int_equal(buffer_length(&slow->output), 10);
    allow(world, slow, 100000);
    struct slice output = buffer_slice(&slow->output);
    /* the frame "a: xxx…\n" is whole, one line of farewell follows, and no other message */
    assert_true(output.length > 1004 && output.data[1003] == '\n');
    assert_true(slice_starts_with(slice_skip(output, 1004), SLICE("error: ")));
    assert_true(output.length < 1300);
    assert_true(slow->finished);
    wire_close(world, a);
    wire_close(world, slow);
    world_free(world);
}

static void a_reader_cut_within_a_long_frame_is_reset(void **state) {
    (void)state;
    struct world *world = world_new(256 * 1024);
    struct wire *a = wire_open(world, "numbered"), *slow = wire_open(world, "numbered");
    size_t length = 65000;
    char *line = memory_new(length * 2);
    /* each code point of DEL becomes three bytes, so that the frame is longer than what a cut
     * reader still gets */
    memset(line, 0x7f, length);
    memcpy(line + length, "\n", 2);
    slow->room = 10;
    for (int i = 0; i < 4; i++)
        say(world, a, line);
    assert_true(slow->reset);
    memory_free(line);
    wire_close(world, a);
    wire_close(world, slow);
    world_free(world);
}

static void goodbye_comes_after_everything_shown(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *a = wire_open(world, "line"), *b = wire_open(world, "line");
    say(world, a, "Jason\n");
    say(world, b, "Bob\n");
    buffer_clear(&a->output);
    buffer_clear(&b->output);
    a->room = 3;
    say(world, a, "last words\nQUIT\nnever said\n");
    assert_output(b, "Jason: last words\nJason has disconnected\n");
    assert_false(a->finished);
    allow(world, a, 1000);
    assert_output(a, "Jason: last words\n");
    assert_true(a->finished);
    wire_close(world, a);
    wire_close(world, b);
    world_free(world);
}

static void answers_without_line_feed_leave_five_milliseconds_apart(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *jane = wire_open(world, "command"), *zak = wire_open(world, "command");
    say(world, jane, "register,Jane");
    say(world, zak, "register,Zak");
    assert_output(jane, "ack");
    assert_output(zak, "ack");
    allow(world, zak, 1000);
    zak->wakes = false;
    allow(world, jane, 1000);
    say(world, jane, "chat,Zak");
    allow(world, jane, 1000);
    say(world, jane, "chat,Zak,lunch?");
    assert_output(zak, "Jane says hi");
    assert_true(zak->wakes);
    allow(world, zak, 1000);
    assert_output(zak, "Jane says lunch?");
    wire_close(world, jane);
    wire_close(world, zak);
    world_free(world);
}

static uint64_t check_seqs(struct wire *wire, uint64_t expected) {
    struct slice rest = buffer_slice(&wire->output);
    static const char mark[] = "\"seq\":";
    const char *at;
    while ((at = memmem(rest.data, rest.length, mark, sizeof mark - 1))) {
        rest = slice_skip(rest, (size_t)(at - rest.data) + sizeof mark - 1);
        uint64_t seq = 0;
        for (size_t i = 0; i < rest.length && rest.data[i] >= '0' && rest.data[i] <= '9'; i++)
            seq = seq * 10 + (uint64_t)(rest.data[i] - '0');
        assert_int_equal(seq, expected);
        expected++;
    }
    return expected;
}

static void history_becomes_live_without_a_seam(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *writer = wire_open(world, "numbered");
    for (int i = 0; i < 1000; i++)
        say(world, writer, "x\n");
    struct wire *reader = open_json(world, "banter.v1\r\n");
    send_json(world, reader, "{\"type\":\"hello\"}");
    buffer_clear(&reader->output);
    reader->room = 20000; /* not enough for all: pages come one by one while new entries arrive */
    send_json(world, reader, "{\"type\":\"join\",\"room\":\"lobby\",\"after\":0,\"cid\":\"j\"}");
    for (int i = 0; i < 500; i++) {
        say(world, writer, "y\n");
        if (i % 5 == 0)
            allow(world, reader, 1000);
    }
    assert_false(saw(reader, "\"type\":\"live\""));
    allow(world, reader, SIZE_MAX / 2);
    assert_true(saw(reader, "\"type\":\"live\""));
    say(world, writer, "z\n");
    assert_int_equal(check_seqs(reader, 1), 1502);
    wire_close(world, writer);
    wire_close(world, reader);
    world_free(world);
}

static void a_joiner_gets_what_was_shown_before_it_joined_from_pages_only(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *writer = wire_open(world, "numbered"),
                *stalled = open_json(world, "banter.v1\r\n");
    send_json(world, stalled, "{\"type\":\"hello\"}");
    send_json(world, stalled, "{\"type\":\"join\",\"room\":\"lobby\",\"cid\":\"s\"}");
    stalled->room = 0; /* keeps the stream from the beginning */
    for (int i = 0; i < 300; i++)
        say(world, writer, "x\n");
    struct wire *reader = open_json(world, "banter.v1\r\n");
    send_json(world, reader, "{\"type\":\"hello\"}");
    send_json(world, reader, "{\"type\":\"join\",\"room\":\"lobby\",\"after\":0,\"cid\":\"j\"}");
    say(world, writer, "y\n");
    assert_true(saw(reader, "\"at\":300"));
    assert_int_equal(check_seqs(reader, 1), 302);
    assert_false(saw(reader, "presence"));
    wire_close(world, writer);
    wire_close(world, stalled);
    wire_close(world, reader);
    world_free(world);
}

static void a_reader_attached_while_sending_keeps_its_place(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *writer = wire_open(world, "numbered");
    struct wire *first = open_json(world, "banter.v1\r\n"),
                *second = open_json(world, "banter.v1\r\n");
    const char *join = "{\"type\":\"join\",\"room\":\"lobby\",\"after\":0,\"cid\":\"j\"}";
    for (int i = 0; i < 200; i++)
        say(world, writer, "x\n");
    send_json(world, first, "{\"type\":\"hello\"}");
    send_json(world, second, "{\"type\":\"hello\"}");
    second->room = 300; /* takes its welcome and a part of the first page */
    send_json(world, second, join);
    send_json(world, first, join); /* reads both pages, which are kept for the second */
    for (int i = 0; i < 50; i++)
        say(world, writer, "y\n");
    allow(world, second, SIZE_MAX / 2);
    assert_int_equal(check_seqs(first, 1), 251);
    assert_int_equal(check_seqs(second, 1), 251);
    wire_close(world, writer);
    wire_close(world, first);
    wire_close(world, second);
    world_free(world);
}

static void a_plain_client_that_says_hello_misses_nothing(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *writer = wire_open(world, "numbered"), *plain = open_json(world, NULL);
    say(world, writer, "1\n");
    plain->room = 7;
    say(world, writer, "2\n");
    send_json(world, plain, "{\"type\":\"hello\",\"name\":\"ann\"}");
    say(world, writer, "3\n");
    allow(world, plain, SIZE_MAX / 2);
    say(world, writer, "4\n");
    assert_true(saw(plain, "\"type\":\"welcome\""));
    assert_int_equal(check_seqs(plain, 1), 5);
    wire_close(world, writer);
    wire_close(world, plain);
    world_free(world);
}

static void an_unanswered_ping_cuts(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *quiet = open_json(world, NULL);
    buffer_clear(&quiet->output);
    pass(world, 31000);
    assert_true(saw(quiet, "\x89"));
    assert_false(quiet->reset);
    pass(world, 11000);
    assert_true(quiet->reset);
    wire_close(world, quiet);
    world_free(world);
}

static void an_idle_client_is_closed_though_nobody_pings(void **state) {
    (void)state;
    struct world *world = world_with(1 << 20, 0, 60000);
    struct wire *quiet = wire_open(world, "line"), *busy = wire_open(world, "line");
    say(world, quiet, "quiet\n");
    say(world, busy, "busy\n");
    for (int i = 0; i < 12; i++) {
        pass(world, 10000);
        say(world, busy, "/who\n");
    }
    assert_true(quiet->finished);
    assert_false(busy->finished);
    wire_close(world, quiet);
    wire_close(world, busy);
    world_free(world);
}

static void an_http_connection_is_kept_for_a_minute_of_silence(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *quiet = wire_open(world, "ws"), *half = wire_open(world, "ws");
    const char *request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    say(world, quiet, request);
    say(world, half, request);
    pass(world, 15000);
    say(world, half, "GET /healthz HT");
    pass(world, 9900);
    assert_false(half->finished);
    pass(world, 200);
    assert_true(half->finished);
    assert_true(saw(half, "HTTP/1.1 408 "));
    pass(world, 34800);
    assert_false(quiet->finished);
    pass(world, 200);
    assert_true(quiet->finished);
    wire_close(world, quiet);
    wire_close(world, half);
    world_free(world);
}

static void each_request_has_its_time_from_its_first_byte_on(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *http = wire_open(world, "ws");
    say(world, http, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    pass(world, 9500);
    say(world, http, "POST /r/ops HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx");
    pass(world, 19000); /* with the head complete, the body has more time */
    assert_false(http->finished);
    say(world, http, "y");
    assert_true(saw(http, "\"seq\":1"));
    say(world, http, "GET /healthz HT");
    pass(world, 9000);
    say(world, http, "TP/1.1");
    assert_false(http->finished);
    pass(world, 1100);
    assert_true(http->finished);
    assert_true(saw(http, "HTTP/1.1 408 "));
    wire_close(world, http);
    world_free(world);
}

static void a_client_that_takes_no_answers_is_not_read_from(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *greedy = wire_open(world, "line");
    say(world, greedy, "greedy\n");
    greedy->room = 0;
    for (int i = 0; i < 20000 && !greedy->paused; i++)
        say(world, greedy, "/help\n");
    assert_true(greedy->paused);
    allow(world, greedy, SIZE_MAX / 2);
    assert_false(greedy->paused);
    assert_true(buffer_length(&greedy->output) < 1024 * 1024);
    wire_close(world, greedy);
    world_free(world);
}

static void leaving_in_input_that_had_to_wait_is_safe(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *person = wire_open(world, "line");
    say(world, person, "Jason\n");
    say(world, person, "half a l");
    buffer_clear(&person->output);
    say(world, person, "ine\nQUIT\nand more\n");
    assert_output(person, "Jason: half a line\n");
    assert_true(person->finished);
    wire_close(world, person);
    struct wire *http = wire_open(world, "ws");
    say(world, http,
        "POST /r/ops HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n"
        "xGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_true(saw(http, "\"seq\":1"));
    assert_true(saw(http, "ok\n"));
    assert_true(http->finished);
    wire_close(world, http);
    world_free(world);
}

static void silence_and_garbage_before_a_handshake_end_in_time(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *silent = wire_open(world, "ws");
    pass(world, 9900);
    assert_false(silent->finished);
    pass(world, 200);
    assert_true(silent->finished);
    wire_close(world, silent);
    world_free(world);
}

/* Times in milliseconds, as the operator changes them. */
static void configure(struct world *world, unsigned handshake, unsigned ping, unsigned idle) {
    delivery_configure(
        world->delivery,
        &(struct delivery_options){
            .hub = {.max_message = 65536, .announce_limit = 100, .create_rooms = true},
            .outlet = {.settings = &world->settings,
                       .ping_interval_ms = ping,
                       .idle_timeout_ms = idle,
                       .ping_timeout_ms = 10000,
                       .handshake_timeout_ms = handshake},
            .stream_window = 1 << 20});
}

static void times_that_run_already_are_those_that_were_configured_last(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *first = wire_open(world, "ws");
    pass(world, 4000);
    struct wire *second = wire_open(world, "ws");
    configure(world, 30000, 30000, 0);
    pass(world, 25000); /* 29 and 25 seconds old */
    assert_false(first->finished);
    pass(world, 1200);
    assert_true(first->finished);
    assert_false(second->finished);
    configure(world, 5000, 30000, 0); /* which is over for long */
    pass(world, 100);
    assert_true(second->finished);
    wire_close(world, first);
    wire_close(world, second);
    world_free(world);
}

static void times_that_were_off_begin_and_those_that_run_can_be_switched_off(void **state) {
    (void)state;
    struct world *world = world_with(1 << 20, 0, 0);
    struct wire *quiet = wire_open(world, "line"), *silent = wire_open(world, "ws");
    say(world, quiet, "quiet\n");
    pass(world, 5000);
    configure(world, 0, 0, 0);
    pass(world, 60000);
    assert_false(quiet->finished);
    assert_false(silent->finished);
    configure(world, 10000, 0, 20000);
    pass(world, 9800);
    assert_false(silent->finished);
    pass(world, 11000);
    assert_true(silent->finished);
    assert_true(quiet->finished);
    wire_close(world, quiet);
    wire_close(world, silent);
    world_free(world);
}

static void the_end_of_input_comes_after_a_last_line_without_its_end(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *other = wire_open(world, "numbered"), *person = wire_open(world, "line");
    struct buffer input = {0};
    buffer_append_string(&input, "Jason\nhi");
    outlet_receive(person->peer, buffer_slice(&input));
    outlet_end_of_file(person->peer); /* while the name is still being asked for */
    turn(world);
    assert_output(person, "banter chat server\nEnter your name:\nJason has connected\n"
                          "Welcome Jason. Send QUIT to disconnect.\nJason: hi\n");
    assert_output(other, "Jason: hi\n");
    assert_true(person->finished);
    wire_close(world, other);
    wire_close(world, person);
    buffer_close(&input);
    world_free(world);
}

static const char *find_text(struct slice bytes, const char *text) {
    return bytes.length ? memmem(bytes.data, bytes.length, text, strlen(text)) : NULL;
}

/* Each batch but the last before "live" says that there is more. Returns how many batches there
 * are. */
static unsigned check_more(struct wire *wire) {
    static const char batch[] = "{\"type\":\"batch\"";
    struct slice output = buffer_slice(&wire->output);
    const char *live = find_text(output, "{\"type\":\"live\"");
    assert_non_null(live);
    struct slice rest = slice_from(output.data, (size_t)(live - output.data));
    unsigned batches = 0, more = 0;
    bool last_says_more = false;
    const char *at, *next;
    while ((at = find_text(rest, batch))) {
        rest = slice_skip(rest, (size_t)(at - rest.data) + strlen(batch));
        next = find_text(rest, batch);
        size_t length = next ? (size_t)(next - rest.data) : rest.length;
        last_says_more = find_text(slice_from(rest.data, length), "],\"more\":true}") != NULL;
        more += last_says_more;
        batches++;
    }
    assert_false(last_says_more);
    assert_int_equal(more + 1, batches);
    return batches;
}

static void batches_before_live_say_that_there_is_more(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *writer = wire_open(world, "numbered");
    for (int i = 0; i < 300; i++)
        say(world, writer, "x\n");
    struct wire *quick = open_json(world, "banter.v1\r\n"),
                *slow = open_json(world, "banter.v1\r\n");
    const char *join = "{\"type\":\"join\",\"room\":\"lobby\",\"after\":0,\"cid\":\"j\"}";
    send_json(world, quick, "{\"type\":\"hello\"}");
    send_json(world, slow, "{\"type\":\"hello\"}");
    send_json(world, quick, join);
    assert_int_equal(check_more(quick), 5); /* pages of 128, batches of 100 */
    slow->room = 1000;
    send_json(world, slow, join);
    for (int i = 0; i < 300; i++) {
        say(world, writer, "y\n");
        allow(world, slow, 400);
    }
    allow(world, slow, SIZE_MAX / 2);
    check_more(slow);
    assert_int_equal(check_seqs(slow, 1), 601);
    wire_close(world, writer);
    wire_close(world, quick);
    wire_close(world, slow);
    world_free(world);
}

static void a_plain_client_gets_batches_where_it_asked_to_join(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *writer = wire_open(world, "numbered");
    for (int i = 0; i < 3; i++)
        say(world, writer, "x\n");
    struct wire *asked = open_json(world, NULL);
    assert_false(saw(asked, "\"batch\"") || saw(asked, "\"live\""));
    assert_int_equal(check_seqs(asked, 1), 4);
    buffer_clear(&asked->output);
    send_json(world, asked, "{\"type\":\"join\",\"room\":\"lobby\",\"after\":0}");
    assert_true(saw(asked, "{\"type\":\"joined\""));
    assert_int_equal(check_more(asked), 1);
    assert_int_equal(check_seqs(asked, 1), 4);
    struct wire *later =
        open_json(world, NULL); /* in other words than those kept for the one before */
    assert_false(saw(later, "\"batch\""));
    assert_int_equal(check_seqs(later, 1), 4);
    wire_close(world, writer);
    wire_close(world, asked);
    wire_close(world, later);
    world_free(world);
}

static void the_rooms_silent_longest_let_go_when_all_hold_too_much(void **state) {
    (void)state;
    struct world *world = world_new(64 * 1024);
    struct wire *slow[8], *writer = wire_open(world, "line");
    char line[1000];
    memset(line, 'x', sizeof line);
    line[sizeof line - 2] = '\n';
    line[sizeof line - 1] = '\0';
    say(world, writer, "writer\n");
    for (int i = 0; i < 8; i++) {
        char text[100];
        slow[i] = wire_open(world, "line");
        snprintf(text, sizeof text, "slow%d\n/join r%d\n", i, i);
        say(world, slow[i], text);
        snprintf(text, sizeof text, "/join r%d\n", i);
        say(world, writer, text);
        slow[i]->room = 10;
        for (int j = 0; j < 50; j++)
            say(world, writer, line);
        assert_true(delivery_stream_bytes(world->delivery) <= 4 * 64 * 1024);
    }
    for (int i = 0; i < 8; i++) {
        if (!slow[i]->reset)
            allow(world, slow[i], SIZE_MAX / 2);
        bool cut = slow[i]->reset || slow[i]->finished;
        assert_true(i > 2 || cut);
        assert_false(i > 5 && cut);
    }
    for (int i = 0; i < 8; i++)
        wire_close(world, slow[i]);
    wire_close(world, writer);
    world_free(world);
}

static size_t count_lines(const struct wire *wire) {
    struct slice output = buffer_slice(&wire->output);
    size_t lines = 0;
    for (size_t i = 0; i < output.length; i++)
        lines += output.data[i] == '\n';
    return lines;
}

static void whoever_asks_for_much_has_a_share_of_each_turn(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *greedy = wire_open(world, "line"), *other = wire_open(world, "line");
    struct buffer asked = {0};
    say(world, greedy, "greedy\n");
    say(world, other, "other\n");
    for (int i = 0; i < 20000; i++)
        buffer_append_string(&asked, "/x\n");
    buffer_clear(&greedy->output);
    outlet_receive(greedy->peer, buffer_slice(&asked));
    assert_true(greedy->paused);
    assert_true(delivery_turn(world->delivery)); /* at the end of which it goes on */
    assert_true(delivery_turn(world->delivery));
    assert_true(greedy->paused);
    assert_true(buffer_length(&greedy->output) > 0);
    buffer_clear(&other->output);
    struct buffer line = {0};
    buffer_append_string(&line, "/token\n");
    outlet_receive(other->peer, buffer_slice(&line));
    assert_true(delivery_turn(world->delivery));
    assert_true(buffer_length(&other->output) > 0);
    assert_true(greedy->paused);
    turn(world); /* and in the end it has got everything */
    assert_false(greedy->paused);
    assert_int_equal(count_lines(greedy), 20000);
    buffer_close(&asked);
    buffer_close(&line);
    wire_close(world, greedy);
    wire_close(world, other);
    world_free(world);
}

/* Also who asks for little at a time, often. */
static void what_is_over_the_share_waits_for_the_end_of_the_turn(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *greedy = wire_open(world, "line");
    say(world, greedy, "greedy\n");
    buffer_clear(&greedy->output);
    size_t count = 0;
    for (; !greedy->paused; count++)
        outlet_receive(greedy->peer, SLICE("/x\n"));
    assert_in_range(count, 10, 200);
    turn(world);
    assert_false(greedy->paused);
    assert_int_equal(count_lines(greedy), count);
    /* The same share is still used up. */
    outlet_receive(greedy->peer, SLICE("/x\n"));
    assert_true(greedy->paused);
    assert_int_equal(count_lines(greedy), count);
    turn(world);
    assert_int_equal(count_lines(greedy), count + 1);
    assert_false(greedy->paused);
    pass(world, 100); /* but it was for so long */
    outlet_receive(greedy->peer, SLICE("/x\n"));
    assert_false(greedy->paused);
    wire_close(world, greedy);
    world_free(world);
}

/* To look at it takes time, too. */
static void half_a_request_is_looked_at_once(void **state) {
    (void)state;
    struct world *world = world_of(1 << 20, (struct outlet_options){.flush_ms = FLUSH_AUTO});
    struct wire *greedy = wire_open(world, "command");
    say(world, greedy, "register,greedy\n");
    outlet_read_end(greedy->peer);
    turn(world);
    while (!greedy->paused) {
        outlet_receive(greedy->peer, SLICE("list,friends\n"));
        outlet_read_end(greedy->peer);
    }
    turn(world);
    assert_false(greedy->paused);
    world->look_us = 10;
    outlet_receive(greedy->peer, SLICE("chat,bob,"));
    outlet_read_end(greedy->peer);
    assert_true(greedy->paused);
    turn(world);
    assert_false(greedy->paused);
    wire_close(world, greedy);
    world_free(world);
}

#define GREEDY 30

/* However many they are: who asks for little waits for no more than if there were one. */
static void all_who_ask_for_much_share_one_part_of_a_turn(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *greedy[GREEDY];
    struct buffer asked = {0};
    for (int i = 0; i < 2000; i++)
        buffer_append_string(&asked, "/x\n");
    for (int i = 0; i < GREEDY; i++) {
        char name[20];
        snprintf(name, sizeof name, "greedy%d\n", i);
        greedy[i] = wire_open(world, "line");
        say(world, greedy[i], name);
    }
    for (int i = 0; i < GREEDY; i++) {
        buffer_clear(&greedy[i]->output);
        outlet_receive(greedy[i]->peer, buffer_slice(&asked));
    }
    size_t before = 0, after = 0;
    for (int turns = 0; turns < 4; turns++)
        assert_true(delivery_turn(world->delivery));
    for (int i = 0; i < GREEDY; i++)
        before += count_lines(greedy[i]);
    assert_true(delivery_turn(world->delivery));
    for (int i = 0; i < GREEDY; i++)
        after += count_lines(greedy[i]);
    assert_in_range(after - before, 100, 1000);
    turn(world);
    for (int i = 0; i < GREEDY; i++)
        assert_int_equal(count_lines(greedy[i]), 2000);
    for (int i = 0; i < GREEDY; i++)
        wire_close(world, greedy[i]);
    buffer_close(&asked);
    world_free(world);
}

/* A connection that has just been switched to another protocol has nothing to read, but that has
 * something to ask for. */
static void what_a_protocol_asks_for_by_itself_is_not_lost_with_the_share(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    for (int requests = 60; requests < 150; requests++) {
        struct wire *wire = wire_open(world, "ws");
        struct buffer asked = {0};
        for (int i = 0; i < requests; i++)
            buffer_append_string(&asked, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        buffer_append_string(&asked, "GET /sse?room=lobby HTTP/1.1\r\nHost: localhost\r\n\r\n");
        outlet_receive(wire->peer, buffer_slice(&asked));
        turn(world);
        buffer_append_char(&wire->output, '\0');
        assert_non_null(strstr(buffer_slice(&wire->output).data, "text/event-stream"));
        buffer_close(&asked);
        wire_close(world, wire);
    }
    world_free(world);
}

static void a_reader_of_many_rooms_gets_what_each_says(void **state) {
    (void)state;
    struct world *world = world_new(1 << 20);
    struct wire *reader = open_json(world, "banter.v1\r\n"),
                *writer = open_json(world, "banter.v1\r\n");
    char text[200], expected[200];
    send_json(world, reader, "{\"type\":\"hello\"}");
    send_json(world, writer, "{\"type\":\"hello\"}");
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "{\"type\":\"join\",\"room\":\"r%d\"}", i);
        send_json(world, reader, text);
    }
    for (int i = 0; i < 100; i += 3) { /* some are left and joined again, some are left for good */
        snprintf(text, sizeof text, "{\"type\":\"leave\",\"room\":\"r%d\"}", i);
        send_json(world, reader, text);
        snprintf(text, sizeof text, "{\"type\":\"join\",\"room\":\"r%d\"}", i);
        if (i % 2)
            send_json(world, reader, text);
    }
    buffer_clear(&reader->output);
    reader->room = 30; /* in the middle of a frame */
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text,
                 "{\"type\":\"message\",\"room\":\"r%d\",\"content\":\"to %d!\"}", i, i);
        send_json(world, writer, text);
    }
    allow(world, reader, 70);
    allow(world, reader, SIZE_MAX / 2);
    for (int i = 0; i < 100; i++) {
        snprintf(expected, sizeof expected, "\"to %d!\"", i);
        assert_int_equal(saw(reader, expected), i % 3 != 0 || i % 2 != 0);
    }
    wire_close(world, reader);
    wire_close(world, writer);
    world_free(world);
}

/* Reading can wait: a turn takes few pages, so that what was said meanwhile goes out. */
static void a_turn_takes_few_pages(void **state) {
    (void)state;
    struct world *world = world_of(1 << 20, (struct outlet_options){.flush_ms = FLUSH_AUTO});
    struct wire *readers[GREEDY];
    for (int i = 0; i < GREEDY; i++) {
        char name[20];
        snprintf(name, sizeof name, "reader%d\n", i);
        readers[i] = wire_open(world, "line");
        say(world, readers[i], name);
    }
    say(world, readers[0], "said before\n");
    for (int i = 0; i < GREEDY; i++) {
        buffer_clear(&readers[i]->output);
        outlet_receive(readers[i]->peer, SLICE("/history 5\n"));
    }
    world->look_us = 30;
    size_t served = 0;
    assert_true(delivery_turn(world->delivery));
    for (int i = 0; i < GREEDY; i++)
        served += buffer_length(&readers[i]->output) > 0;
    assert_in_range(served, 1, 10);
    turn(world);
    for (int i = 0; i < GREEDY; i++) {
        assert_true(buffer_length(&readers[i]->output) > 0);
        wire_close(world, readers[i]);
    }
    world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_takes_few_pages),
        cmocka_unit_test(the_rooms_silent_longest_let_go_when_all_hold_too_much),
        cmocka_unit_test(whoever_asks_for_much_has_a_share_of_each_turn),
        cmocka_unit_test(what_is_over_the_share_waits_for_the_end_of_the_turn),
        cmocka_unit_test(half_a_request_is_looked_at_once),
        cmocka_unit_test(all_who_ask_for_much_share_one_part_of_a_turn),
        cmocka_unit_test(what_a_protocol_asks_for_by_itself_is_not_lost_with_the_share),
        cmocka_unit_test(a_reader_of_many_rooms_gets_what_each_says),
        cmocka_unit_test(every_reader_gets_a_line_in_one_send),
        cmocka_unit_test(a_blocked_reader_goes_on_in_the_middle_of_a_frame),
        cmocka_unit_test(an_answer_waits_for_the_end_of_a_frame),
        cmocka_unit_test(a_reader_outside_the_window_is_cut_after_its_frame),
        cmocka_unit_test(a_reader_cut_within_a_long_frame_is_reset),
        cmocka_unit_test(goodbye_comes_after_everything_shown),
        cmocka_unit_test(answers_without_line_feed_leave_five_milliseconds_apart),
        cmocka_unit_test(history_becomes_live_without_a_seam),
        cmocka_unit_test(a_joiner_gets_what_was_shown_before_it_joined_from_pages_only),
        cmocka_unit_test(a_reader_attached_while_sending_keeps_its_place),
        cmocka_unit_test(a_plain_client_that_says_hello_misses_nothing),
        cmocka_unit_test(an_unanswered_ping_cuts),
        cmocka_unit_test(an_idle_client_is_closed_though_nobody_pings),
        cmocka_unit_test(an_http_connection_is_kept_for_a_minute_of_silence),
        cmocka_unit_test(each_request_has_its_time_from_its_first_byte_on),
        cmocka_unit_test(a_client_that_takes_no_answers_is_not_read_from),
        cmocka_unit_test(leaving_in_input_that_had_to_wait_is_safe),
        cmocka_unit_test(silence_and_garbage_before_a_handshake_end_in_time),
        cmocka_unit_test(times_that_run_already_are_those_that_were_configured_last),
        cmocka_unit_test(times_that_were_off_begin_and_those_that_run_can_be_switched_off),
        cmocka_unit_test(the_end_of_input_comes_after_a_last_line_without_its_end),
        cmocka_unit_test(batches_before_live_say_that_there_is_more),
        cmocka_unit_test(a_plain_client_gets_batches_where_it_asked_to_join),
    };
    return cmocka_run_group_tests_name("one after the other", tests, use_transport, NULL) +
           cmocka_run_group_tests_name("together", tests, use_transport_shared, NULL);
}
