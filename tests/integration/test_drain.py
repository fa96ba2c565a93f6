"""A server that drains before it stops: load balancers hear of it first, clients are told one after the other, and nothing
that was said is lost on the way."""

import http.client
import json
import selectors
import signal
import socket
import subprocess
import threading
import time

import pytest

from clients import EVERYTHING, NO_LIMIT, TIMEOUT, V1, Command, Json, Line, Numbered, Text, wait_until
from event_stream import EventStream
from raw_websocket import CLOSE, FIN, TEXT, frame


def drain(running):
    running.process.send_signal(signal.SIGTERM)


def readyz(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def await_ends(clients):
    """What many clients are told as the last thing: a dict of moment, code and reason."""
    ends = {}
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        while len(ends) < len(clients):
            ready = selector.select(TIMEOUT)
            assert ready, f"{len(clients) - len(ends)} were told nothing"
            for key, _ in ready:
                client = key.data
                first, payload = client.receive()
                if first == FIN | CLOSE:
                    ends[client] = time.monotonic(), int.from_bytes(payload[:2], "big"), payload[2:].decode()
                    selector.unregister(client.socket)
                    client.socket.close()
    return ends


def await_told(clients, count):
    """Until so many of them are told to go; returns these."""
    told = []
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        while len(told) < count:
            ready = selector.select(TIMEOUT)
            assert ready, "nobody was told"
            for key, _ in ready:
                selector.unregister(key.fileobj)
                told.append(key.data)
    return told


def test_everybody_is_told_within_the_time_one_after_the_other(server):
    seconds = 6
    running = server(*NO_LIMIT, "--set", f"drain={seconds}s")
    clients = [V1(running.port()) for _ in range(200)]
    for number, client in enumerate(clients):
        client.hello(name=f"user{number}")
    begin = time.monotonic()
    drain(running)
    wait_until(lambda: readyz(running.port()) == 503)
    ends = await_ends(clients)
    assert running.process.wait(TIMEOUT) == 0
    assert {answer[1:] for answer in ends.values()} == {(1012, "service restart")}
    moments = sorted(moment - begin for moment, *_ in ends.values())
    # After a grace for the balancer, and before the last tenth. Nobody is told before their time; on a busy machine
    # whoever tells, or looks, may be late.
    first, last = seconds / 6, seconds * 9 / 10
    for number, moment in enumerate(moments):
        planned = first + (last - first) * number / len(moments)
        assert planned - 0.1 < moment < planned + 2, (number, planned, moment)
    # They came in nobody's order.
    order = sorted(ends, key=lambda client: ends[client][0])
    assert order != clients and order != clients[::-1]


def test_each_protocol_is_told_in_its_own_words(server):
    running = server(*NO_LIMIT, "--set", "drain=1", listen=EVERYTHING)
    plain, v1, text = Json(running.port()), V1(running.port()), Text(running.port())
    v1.hello(name="vera")
    line = Line(running.port("line"), "Lin")
    numbered, command = Numbered(running.port("numbered")), Command(running.port("command"), "cat")
    stream = EventStream(running.port(), "room=ops")
    stream.block()
    plain.hear_until("system")
    drain(running)
    assert line.rest().splitlines()[-1] == "error: the server is restarting, connect again"
    numbered.rest()
    assert "restarting" in command.rest()
    for client in (v1, text):
        client.expect_close(1012)
    while plain.receive()[0] & 0x0F == 1:
        pass
    plain.expect_end()
    assert stream.retry_ms != 1000 and stream.next() is None and stream.retry_ms == 1000
    assert running.process.wait(TIMEOUT) == 0


def test_who_comes_meanwhile_is_served_until_the_end_and_http_says_that_it_closes(server):
    running = server(*NO_LIMIT, "--set", "drain=6")
    early = [V1(running.port()) for _ in range(20)]  # the first of many is told early
    for client in early:
        client.hello()
    persistent = http.client.HTTPConnection("127.0.0.1", running.port(), timeout=TIMEOUT)
    persistent.request("GET", "/healthz")
    assert persistent.getresponse().read() == b"ok\n"
    drain(running)
    await_told(early, 1)[0].expect_close(1012)
    late = V1(running.port())
    late.hello(name="late")
    assert late.ask("message", room="ops", content="still here")["type"] == "ack"
    persistent.request("POST", "/r/ops", "by http")
    answer = persistent.getresponse()
    assert answer.status == 200 and answer.getheader("Connection") == "close"
    assert json.loads(answer.read())["seq"] == 2
    assert readyz(running.port()) == 503
    late.expect_close(1012)
    assert running.process.wait(TIMEOUT) == 0


def test_the_name_that_was_typed_is_free_for_who_types_it_again(server):
    running = server(*NO_LIMIT, "--set", "drain=10", listen=EVERYTHING)  # who is alone is told in the middle
    first = Line(running.port("line"), "Lin")
    drain(running)
    assert "restarting" in first.rest()
    Line(running.port("line"), "Lin")


def test_a_message_that_has_begun_may_be_finished(server):
    running = server(*NO_LIMIT, "--set", "drain=6")
    slow, *others = [V1(running.port()) for _ in range(11)]
    for client in (slow, *others):
        client.hello()
    message = json.dumps({"type": "message", "room": "ops", "content": "x" * 1000, "cid": "c1"}).encode()
    slow.send_raw(frame(FIN | TEXT, message)[:500])
    drain(running)
    for other in await_told(others, 3):
        other.expect_close(1012)
    late = V1(running.port())  # they are told in the last tenth, which has not come
    slow.send_raw(frame(FIN | TEXT, message)[500:])
    assert slow.hear()["type"] == "ack"
    slow.expect_close(1012)
    late.expect_close(1012)


class Reader(threading.Thread):
    """Reads a room until it has seen the entry `last`, over as many connections as that takes."""

    def __init__(self, port, last):
        super().__init__(daemon=True)
        self.port, self.last = port, last
        self.seen, self.closes, self.gaps = [], [], []

    def run(self):
        while not self.seen or self.seen[-1] < self.last:
            try:
                self.read(V1(self.port))
            except (AssertionError, OSError):
                time.sleep(0.05)  # the server is not there for a moment

    def read(self, client):
        with client:
            client.hello()
            client.say(type="join", room="ops", **({"after": self.seen[-1], "epoch": self.epoch} if self.seen else {}))
            while not self.seen or self.seen[-1] < self.last:
                first, payload = client.receive()
                if first == FIN | CLOSE:
                    self.closes.append(int.from_bytes(payload[:2], "big"))
                    return
                self.take(json.loads(payload))

    def take(self, message):
        if message["type"] == "gap":
            self.gaps.append(message)
        if message["type"] == "joined":
            self.epoch = message["epoch"]
        for item in [message] if message["type"] == "message" else message.get("items", []):
            self.seen.append(item["seq"])


def test_a_restart_under_load_loses_nothing(server):
    """One server of a rolling restart: its clients come back wherever somebody listens on its port."""
    count = 600
    running = server(*NO_LIMIT, "--set", "drain=2", keeps_port=True)
    readers = [Reader(running.port(), count) for _ in range(40)]
    for reader in readers:
        reader.start()
    number, writer = 1, None
    while number <= count:
        try:
            if not writer:
                writer = V1(running.port())
                writer.hello()
            answer = writer.ask("message", room="ops", content=str(number), cid=f"{number}")
            assert answer["type"] == "ack"
            if number == 50:
                drain(running)
            number += 1
            time.sleep(0.005)
        except (AssertionError, OSError):
            writer = None
            if running.process.poll() is not None:
                running.stop()
                running = server(*NO_LIMIT, folder_of=running, listen=running.urls)
    for reader in readers:
        reader.join(TIMEOUT)
        assert reader.seen == list(range(1, count + 1)) and not reader.gaps
        assert set(reader.closes) == {1012}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once_and_in_order(server, number):
    running = server(*NO_LIMIT, "--set", "drain=1h")
    client = V1(running.port())
    client.hello()
    assert client.ask("message", room="ops", content="kept")["seq"] == 1
    drain(running)
    wait_until(lambda: readyz(running.port()) == 503)
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(0.3)
    running.process.send_signal(number)
    client.expect_close(1012)
    assert running.process.wait(TIMEOUT) == 0
    again = server(*NO_LIMIT, folder_of=running)
    back = V1(again.port())
    back.hello()
    assert back.ask("message", room="ops", content="next")["seq"] == 2


def test_nobody_there_means_nobody_to_wait_for(server):
    running = server("--set", "drain=15")
    begin = time.monotonic()
    drain(running)
    assert running.process.wait(TIMEOUT) == 0
    assert 2.4 < time.monotonic() - begin < 12  # the balancer's grace, and not the rest


def test_the_service_manager_is_told_how_long_it_takes(server, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(TIMEOUT)
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        running = server("--set", "drain=1m")
        assert manager.recv(100) == b"READY=1"
        drain(running)
        assert manager.recv(100) == b"STOPPING=1"
        assert manager.recv(100) == b"EXTEND_TIMEOUT_USEC=75000000"
        running.kill()


def test_how_long_it_takes_can_change_while_it_runs(server, tmp_path):
    file = tmp_path / "banter.conf"
    file.write_text("drain = 1h\n")
    running = server("--config", file)
    client = V1(running.port())
    client.hello()
    file.write_text("drain = 1\n")
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "changed: drain" in running.log())
    drain(running)
    client.expect_close(1012)
    assert running.process.wait(TIMEOUT) == 0
