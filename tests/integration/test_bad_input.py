"""Whatever anybody sends: a clear error or the right close code, bounded memory, and nobody else notices."""

import os
import random
import socket
import struct
import threading

import pytest

from clients import BANNER, EVERYTHING, NO_LIMIT, TIMEOUT, Command, Json, Line, Numbered, Stream, Text, V1, wait_until
from raw_websocket import BINARY, FIN, MASK, TEXT, frame, header

MEGABYTE = 1024 * 1024
# Nobody here reads pings while something else is sent, however long that takes.
SHORT = ("--set", "handshake_timeout=1", "--set", "max_message=65536", "--set", "ping_interval=0", *NO_LIMIT)


class Bystanders:
    """One client of each protocol who must not notice anything."""

    def __init__(self, server):
        self.server = server
        self.line = Line(server.port("line"), "Lin")
        self.plain = Json(server.port())
        self.plain.hear_until("system")
        self.count = 0

    def check(self):
        self.count += 1
        text = f"still here {self.count}"
        self.line.say(text)
        self.line.line_until(f"Lin: {text}")
        self.plain.hear_until("message", content=text)
        assert self.server.process.poll() is None


@pytest.fixture
def world(server, monkeypatch):
    # A sanitizer holds on to what was freed; little enough of it that memory can still be judged.
    options = os.environ.get("ASAN_OPTIONS", "")
    monkeypatch.setenv("ASAN_OPTIONS", f"{options}:quarantine_size_mb=1:malloc_context_size=1")
    return server(*SHORT, listen=EVERYTHING)


@pytest.fixture
def bystanders(world):
    bystanders = Bystanders(world)
    yield bystanders
    bystanders.check()
    bystanders.line.socket.close()
    bystanders.plain.socket.close()


SCHEMES = ("ws", "ws+text", "line", "numbered", "command")


def swallow(stream):
    """Reads until the server closes or resets, and no longer than that takes."""
    try:
        stream.rest()
    except ConnectionError:
        pass


@pytest.mark.parametrize("scheme", SCHEMES)
def test_garbage_harms_nobody(world, bystanders, scheme):
    dice = random.Random(7)
    for _ in range(30):
        stream = Stream(world.port(scheme))
        try:
            stream.send(dice.randbytes(dice.randrange(1, 20_000)))
            stream.end_input()
        except OSError:
            pass
        swallow(stream)
    bystanders.check()


@pytest.mark.parametrize("scheme", ["ws", "ws+text"])
def test_who_says_nothing_is_not_waited_for(world, bystanders, scheme):
    silent = Stream(world.port(scheme))
    swallow(silent)


def test_half_a_frame_and_silence_costs_the_others_nothing(world, bystanders):
    client = Json(world.port())
    client.hear_until("system")
    client.send_raw(frame(FIN | TEXT, b'{"content":"never"}')[:-3])
    half_head = Text(world.port())
    half_head.send_raw(b"\x81")
    bystanders.check()


@pytest.mark.parametrize("path", ["/", "/text"])
def test_a_length_of_a_gigabyte_closes_with_1009(world, bystanders, path):
    client = Text(world.port(), path)
    before = world.resident_bytes()
    client.send_raw(header(FIN | TEXT, 1 << 30) + MASK + b"x" * 1000)
    while (received := client.receive())[0] != 0x88:
        pass
    assert struct.unpack("!H", received[1][:2]) == (1009,)
    assert world.resident_bytes() - before < 16 * MEGABYTE


@pytest.mark.parametrize("path", ["/", "/text"])
def test_invalid_utf8_closes_with_1007(world, bystanders, path):
    for payload in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"):
        client = Text(world.port(), path)
        client.send(FIN | TEXT, payload)
        while (received := client.receive())[0] != 0x88:
            pass
        assert struct.unpack("!H", received[1][:2]) == (1007,), payload


@pytest.mark.parametrize("scheme,greeting", [("line", "Lin2\n"), ("numbered", ""), ("command", "register,Lin2\n")])
def test_invalid_utf8_in_a_line_is_refused_or_replaced(world, bystanders, scheme, greeting):
    stream = Stream(world.port(scheme))
    stream.send(greeting)
    stream.send(b"bad \xff\xc3\x28 bytes\n" + b"x\n" if scheme != "command" else b"chat,Lin2,\xff\xc3\x28\n")
    stream.end_input()
    swallow(stream)
    bystanders.check()


@pytest.mark.parametrize("scheme,greeting", [("line", "Lin2\n"), ("line", ""), ("numbered", ""),
                                             ("command", "register,Lin2\n"), ("command", "")])  # fmt: skip
def test_a_line_without_end_is_not_collected(world, bystanders, scheme, greeting):
    stream = Stream(world.port(scheme))
    stream.socket.settimeout(TIMEOUT)
    stream.send(greeting)
    before = world.resident_bytes()
    drain = threading.Thread(target=swallow, args=(stream,))
    drain.start()
    try:
        for _ in range(64):
            stream.send(b"x" * MEGABYTE)
    except ConnectionError:
        pass  # or it hangs up: fine
    bystanders.check()
    assert world.resident_bytes() - before < 16 * MEGABYTE
    stream.socket.shutdown(socket.SHUT_RDWR)
    drain.join()


