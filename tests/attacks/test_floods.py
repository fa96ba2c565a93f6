"""More than anybody should send, slower than anybody should, and larger: it costs bounded memory, ends, and the others talk on.

What is counted are bytes of memory and answers, never seconds: a machine that is busy makes nothing fail here."""

import os
import select
import socket
import time

import pytest

from clients import BANNER, EVERYTHING, NO_LIMIT, Json, Line, Stream, Text, V1
from raw_websocket import FIN, PING, TEXT, frame, header

MEGABYTE = 1024 * 1024
# Much less than the 12, 25 and 200 that are sent; what is freed a sanitizer keeps for a while.
KEPT = 8 * MEGABYTE


@pytest.fixture
def world(server, monkeypatch, request):
    options = os.environ.get("ASAN_OPTIONS", "")
    monkeypatch.setenv("ASAN_OPTIONS", f"{options}:quarantine_size_mb=1:malloc_context_size=1")
    # Nobody here reads pings while something else is sent, however long that takes.
    return server(*NO_LIMIT, "--set", "ping_interval=0", *getattr(request, "param", ()), listen=EVERYTHING)


IMPATIENT = pytest.mark.parametrize(
    "world", [("--set", "handshake_timeout=1", "--set", "message_timeout=1")], indirect=True, ids=["impatient"]
)


@pytest.fixture
def bystander(world):
    """Two who talk with each other, before and after."""
    ann, lin = V1(world.port()), Line(world.port("line"), "Lin")
    ann.hello(name="ann")
    ann.join("lobby")
    yield
    lin.say("still here")
    assert ann.hear_until("message", content="still here")["sender"] == "Lin"
    ann.ask("message", room="lobby", content="me too")
    lin.line_until("ann: me too")


def grown_by(world, act):
    before = world.resident_bytes()
    act()
    return world.resident_bytes() - before


def push(stream, data, pieces):
    """Sends as much of it as is taken."""
    try:
        for _ in range(pieces):
            stream.sendall(data)
    except OSError:
        return False
    return True


def test_empty_fragments_without_end_are_not_collected(world, bystander):
    with Text(world.port()) as client:
        client.send(TEXT, b"")
        grown = grown_by(world, lambda: push(client.socket, frame(0, b"") * 10000, 30))
    assert grown < 4 * MEGABYTE


def test_pings_without_reading_are_not_collected(world, bystander):
    with Text(world.port()) as client:
        client.socket.settimeout(1)
        grown = grown_by(world, lambda: push(client.socket, frame(FIN | PING, b"x" * 125) * 1000, 400))
    assert grown < 12 * MEGABYTE


def test_headers_without_end_are_refused(world, bystander):
    for line in (b"X: y\r\n", b"X" * 1000 + b": y\r\n", b"\r\n"):
        with Stream(world.port()) as stream:
            stream.send(b"GET / HTTP/1.1\r\n")
            grown = grown_by(world, lambda: push(stream.socket, line * 1000, 200))
            assert grown < KEPT


