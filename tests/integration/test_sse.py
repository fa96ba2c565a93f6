"""Streams of events over real sockets: what a browser's EventSource and curl get, and that they miss nothing."""

import resource
import subprocess

import pytest

from clients import NO_LIMIT, V1
from event_stream import EventStream


def publisher(port):
    ann = V1(port)
    ann.hello(name="ann")
    return ann


def publish(ann, room, numbers, padding=""):
    for number in numbers:
        answer = ann.ask("message", room=room, content=f"{number} {padding}")
        assert answer["type"] == "ack", answer


def numbers_of(entries):
    return [int(entry["content"].split()[0]) for entry in entries]


def test_curl_follows_a_room(server):
    port = server(*NO_LIMIT).port()
    ann = publisher(port)
    curl = subprocess.Popen(
        ["curl", "-sN", "--max-time", "20", f"http://127.0.0.1:{port}/sse?room=ops"], stdout=subprocess.PIPE, text=True
    )
    lines = iter(curl.stdout.readline, "")
    assert next(lines).startswith("retry: ")
    epoch, seq = next(lines).removeprefix("id: ").strip().split(":")
    assert seq == "0" and next(lines) == "\n"
    publish(ann, "ops", [1, 2])
    for number in (1, 2):
        assert next(lines) == f"id: {epoch}:{number}\n"
        assert f'"content":"{number} "' in next(lines)
        assert next(lines) == "\n"
    curl.kill()
    curl.wait()
    curl.stdout.close()


def test_clients_are_told_different_times_to_come_back(server):
    port = server(*NO_LIMIT).port()
    times = set()
    for _ in range(20):
        stream = EventStream(port, "room=ops")
        assert stream.block() == ("message", None)
        times.add(stream.retry_ms)
        stream.close()
    assert all(500 <= time <= 8000 for time in times)
    assert len(times) > 10


@pytest.mark.parametrize("query", ["room=ops", "room=ops&room=dev"])
def test_a_stream_goes_on_after_the_server_was_killed(server, query):
    first = server(*NO_LIMIT)
    ann = publisher(first.port())
    stream = EventStream(first.port(), query)
    assert stream.status == 200 and stream.headers["content-type"] == "text/event-stream"
    stream.block()
    publish(ann, "ops", range(1, 21))
    seen = numbers_of(stream.entry() for _ in range(10))
    first.kill()
    while (block := stream.next()) is not None:
        seen += numbers_of([block[1]])
    second = server(*NO_LIMIT, folder_of=first)
    stream = EventStream(second.port(), query, last_id=stream.last_id)
    assert stream.status == 200, stream.unread
    publish(publisher(second.port()), "ops", [21])
    while seen[-1] != 21:
        number = numbers_of([stream.entry()])[0]
        # Where places are told beside the events, what was read behind the last one comes again.
        if query == "room=ops" or number > seen[-1]:
            seen.append(number)
    assert seen == list(range(1, 22))


def test_who_is_cut_off_before_the_first_event_misses_nothing(server):
    port = server(*NO_LIMIT).port()
    ann = publisher(port)
    publish(ann, "ops", range(1, 4))
    for query in ("room=ops", "room=ops&room=dev"):
        stream = EventStream(port, query)
        stream.block()
        stream.close()
        count = 5
        publish(ann, "ops", range(count))
        again = EventStream(port, query, last_id=stream.last_id)
        assert numbers_of(again.entry() for _ in range(count)) == list(range(count))
        again.close()


@pytest.mark.parametrize("query", ["room=ops", "room=ops&room=dev"])
def test_a_slow_reader_is_cut_and_goes_on_without_loss(server, query):
    """It gets the window's size ahead each time; so it comes back several times, and must get on with each."""
    server = server(*NO_LIMIT, "--set", "stream_window=1048576")
    ann = publisher(server.port())
    stream = EventStream(server.port(), query, receive_buffer=4096)
    stream.block()
    publish(ann, "ops", range(1, 801), padding="x" * 10_000)
    seen, returns = [], 0
    while not seen or seen[-1] != 800:
        block = stream.next()
        if block is None:
            returns += 1
            assert returns < 100
            stream.close()
            stream = EventStream(server.port(), query, last_id=stream.last_id)
            continue
        event, entry = block
        assert event == "message", entry
        # What was read behind the last place comes again where places are told beside the events.
        if query == "room=ops" or not seen or entry["seq"] > seen[-1]:
            seen.append(entry["seq"])
    assert returns > 0, "it was never cut"
    assert seen == list(range(1, 801))


@pytest.mark.parametrize("query", ["room=ops", "room=ops&room=dev"])
def test_a_thousand_readers_get_the_same(server, query):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    try:
        port = server(*NO_LIMIT).port()
        ann = publisher(port)
        streams = [EventStream(port, query) for _ in range(1000)]
        for stream in streams:
            stream.block()
        publish(ann, "ops", range(1, 6))
        for stream in streams:
            assert numbers_of(stream.entry() for _ in range(5)) == [1, 2, 3, 4, 5]
            stream.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_readers_are_counted(server):
    port = server(*NO_LIMIT).port()
    streams = [EventStream(port, "room=ops") for _ in range(3)]
    for stream in streams:
        stream.block()
    ann = publisher(port)
    assert ann.join("ops")[0]["client_count"] == 4
    for stream in streams:
        stream.close()
    ann.hear_until("presence", client_count=1)


def test_a_stream_of_a_closed_server_just_ends(server):
    running = server(*NO_LIMIT)
    stream = EventStream(running.port(), "room=ops")
    stream.block()
    running.stop()
    assert stream.next() is None and stream.unread == b""


def test_a_room_that_may_not_be_made_is_not_found(server):
    port = server("--set", "create_rooms=off").port()
    stream = EventStream(port, "room=lobby&room=nowhere")
    assert stream.status == 404
    assert stream.headers["content-type"] == "application/json"