def test_a_reader_that_reads_nothing_costs_bounded_memory(world, bystanders):
    lazy = [Json(world.port()), Line(world.port("line"), "Lazy")]
    writer = V1(world.port())
    writer.hello()
    before = world.resident_bytes()
    for _ in range(600):
        writer.ask("message", room="lobby", content="x" * 60_000)
        if writer.cids % 50 == 0:
            bystanders.check()
    assert world.resident_bytes() - before < 64 * MEGABYTE
    assert lazy


@pytest.mark.parametrize("payload", [
    pytest.param(b'{"content":' + b"[" * 30_000 + b"]" * 30_000 + b"}", id="deep array"),
    pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="deep object"),
    pytest.param(b"[" * 60_000, id="never closed"),
    pytest.param(b'{"content":"x","content":"y"}', id="twice"),
    pytest.param(b'{"content":1e999}', id="huge number"),
    pytest.param(b'{"seq":99999999999999999999999999}', id="huge integer"),
    pytest.param(b'{"content":"\\u0000"}', id="zero"),
    pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
])  # fmt: skip
def test_strange_json_is_answered(world, bystanders, payload):
    client = Json(world.port())
    client.hear_until("system")
    client.send(FIN | TEXT, payload)
    frame = client.hear()
    if frame["type"] == "error":
        assert (frame["message"], frame["code"]) == ("Invalid message format", "bad_request")
    else:
        assert frame["type"] == "message"
    client.say(content="alive")
    client.hear_until("message", content="alive")


@pytest.mark.parametrize("name", [b"\x1b[31mred", b"a\x00b", b"a\rb", "a\u202eb".encode(), "\u2028".encode(),
                                  b"\xff\xfe", b"a" * 65, b"a" * 100_000, "\u0301".encode() * 64])  # fmt: skip
def test_names_of_controls_are_refused_on_every_protocol(world, bystanders, name):
    line = Line(world.port("line"))
    line.expect(BANNER)
    line.send(name + b"\n")
    answer = line.line()
    line.expect("Enter your name:\n")
    assert "\x1b" not in answer and "\0" not in answer and "\r" not in answer
    command = Command(world.port("command"))
    command.send(b"\nregister," + name + b"\n")  # the first LF: by lines, not by what arrives
    answer = command.line()
    assert answer.startswith("error: ")
    assert "\x1b" not in answer and "\0" not in answer and "\r" not in answer
    bystanders.check()


def test_a_flood_of_requests_without_reading_is_paused_not_collected(world, bystanders):
    client = V1(world.port())
    client.hello()
    before = world.resident_bytes()
    request = frame(FIN | TEXT, b'{"type":"members","room":"lobby","cid":"x"}')
    client.socket.settimeout(2)
    try:
        for _ in range(100):
            client.send_raw(request * 5_000)
    except OSError:
        pass  # the server has stopped reading, as it should
    bystanders.check()
    assert world.resident_bytes() - before < 32 * MEGABYTE


def test_a_thousand_rooms_are_enough_for_one_session(world, bystanders):
    client = V1(world.port())
    client.hello()
    for number in range(1000):
        client.say(type="join", room=f"r{number}", cid=f"j{number}")
    client.say(type="join", room="one-more", cid="last")
    assert client.hear_until(cid="last")["code"] == "too_many"


def test_connections_that_come_and_go_leave_nothing_behind(world, bystanders):
    def crowd():
        streams = [Stream(world.port(scheme)) for scheme in SCHEMES for _ in range(40)]
        for stream in streams:
            try:
                stream.send(b"\x00\x01GET\n"[: os.urandom(1)[0] % 6])
            except OSError:
                pass
            stream.socket.close()

    descriptors = f"/proc/{world.process.pid}/fd"
    crowd()
    bystanders.check()
    wait_until(lambda: len(os.listdir(descriptors)) < 60)
    before = len(os.listdir(descriptors)), world.resident_bytes()
    for _ in range(5):
        crowd()
    bystanders.check()
    wait_until(lambda: len(os.listdir(descriptors)) <= before[0] + 2)
    assert world.resident_bytes() - before[1] < 16 * MEGABYTE


@pytest.mark.parametrize("request_head", [
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: short\r\n\r\n",
    b"POST /r/ops HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /r/ops HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /r/ops HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 1\r\n\r\nx",
    b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
])  # fmt: skip
def test_broken_requests_get_an_answer_of_400_or_so(world, bystanders, request_head):
    stream = Stream(world.port())
    stream.send(request_head)
    answer = stream.rest() if b"99999" not in request_head else stream.line()
    assert answer.startswith("HTTP/1.1 4") or answer.startswith("HTTP/1.1 505"), answer


def test_numbered_and_binary_nonsense(world, bystanders):
    numbered = Numbered(world.port("numbered"))
    numbered.send(b"\x00\x01\x02\x1b[2J\n")
    assert "\x1b" not in numbered.line()
    text = Text(world.port())
    text.send(FIN | BINARY, bytes(range(256)))
    assert text.receive_message() == (BINARY, bytes(range(256)))
