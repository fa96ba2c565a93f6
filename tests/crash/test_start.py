"""Starting: one server for a folder, and as fast with a long log as with none."""

import os
import pathlib
import sqlite3
import types

import pytest

from clients import NO_LIMIT, V1, items_of
from talk import check_log, enter, publish, refusal

ENTRIES = 200_000
START_SECONDS = 3


def test_a_second_server_on_a_folder_is_refused_and_the_first_goes_on(server):
    first = server(*NO_LIMIT)
    ann = enter(first, "ann")
    acked = publish(ann, 10)
    message = refusal(server, folder_of=first)
    assert f"the data folder {first.data} is in use" in message
    assert f"(process {first.process.pid})" in message and "--data" in message
    acked += publish(ann, 10)
    check_log(first, acked)
    # The lock is no more than its holder's: what is left of one that was killed stops nobody.
    first.kill()
    assert (first.data / "banter.lock").exists()
    check_log(server(folder_of=first), acked)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_long_log_does_not_delay_the_start(server, end):
    first = server(*NO_LIMIT)
    publish(enter(first, "ann"), 1)
    first.stop()
    add_entries(first.data / "banter.db", ENTRIES)
    first = server(*NO_LIMIT, folder_of=first)
    publish(enter(first, "ann"), 200)
    getattr(first, end)()
    running = server(*NO_LIMIT, folder_of=first)
    reader = V1(running.port())
    reader.hello()
    frames = reader.join("general")
    took = processor_seconds(running)
    assert frames[0]["last"] == ENTRIES + 201
    assert [item["seq"] for item in items_of(frames)] == list(range(ENTRIES + 102, ENTRIES + 202))
    print(f"restart with {ENTRIES} entries after {end}: {took * 1000:.0f} ms")
    assert took < START_SECONDS


def processor_seconds(running):
    """How much it has worked until now: that does not depend on what else the machine does, as the time does."""
    fields = pathlib.Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_first_start_that_fails_half_way_does_not_stop_the_next(server, tmp_path):
    """The disk is full after ever more bytes, until there are enough."""
    for size in range(4096, 1 << 20, 4096):
        place = types.SimpleNamespace(folder=tmp_path / str(size))
        place.folder.mkdir()
        limit = ("prlimit", f"--fsize={size}:unlimited")
        try:
            first = server(*NO_LIMIT, folder_of=place, through=limit)
        except AssertionError as refused:
            assert "ended with 1 at start" in str(refused) and "banterd: cannot " in str(refused), refused
            first = server(*NO_LIMIT, folder_of=place)
        else:
            first.stop()
            assert size > 4096
            return
        check_log(first, publish(enter(first, "ann"), 3))
        first.stop()
    raise AssertionError("a megabyte is not enough to start")


def add_entries(database, count):
    """Copies of the first, as they would have been said one after the other."""
    with sqlite3.connect(database) as connection:
        connection.execute(
            "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)"
            " INSERT INTO entries (room, seq, id, timestamp, kind, sender, identity, content, removal)"
            " SELECT room, n + 1, substr(id, 1, 18) || printf('%08d', n), timestamp + n, kind, sender, identity,"
            " 'entry ' || n || ' of many, as long as a usual line of a conversation', 0 FROM number, entries"
            " WHERE seq = 1",
            (count,),
        )
    connection.close()
