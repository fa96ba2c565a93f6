"""A WebSocket client that can break every rule: it sends whatever bits it is told to, and is strict with what comes back."""

import base64
import contextlib
import hashlib
import os
import socket
import struct
import zlib

TIMEOUT = 60  # only of what hangs: passwords are checked behind all other work of a machine
FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def apply_mask(payload, mask=MASK):
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")


def header(first, length, masked=0x80, size=None):
    """`size`: bytes of extended length, 0, 2 or 8; the shortest unless given."""
    if size is None:
        size = 0 if length < 126 else 2 if length < 65536 else 8
    if size == 0:
        return struct.pack("!BB", first, masked | length)
    if size == 2:
        return struct.pack("!BBH", first, masked | 126, length)
    return struct.pack("!BBQ", first, masked | 127, length)


def frame(first, payload=b"", mask=MASK):
    return header(first, len(payload)) + mask + apply_mask(payload, mask)


def fragments(opcode, payload, size, rsv=0):
    """The frames of one message in fragments of `size` bytes, which is a multiple of 4 or else small."""
    if size % 4 == 0:
        masked = apply_mask(payload)
    frames = []
    for at in range(0, len(payload), size):
        last = at + size >= len(payload)
        first = (FIN if last else 0) | (opcode | rsv if at == 0 else CONTINUATION)
        part = masked[at : at + size] if size % 4 == 0 else apply_mask(payload[at : at + size])
        frames.append(header(first, len(part)) + MASK + part)
    return b"".join(frames)


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


def deflate(payload, bits=15, level=6, strategy=zlib.Z_DEFAULT_STRATEGY):
    compressor = zlib.compressobj(level, zlib.DEFLATED, -bits, 8, strategy)
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert data.endswith(b"\x00\x00\xff\xff")
    return data[:-4]


class Connection:
    """`offer`: Sec-WebSocket-Extensions, one value or a list of them for several headers. `early`: bytes that follow the
    handshake at once, without waiting for its answer."""

    def __init__(self, port, path="/text", offer=None, headers=(), early=b""):
        self.socket = self.connect(port)
        self.buffer = bytearray()
        self.bits = 15
        offers = [offer] if isinstance(offer, str) else offer or []
        headers = [("Sec-WebSocket-Extensions", o) for o in offers] + list(headers)
        self._handshake(port, path, headers, early)

    def connect(self, port):
        opened = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _handshake(self, port, path, headers, early):
        key = base64.b64encode(os.urandom(16))
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key.decode()}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode() + early)
        while b"\r\n\r\n" not in self.buffer:
            assert self._read(), f"closed during the handshake: {bytes(self.buffer)}"
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        status, *answers = head.decode().split("\r\n")
        assert status.startswith("HTTP/1.1 101 "), head
        self.headers = {name.lower(): value.strip() for name, _, value in (a.partition(":") for a in answers)}
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        assert self.headers["sec-websocket-accept"] == accept
        self.extensions = self.headers.get("sec-websocket-extensions")
        for parameter in (self.extensions or "").split(";"):
            name, _, value = parameter.strip().partition("=")
            if name == "server_max_window_bits":
                self.bits = int(value)

    def _read(self):
        """False at the end."""
        data = self.socket.recv(1 << 18)
        self.buffer += data
        return bool(data)

    def _take(self, length):
        while len(self.buffer) < length:
            assert self._read(), f"closed in the middle of a frame: {bytes(self.buffer[:100])!r}"
        data = bytes(self.buffer[:length])
        del self.buffer[:length]
        return data

    def send_raw(self, data, chop=None):
        if chop is None:
            self.socket.sendall(data)
            return
        for at in range(0, len(data), chop):
            self.socket.sendall(data[at : at + chop])

    def send(self, first, payload=b""):
        self.send_raw(frame(first, payload))

    def receive(self):
        """The next frame, as (first byte, payload). The server's pings are answered: a test may take longer than it waits."""
        while (received := self._receive())[0] == FIN | PING:
            with contextlib.suppress(OSError):  # it has closed meanwhile, and said so
                self.send(FIN | PONG, received[1])
        return received

    def _receive(self):
        first, second = self._take(2)
        assert second < 0x80, "a server masks nothing"
        length = second
        if second == 126:
            length = struct.unpack("!H", self._take(2))[0]
            assert length >= 126, "not the shortest length"
        elif second == 127:
            length = struct.unpack("!Q", self._take(8))[0]
            assert length >= 65536, "not the shortest length"
        return first, self._take(length)

    def receive_message(self):
        """The next message as (opcode, payload), inflated and put together."""
        first, payload = self.receive()
        opcode, compressed = first & 0x0F, first & RSV1
        assert opcode in (TEXT, BINARY), (first, payload[:200])
        assert not first & (RSV2 | RSV3)
        assert self.extensions or not compressed
        parts = [payload]
        while not first & FIN:
            first, payload = self.receive()
            assert first & 0x7F == CONTINUATION
            parts.append(payload)
        data = b"".join(parts)
        if compressed:
            data = zlib.decompressobj(-self.bits).decompress(data + b"\x00\x00\xff\xff")
        return opcode, data

    def expect(self, opcode, payload):
        got = self.receive_message()
        assert got[0] == opcode
        assert got[1] == payload if len(payload) < 1000 else bool(got[1] == payload)

    def expect_pong(self, payload):
        assert self.receive() == (FIN | PONG, payload)

    def expect_end(self):
        """Nothing more, and the server has closed."""
        try:
            while self._read():
                pass
        except ConnectionResetError:
            pass
        assert not self.buffer, bytes(self.buffer[:200])

    def expect_close(self, *codes):
        """A close frame with one of `codes` (None: without a code), and then the end."""
        first, payload = self.receive()
        assert first == FIN | CLOSE, (first, payload[:200])
        code = struct.unpack("!H", payload[:2])[0] if payload else None
        payload[2:].decode()
        assert code in codes, (code, payload)
        self.expect_end()

    def expect_alive(self):
        """Answers a ping, and nothing else has come before it."""
        self.send(FIN | PING, b"alive?")
        self.expect_pong(b"alive?")

    def close(self, code=1000):
        """The closing handshake, started by us."""
        self.send(FIN | CLOSE, close_payload(code))
        self.expect_close(code)
