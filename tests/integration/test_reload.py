"""Reading the configuration again: by SIGHUP, and by `banter admin reload`, which tells what came of it."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import termios
import threading

import pytest

from clients import EVERYTHING, TIMEOUT, V1, Command, Json, Line, Numbered, Stream, wait_until
from binaries import BANTERD, ROOT
from program import run


class Configured:
    """A server with a configuration file."""

    def __init__(self, server, path, text, *flags, listen=EVERYTHING):
        self.path = path
        path.write_text(text)
        self.running = server("--config", str(path), *flags, listen=listen)

    def reload(self, text, status=0):
        """Puts another text into the file; returns what is told of it."""
        self.path.write_text(text)
        output, errors = run("admin", "reload", "--data", str(self.running.data), status=status)
        return output.strip() or errors.strip()

    def port(self, scheme="ws"):
        return self.running.port(scheme)


@pytest.fixture
def configured(server, tmp_path):
    return lambda text, *flags, **options: Configured(server, tmp_path / "banter.conf", text, *flags, **options)


def get(port, path="/healthz", headers=(("Host", "localhost"),)):
    with Stream(port) as stream:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        stream.send(f"GET {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")
        return int(stream.line().split()[1])


def test_a_rate_changes_for_those_who_are_there(configured):
    world = configured("rate_per_minute = 2\n")
    ann = V1(world.port())
    ann.hello(name="ann")
    for number in range(2):
        assert ann.ask("message", room="lobby", content=str(number))["type"] == "ack"
    assert ann.ask("message", room="lobby", content="more")["code"] == "rate_limited"
    assert world.reload("rate_per_minute = 4\n") == "changed: rate_per_minute"
    for number in range(2):
        assert ann.ask("message", room="lobby", content=str(number))["type"] == "ack"
    assert ann.ask("message", room="lobby", content="more")["code"] == "rate_limited"
    assert world.reload("rate_per_minute = 3\n") == "changed: rate_per_minute"
    assert ann.ask("message", room="lobby", content="more")["code"] == "rate_limited"
    world.reload("rate_per_minute = 0\n")
    for number in range(30):
        assert ann.ask("message", room="lobby", content=str(number))["type"] == "ack"


def test_the_longest_message_changes_for_those_who_are_there(configured):
    world = configured("max_message = 100\n")
    ann, lin = V1(world.port()), Line(world.port("line"), "Lin")
    ann.hello(name="ann")
    assert ann.ask("message", room="lobby", content="x" * 101)["code"] == "too_large"
    world.reload("max_message = 200\n")
    assert ann.ask("message", room="lobby", content="x" * 200)["type"] == "ack"
    lin.line_until("ann: " + "x" * 200)
    lin.say("y" * 200)
    assert lin.line() == "Lin: " + "y" * 200
    world.reload("max_message = 50\n")
    assert ann.ask("message", room="lobby", content="x" * 51)["code"] == "too_large"


def test_hosts_and_origins_change(configured):
    world = configured("")
    host, origin = ("Host", "chat.example.org"), ("Origin", "https://pages.example.org")
    assert get(world.port(), headers=[host]) == 421
    assert world.reload("public_host = chat.example.org\n") == "changed: public_host"
    assert get(world.port(), headers=[host]) == 200
    assert get(world.port(), headers=[host, origin]) == 403
    assert world.reload("allowed_origins = https://pages.example.org\n") == "changed: allowed_origins, public_host"
    assert get(world.port(), headers=[host, origin]) == 421
    assert get(world.port(), headers=[("Host", "localhost"), origin]) == 200
    for scheme in ("ws", "ws+text"):  # the hosts of `listen` stay
        assert get(world.port(scheme), path="/", headers=[("Host", "127.0.0.1")]) in (200, 426)


@pytest.mark.parametrize("store", ["sqlite", "memory"])
def test_retention_changes_for_rooms_that_are_there(configured, store):
    world = configured("rate_per_minute = 0\n", "--store", store)
    ann = V1(world.port())
    ann.hello(name="ann")
    for number in range(20):
        ann.ask("message", room="ops", content=str(number))
        ann.ask("message", room="other", content=str(number))
    ann.join("ops")

    def first(room):
        return ann.ask("history", room=room, after=0, limit=1)["items"][0]["seq"]

    world.path.write_text("rate_per_minute = 0\nroom = ops retention_count=5\n")
    world.running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: first("ops") == 16)
    assert first("other") == 1
    world.path.write_text("rate_per_minute = 0\nretention_count = 3\n")
    world.running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: first("ops") == 18 and first("other") == 18)
    world.path.write_text("rate_per_minute = 0\nretention_age = 1s\n")
    world.running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not ann.ask("history", room="other", after=0)["items"])


def test_a_room_does_not_move_to_another_store_while_it_runs(configured):
    world = configured("backlog = 5\n")
    answer = world.reload("backlog = 6\nroom = ops history=memory\n", status=1)
    assert "room = ops: whether its history is on the disk can only be changed by a restart" in answer
    assert world.reload("backlog = 6\nroom = ops retention_count=7\n") == "changed: room, backlog"


def test_what_newcomers_meet_changes(configured):
    world = configured("backlog = 2\n")
    ann = V1(world.port())
    ann.hello(name="ann")
    for number in range(5):
        ann.ask("message", room="lobby", content=str(number))
    assert world.reload("backlog = 3\nbanner = good morning\ncreate_rooms = off\nping_interval = 7\n") == (
        "changed: create_rooms, ping_interval, backlog, banner"
    )
    with Stream(world.port("line")) as lin:
        assert lin.line() == "good morning"
        assert lin.line() == "Enter your name:"
    eve = Json(world.port())
    assert [eve.hear_until("message")["content"] for _ in range(3)] == ["2", "3", "4"]
    assert ann.ask("join", room="other")["code"] == "not_found"
    bob = V1(world.port())
    assert bob.hello(name="bob")["limits"]["per_minute"] == 20


def test_connections_are_limited_anew(configured):
    world = configured("")
    first = [Numbered(world.port("numbered")) for _ in range(3)]
    for client in first:
        client.say("here")
    world.reload("max_connections = 3\n")
    with Stream(world.port()) as refused:
        assert refused.rest() == ""
    first[0].say("still")
    world.reload("max_connections_per_address = 1\n")
    assert get(world.port()) == 200
    with Stream(world.port()), Stream(world.port()) as second:
        assert second.rest() == ""


def test_a_time_that_runs_already_is_shortened_and_one_that_was_off_begins(configured):
    world = configured("handshake_timeout = 600\nping_interval = 0\nidle_timeout = 0\n")
    waiting = Stream(world.port())
    idle = Line(world.port("line"), "Lin")
    world.reload("handshake_timeout = 0.1\nping_interval = 0\nidle_timeout = 0.2\n")
    assert waiting.rest() == ""
    assert "idle" in idle.rest().lower() or idle.rest() == ""


def test_the_log_changes_its_form_and_level(configured):
    world = configured("")
    assert world.reload("log_format = json\n") == "changed: log_format"
    assert world.reload("log_format = json\nlog_level = error\n") == "changed: log_level"
    world.reload("log_level = error\nlog_format = json\nrate_per_minute = 1\n")
    *_, last = world.running.log().splitlines()
    assert json.loads(last)["message"] == "Configuration read again, changed: log_format"


def test_what_needs_a_restart_is_said_and_stays(configured, tmp_path):
    world = configured("history = durable\n")
    answer = world.reload("history = memory\nstore = memory\nrate_per_minute = 7\n")
    assert answer.startswith("changed: rate_per_minute")
    assert "; after a restart: " in answer and "history" in answer.partition("; ")[2]
    assert "WARNING - history changed: takes effect after a restart" in world.running.log()
    again = world.reload("history = memory\nstore = memory\nrate_per_minute = 7\n")
    assert again.startswith("no setting changed; after a restart: ") and "history" in again


def test_the_pages_name_every_key_that_needs_a_restart():
    printed = subprocess.run([BANTERD, "--print-config"], capture_output=True, text=True, check=True).stdout
    waiting = set(re.findall(r"^# A change takes effect after a restart\.\n#?(\w+) =", printed, re.M))
    page = (ROOT / "docs/operations.md").read_text()
    sentence = page.partition("as the configuration is read: ")[2].partition(". ")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == waiting


def test_flags_beat_the_file_still(configured):
    world = configured("", "--set", "rate_per_minute=3", "--set", "allowed_origins=https://flag.example.org")
    assert world.reload("rate_per_minute = 1\nallowed_origins = https://file.example.org\nlisten = line://*:1\n") == (
        "no setting changed"
    )
    assert get(world.port(), headers=[("Host", "localhost"), ("Origin", "https://flag.example.org")]) == 200


BAD = {
    "rate_per_minute = 5\nrate_per_minut = 3\n": ':2: unknown key "rate_per_minut"; did you mean "rate_per_minute"?',
    "rate_per_minute = 5\n\nbacklog = many\n": ":3: backlog = many: must be a number from 0 to 10000",
    "rate_per_minute = 5\nnonsense\n": ":2: this is not key = value",
    "rate_per_minute = 5\nroom = ops colour=red\n": ":2: room = ops colour=red: after the name may stand ",
    "rate_per_minute = 5\nlog_level = loud\n": ":2: log_level = loud: must be one of: debug info warning error",
    "rate_per_minute = 5\nlisten = smtp://*:25\n": ":2: listen = smtp://*:25: the protocol must be ",
    "rate_per_minute = 5\nmax_message = 1M\n": "stream_window is 4194304, but must be at least 16 times max_message",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_file_is_refused_whole_with_its_line(configured, text):
    world = configured("rate_per_minute = 1\n")
    answer = world.reload(text, status=1)
    assert "the configuration stays as it was: " in answer
    assert BAD[text] in answer
    assert (f"{world.path}:" in answer) == BAD[text].startswith(":")
    assert "ERROR - The configuration stays as it was: " in world.running.log()
    ann = V1(world.port())
    ann.hello(name="ann")
    assert ann.ask("message", room="lobby", content="1")["type"] == "ack"
    assert ann.ask("message", room="lobby", content="2")["code"] == "rate_limited"
    assert world.reload("rate_per_minute = 2\n") == "changed: rate_per_minute"


def test_a_file_that_is_gone_changes_nothing(configured):
    world = configured("rate_per_minute = 1\n")
    world.path.unlink()
    _, errors = run("admin", "reload", "--data", str(world.running.data), status=1)
    assert f"{world.path}: No such file or directory" in errors


def test_files_that_cannot_be_used_change_nothing(configured, tmp_path):
    """Even if they are the last thing that is looked at: proxies and origins come before them."""
    world = configured("trusted_proxies = 192.0.2.1\nallowed_origins = https://old.example.org\n")
    (tmp_path / "key.pem").write_text("no key")
    for key in ("missing.pem", "key.pem"):
        answer = world.reload(
            f"trusted_proxies = 127.0.0.1\nallowed_origins = https://new.example.org\njwt_key = {tmp_path}/{key}\n", status=1
        )
        assert "the configuration stays as it was" in answer and key in answer
        host = ("Host", "localhost")
        assert get(world.port(), headers=[host, ("Origin", "https://old.example.org")]) == 200
        assert get(world.port(), headers=[host, ("Origin", "https://new.example.org")]) == 403
        assert get(world.port(), headers=[host, ("X-Forwarded-For", "198.51.100.7")]) == 200


def test_a_signal_alone_tells_the_log(configured):
    world = configured("")
    world.path.write_text("rate_per_minute = 5\nbacklog = x\n")
    world.running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "banter.conf:2: backlog = x" in world.running.log())
    assert get(world.port()) == 200


def test_nobody_is_dropped_and_nothing_is_lost_while_people_talk(configured):
    world = configured("rate_per_minute = 0\n")
    reader, writer = V1(world.port()), V1(world.port())
    lin, num = Line(world.port("line"), "Lin"), Numbered(world.port("numbered"))
    com = Command(world.port("command"), "Com")
    reader.hello(name="reader")
    writer.hello(name="writer")
    reader.join("talk")
    count, done = 400, threading.Event()

    def talk():
        for number in range(count):
            assert writer.ask("message", room="talk", content=str(number))["type"] == "ack"
        done.set()

    talker = threading.Thread(target=talk)
    talker.start()
    turns = 0
    while not done.is_set() or turns < 5:
        turns += 1
        window = (1 + turns % 3) * 2097152
        world.path.write_text(
            f"rate_per_minute = 0\nbacklog = {turns}\nstream_window = {window}\nbanner = b{turns}\n"
            f"ping_interval = {turns % 2 * 30}\nallowed_origins = https://{turns}.example.org\n"
        )
        world.running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: world.running.log().count("Configuration read again") >= turns)
    talker.join(TIMEOUT)
    assert not talker.is_alive()
    assert [reader.hear_until("message")["content"] for _ in range(count)] == [str(n) for n in range(count)]
    lin.say("lin is here")
    reader.leave()
    assert lin.line() == "Lin: lin is here"
    num.say("num is here")
    assert lin.line_until("Client 1: num is here") is not None
    assert "Com" in com.ask("list,friends").split(",")


def test_reload_is_told_to_the_service_manager(server, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(TIMEOUT)
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        running = server()
        assert manager.recv(100) == b"READY=1"
        running.process.send_signal(signal.SIGHUP)
        assert manager.recv(100) == b"RELOADING=1"
        assert manager.recv(100) == b"READY=1"
        running.stop()
        assert manager.recv(100) == b"STOPPING=1"


def test_a_server_whose_terminal_is_closed_stops(tmp_path):
    """The other meaning of SIGHUP: who started it in a window and closes that does not want it to go on unseen."""
    master, slave = pty.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [BANTERD, "--listen", "ws://127.0.0.1:0", "--data", str(tmp_path / "data")],
        stdin=slave, stdout=subprocess.PIPE, stderr=slave, preexec_fn=take_terminal,
    )  # fmt: skip
    os.close(slave)
    assert process.stdout.readline().startswith(b"[Server] Running on ")
    process.send_signal(signal.SIGHUP)  # the terminal is there: read again
    seen = b""
    while b"Configuration read again" not in seen:
        seen += os.read(master, 4096)
    os.close(master)
    process.stdout.close()
    assert process.wait(TIMEOUT) == 0
