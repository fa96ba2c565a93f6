"""Lines that look as if the server, the log or somebody else had written them."""

import json
import re

import pytest

from clients import EVERYTHING, NO_LIMIT, Command, Json, Line, Numbered, Stream, Text, V1
from program import Program

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (DEBUG|INFO|WARNING|ERROR) - [^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]*")
FORGED = "2026-01-01 00:00:00 - ERROR - FORGED"
BREAKS = ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"]


@pytest.fixture
def world(server):
    return server(*NO_LIMIT, "--set", "log_level=debug", listen=EVERYTHING)


def http(world, head, body=b""):
    with Stream(world.port()) as stream:
        try:
            stream.send(head + b"Connection: close\r\n\r\n" + body)
        except ConnectionError:
            pass
        return stream.rest()


def attack_every_protocol(world, text):
    """Says it wherever something can be said."""
    data = text.encode()
    client, plain = V1(world.port()), Json(world.port())
    client.hello()
    for members in ({"content": text}, {"content": "x", "sender": text}, {"content": "x", "room": text}):
        client.ask("message", **{"room": "lobby", **members})
        plain.ask("message", **members)
    for type in ("join", "history", "hello", "topic", "search"):
        client.ask(type, room=text, name=text, content=text, token=text, query=text, resume={text: {"after": 1}})
    client.say(type=text, cid=client.new_cid())
    Text(world.port()).say(text)
    for scheme, kind in (("line", Stream), ("numbered", Numbered), ("command", Stream)):
        stream = kind(world.port(scheme))
        stream.send(data + b"\n/nick " + data + b"\n/" + data + b"\nregister," + data + b"\nchat," + data + b"\n")
        stream.end_input()
        stream.rest()
    for header in (b"Host", b"Origin", b"User-Agent", b"X-Forwarded-For", b"Forwarded", b"Sender", b"Authorization", b"Cookie"):
        http(world, b"POST /r/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n" + header + b": " + data + b"\r\n", b"x")
    http(world, b"GET /" + data + b"?token=" + data + b" HTTP/1.1\r\nHost: localhost\r\n")
    http(world, data + b" / HTTP/1.1\r\nHost: localhost\r\n")


@pytest.mark.parametrize("separator", [*BREAKS, "\x1b[2K\x1b[1A", "\u202e"], ids=ascii)
def test_no_line_of_the_log_is_forged_by_any_protocol(world, separator):
    attack_every_protocol(world, f"harmless{separator}{FORGED}")
    world.stop()
    lines = world.log().split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert LOG_LINE.fullmatch(line), ascii(line)
        assert not line.startswith(FORGED)


def test_no_line_of_a_json_log_is_forged(server):
    world = server(*NO_LIMIT, "--set", "log_level=debug", "--set", "log_format=json", listen=EVERYTHING)
    for separator in BREAKS:
        attack_every_protocol(world, f'x"{separator}{{"time":"","level":"error","message":"FORGED"}}')
    world.stop()
    for line in world.log().split("\n")[:-1]:
        entry = json.loads(line)
        assert sorted(entry) == ["level", "message", "time"] and entry["message"] != "FORGED"


def test_secrets_and_what_people_say_are_not_in_the_log(world):
    client = V1(world.port())
    session = client.hello(name="ann")["session"]
    client.ask("message", room="lobby", content="BETWEEN-US")
    V1(world.port(), "/ws?token=SECRET-QUERY").socket.close()
    http(world, b"GET /r/lobby?token=SECRET-QUERY HTTP/1.1\r\nHost: localhost\r\n")
    http(world, b"GET /r/lobby HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer SECRET-HEADER\r\n")
    http(world, b"GET /r/lobby HTTP/1.1\r\nHost: localhost\r\nCookie: session=SECRET-COOKIE\r\n")
    client.say(type="auth", token="SECRET-AUTH", cid="a")
    client.hear_until(cid="a")
    world.stop()
    for secret in ("SECRET", "BETWEEN-US", session):
        assert secret not in world.log()


ESCAPES = ["\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]52;c;ZXZpbA==\x07", "\x9b31m", "\x1bP$q\x1b\\", "\x08\x08\x08", "\x7f",
           "\x0e", "\x1b[6n"]  # fmt: skip
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.mark.parametrize("escape", ESCAPES, ids=ascii)
def test_nothing_reaches_a_terminal_that_acts_on_it(world, escape):
    """Readers of lines, and the programs of banter, whoever sends and however."""
    readers = [Line(world.port("line"), "Lin"), Numbered(world.port("numbered"))]
    readers[1].say("here")
    assert readers[1].hear() == "Client 1: here"  # it is
    sender = V1(world.port())
    sender.hello(name="ann")
    with Program("tail", f"ws://127.0.0.1:{world.port()}") as tail:
        sender.ask("message", room="lobby", content=f"before {escape} after")
        sender.ask("topic", room="lobby", content=f"topic {escape} end")
        sender.ask("message", room="lobby", content="label", sender=f"l {escape} l")
        Text(world.port()).say(f"text {escape} end")
        http(world, b"POST /r/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n" % len(escape.encode()),
             escape.encode())  # fmt: skip
        sender.ask("message", room="lobby", content="THE END")
        for hear in (readers[0].line, readers[1].line, tail.hear):
            seen = []
            while "THE END" not in (line := hear()):
                seen.append(line)
            assert len(seen) >= 4
            assert not any(ACTIVE.search(line) for line in seen), ascii(seen)
