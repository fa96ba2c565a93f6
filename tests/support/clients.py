"""A small client for each protocol, for tests that look at the server from outside. Every wait is for bytes, with a limit
far above what is needed; nothing sleeps."""

import json
import os
import re
import select
import socket
import time

from raw_websocket import CLOSE, FIN, TEXT, TIMEOUT, Connection, close_payload

EVERYTHING = (
    "ws://127.0.0.1:0",
    "line://127.0.0.1:0",
    "numbered://127.0.0.1:0",
    "command://127.0.0.1:0",
    "ws+text://127.0.0.1:0",
)
NO_LIMIT = ("--set", "rate_per_minute=0")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


class Json(Connection):
    """The JSON chat over WebSocket, without a subprotocol."""

    headers = ()

    def __init__(self, port, path="/", headers=()):
        super().__init__(port, path, headers=[*self.headers, *headers])
        self.prefix = os.urandom(4).hex()  # others see our cids
        self.cids = 0

    def new_cid(self):
        self.cids += 1
        return f"{self.prefix}-{self.cids}"

    def say(self, **members):
        self.say_text(json.dumps(members))

    def say_text(self, text):
        self.send(FIN | TEXT, text.encode())

    def hear(self):
        opcode, payload = self.receive_message()
        assert opcode == TEXT
        return json.loads(payload)

    def hear_until(self, *types, **members):
        """The next frame of one of these types and with these members; what comes before it is dropped."""
        while True:
            frame = self.hear()
            if types and frame["type"] not in types:
                continue
            if all(frame.get(key) == value for key, value in members.items()):
                return frame

    def ask(self, type, **members):
        """A request and its one answer; what comes before the answer is dropped."""
        cid = members.setdefault("cid", self.new_cid())
        self.say(type=type, **members)
        return self.hear_until(cid=cid)

    def leave(self):
        """Closes as a client does that means it; drops what is still coming."""
        self.send(FIN | CLOSE, close_payload(1000))
        while self.receive()[0] != FIN | CLOSE:
            pass
        self.expect_end()


class V1(Json):
    """The JSON chat with the subprotocol banter.v1."""

    headers = (("Sec-WebSocket-Protocol", "banter.v1"),)

    def hello(self, **members):
        self.say(type="hello", **members)
        frame = self.hear()
        assert frame["type"] == "welcome", frame
        return frame

    def join(self, room, **members):
        """Joins and reads up to `live`. Returns the frames in between, `joined` first."""
        cid = self.new_cid()
        self.say(type="join", room=room, cid=cid, **members)
        frames = [self.hear_until(cid=cid)]
        assert frames[0]["type"] == "joined", frames[0]
        while frames[-1]["type"] != "live":
            frames.append(self.hear())
        return frames


def items_of(frames):
    """What the batches among some frames hold."""
    return [item for frame in frames if frame["type"] == "batch" for item in frame["items"]]


class Text(Connection):
    """Raw text over WebSocket."""

    def __init__(self, port, path="/text", headers=()):
        super().__init__(port, path, headers=headers)

    def say(self, text):
        self.send(FIN | TEXT, text.encode())

    def hear(self):
        opcode, payload = self.receive_message()
        assert opcode == TEXT
        return payload.decode()

    def leave(self):
        self.close(1000)


class Stream:
    """Bytes over TCP."""

    def __init__(self, port):
        self.socket = self.connect(port)
        self.buffer = b""

    def connect(self, port):
        opened = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def _read(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def line(self):
        while b"\n" not in self.buffer:
            assert self._read(), f"closed after {self.buffer!r}"
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def line_until(self, wanted):
        """Reads lines up to this one; returns those before it."""
        before = []
        while (line := self.line()) != wanted:
            before.append(line)
        return before

    def expect(self, text):
        """Exactly these bytes come next."""
        expected = text.encode()
        while len(self.buffer) < len(expected) and expected.startswith(self.buffer):
            assert self._read(), f"closed after {self.buffer!r}"
        assert self.buffer[: len(expected)].decode() == text
        self.buffer = self.buffer[len(expected) :]

    def rest(self):
        """What comes until the server closes."""
        while self._read():
            pass
        rest, self.buffer = self.buffer, b""
        return rest.decode()

    def end_input(self):
        self.socket.shutdown(socket.SHUT_WR)


BANNER = "banter chat server\nEnter your name:\n"


class Line(Stream):
    """Lines with a name. `join` reads the greeting."""

    def __init__(self, port, name=None):
        super().__init__(port)
        if name is not None:
            self.join(name)

    def join(self, name):
        self.expect(BANNER)
        self.send(f"{name}\n")
        self.expect(f"{name} has connected\nWelcome {name}. Send QUIT to disconnect.\n")

    def say(self, text):
        self.send(f"{text}\n")

    def hear(self):
        return self.line()

    def leave(self):
        self.send("QUIT\n")
        return self.rest()


class Numbered(Stream):
    """Lines without names."""

    def say(self, text):
        self.send(f"{text}\n")

    def hear(self):
        return self.line()


class Command(Stream):
    """The commands protocol as its simplest clients speak it: one write for a command, one read for an answer, and no line
    ends at all."""

    def __init__(self, port, name=None):
        super().__init__(port)
        if name is not None:
            assert self.ask(f"register,{name}") == "ack"

    def read(self):
        """What one read gives."""
        data = self.socket.recv(1 << 16)
        assert data, "closed"
        return data.decode()

    def ask(self, command):
        self.send(command)
        return self.read()


def wait_until(condition, seconds=TIMEOUT):
    """For what can only be looked at from outside, such as memory: looks again and again, and gives up late."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        select.select([], [], [], 0.02)
