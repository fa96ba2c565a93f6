#!/usr/bin/python3
"""Many readers in one process, as cheap as Python allows, for what `banter bench` cannot make: readers of one room on several
nodes, and clients that go on elsewhere when their node dies.

    bench/crowd.py read PORT COUNT            raw text in the lobby: COUNT connections to one node
    bench/crowd.py resume COUNT PORT PORT…    banter.v1 in the room `crowd`, COUNT connections dealt to the nodes

It says "ready" when all are connected, and "report {…}" for each line on its standard input, which it waits for.
"""

import json
import os
import random
import select
import socket
import struct
import sys
import time

UNDER_WAY = 100
HEAD = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{extra}\r\n"
)
MASK = b"\0\0\0\0"


def frame(text):
    data = text.encode()
    size = struct.pack("!B", 0x80 | len(data)) if len(data) < 126 else struct.pack("!BH", 0x80 | 126, len(data))
    return b"\x81" + size + MASK + data


def frames(buffer):
    """(opcode, payload) of the whole frames at the beginning of a bytearray, which they are taken from."""
    at = 0
    while len(buffer) >= at + 2:
        length, head = buffer[at + 1], 2
        if length == 126:
            length, head = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
        elif length == 127:
            length, head = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
        if len(buffer) < at + head + length:
            break
        yield buffer[at] & 15, bytes(buffer[at + head : at + head + length])
        at += head + length
    del buffer[:at]


class Reader:
    """Counts what is said, which must be 1, 2, 3 … with the time it was said."""

    __slots__ = ("socket", "rest", "shaking", "seen", "wrong", "late")
    path, extra = "/text", ""

    def __init__(self):
        self.rest, self.shaking, self.seen, self.wrong, self.late = bytearray(), True, 0, 0, 0.0

    def connect(self, port):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))

    def opened(self):
        pass

    def take(self, opcode, payload):
        if opcode != 1:
            return
        _, number, moment = payload.rsplit(b" ", 2)
        self.wrong += int(number) != self.seen + 1
        self.seen = int(number)
        self.late = max(self.late, time.time() - float(moment))

    def readable(self):
        """False: the connection has ended."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.rest += data
        if self.shaking:
            _, found, rest = self.rest.partition(b"\r\n\r\n")
            if not found:
                return bool(data)
            self.shaking = False
            self.rest = bytearray(rest)
            self.opened()
        for opcode, payload in frames(self.rest):
            self.take(opcode, payload)
        return bool(data)


class Resumer(Reader):
    """Joins a room and goes on there when it comes again."""

    __slots__ = ("session", "epoch", "live", "home")
    path, extra = "/ws", "Sec-WebSocket-Protocol: banter.v1\r\n"

    def __init__(self):
        super().__init__()
        self.session, self.epoch, self.live = None, None, False

    def opened(self):
        self.socket.send(frame(json.dumps({"type": "hello"} | ({"session": self.session} if self.session else {}))))

    def take(self, opcode, payload):
        if opcode != 1:
            return
        said = json.loads(payload)
        if said["type"] == "welcome":
            self.session = said["session"]
            place = {"after": self.seen} | ({"epoch": self.epoch} if self.epoch else {})
            self.socket.send(frame(json.dumps({"type": "join", "room": "crowd"} | place)))
        elif said["type"] == "joined":
            self.epoch = said["epoch"]
        elif said["type"] == "live":
            self.live = True
        for entry in [said] if said["type"] == "message" else said.get("items", []):
            self.wrong += entry["seq"] != self.seen + 1
            self.seen = entry["seq"]


class Crowd:
    def __init__(self, kind, count, ports):
        self.poll = select.epoll()
        self.by_descriptor = {}
        self.ports = ports
        self.readers = [kind() for _ in range(count)]
        self.waiting = []  # (when, reader) that come again
        self.lost_at = None
        self.opening = 0  # whose handshake is not over
        for number, reader in enumerate(self.readers):
            self.open(reader, ports[number % len(ports)])
            while self.opening >= UNDER_WAY:
                self.turn(0.05)

    def open(self, reader, port):
        reader.shaking, reader.rest = True, bytearray()
        if isinstance(reader, Resumer):
            reader.live, reader.home = False, port
        reader.connect(port)
        self.by_descriptor[reader.socket.fileno()] = reader
        self.poll.register(reader.socket.fileno(), select.EPOLLOUT)
        self.opening += 1

    def turn(self, timeout):
        for descriptor, events in self.poll.poll(timeout, 4096):
            reader = self.by_descriptor[descriptor]
            if events & select.EPOLLOUT:
                reader.socket.send(HEAD.format(path=reader.path, extra=reader.extra).encode())
                self.poll.modify(descriptor, select.EPOLLIN)
                continue
            shook = reader.shaking
            if not reader.readable():
                self.lost(descriptor, reader, shook)
            elif shook and not reader.shaking:
                self.opening -= 1
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, _, reader = self.waiting.pop(0)
            self.open(reader, random.choice([port for port in self.ports if port != reader.home]))

    def lost(self, descriptor, reader, shook):
        self.opening -= shook
        self.poll.unregister(descriptor)
        del self.by_descriptor[descriptor]
        reader.socket.close()
        if not isinstance(reader, Resumer):
            reader.wrong += 1
            return
        self.lost_at = self.lost_at or time.monotonic()
        # As our own clients do: half a second to three quarters more, at random.
        self.waiting.append((time.monotonic() + random.uniform(0.25, 0.75), id(reader), reader))
        self.waiting.sort()
        reader.live = False

    def report(self):
        result = {"readers": len(self.readers), "wrong": sum(reader.wrong for reader in self.readers),
                  "least": min(reader.seen for reader in self.readers), "late": max(reader.late for reader in self.readers)}
        if isinstance(self.readers[0], Resumer):
            result["live"] = sum(reader.live for reader in self.readers)
        return result


def main():
    if sys.argv[1] == "read":
        crowd = Crowd(Reader, int(sys.argv[3]), [int(sys.argv[2])])
        done = lambda: crowd.opening == 0
    else:
        crowd = Crowd(Resumer, int(sys.argv[2]), [int(port) for port in sys.argv[3:]])
        done = lambda: all(reader.live for reader in crowd.readers)
    while not done():
        crowd.turn(0.1)
    print("ready", flush=True)
    commands = select.poll()
    commands.register(0, select.POLLIN)
    live_again = None
    while True:
        crowd.turn(0.02)
        if crowd.lost_at and live_again is None and done():
            live_again = time.monotonic() - crowd.lost_at
        if commands.poll(0):
            if not os.read(0, 4096):
                return
            print("report", json.dumps(crowd.report() | {"live_again": live_again}), flush=True)


if __name__ == "__main__":
    main()
