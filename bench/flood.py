#!/usr/bin/python3
"""Strangers who ask for as much as they can, for what others notice of it.

    bench/flood.py KIND PORT    when nobody else wants the core, until its standard input ends

It says "ready" when it has begun. The kinds are those of FLOODS.
"""

import json
import os
import select
import socket
import struct
import sys

from crowd import HEAD, frame

CONNECTIONS = 20
LARGE = 60_000
ENTRIES = 2_000  # of the room that is read
LINGER = struct.pack("ii", 1, 0)


def request(**members):
    return frame(json.dumps(members))


def connect(port):
    opened = socket.create_connection(("127.0.0.1", port))
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def connect_v1(port):
    opened = connect(port)
    opened.sendall(HEAD.format(path="/ws", extra="Sec-WebSocket-Protocol: banter.v1\r\n").encode())
    opened.recv(4096)
    opened.sendall(request(type="hello"))
    return opened


def fill(port):
    """The room that is read."""
    writer = connect_v1(port)
    writer.sendall(b"".join(request(type="message", room="read", content=f"{i} " + "x" * 100, cid=str(i)) for i in range(ENTRIES)))
    heard = b""
    while f'"cid":"{ENTRIES - 1}"'.encode() not in heard:
        heard = heard[-100:] + writer.recv(1 << 16)
    writer.close()


def by_v1(*messages):
    return connect_v1, b"".join(messages)


FLOODS = {
    "requests": by_v1(request(type="message", room="no where", content="flood") * 50),
    "large messages": by_v1(request(type="nothing", content="x" * LARGE) * 2),
    "joins": by_v1(*(request(type=kind, room=f"room{i}", cid="j") for i in range(20) for kind in ("join", "leave"))),
    "history": by_v1(*(request(type="history", room="read", after=i, cid="h") for i in range(0, ENTRIES, ENTRIES // 10))),
    "searches": by_v1(*(request(type="search", q=f"x* or {i}", limit=100, cid="s") for i in range(5))),
    "HTTP": (connect, b"GET /r/read?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 10),
    "connections": (connect_v1, None),
}


def is_over():
    return select.select([sys.stdin], [], [], 0)[0]


def open_and_close(start, port):
    while not is_over():
        opened = [start(port) for _ in range(CONNECTIONS)]
        for one in opened:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            one.close()


def send_and_read(start, port, text):
    """As much as each connection takes, again and again."""
    place = {start(port): 0 for _ in range(CONNECTIONS)}
    for one in place:
        one.setblocking(False)
    while not is_over():
        readable, writable, _ = select.select(place, place, [], 1)
        for one in readable:
            if not one.recv(1 << 18):
                raise SystemExit("a flood was cut off")
        for one in writable:
            place[one] = (place[one] + one.send(text[place[one] :])) % len(text)


def main():
    kind, port = sys.argv[1], int(sys.argv[2])
    start, text = FLOODS[kind]
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # the load that is measured shares its core
    if kind in ("history", "searches", "HTTP"):
        fill(port)
    print("ready", flush=True)
    if text is None:
        open_and_close(start, port)
    else:
        send_and_read(start, port, text)


if __name__ == "__main__":
    main()
