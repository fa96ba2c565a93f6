"""From history to live without a hole: whoever joins gets every number once, whatever other readers do meanwhile."""

import socket
import threading

import pytest

from clients import NO_LIMIT, V1


def stalled_reader(port, room):
    """Joined, and never reads again; its socket takes little."""
    client = V1(port)
    client.hello()
    client.join(room)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return client


def read_through(client, last):
    """Reads the room up to `last`; every number must follow the one before."""
    seen = 0
    while seen < last:
        frame = client.hear()
        assert frame["type"] in ("joined", "batch", "live", "message", "presence"), frame
        if frame["type"] == "live":
            assert frame["at"] == seen
        for item in [frame] if frame["type"] == "message" else frame.get("items", []):
            assert item["seq"] == seen + 1
            seen = item["seq"]


def test_history_has_no_hole_while_a_stalled_reader_keeps_what_is_new_in_memory(server):
    port = server(*NO_LIMIT).port()
    stalled = stalled_reader(port, "general")
    writer = V1(port)
    writer.hello()
    for number in range(600):
        writer.ask("message", room="general", content=f"{number} " + "x" * 10_000)
    reader = V1(port)
    reader.hello()
    reader.say(type="join", room="general", after=0)
    read_through(reader, 600)
    stalled.socket.close()


@pytest.mark.parametrize("size", [10, 3_000])
def test_joining_while_others_write_has_no_hole(server, size):
    port = server(*NO_LIMIT).port()
    count, turns = 3, 400
    go = threading.Barrier(count + 1)

    def write(number):
        writer = V1(port)
        writer.hello()
        go.wait()
        for turn in range(turns):
            writer.ask("message", room="general", content=f"{number}/{turn} " + "x" * size)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(count)]
    for writer in writers:
        writer.start()
    go.wait()
    readers = []
    while any(writer.is_alive() for writer in writers) and len(readers) < 20:
        reader = V1(port)
        reader.hello()
        reader.say(type="join", room="general", after=0)
        readers.append(reader)
        # The next one comes when this one is live.
        seen = 0
        while (frame := reader.hear())["type"] != "live":
            for item in [frame] if frame["type"] == "message" else frame.get("items", []):
                assert item["seq"] == seen + 1
                seen = item["seq"]
        assert frame["at"] == seen
        reader.seen = seen
    for writer in writers:
        writer.join()
    for reader in readers:
        while reader.seen < count * turns:
            frame = reader.hear()
            if frame["type"] == "message":
                assert frame["seq"] == reader.seen + 1
                reader.seen += 1
