"""Strangers who begin TLS and do not go on, or only begin: they cost little, end in time, and delay nobody."""

import socket
import ssl
import threading
import time

import pytest

from certificates import Authority, over_tls, secure
from clients import NO_LIMIT, TIMEOUT, V1, Stream, wait_until

SECURE = ("wss://127.0.0.1:0", "line+tls://127.0.0.1:0")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure_server(server, authority):
    flags = authority.make().flags
    return lambda *more: server(*flags, *NO_LIMIT, *more, listen=SECURE)


def client_hello():
    """The first record of a client, complete."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def open_many(port, count, first_bytes):
    opened = []
    for _ in range(count):
        opened.append(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT))
        opened[-1].sendall(first_bytes)
    return opened


def close_all(opened):
    for each in opened:
        each.close()


def enters(hub, authority, name):
    """A newcomer from another address is served; returns how long that took."""
    begin = time.monotonic()
    with over_tls(V1, authority.context(), source="127.0.0.2")(hub.port("wss"), "/ws") as client:
        client.hello(name=name)
    return time.monotonic() - begin


@pytest.mark.parametrize("said", [b"", b"\x16", "half", "whole"], ids=["nothing", "a byte", "half a hello", "a hello"])
def test_handshakes_that_stop_half_way_cost_little_and_delay_nobody(secure_server, authority, said):
    hub = secure_server("--set", "handshake_timeout=60")
    hello = client_hello()
    said = {"half": hello[: len(hello) // 2], "whole": hello}.get(said, said)
    with over_tls(V1, authority.context())(hub.port("wss"), "/ws") as ann:
        ann.hello(name="ann")
        before = hub.resident_bytes()
        opened = open_many(hub.port("wss"), 2000, said)
        assert ann.ask("message", room="lobby", content="hello")["type"] == "ack"
        assert enters(hub, authority, "newcomer") < 5
        # Most that may be under way for one address is 500; the others cost their descriptors and queues.
        assert hub.resident_bytes() - before < 40 << 20
        close_all(opened)


def test_a_handshake_has_to_end_in_time(secure_server):
    hub = secure_server("--set", "handshake_timeout=0.4")
    hello = client_hello()
    for said in (b"", hello[:1], hello[:-1], hello):
        begin = time.monotonic()
        with Stream(hub.port("line+tls")) as stream:
            stream.send(said)
            while stream._read():
                pass
        assert 0.3 < time.monotonic() - begin < 10


def test_what_comes_byte_by_byte_has_no_more_time(secure_server):
    hub = secure_server("--set", "handshake_timeout=0.5")
    hello = client_hello()
    begin = time.monotonic()
    with Stream(hub.port("line+tls")) as stream:
        stream.socket.settimeout(0.05)
        for at in range(len(hello)):
            try:
                stream.send(hello[at : at + 1])
                if not stream.socket.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert time.monotonic() - begin < 10


def test_a_first_record_that_is_too_long_ends_it_at_once(secure_server):
    hub = secure_server("--set", "handshake_timeout=60")
    with Stream(hub.port("line+tls")) as stream:
        stream.send(b"\x16\x03\x01\x20\x01" + bytes(100))
        assert stream.rest() == ""


def test_nonsense_in_place_of_a_hello_is_answered_by_an_alert(secure_server):
    hub = secure_server("--set", "handshake_timeout=60")
    with Stream(hub.port("line+tls")) as stream:
        stream.send(b"\x16\x03\x01\x00\x10" + bytes(16))
        while stream._read():
            pass
        assert stream.buffer[:1] == b"\x15"


def test_a_flood_of_handshakes_does_not_delay_those_who_are_there(secure_server, authority):
    """A hundred connections each beginning TLS again and again, beside a conversation."""
    hub = secure_server()
    hello = client_hello()
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            close_all(open_many(hub.port("wss"), 20, hello))

    def round_trips(client, count):
        times = []
        for _ in range(count):
            begin = time.monotonic()
            assert client.ask("message", room="lobby", content="hello")["type"] == "ack"
            times.append(time.monotonic() - begin)
        return sorted(times)

    with over_tls(V1, authority.context())(hub.port("wss"), "/ws") as ann:
        ann.hello(name="ann")
        round_trips(ann, 100)
        thread = threading.Thread(target=flood)
        thread.start()
        try:
            # The flood runs on the same processors, so this is no measurement: without turns each message would wait
            # for dozens of handshakes.
            assert round_trips(ann, 100)[90] < 0.25
            assert enters(hub, authority, "newcomer") < 5
        finally:
            stop.set()
            thread.join()


def test_an_address_that_connects_too_often_has_to_wait(server):
    hub = server("--set", "connection_rate_per_address=10", listen=("line://127.0.0.1:0",))
    for _ in range(10):
        with Stream(hub.port("line")) as stream:
            stream.expect("banter chat server\n")
    with Stream(hub.port("line")) as stream:
        assert stream.rest() == ""
    wait_until(lambda: "connection_rate_per_address is reached" in hub.log())


def test_connections_that_have_not_entered_do_not_hold_up_the_end(secure_server):
    hub = secure_server("--set", "handshake_timeout=60")
    opened = open_many(hub.port("wss"), 50, client_hello())
    with secure(hub.port("wss"), ssl._create_unverified_context()):
        begin = time.monotonic()
        hub.stop()
        assert time.monotonic() - begin < 4  # then it would wait for nobody any longer
    close_all(opened)
