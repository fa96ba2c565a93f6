"""Sending shared by several threads: every reader gets every byte once and in order, whatever happens to the others.

The readers are sockets of the numbered protocol, which says a message with as few words as any; one thread watches all of
them."""

import contextlib
import itertools
import pathlib
import re
import selectors
import socket
import ssl
import struct
import time

import pytest

from certificates import Authority, over_tls
from clients import NO_LIMIT, TIMEOUT, Numbered, V1, wait_until
from test_metrics import get

READERS = 150  # more than the loop would send to alone
THREADS = [1, 2, 4]
LISTEN = ("numbered://127.0.0.1:0", "ws://127.0.0.1:0")


class Reader(Numbered):
    """Keeps what it gets, apart from what it waits for."""

    def __init__(self, port):
        super().__init__(port)
        self.got = bytearray()

    def connect(self, port):
        """Its socket takes little: who does not read is noticed before megabytes have gone."""
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.settimeout(TIMEOUT)
        opened.connect(("127.0.0.1", port))
        return opened

    def wait_for(self, words):
        while self.line().partition(": ")[2] != words:
            pass

    def begin(self, words):
        """When its own words have come back, it gets all that follows."""
        self.say(words)
        self.wait_for(words)

    def read(self):
        """False: that was all."""
        try:
            bytes_read = self.socket.recv(1 << 18)
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        except ConnectionResetError:
            return False
        self.got += bytes_read
        return bool(bytes_read)


class Crowd:
    def __init__(self, server, client=Reader, count=READERS, scheme="numbered"):
        self.port = server.port(scheme)
        self.client = client
        self.names = itertools.count()
        self.writer = Reader(server.port("numbered"))
        self.readers = []
        self.come(count)

    def come(self, count):
        """More readers. Afterwards everybody waits for the same."""
        for _ in range(count):
            reader = self.client(self.port)
            reader.begin(f"reader {next(self.names)}")
            self.readers.append(reader)
        words = f"ready {next(self.names)}"
        self.writer.say(words)
        for reader in [self.writer, *self.readers]:
            reader.socket.settimeout(TIMEOUT)
            reader.wait_for(words)
            reader.got = bytearray()

    def say(self, count, size=100):
        """Many lines at once; returns what every reader is to get of them."""
        lines = [f"{number} " + "x" * size for number in range(count)]
        self.writer.send("\n".join(lines) + "\n")
        own = self.writer.line()
        name, _, first = own.partition(": ")
        assert first == lines[0]
        for line in lines[1:]:
            assert self.writer.line() == f"{name}: {line}"
        return "".join(f"{name}: {line}\n" for line in lines).encode()

    def leave(self):
        for reader in [self.writer, *self.readers]:
            reader.socket.close()


def read_all(readers, length):
    """Until each of them has got so many bytes, or its connection has ended."""
    deadline = time.monotonic() + TIMEOUT
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            reader.got += reader.buffer
            reader.buffer = b""
            reader.socket.setblocking(False)
            if len(reader.got) < length:
                selector.register(reader.socket, selectors.EVENT_READ, reader)
        while selector.get_map():
            assert time.monotonic() < deadline, [len(key.data.got) for key in selector.get_map().values()]
            for key, _ in selector.select(1):
                reader = key.data
                goes_on = reader.read()
                while goes_on and isinstance(reader.socket, ssl.SSLSocket) and reader.socket.pending():
                    goes_on = reader.read()
                if not goes_on or len(reader.got) >= length:
                    selector.unregister(reader.socket)


def metric(server, name):
    """A number of the server's own account."""
    _, text = get(server.port("ws"))
    return int(re.search(rf"^{re.escape(name)} (\d+)$", text, re.M)[1])


def shared_sends(server):
    """Sends that threads carried out."""
    return metric(server, 'banter_shared_sends_total{by="threads"}')


def until_shared(server, turns):
    """All of the turns, and the last of them again until threads have sent, too: on a busy machine they may come too late
    for a share of what there is."""
    yield from turns
    deadline = time.monotonic() + TIMEOUT
    while shared_sends(server) == 0:
        assert time.monotonic() < deadline, "no thread has sent anything"
        yield turns[-1]


def thread_names(server):
    names = set()
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            names.add((task / "comm").read_text().strip())
    return names


@pytest.fixture(params=THREADS)
def threads(request):
    return request.param


@pytest.fixture
def hub(server, threads):
    return server(*NO_LIMIT, "--set", f"io_threads={threads}", "--set", "history=memory", listen=LISTEN)


