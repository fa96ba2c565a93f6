#!/usr/bin/python3
"""Strangers who ask for as much as they can, for what others notice of it.

    bench/flood.py KIND PORT    when nobody else wants the core, until its standard input ends

It says "ready" when it has begun. The kinds are those of FLOODS.
"""

import base64
import json
import os
import select
import socket
import struct
import sys

CONNECTIONS = 20
LARGE = 60_000
ENTRIES = 2_000  # of the room that is read
LINGER = struct.pack("ii", 1, 0)


def frame(**members):
    data = json.dumps(members).encode()
    size = struct.pack("!B", 0x80 | len(data)) if len(data) < 126 else struct.pack("!BH", 0x80 | 126, len(data))
    return b"\x81" + size + b"\0\0\0\0" + data


def connect(port):
    opened = socket.create_connection(("127.0.0.1", port))
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def connect_v1(port):
    opened = connect(port)
    key = base64.b64encode(os.urandom(16)).decode()
    opened.sendall((f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: banter.v1\r\n\r\n").encode())
    opened.recv(4096)
    opened.sendall(frame(type="hello"))
    return opened


def fill(port):
    """The room that is read."""
    writer = connect_v1(port)
    writer.sendall(b"".join(frame(type="message", room="read", content=f"{i} " + "x" * 100, cid=str(i)) for i in range(ENTRIES)))
    heard = b""
    while f'"cid":"{ENTRIES - 1}"'.encode() not in heard:
        heard = heard[-100:] + writer.recv(1 << 16)
    writer.close()


def requests(*messages):
    return connect_v1, b"".join(messages)


FLOODS = {
    "requests": requests(frame(type="message", room="nowhere", content="flood", of="?") * 50),
    "large messages": requests(frame(type="nothing", content="x" * LARGE) * 2),
    "joins": requests(*(frame(type=kind, room=f"room{i}", cid="j") for i in range(20) for kind in ("join", "leave"))),
    "history": requests(*(frame(type="history", room="read", after=i, cid="h") for i in range(0, ENTRIES, ENTRIES // 10))),
    "searches": requests(*(frame(type="search", q=f"x* OR {i}", limit=100, cid="s") for i in range(5))),
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
