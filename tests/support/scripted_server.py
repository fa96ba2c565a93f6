"""A server that does what a test tells it, to see what a client of ours does when things go wrong."""

import base64
import hashlib
import json
import re
import socket
import struct

from raw_websocket import CLOSE, FIN, GUID, PING, PONG, TEXT, TIMEOUT, apply_mask

WELCOME = {
    "type": "welcome",
    "session": "s" * 43,
    "server": "scripted",
    "ping_ms": 30000,
    "limits": {"message": 65536, "per_minute": 0},
    "reconnect_ms": [50, 100],
    "rooms": [],
}


class ScriptedServer:
    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.settimeout(TIMEOUT)
        self.url = f"ws://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept_raw(self):
        connection, _ = self.listener.accept()
        connection.settimeout(TIMEOUT)
        return connection

    def accept(self):
        return Peer(self.accept_raw())

    def welcome(self, **members):
        """Accepts a client, hears its hello and welcomes it. Returns the peer and the hello."""
        peer = self.accept()
        hello = peer.hear("hello")
        named = {"name": hello["name"]} if "name" in hello else {}
        peer.say(**(WELCOME | named | members))
        return peer, hello


class Peer:
    """A connection to the client under test."""

    def __init__(self, connection):
        self.socket = connection
        self.stream = connection.makefile("rb")
        self.head = self._read_head()
        key = re.search(r"(?im)^sec-websocket-key: *(\S+)", self.head).group(1)
        accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        self.socket.sendall(
            (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: banter.v1\r\n\r\n"
            ).encode()
        )

    def _read_head(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.stream.readline()
            assert line, f"hung up after {head!r}"
            head += line
        return head.decode()

    def receive(self):
        first, second = self.stream.read(2)
        assert second & 0x80, "a client masks everything"
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self.stream.read(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self.stream.read(8))[0]
        mask = self.stream.read(4)
        return first, apply_mask(self.stream.read(length), mask)

    def hear(self, type=None):
        """The next frame; must be of this type."""
        first, payload = self.receive()
        assert first == FIN | TEXT, (first, payload)
        frame = json.loads(payload)
        assert type is None or frame["type"] == type, frame
        return frame

    def send(self, first, payload=b""):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", first, length)
        elif length < 65536:
            head = struct.pack("!BBH", first, 126, length)
        else:
            head = struct.pack("!BBQ", first, 127, length)
        self.socket.sendall(head + payload)

    def say(self, **frame):
        self.send(FIN | TEXT, json.dumps(frame).encode())

    def joined(self, room, last=0, epoch="e"):
        """Answers a join."""
        join = self.hear("join")
        self.say(type="joined", room=room, epoch=epoch, first=1, last=last, client_count=1, cid=join["cid"])
        return join

    def live(self, room, at):
        self.say(type="live", room=room, at=at)

    def entry(self, seq, content, room="lobby", **members):
        self.say(type="message", room=room, seq=seq, id="x", content=content, sender="ann", timestamp="t", **members)

    def ack(self, frame, seq, room="lobby"):
        self.say(type="ack", cid=frame["cid"], room=room, seq=seq, id="x", timestamp="t")

    def ping(self, payload):
        self.send(FIN | PING, payload)
        assert self.receive() == (FIN | PONG, payload)

    def close(self, code, reason=""):
        self.send(FIN | CLOSE, struct.pack("!H", code) + reason.encode())

    def expect_close(self, code=1000):
        assert self.receive() == (FIN | CLOSE, struct.pack("!H", code))
        self.close(code)
        self.drop()

    def drop(self):
        """Hangs up without a word."""
        self.stream.close()
        self.socket.close()
