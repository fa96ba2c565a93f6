"""A disk that is full, a database that is locked or may not be written: senders are told `unavailable` and never `ack`,
readers stay, and what was refused can be sent again when the trouble is over, without a restart."""

import contextlib
import sqlite3
import time
import types
import urllib.error
import urllib.request

import pytest

from clients import EVERYTHING, NO_LIMIT, Command, Json, Line, Text, wait_until
from damage import ORDINARY, FileLimit, SmallDisk, fill, mount_small, unmount
from talk import check_log, enter, publish, refusal

PUBLISHED = 20


def start_on_limited_files(server, tmp_path):
    running = server(*NO_LIMIT, listen=EVERYTHING)
    yield running, FileLimit(running)


def start_on_small_disk(server, tmp_path):
    place = types.SimpleNamespace(folder=tmp_path)
    (tmp_path / "data").mkdir()
    if not mount_small(tmp_path / "data"):
        yield from start_on_limited_files(server, tmp_path)
        return
    try:
        running = server(*NO_LIMIT, listen=EVERYTHING, folder_of=place)
        yield running, SmallDisk(running)
        running.stop()
    finally:
        unmount(tmp_path / "data")


@pytest.fixture(params=[start_on_limited_files, start_on_small_disk])
def on_a_disk(request, server, tmp_path):
    """A running server and the disk it writes to."""
    yield from request.param(server, tmp_path)


def publish_until_refused(client, acked):
    """Big ones, until the space is used up. Returns the one that was refused."""
    for number in range(1000):
        request = {"room": "general", "content": "x" * 3000, "cid": f"big-{number}"}
        answer = client.ask("message", **request)
        if answer["type"] != "ack":
            assert answer["code"] == "unavailable", answer
            return request
        acked.append(answer)
    raise AssertionError("the disk does not get full")


def post(running, room, content):
    """The status and the answer to a message by HTTP."""
    request = urllib.request.Request(f"http://127.0.0.1:{running.port()}/r/{room}", content.encode())
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_full_disk_refuses_messages_until_there_is_space(on_a_disk):
    running, disk = on_a_disk
    ann, reader = enter(running, "ann"), enter(running, "reader")
    acked = publish(ann, PUBLISHED)
    disk.fill()
    began = time.monotonic()
    refused = publish_until_refused(ann, acked)
    assert ann.ask("message", **refused)["code"] == "unavailable"
    check_log(running, acked)
    # It is said at once, and again no sooner than after a second.
    said = running.log().count("messages are refused until it works again")
    assert 1 <= said <= 1 + int(time.monotonic() - began)
    disk.free()
    acked.append(ann.ask("message", **refused))
    assert ann.ask("message", **refused)["seq"] == acked[-1]["seq"]
    wait_until(lambda: "works again\n" in running.log())
    # The reader was there all the time, and was shown what is stored and nothing else.
    for ack in acked:
        shown = reader.hear_until("message")
        assert (shown["seq"], shown["id"]) == (ack["seq"], ack["id"])
    check_log(running, acked)


def test_a_full_disk_is_told_in_every_protocol(on_a_disk):
    running, disk = on_a_disk
    ann, plain, text = enter(running, "ann"), Json(running.port()), Text(running.port())
    line, command = Line(running.port("line"), "lin"), Command(running.port("command"), "cat")
    publish(ann, PUBLISHED)
    plain.hear_until("system")
    disk.fill()
    publish_until_refused(ann, [])
    big = "y" * 3000
    plain.say(content=big, sender="me")
    assert plain.hear_until("message", "error")["code"] == "unavailable"
    line.say(big)
    assert line.hear().startswith("error: ")
    assert command.ask(f"chat,lin,{big}").startswith("error: ")
    status, answer = post(running, "ops", big)
    assert (status, b"unavailable" in answer) == (503, True)
    text.say(big)
    text.expect_close(1013)
    disk.free()
    line.say("again")
    assert line.hear() == "lin: again"
    assert plain.hear_until("message")["content"] == "again"
    assert command.ask("list,friends") == "ann,lin,cat"
    assert post(running, "ops", "again")[0] == 200


def test_a_disk_that_is_full_at_the_start_is_refused_with_advice(server, tmp_path):
    place = types.SimpleNamespace(folder=tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    if mount_small(data):
        try:
            fill(data / "ballast")
            assert "free some space" in refusal(server, folder_of=place)
            (data / "ballast").unlink()
            server(folder_of=place).stop()
        finally:
            unmount(data)
    else:
        assert "is not full" in refusal(server, folder_of=place, through=("prlimit", "--fsize=1024"))
        server(folder_of=place).stop()


@contextlib.contextmanager
def locked(running):
    """Another program is in the middle of writing to the database."""
    other = sqlite3.connect(running.data / "banter.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_a_lock_of_another_program_refuses_messages_until_it_is_released(server):
    running = server(*NO_LIMIT)
    ann, reader = enter(running, "ann"), enter(running, "reader")
    acked = publish(ann, PUBLISHED)
    with locked(running):
        answer = ann.ask("message", room="general", content="now?", cid="c")
        assert answer["code"] == "unavailable"
        check_log(running, acked)
        assert "database is locked" in running.log() and "another program holds a lock on it" in running.log()
    acked.append(ann.ask("message", room="general", content="now?", cid="c"))
    for ack in acked:
        assert reader.hear_until("message")["id"] == ack["id"]
    assert "works again" in running.log()


def test_a_server_stops_in_time_while_another_program_holds_a_lock(server):
    running = server(*NO_LIMIT)
    ann = enter(running, "ann")
    acked = publish(ann, PUBLISHED)
    with locked(running):
        for number in range(50):
            ann.say(type="message", room="general", content=f"late {number}", cid=f"late-{number}")
        assert ann.hear_until("error")["code"] == "unavailable"
        running.stop()
    check_log(server(*NO_LIMIT, folder_of=running), acked)


def test_a_database_locked_at_the_start_is_refused_with_advice(server):
    first = server(*NO_LIMIT)
    acked = publish(enter(first, "ann"), PUBLISHED)
    first.stop()
    other = sqlite3.connect(first.data / "banter.db", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    message = refusal(server, folder_of=first)
    assert "banter.db: database is locked" in message and "end that program" in message
    other.close()
    check_log(server(folder_of=first), acked)


@pytest.mark.parametrize(
    "name, mode", [("banter.db", 0o400), ("banter.lock", 0o400), (".", 0o500)], ids=["database", "lock", "folder"]
)
def test_what_may_not_be_written_is_refused_at_the_start_with_advice(server, name, mode):
    first = server(*NO_LIMIT, through=ORDINARY)
    acked = publish(enter(first, "ann"), PUBLISHED)
    first.stop()
    path = first.data / name
    before = path.stat().st_mode
    path.chmod(mode)
    message = refusal(server, folder_of=first, through=ORDINARY)
    path.chmod(before)
    assert str(first.data) in message and "make it writable for this user" in message
    check_log(server(folder_of=first, through=ORDINARY), acked)


def test_a_folder_that_becomes_read_only_hurts_nobody_until_a_restart(server):
    running = server(*NO_LIMIT, through=ORDINARY)
    ann = enter(running, "ann")
    running.data.chmod(0o500)
    acked = publish(ann, PUBLISHED)
    running.kill()
    try:
        # The log is there already, so that what was acknowledged can be read back even now.
        again = server(*NO_LIMIT, folder_of=running, through=ORDINARY)
        check_log(again, acked)
        again.stop()
    finally:
        running.data.chmod(0o700)
    check_log(server(folder_of=running), acked)
