"""The commands of banter, from outside, against a real server."""

import json
import re

import pytest

from clients import EVERYTHING, NO_LIMIT, TIMEOUT, Line, V1
from program import Program, run


@pytest.fixture
def running(server):
    return server(*NO_LIMIT, listen=EVERYTHING)


@pytest.fixture
def url(running):
    return f"ws://127.0.0.1:{running.port()}"


# The command line


def test_help_is_for_every_command():
    overview, _ = run("--help")
    for command in ("chat", "send", "tail", "simulate"):
        assert command in overview
        text, _ = run(command, "--help")
        assert text.startswith(f"usage: banter {command} ")


def test_version_is_one_line():
    assert re.fullmatch(r"banter \d+\.\d+\.\d+\n", run("--version")[0])


@pytest.mark.parametrize(
    "arguments,words",
    [
        ((), "usage"),
        (("dance",), "no such command: dance"),
        (("chat", "wss+tls://127.0.0.1"), "cannot speak wss+tls"),
        (("chat", "gopher://127.0.0.1:1"), "gopher"),
        (("chat", "localhost:8765"), "ws://"),
        (("tail", "--count", "many"), "many"),
        (("tail", "--nosuch"), "--nosuch"),
        (("send", "--room"), "--room"),
        (("send", "two", "texts"), "quotes"),
        (("simulate",), "command://"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(arguments, words):
    _, errors = run(*arguments, status=2)
    assert words in errors


def test_a_server_that_is_not_there_is_one_clear_line():
    for command in ("chat", "tail"):
        _, errors = run(command, "ws://127.0.0.1:1", status=1)
        assert errors == "error: cannot connect to 127.0.0.1:1: Connection refused\n"
    _, errors = run("simulate", "command://127.0.0.1:1", status=1)
    assert errors.startswith("error: ") and "Connection refused" in errors


# chat


def test_chat_says_and_hears(running, url):
    with Program("chat", url, "--name", "ann") as ann:
        assert ann.hear() == "[User] Connected"
        ann.say("first")
        assert ann.hear() == "ann: first"
        jason = Line(running.port("line"), "Jason")
        assert ann.hear() == "* Jason joined"
        ann.say("Hello there!")
        jason.expect("ann: Hello there!\n")
        assert ann.hear() == "ann: Hello there!"
        jason.say("hi ann")
        assert ann.hear() == "Jason: hi ann"
        jason.leave()
        assert ann.hear() == "* Jason left"
        assert ann.end() == ("[Server] Connection closed\n", "")


def test_chat_on_a_pipe_delivers_everything_before_it_leaves(running, url):
    lines = [f"line {number}" for number in range(50)]
    output, errors = run("chat", url, "--name", "ann", input="\n".join(lines))
    assert output.splitlines() == (
        ["[User] Connected"] + [f"ann: {line}" for line in lines] + ["[Server] Connection closed"]
    )
    assert errors == ""


def test_chat_leaves_cleanly_at_ctrl_c(running, url):
    watcher = V1(running.port())
    watcher.hello()
    watcher.join("lobby")
    with Program("chat", url, "--name", "ann") as ann:
        assert ann.hear() == "[User] Connected"
        ann.say("last words")
        assert ann.hear() == "ann: last words"
        ann.interrupt()
        assert ann.hear() == "[Server] Connection closed"
        assert ann.process.wait(TIMEOUT) == 0
    assert watcher.hear_until("presence")["join"] == ["ann"]
    assert watcher.hear_until("presence")["leave"] == ["ann"]
    # A clean goodbye frees the name at once.
    V1(running.port()).hello(name="ann")


def test_chat_takes_another_name_when_the_login_name_is_taken(url):
    with Program("chat", url) as first:
        assert first.hear() == "[User] Connected"
        first.say("me")
        assert first.hear() == "somebody: me"
        second = Program("chat", url)
        assert second.hear() == "[User] Connected"
        assert second.hear() == "somebody: me"
        second.say("me too")
        assert second.hear() == "somebody-2: me too"
        second.end()


def test_chat_with_a_taken_name_says_so(running, url):
    V1_holder = V1(running.port())
    V1_holder.hello(name="ann")
    output, errors = run("chat", url, "--name", "ann", input="", status=1)
    assert output == ""
    assert errors.startswith("error: ")


def test_chat_with_a_name_that_is_none_says_what_a_name_is(url):
    errors = run("chat", url, "--name", "two words", input="", status=1)[1]
    assert "A name is 1 to 64 letters" in errors


def test_chat_commands(running, url):
    bob = V1(running.port())
    bob.hello(name="bob")
    bob.join("lobby")
    with Program("chat", url, "--name", "ann") as ann:
        assert ann.hear() == "[User] Connected"
        ann.say("/who")
        assert ann.hear() in ("in lobby: ann, bob", "in lobby: bob, ann")
        ann.say("//slash")
        assert ann.hear() == "ann: /slash"
        ann.say("/msg bob psst")
        assert ann.hear() == "[you -> bob] psst"
        assert bob.hear_until("message", content="psst")["room"] == "@ann,bob"
        bob.ask("message", to="ann", content="what?")
        assert ann.hear() == "[bob -> you] what?"
        ann.say("/join ops")
        ann.say("in ops")
        assert ann.hear() == "* you are in ops"
        assert ann.hear() == "ann: in ops"
        bob.ask("message", room="lobby", content="not for ops")
        bob.ask("message", room="ops", content="for ops")
        assert ann.hear() == "bob: for ops"
        ann.say("/history 1")
        assert ann.hear() == "bob: for ops"
        ann.say("/rooms")
        rooms = {ann.hear().split()[0] for _ in range(2)}
        assert rooms == {"lobby", "ops"}
        ann.say("/help")
        assert "/join ROOM" in ann.hear()
        ann.say("/dance")
        assert ann.hear_error().startswith("error: no such command: /dance")
        ann.say("/quit")
        assert ann.end()[0].endswith("[Server] Connection closed\n")


def test_chat_cannot_be_coloured_or_forged(running, url):
    bob = V1(running.port())
    bob.hello(name="bob")
    with Program("chat", url, "--name", "ann") as ann:
        assert ann.hear() == "[User] Connected"
        bob.ask("message", room="lobby", content="\x1b]0;x\x07\nann: forged\r\n\x9b2J")
        assert [ann.hear() for _ in range(3)] == ["bob: \ufffd]0;x\ufffd", "bob: ann: forged", "bob: \ufffd2J"]


def test_chat_goes_on_after_a_restart_without_loss_or_repetition(server):
    first = server(*NO_LIMIT, keeps_port=True)
    port = first.port()
    bob = V1(port)
    bob.hello(name="bob")
    with Program("chat", f"ws://127.0.0.1:{port}", "--name", "ann") as ann:
        assert ann.hear() == "[User] Connected"
        ann.say("one")
        assert ann.hear() == "ann: one"
        bob.ask("message", room="lobby", content="two")
        assert ann.hear() == "bob: two"
        first.kill()
        assert re.fullmatch(r"\[Server\] Connection lost, trying again in \d+\.\d s", ann.hear_error())
        ann.say("three")
        ann.say("four")
        second = server(*NO_LIMIT, folder_of=first, listen=(f"ws://127.0.0.1:{port}",))
        assert ann.hear() == "ann: three"
        assert ann.hear() == "ann: four"
        bob = V1(second.port())
        bob.hello(name="bob")
        bob.ask("message", room="lobby", content="five")
        assert ann.hear() == "bob: five"
        assert ann.end()[0] == "[Server] Connection closed\n"
    assert [item["content"] for item in bob.ask("history", room="lobby")["items"]] == [
        "one", "two", "three", "four", "five",
    ]  # fmt: skip


# send


def test_send_returns_when_it_is_durable(running, url):
    assert run("send", url, "disk full", "--room", "ops") == ("", "")
    assert run("send", "-v", "--room=ops", "--sender", "cron", url, "again") == ("2\n", "")
    assert run("send", url, "-r", "ops", "--name", "ann", input="two\nlines\n") == ("", "")
    reader = V1(running.port())
    reader.hello()
    items = reader.ask("history", room="ops")["items"]
    assert [(item["sender"], item["content"]) for item in items] == [
        ("anonymous", "disk full"), ("cron", "again"), ("ann", "two\nlines"),
    ]  # fmt: skip


def test_send_fails_when_it_is_refused(server):
    running = server("--set", "max_message=1000", *NO_LIMIT)
    url = f"ws://127.0.0.1:{running.port()}"
    _, errors = run("send", url, "x" * 1001, status=1)
    assert "1001" in errors and "1000" in errors
    _, errors = run("send", url, "x", "--room", "no blanks", status=1)
    assert errors.startswith("error: ")
    _, errors = run("send", url, input="", status=1)
    assert errors == "error: there is nothing to send\n"


def test_send_gives_up_when_the_time_is_over():
    _, errors = run("send", "ws://127.0.0.1:1", "x", "--timeout", "1", status=1)
    assert errors.endswith("error: 1 message could not be delivered\n")
    assert "Connection refused" in errors


# tail


def test_tail_shows_the_last_ten_and_follows(running, url):
    writer = V1(running.port())
    writer.hello(name="ann")
    for number in range(1, 16):
        writer.ask("message", room="ops", content=str(number))
    with Program("tail", url, "--room", "ops") as tail:
        assert [tail.hear() for _ in range(10)] == [f"ann: {number}" for number in range(6, 16)]
        writer.ask("message", room="ops", content="live")
        assert tail.hear() == "ann: live"
        tail.interrupt()
        assert tail.end() == ("", "")


def test_tail_counts_and_starts_after_a_number(running, url):
    writer = V1(running.port())
    writer.hello(name="ann")
    for number in range(1, 301):
        writer.say(type="message", room="ops", content=str(number))
    writer.ask("message", room="ops", content="\x1b\x9b\x7f \u00e9")
    output, errors = run("tail", url, "--room", "ops", "--json", "--after", "2", "--count", "299")
    items = [json.loads(line) for line in output.splitlines()]
    assert [item["seq"] for item in items] == list(range(3, 302))
    assert items[-1]["content"] == "\x1b\x9b\x7f \u00e9"
    assert not set(output) & {"\x1b", "\x9b", "\x7f"}
    assert errors == ""


def test_tail_from_the_future_reports_the_gap(running, url):
    run("send", url, "one", "--room", "ops")
    output, errors = run("tail", url, "--room", "ops", "--after", "77", "--count", "1")
    assert output == "anonymous: one\n"
    assert "rewound" in errors


# simulate


def test_simulated_users_talk_to_each_other(running):
    url = f"command://127.0.0.1:{running.port('command')}"
    with Program("simulate", url, "--users", "3", "--interval", "1") as program:
        lines = []
        talkative = set()
        while len(talkative) < 3:
            lines.append(program.hear())
            if match := re.fullmatch(r"\[user(\d)\] sends: chat,user[123]", lines[-1]):
                talkative.add(match.group(1))
        heard = [line for line in lines if re.fullmatch(r"\[user\d\] receives: user\d says hi", line)]
        while not heard:
            lines.append(program.hear())
            heard = [line for line in lines if re.fullmatch(r"\[user\d\] receives: user\d says hi", line)]
        program.interrupt()
        assert program.end()[1] == ""
    for number in "123":
        assert f"[user{number}] sends: register,user{number}" in lines
        assert f"[user{number}] receives: ack" in lines
        assert f"[user{number}] sends: list,friends" in lines
    assert "[user3] receives: user1,user2,user3" in lines
