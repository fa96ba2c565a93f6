"""Moving from one machine to several and back: an archive of a database goes into Redis and comes out again as it was."""

import json
import subprocess

import pytest

from binaries import BANTERD
from clients import NO_LIMIT, V1, items_of


def banterd(*arguments, status=0):
    done = subprocess.run([BANTERD, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == status, done
    return done.stderr if status or not done.stdout else done.stdout


@pytest.fixture
def lived_in(server):
    """A server with a bit of everything in its rooms, stopped."""
    running = server(*NO_LIMIT, "--set", "retention_count=1000")
    ann, bob = V1(running.port()), V1(running.port())
    session = ann.hello(name="ann")["session"]
    bob.hello(name="bob")
    for number in range(300):
        ann.ask("message", room="general", content=f"message {number} · ünïcode", cid=f"c{number}")
    ann.ask("edit", room="general", of=7, content="edited", cid="e1")
    ann.ask("delete", room="general", of=7, cid="d1")
    for number in range(150, 290):
        ann.ask("delete", room="general", of=number)
    ann.ask("react", room="general", of=9, key="👍", op="add")
    ann.ask("react", room="general", of=9, key="👍", op="remove")
    ann.ask("topic", room="general", content="Release day")
    bob.ask("message", room="Ops", content="elsewhere")
    ann.ask("message", to="bob", content="psst")
    for number in range(1200):
        ann.say(type="message", room="busy", content=f"{number}", cid=f"b{number}")
    while ann.hear_until("ack").get("cid") != "b1199":
        pass
    running.stop()
    running.session = session
    return running


def archive_of(*arguments):
    """The lines by room, in the order of their keys; without the epoch."""
    rooms = {}
    for line in banterd("export", *arguments).splitlines()[1:]:
        value = json.loads(line)
        if "room" in value:
            key = value["room"]
            rooms[key] = []
            value.pop("gone_time", None)
        rooms[key].append(value)
    for lines in rooms.values():
        lines.sort(key=lambda value: (value.get("seq", 0), "old_cid" in value))
    return dict(sorted(rooms.items()))


def test_what_goes_into_redis_comes_out_as_it_was(lived_in, redis, tmp_path):
    target = ("--store", f"redis://{redis().address}", "--data", tmp_path / "node")
    banterd("export", "--data", lived_in.data, tmp_path / "archive")
    assert "Imported" in banterd("import", *target, tmp_path / "archive")
    before, after = archive_of("--data", lived_in.data), archive_of(*target)
    assert before == after
    assert [room for room in before if not room.startswith("@")] == ["busy", "general", "ops"]
    assert any("old_cid" in line for line in before["busy"]) and before["general"][0]["topic"] == "Release day"
    # Nothing is left of the way there, and back again is the same.
    assert not (tmp_path / "node/import").exists()
    banterd("export", *target, tmp_path / "back")
    banterd("import", "--data", tmp_path / "home", tmp_path / "back")
    assert archive_of("--data", tmp_path / "home") == before


def test_servers_go_on_where_the_one_machine_stopped(lived_in, redis, server, tmp_path):
    store = ("--store", f"redis://{redis().address}")
    banterd("export", "--data", lived_in.data, tmp_path / "archive")
    banterd("import", *store, "--data", tmp_path / "node", tmp_path / "archive")
    nodes = [server(*store, *NO_LIMIT) for _ in range(2)]
    ann, eve = V1(nodes[0].port()), V1(nodes[1].port())
    ann.hello(session=lived_in.session)
    eve.hello()
    frames = eve.join("general", after=0)
    items = {item["seq"]: item for item in items_of(frames)}
    assert frames[0]["topic"] == "Release day" and sorted(items) == list(range(1, frames[0]["last"] + 1))
    assert items[7].get("deleted") and items[200]["content"] == "" and items[8]["content"] == "message 7 · ünïcode"
    # What was said under a cid then is known now, and numbers go on.
    assert ann.ask("message", room="general", content="message 3 · ünïcode", cid="c3")["seq"] == 4
    assert ann.ask("message", room="general", content="another", cid="c3")["code"] == "cid_reused"
    assert ann.ask("message", room="general", content="new")["seq"] == frames[0]["last"] + 1
    assert eve.hear_until("message")["content"] == "new"
    assert ann.ask("edit", room="general", of=9, content="still mine")["type"] == "ack"


def test_what_is_there_already_is_not_mixed_with_what_comes(lived_in, redis, server, tmp_path):
    address = redis().address
    store = ("--store", f"redis://{address}", "--data", tmp_path / "node")
    banterd("export", "--data", lived_in.data, tmp_path / "archive")
    running = server("--store", f"redis://{address}")
    assert "already" in banterd("import", *store, tmp_path / "archive", status=1)
    running.stop()
    banterd("import", *store, tmp_path / "archive")
    assert "already" in banterd("import", *store, tmp_path / "archive", status=1)


def test_an_archive_with_a_mistake_leaves_nothing_behind(lived_in, redis, tmp_path):
    target = redis()
    banterd("export", "--data", lived_in.data, tmp_path / "archive")
    lines = (tmp_path / "archive").read_text().splitlines()
    missing = next(number for number, line in enumerate(lines) if line.startswith('{"seq":1000,'))
    (tmp_path / "archive").write_text("\n".join([*lines[:missing], *lines[missing + 1 :], ""]))
    error = banterd("import", "--store", f"redis://{target.address}", "--data", tmp_path / "node", tmp_path / "archive", status=1)
    assert f"{tmp_path}/archive:{missing + 1}: the seq must be the one after" in error
    assert target.cli("KEYS", "*") == [] and not (tmp_path / "node/import").exists()


def test_without_redis_it_says_so(tmp_path):
    assert "Redis cannot be reached" in banterd("export", "--store", "redis://127.0.0.1:1", "--data", tmp_path, status=1)
