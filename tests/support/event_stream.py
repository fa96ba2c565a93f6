"""A reader of server-sent events that does what the standard says a browser does, and no more."""

import json
import socket

from raw_websocket import TIMEOUT


class EventStream:
    """`last_id`: what to come back with. `receive_buffer`: of a reader that is to be slow."""

    def __init__(self, port, query, last_id="", headers=(), receive_buffer=None):
        self.last_id = last_id
        self.retry_ms = None
        self.receive_buffer = receive_buffer
        self.socket = self.connect(port)
        lines = [f"GET /sse?{query} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Accept: text/event-stream", *headers]
        if last_id:
            lines.append(f"Last-Event-ID: {last_id}")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self.unread = b""
        self.chunks = None
        head = self._take(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if self.headers.get("transfer-encoding") == "chunked":  # a proxy's
            self.chunks, self.unread = self.unread, b""

    def connect(self, port):
        opened = socket.socket()
        if self.receive_buffer:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        opened.settimeout(TIMEOUT)
        opened.connect(("127.0.0.1", port))
        return opened

    def _receive(self):
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def _take_chunk(self):
        """The next whole chunk; nothing at the end."""
        while True:
            size, found, rest = self.chunks.partition(b"\r\n")
            if found and len(rest) >= int(size, 16) + 2:
                self.chunks = rest[int(size, 16) + 2 :]
                return rest[: int(size, 16)]
            more = self._receive()
            if not more:
                return b""
            self.chunks += more

    def _take(self, end):
        """Up to `end`, which is dropped; None when the stream is over before."""
        while end not in self.unread:
            more = self._receive() if self.chunks is None else self._take_chunk()
            if not more:
                return None
            self.unread += more
        taken, _, self.unread = self.unread.partition(end)
        return taken

    def block(self):
        """The next block as (event, data); data None where it has none. None when the stream has ended: what is
        left of a block then does not count."""
        taken = self._take(b"\n\n")
        if taken is None:
            return None
        event, data, last_id = "message", [], None
        for line in taken.decode().split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                event = value
            elif field == "id":
                last_id = value
            elif field == "retry":
                self.retry_ms = int(value)
        if last_id is not None:
            self.last_id = last_id
        return event, json.loads("\n".join(data)) if data else None

    def next(self):
        """The next event with data; None at the end."""
        while (block := self.block()) is not None:
            if block[1] is not None:
                return block
        return None

    def entry(self):
        event, entry = self.next()
        assert event == "message", (event, entry)
        return entry

    def close(self):
        self.socket.close()
