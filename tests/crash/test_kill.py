"""The server is killed, or told to stop, at random moments while clients of all protocols talk, and started again on
the same data and ports. Nobody loses, repeats or misorders anything that the server ever told anyone.

CRASH_KILLS sets how often, CRASH_SEED which moments.
"""

import os
import random
import sqlite3

import pytest

from clients import EVERYTHING, NO_LIMIT, V1, items_of
from crowd import Chatters, Crowd, LineShouter, NumberedShouter, PlainShouter, Poster, Resumer, TextShouter
from ledger import Ledger, check

KILLS = int(os.environ.get("CRASH_KILLS", "12"))
SEED = os.environ.get("CRASH_SEED", "1")
ROOMS = ("lobby", "general", "ops")
FLAGS = ("--set", "stream_window=1048576", *NO_LIMIT)
DEADLINE = 60


def make_crowd(ledger):
    epochs = {}
    return Crowd(
        [
            Resumer("ann", ledger, SEED, ROOMS, epochs, friend="bob"),
            Resumer("bob", ledger, SEED, ("general", "ops"), epochs, friend="ann"),
            Resumer("reader", ledger, SEED, ROOMS, epochs, talks=False),
            PlainShouter("plain", ledger, SEED),
            LineShouter("lin", ledger, SEED),
            NumberedShouter("numbered", ledger, SEED),
            TextShouter("text", ledger, SEED),
            Chatters("chat", ledger, SEED),
            Poster("poster", ledger, SEED, "ops"),
            Poster("another", ledger, SEED, "lobby"),
        ]
    )


def ports_of(server):
    return {scheme: server.port(scheme) for scheme in ("ws", "line", "numbered", "command")}


def read_log(server, room):
    reader = V1(server.port())
    reader.hello()
    return items_of(reader.join(room, after=0))


def count_direct_messages(server, ledger):
    """Of guests that are gone; nobody but they could read them over the wire, so it is looked up in the file."""
    with sqlite3.connect(f"file:{server.data}/banter.db?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT rooms.name, content FROM entries JOIN rooms ON rooms.id = entries.room"
            " WHERE rooms.key LIKE '@%' ORDER BY rooms.id, seq"
        ).fetchall()
    contents = [content for _, content in rows]
    check(len(contents) == len(set(contents)), "a direct message is there twice")
    promised = set().union(*(some for room, some in ledger.contents.items() if room.startswith("@")))
    check(promised <= set(contents), "direct messages are lost", promised - set(contents))
    return len(promised)


def restart(server, running, crowd, end):
    """Ends the server while the crowd talks, and starts it again."""
    crowd.crashed = True
    getattr(running, end)()
    crowd.join()
    again = server(*FLAGS, listen=running.urls, folder_of=running)
    assert again.urls == running.urls
    return again


def talk(running, crowd, ledger, more):
    crowd.live(ports_of(running))
    assert ledger.wait_for(more, DEADLINE) or crowd.failures, "nothing moves"


@pytest.mark.parametrize("end, times", [("kill", KILLS), ("stop", 3)])
def test_what_was_told_survives_the_end_of_the_server_at_any_moment(server, end, times):
    dice = random.Random(SEED)
    ledger = Ledger()
    crowd = make_crowd(ledger)
    running = server(*FLAGS, listen=EVERYTHING, keeps_port=True)
    for _ in range(times):
        talk(running, crowd, ledger, 1 + int(dice.expovariate(1 / 2000)))
        running = restart(server, running, crowd, end)
    if end == "stop":
        # An orderly end is also that of guests who cannot come back, and of what they wrote to each other.
        ledger.contents.pop("@", None)
    assert count_direct_messages(running, ledger) > 0
    talk(running, crowd, ledger, 500)
    crowd.finish()
    crowd.join()
    for room in ROOMS:
        ledger.check_log(room, read_log(running, room))
    assert all(client.said for client in crowd.clients if client.talks)