def test_each_reader_gets_each_message_once_and_in_order(hub, threads):
    # Each gives itself its name, when it comes to run.
    wait_until(lambda: {f"io-{number + 1}" for number in range(threads)} <= thread_names(hub))
    crowd = Crowd(hub)
    for count in until_shared(hub, [1, 3, 100, 1000]):
        expected = crowd.say(count)
        for reader in crowd.readers:
            reader.got = bytearray()
        read_all(crowd.readers, len(expected))
        assert all(reader.got == expected for reader in crowd.readers)
    crowd.leave()


def test_readers_that_stall_get_the_rest_when_they_read_again(hub):
    crowd = Crowd(hub)
    stalled, awake = crowd.readers[::5], [r for i, r in enumerate(crowd.readers) if i % 5]
    expected = b""
    for _ in range(4):
        expected += crowd.say(50, 10_000)
        read_all(awake, len(expected))
        assert all(reader.got == expected for reader in awake)
    read_all(stalled, len(expected))
    assert all(reader.got == expected for reader in stalled)
    crowd.leave()


def test_readers_that_are_cut_have_got_whole_messages(server, threads):
    hub = server(*NO_LIMIT, "--set", f"io_threads={threads}", "--set", "max_message=16K",
                 "--set", "stream_window=256K", "--set", "history=memory", listen=LISTEN)
    crowd = Crowd(hub)
    slow, awake = crowd.readers[::5], [r for i, r in enumerate(crowd.readers) if i % 5]
    expected = b""
    while metric(hub, "banter_readers_cut_total") < len(slow):
        expected += crowd.say(10, 10_000)
        read_all(awake, len(expected))
    assert all(reader.got == expected for reader in awake)
    read_all(slow, len(expected) + 1)
    for reader in slow:
        got, _, farewell = bytes(reader.got).rpartition(b"error: ")
        assert farewell == b"too slow, messages were piling up\n"
        assert got.endswith(b"\n") and len(got) < len(expected) and expected.startswith(got)
    crowd.leave()


def test_over_tls_each_reader_gets_each_message_once_and_in_order(server, threads, tmp_path):
    authority = Authority(tmp_path)
    hub = server(*NO_LIMIT, *authority.make().flags, "--set", f"io_threads={threads}", "--set", "history=memory",
                 listen=(*LISTEN, "numbered+tls://127.0.0.1:0"))
    crowd = Crowd(hub, over_tls(Reader, authority.context()), 80, "numbered+tls")
    stalled, awake = crowd.readers[::8], [r for i, r in enumerate(crowd.readers) if i % 8]
    expected = b""
    for count, size in until_shared(hub, [(300, 100), (100, 3_000), (50, 60_000), (1, 10)]):
        expected += crowd.say(count, size)
        read_all(awake, len(expected))
        assert all(reader.got == expected for reader in awake)
    read_all(stalled, len(expected))
    assert all(reader.got == expected for reader in stalled)
    crowd.leave()


def test_readers_that_break_off_harm_nobody(hub):
    crowd = Crowd(hub)
    expected = b""
    for turn in range(10):
        leaving, crowd.readers = crowd.readers[:30], crowd.readers[30:]
        # A reset: the next send to it fails.
        for number, reader in enumerate(leaving):
            if number % 2:
                reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reader.socket.close()
        expected = crowd.say(200)
        for reader in crowd.readers:
            reader.got = bytearray()
        read_all(crowd.readers, len(expected))
        assert all(reader.got == expected for reader in crowd.readers), turn
        crowd.come(len(leaving))
    crowd.leave()


@pytest.mark.parametrize("flush", ["20ms", "auto"])
def test_what_is_held_back_comes_in_order_too(server, threads, flush):
    hub = server(*NO_LIMIT, "--set", f"io_threads={threads}", "--set", f"flush={flush}", listen=LISTEN)
    crowd = Crowd(hub)
    for count in [1, 5, 500]:
        expected = crowd.say(count)
        for reader in crowd.readers:
            reader.got = bytearray()
        read_all(crowd.readers, len(expected))
        assert all(reader.got == expected for reader in crowd.readers)
    crowd.leave()


def test_flush_changes_while_the_server_runs(server, tmp_path):
    path = tmp_path / "banterd.conf"
    path.write_text("rate_per_minute = 0\nflush = 1000ms\n")
    hub = server("--config", str(path))
    writer = V1(hub.port())
    writer.hello()
    writer.join("lobby")

    def round_trip():
        """From saying something to having it back."""
        begin = time.monotonic()
        writer.say(type="message", room="lobby", content="x", cid=writer.new_cid())
        writer.hear_until("message")
        return time.monotonic() - begin

    round_trip()  # then the room is busy
    assert max(round_trip() for _ in range(2)) > 0.5
    path.write_text("rate_per_minute = 0\nflush = 0\n")
    hub.process.send_signal(1)
    deadline = time.monotonic() + TIMEOUT
    while min(round_trip() for _ in range(3)) > 0.5:
        assert time.monotonic() < deadline
    writer.leave()
