"""What a room lets go of, and what is erased: numbers stay, readers are told, and the bytes are gone from the disk."""

import contextlib
import sqlite3
import time

import pytest

from clients import NO_LIMIT, V1, items_of

PATIENCE = 60


def settings(*pairs):
    return [part for pair in pairs for part in ("--set", pair)]


def open_v1(server, **hello):
    client = V1(server.port())
    client.hello(**hello)
    return client


def publish(client, room, count):
    return [client.ask("message", room=room, content=f"word {number}") for number in range(1, count + 1)]


@pytest.mark.parametrize("store", ["sqlite", "memory"])
def test_who_resumes_before_the_first_kept_gets_a_gap(server, store):
    running = server("--store", store, *NO_LIMIT, *settings("retention_count=3"))
    ann = open_v1(running, name="ann")
    epoch = ann.join("general")[0]["epoch"]
    publish(ann, "general", 10)
    bob = open_v1(running, name="bob")
    frames = bob.join("general", after=2, epoch=epoch)
    assert [frame["type"] for frame in frames] == ["joined", "gap", "batch", "live"]
    assert (frames[0]["first"], frames[0]["last"]) == (8, 10)
    assert frames[1] == {
        "type": "gap",
        "room": "general",
        "epoch": epoch,
        "after": 2,
        "first": 8,
        "reason": "retention",
    }
    assert [item["seq"] for item in items_of(frames)] == [8, 9, 10]
    # Where nothing is missing nothing is said.
    assert [frame["type"] for frame in bob.join("general", after=7, epoch=epoch)] == ["joined", "batch", "live"]


def test_numbers_go_on_after_everything_is_gone_and_a_restart(server):
    flags = [*NO_LIMIT, *settings("retention_age=2s", "joins_per_minute=0")]
    first = server(*flags)
    ann = open_v1(first, name="ann")
    epoch = ann.join("general")[0]["epoch"]
    last = publish(ann, "general", 3)[-1]
    deadline = time.monotonic() + PATIENCE
    while ann.join("general")[0]["first"] != 4:
        assert time.monotonic() < deadline, "still there"
    first.stop()
    second = server(*flags, folder_of=first)
    ann = open_v1(second, name="ann")
    frames = ann.join("general", after=0, epoch=epoch)
    assert [frame["type"] for frame in frames] == ["joined", "gap", "live"]
    assert (frames[0]["epoch"], frames[0]["first"], frames[0]["last"]) == (epoch, 4, 3)
    ack = ann.ask("message", room="general", content="on")
    assert ack["seq"] == 4
    assert ack["timestamp"] >= last["timestamp"]


def test_a_cid_of_an_entry_that_went_still_gets_its_first_ack(server):
    running = server(*NO_LIMIT, *settings("retention_count=1"))
    ann = open_v1(running, name="ann")
    ack = ann.ask("message", room="general", content="once", cid="c")
    publish(ann, "general", 5)
    assert ann.ask("message", room="general", content="once", cid="c") == ack
    assert ann.ask("message", room="general", content="twice", cid="c")["code"] == "cid_reused"


def test_a_room_may_be_kept_in_memory_only(server):
    flags = [*NO_LIMIT, *settings("room=Ops history=memory retention_count=2")]
    first = server(*flags)
    ann = open_v1(first, name="ann")
    ops, general = ann.join("ops")[0]["epoch"], ann.join("general")[0]["epoch"]
    assert ops != general
    publish(ann, "ops", 5)
    publish(ann, "general", 5)
    listed = {item["room"]: item["last"] for item in ann.ask("rooms")["items"]}
    assert listed["ops"] == 5 and listed["general"] == 5
    assert [item["seq"] for item in items_of(ann.join("ops", after=3, epoch=ops))] == [4, 5]
    first.stop()
    assert b"word 3" in (first.data / "banter.db").read_bytes()
    second = server(*flags, folder_of=first)
    ann = open_v1(second, name="ann")
    frames = ann.join("ops", after=5, epoch=ops)
    assert [frame["type"] for frame in frames] == ["joined", "gap", "live"]
    assert frames[1]["reason"] == "epoch"
    frames = ann.join("general", after=4, epoch=general)
    assert [item["seq"] for item in items_of(frames)] == [5]


def files_with(folder, words):
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # a journal that is gone again
            if path.is_file() and words in path.read_bytes():
                found.append(path.name)
    return found


def test_a_deleted_message_is_gone_from_the_disk_and_its_number_stays(server):
    secret, title = "xyzzy-plugh-4711", "plover-0815"
    running = server(*NO_LIMIT)
    ann = open_v1(running, name="ann")
    ann.join("general")
    publish(ann, "general", 200)
    seq = ann.ask("message", room="general", content=f"the secret is {secret}")["seq"]
    ann.ask("edit", room="general", of=seq, content=f"no, it is {title}")
    publish(ann, "general", 200)
    assert files_with(running.data, secret.encode())
    assert ann.ask("delete", room="general", of=seq)["type"] == "ack"
    deadline = time.monotonic() + PATIENCE
    while left := files_with(running.data, secret.encode()) + files_with(running.data, title.encode()):
        assert time.monotonic() < deadline, f"still in {left}"
        time.sleep(0.1)
    bob = open_v1(running, name="bob")
    answer = bob.ask("history", room="general", before=seq + 2, limit=2)
    message, edit = answer["items"]
    assert (message["type"], message["seq"], message["content"], message["deleted"]) == ("message", seq, "", True)
    assert (edit["type"], edit["of"], edit["content"], edit["deleted"]) == ("edit", seq, "", True)
    assert "deleted" not in bob.ask("history", room="general", before=seq, limit=1)["items"][0]


def direct_rooms(data):
    database = sqlite3.connect(f"file:{data}/banter.db?mode=ro", uri=True)
    try:
        return {name for (name,) in database.execute("SELECT name FROM rooms WHERE key LIKE '@%'")}
    finally:
        database.close()


def test_direct_messages_of_guests_who_do_not_come_back_after_a_restart_are_erased(server):
    flags = [*NO_LIMIT, *settings("session_linger=6")]
    first = server(*flags)
    people = {name: V1(first.port()) for name in ("ann", "bob", "eve", "zed")}
    secrets = {name: client.hello(name=name)["session"] for name, client in people.items()}
    people["ann"].ask("message", to="bob", content="psst")
    people["eve"].ask("message", to="zed", content="plugh-xyzzy")
    first.kill()
    second = server(*flags, folder_of=first)
    ann = open_v1(second, session=secrets["ann"], name="ann")
    assert direct_rooms(second.data) == {"@ann,bob", "@eve,zed"}
    deadline = time.monotonic() + PATIENCE
    while "@eve,zed" in direct_rooms(second.data) or files_with(second.data, b"plugh-xyzzy"):
        assert time.monotonic() < deadline, "nobody erased it"
        time.sleep(0.1)
    assert direct_rooms(second.data) == {"@ann,bob"}
    ann.leave()
    while direct_rooms(second.data):
        assert time.monotonic() < deadline, "nobody erased it"
        time.sleep(0.1)