def test_a_chunked_body_without_end_is_refused(world, bystander):
    with Stream(world.port()) as stream:
        stream.send(b"POST /r/lobby HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        grown = grown_by(world, lambda: push(stream.socket, b"1\r\nx\r\n" * 10000, 200))
    assert grown < KEPT


def test_a_body_that_was_announced_too_large_is_not_read(world, bystander):
    with Stream(world.port()) as stream:
        stream.send(b"POST /r/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
        assert stream.line().split()[1] == "413"
    with Stream(world.port()) as stream:
        stream.send(b"POST /r/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n")
        assert stream.line().split()[1] in ("400", "413")


@pytest.mark.parametrize("scheme", ["line", "numbered", "command"])
def test_a_line_without_end_costs_no_memory(world, bystander, scheme):
    with Stream(world.port(scheme)) as stream:
        if scheme == "line":
            stream.expect(BANNER)
            stream.send("Eve\n")
        grown = grown_by(world, lambda: push(stream.socket, b"x" * 65536, 400))
    assert grown < KEPT


def test_json_that_is_nested_without_end_is_answered(world, bystander):
    client = Json(world.port())
    for opening, depth in (("[", 60000), ('{"a":', 12000)):
        client.say_text('{"type":"message","content":' + opening * depth)
        assert client.hear_until("error")["code"] == "bad_request"
    client.say_text('{"type":"message","content":"x","data":' + "[" * 20000 + "]" * 20000 + "}")
    assert client.hear_until("error")["code"] == "bad_request"


def test_everything_that_has_a_length_has_a_limit(world, bystander):
    client = V1(world.port())
    client.hello()
    huge = "x" * 70000
    oversized = [
        dict(type="message", room="lobby", content=huge), dict(type="message", room=huge[:5000], content="x"),
        dict(type="join", room=huge[:5000]), dict(type="topic", room="lobby", content=huge),
        dict(type="react", room="lobby", of=1, key=huge[:5000]), dict(type="search", query=huge),
        dict(type=huge[:5000]),
        dict(type="message", room="lobby", to=huge[:5000], content="x"), dict(type="hello", name=huge[:5000]),
        dict(type="hello", session=huge[:5000], resume={huge[:100] + str(n): {"after": 0} for n in range(900)}),
    ]  # fmt: skip
    for members in oversized:
        answer = client.ask(members.pop("type"), **members)
        assert answer["type"] in ("error", "welcome") or "items" in answer, (members, answer)
    client.say(type="message", room="lobby", content="x", cid="y" * 5000)
    assert client.hear_until("error")["code"] == "bad_request"
    assert client.ask("message", room="lobby", content="fine")["type"] == "ack"


def trickle(stream, data, interval=0.05, limit=60):
    """One byte at a time until the server has closed; how many bytes it took."""
    deadline = time.monotonic() + limit
    for count, byte in enumerate(data * 10000):
        try:
            stream.sendall(bytes([byte]))
        except OSError:
            return count
        if select.select([stream], [], [], interval)[0]:
            try:
                if not stream.recv(65536):
                    return count
            except OSError:
                return count
        assert time.monotonic() < deadline, "it is still listened to"
    return None


@IMPATIENT
@pytest.mark.parametrize("scheme", ["ws", "ws+text"])
def test_a_request_in_single_bytes_ends_in_time(world, bystander, scheme):
    """However often another byte comes: the whole head has its time, not each byte."""
    with Stream(world.port(scheme)) as stream:
        assert trickle(stream.socket, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 8000) is not None
    with Stream(world.port(scheme)) as stream:
        stream.send(b"POST /r/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n")
        assert trickle(stream.socket, b"x" * 8000) is not None


@IMPATIENT
def test_a_request_in_single_bytes_ends_in_time_on_a_connection_that_was_used_before(world, bystander):
    with Stream(world.port()) as stream:
        stream.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert stream.line().split()[1] == "200"
        while stream.line() != "ok":
            pass
        assert trickle(stream.socket, b"GET / HTTP/1.1\r\nX: " + b"y" * 8000) is not None


def test_a_message_in_single_bytes_ends_in_time_on_every_protocol(server):
    world = server(*NO_LIMIT, "--set", "message_timeout=0.5", "--set", "introduction_timeout=0.5", listen=EVERYTHING)
    with Text(world.port()) as client:
        client.socket.sendall(header(FIN | TEXT, 60000) + b"abcd")
        assert trickle(client.socket, b"x" * 1000) is not None
    with Text(world.port()) as client:
        client.send(TEXT, b"a fragment")
        assert trickle(client.socket, frame(0, b"x") * 100) is not None
    for scheme, first in (("line", b"Eve\n"), ("numbered", b"here\n"), ("command", b"register,Com\n")):
        with Stream(world.port(scheme)) as stream:
            stream.send(first)
            assert trickle(stream.socket, b"x" * 1000) is not None, scheme
    with Stream(world.port("line")) as stream:  # the name
        assert trickle(stream.socket, b"x" * 1000) is not None


@IMPATIENT
def test_who_is_half_open_is_let_go_and_disturbs_nobody(world, bystander):
    crowd = [socket.create_connection(("127.0.0.1", world.port())) for _ in range(400)]
    grown = grown_by(world, lambda: [half.sendall(b"GET / HTTP/1.1\r\nHost: loc") for half in crowd])
    client = V1(world.port())
    client.hello(name="meanwhile")
    assert client.ask("message", room="lobby", content="hello")["type"] == "ack"
    assert grown < 16 * MEGABYTE
    for half in crowd:
        half.settimeout(20)
        try:
            while half.recv(4096):
                pass
        except ConnectionResetError:
            pass
        half.close()


def test_a_reader_that_stops_reading_costs_the_others_nothing(world, bystander):
    stopped = V1(world.port())
    stopped.hello()
    stopped.join("flood")
    writer, reader = V1(world.port()), V1(world.port())
    for client in (writer, reader):
        client.hello()
    reader.join("flood")

    def flood():
        for number in range(1500):
            writer.ask("message", room="flood", content=f"{number} " + "x" * 60000)
            assert reader.hear_until("message")["content"].startswith(f"{number} ")

    assert grown_by(world, flood) < 64 * MEGABYTE


def test_a_flood_of_messages_is_answered_and_not_delivered(server):
    world = server("--set", "rate_per_minute=5", "--set", "ping_interval=0")
    reader, flooder = V1(world.port()), V1(world.port())
    reader.hello()
    reader.join("lobby")
    flooder.hello()
    for number in range(2000):
        flooder.say(type="message", room="lobby", content=str(number), cid=str(number))
    by_cid = {answer["cid"]: answer for answer in (flooder.hear_until("ack", "error") for _ in range(2000))}
    answers = [by_cid[str(number)] for number in range(2000)]
    assert [answer["type"] for answer in answers] == ["ack"] * 5 + ["error"] * 1995
    assert all(answer["retry_ms"] > 0 for answer in answers[5:])
    bystander = V1(world.port())
    bystander.hello()
    bystander.ask("message", room="lobby", content="end")
    heard = []
    while (text := reader.hear_until("message")["content"]) != "end":
        heard.append(text)
    assert heard == ["0", "1", "2", "3", "4"]
    flooder.expect_alive()
