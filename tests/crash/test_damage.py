"""A database that was damaged: the server does not start and says what to do, or it serves what is sound. It never
sends what is not a text, never acknowledges what it cannot keep, and tells readers whose last number is gone."""

import os
import shutil
import urllib.error
import urllib.request

import pytest

from clients import NO_LIMIT, V1, items_of, wait_until
from damage import find, overwrite
from talk import check_log, enter, numbers, publish, refusal

GARBAGE = bytes(range(1, 256)) * 300


def truncate_to_half(database):
    os.truncate(database, database.stat().st_size // 2)


def garble_header(database):
    overwrite(database, 0, GARBAGE[:100])


def garble_schema(database):
    overwrite(database, 200, GARBAGE[:3000])


@pytest.mark.parametrize(
    "damage, advice",
    [
        (truncate_to_half, "it is damaged: put a backup in its place"),
        (garble_header, "it is not a banter database: move it away"),
        (garble_schema, "it is damaged: put a backup in its place"),
    ],
)
def test_a_damaged_database_is_refused_at_the_start_with_advice(server, damage, advice):
    first = server(*NO_LIMIT)
    acked = publish(enter(first, "ann"), 200)
    first.stop()
    database, backup = first.data / "banter.db", first.folder / "backup"
    shutil.copy(database, backup)
    damage(database)
    message = refusal(server, folder_of=first)
    assert str(database) in message and advice in message
    shutil.copy(backup, database)
    check_log(server(folder_of=first), acked)


def read(running, room):
    """The status of a request for a room's log."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{running.port()}/r/{room}?after=0") as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_flipped_bytes_in_a_room_are_not_sent_and_other_rooms_work(server):
    first = server(*NO_LIMIT)
    ann = enter(first, "ann")
    acked = publish(ann, 50)
    publish(ann, 50, "ops", "incident {} of the day")
    first.stop()
    database = first.data / "banter.db"
    overwrite(database, find(database, b"incident 7 of"), b"\xff\xfe\xc0")
    running = server(*NO_LIMIT, folder_of=first)
    assert read(running, "ops") == 503
    assert "Cannot read from" in running.log() and "malformed" in running.log()
    check_log(running, acked)
    ann = enter(running, "ann")
    assert ann.ask("message", room="general", content="on")["seq"] == 51
    # Who waits for the damaged part stays connected and can use the rest.
    ann.say(type="join", room="ops", after=0)
    assert ann.hear_until("joined")["last"] == 50
    assert ann.ask("message", room="general", content="and on")["seq"] == 52


def test_garbage_in_the_middle_of_the_file_crashes_nothing(server):
    first = server(*NO_LIMIT)
    ann = enter(first, "ann")
    acked = {room: publish(ann, 100, room, f"{room} {{}} " + "x" * 500) for room in ("general", "ops", "news")}
    first.stop()
    database = first.data / "banter.db"
    overwrite(database, database.stat().st_size // 2, GARBAGE[:40960])
    running = server(*NO_LIMIT, folder_of=first)
    statuses = {room: read(running, room) for room in acked}
    assert set(statuses.values()) == {200, 503}, statuses
    assert "malformed" in running.log()
    for room, status in statuses.items():
        if status == 200:
            check_log(running, acked[room], room)


def test_a_file_truncated_under_a_running_server_gets_no_acknowledgements(server):
    running = server(*NO_LIMIT)
    acked = publish(enter(running, "ann"), 200)
    running.stop()
    database, backup = running.data / "banter.db", running.folder / "backup"
    shutil.copy(database, backup)
    running = server(*NO_LIMIT, folder_of=running)
    truncate_to_half(database)
    ann = V1(running.port())
    ann.hello(name="ann")
    answer = ann.ask("message", room="general", content="lost?")
    assert answer.get("code") == "unavailable", answer
    wait_until(lambda: "restore it from a backup" in running.log())
    running.stop()
    shutil.copy(backup, database)
    check_log(server(folder_of=running), acked)


def lose(log):
    log.unlink()


def garble(log):
    overwrite(log, log.stat().st_size // 2, GARBAGE[:8192])


@pytest.mark.parametrize("damage", [lose, garble])
def test_readers_are_told_when_the_end_of_the_log_was_lost(server, damage):
    first = server(*NO_LIMIT)
    kept = publish(enter(first, "ann"), 100)
    first.stop()
    second = server(*NO_LIMIT, folder_of=first)
    ann = V1(second.port())
    ann.hello(name="ann")
    epoch = ann.join("general")[0]["epoch"]
    lost = publish(ann, 100)
    second.kill()
    damage(second.data / "banter.db-wal")
    (second.data / "banter.db-shm").unlink()
    third = server(*NO_LIMIT, folder_of=second)
    reader = V1(third.port())
    reader.hello()
    frames = reader.join("general", after=lost[-1]["seq"], epoch=epoch)
    assert [frame["type"] for frame in frames[:2]] == ["joined", "gap"], frames[:2]
    assert frames[1]["reason"] in ("rewound", "epoch")
    items = items_of(frames)
    assert 100 <= frames[0]["last"] < 200
    assert numbers(items) == numbers((kept + lost)[frames[0]["last"] - 100 : frames[0]["last"]])
    assert enter(third, "ann").ask("message", room="general", content="on")["seq"] == frames[0]["last"] + 1


def test_numbers_given_again_after_the_log_was_lost_belong_to_another_epoch(server):
    """As many messages as were lost are sent again: to who only counts, nothing would be missing."""
    first = server(*NO_LIMIT)
    ann = V1(first.port())
    ann.hello(name="ann")
    epoch = ann.join("general")[0]["epoch"]
    publish(ann, 100)
    first.kill()
    lose(first.data / "banter.db-wal")
    (first.data / "banter.db-shm").unlink()
    second = server(*NO_LIMIT, folder_of=first)
    publish(enter(second, "ann"), 100, content="another {}")
    assert "a new epoch begins" in second.log()
    reader = V1(second.port())
    reader.hello()
    frames = reader.join("general", after=100, epoch=epoch)
    assert [frame["type"] for frame in frames[:2]] == ["joined", "gap"], frames[:2]
    assert frames[1]["reason"] == "epoch" and frames[0]["epoch"] != epoch


def test_a_database_that_is_gone_begins_another_epoch(server):
    first = server(*NO_LIMIT)
    ann = V1(first.port())
    ann.hello(name="ann")
    epoch = ann.join("general")[0]["epoch"]
    publish(ann, 10)
    first.stop()
    (first.data / "banter.db").unlink()
    reader = V1(server(folder_of=first).port())
    reader.hello()
    frames = reader.join("general", after=10, epoch=epoch)
    assert frames[1]["type"] == "gap" and frames[1]["reason"] == "epoch", frames
