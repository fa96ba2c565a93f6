"""One trouble at a time, with what everybody is told meanwhile."""

import http.client
import json
import time

import pytest

from clients import TIMEOUT, V1, Line, items_of, wait_until
from clusters import LISTEN
from test_chaos import is_ready, whole_log
from watchers import ROOM, Reader, StreamReader, Writer

# What the nodes promise: so long a name may stay with a node that died.
LEASE_SECONDS = 10


def come(cluster, number, **members):
    client = V1(cluster.port_of(number))
    client.hello(**members)
    return client


def hear_entry(client, **members):
    """The next entry with these members, shown as it was said or in a batch of what was said before."""
    while True:
        frame = client.hear_until("message", "batch")
        for entry in frame.get("items", [frame]):
            if all(entry.get(key) == value for key, value in members.items()):
                return entry


def readyz(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def claim(cluster, number, name):
    """Whether it could be claimed there; it is given back at once."""
    with V1(cluster.port_of(number)) as client:
        free = client.ask("hello", name=name)["type"] == "welcome"
        client.leave()
    return free


def test_what_is_said_on_one_node_is_heard_on_all(cluster):
    street = cluster()
    people = [come(street, number, name=f"name{number}") for number in range(3)]
    lines = [Line(street.port_of(number, "line"), f"line{number}") for number in range(3)]
    for person in people:
        person.join("lobby")
    assert people[0].ask("message", room="lobby", content="hello")["seq"] == 1
    for person in people:
        entry = person.hear_until("message")
        assert (entry["seq"], entry["sender"], entry["content"]) == (1, "name0", "hello")
    for line in lines:
        line.line_until("name0: hello")
    wait_until(lambda: {person.ask("rooms")["items"][0]["client_count"] for person in people} == {6})
    names = {item["name"] for item in people[2].ask("members", room="lobby")["items"]}
    assert names == {f"name{n}" for n in range(3)} | {f"line{n}" for n in range(3)}


def test_a_name_is_held_once_in_the_cluster_and_free_at_once_when_it_is_given_back(cluster):
    street = cluster()
    holder = come(street, 0, name="king")
    assert not claim(street, 1, "king") and not claim(street, 2, "KING")
    holder.leave()
    wait_until(lambda: claim(street, 1, "king"))  # what is not given back stays with its session for two minutes


def test_the_names_of_a_node_that_died_are_free_within_ten_seconds(cluster):
    street = cluster()
    come(street, 2, name="dora")
    assert not claim(street, 0, "dora")
    street.kill(2)
    begin = time.monotonic()
    wait_until(lambda: claim(street, 0, "dora"))
    assert time.monotonic() - begin < LEASE_SECONDS + 5  # the test itself may be late
    watcher = come(street, 1)
    wait_until(lambda: watcher.join("lobby")[0]["client_count"] == 1)


def test_who_holds_a_name_on_a_node_that_is_cut_off_holds_it_no_more_when_it_is_back(cluster):
    street = cluster()
    holder = come(street, 0, name="king")
    assert holder.ask("message", room=ROOM, content="mine")["type"] == "ack"
    street.links[0].cut()
    wait_until(lambda: claim(street, 1, "king"))
    other = come(street, 1, name="king")
    street.links[0].mend()
    wait_until(lambda: is_ready(street.port_of(0)))
    assert other.ask("message", room=ROOM, content="mine now")["type"] == "ack"
    try:
        holder.ask("message", room=ROOM, content="still mine?")
    except (AssertionError, OSError):
        pass  # it may have been sent away
    witness = come(street, 2)
    entries = items_of(witness.join(ROOM, after=0))
    assert "king" not in [entry["sender"] for entry in entries if entry["content"] == "still mine?"]


def test_direct_messages_cross_nodes_and_reach_nobody_else(cluster):
    street = cluster()
    ann, bob, eve = come(street, 0, name="ann"), come(street, 1, name="bob"), come(street, 2, name="eve")
    spies = [Line(street.port_of(number, "line"), f"spy{number}") for number in range(3)]
    assert ann.ask("message", to="bob", content="psst")["type"] == "ack"
    entry = hear_entry(bob)
    assert (entry["room"], entry["sender"], entry["content"]) == ("@ann,bob", "ann", "psst")
    assert bob.ask("message", to="ann", content="what?")["type"] == "ack"
    assert hear_entry(ann, sender="bob")["content"] == "what?"
    for room in ("@ann,bob", "@bob,ann"):
        assert eve.ask("join", room=room)["code"] == "not_found"
    assert all(item["room"] != "@ann,bob" for item in eve.ask("rooms")["items"])
    ann.ask("message", room="lobby", content="the end")
    for spy in spies:
        assert not any("psst" in line or "what?" in line for line in spy.line_until("ann: the end"))


def test_while_redis_is_away_nothing_is_acknowledged_and_readers_stay(cluster):
    street = cluster()
    reader, writer = come(street, 0), come(street, 1)
    reader.join(ROOM)
    assert writer.ask("message", room=ROOM, content="one")["seq"] == 1
    assert reader.hear_until("message")["content"] == "one"
    street.master.pause()
    answer = writer.ask("message", room=ROOM, content="two", cid="two")
    assert (answer["type"], answer["code"]) == ("error", "unavailable")
    wait_until(lambda: readyz(street.port_of(1))[0] == 503)
    assert "store" in readyz(street.port_of(1))[1]
    street.master.resume()
    wait_until(lambda: is_ready(street.port_of(1)) and is_ready(street.port_of(0)))
    # Whether it was stored the first time or only now, it is once.
    wait_until(lambda: writer.ask("message", room=ROOM, content="two", cid="two")["type"] == "ack")
    wait_until(lambda: writer.ask("message", room=ROOM, content="three", cid="three").get("seq") == 3)
    assert [reader.hear_until("message")["content"] for _ in range(2)] == ["two", "three"]


@pytest.mark.parametrize("trouble", ["out of memory", "read-only", "without replica"])
def test_a_redis_that_takes_nothing_is_no_store_until_it_does(cluster, trouble):
    street = cluster()
    reader, writer = come(street, 0), come(street, 1)
    reader.join(ROOM)
    assert writer.ask("message", room=ROOM, content="one")["seq"] == 1
    if trouble == "out of memory":
        street.master.cli("CONFIG", "SET", "maxmemory", "1")
    elif trouble == "read-only":
        street.master.cli("REPLICAOF", "127.0.0.1", street.replica.port)
    else:
        street.replica.pause()
    wait_until(lambda: not is_ready(street.port_of(1)))
    assert writer.ask("message", room=ROOM, content="two", cid="two")["code"] == "unavailable"
    if trouble == "out of memory":
        street.master.cli("CONFIG", "SET", "maxmemory", "0")
    elif trouble == "read-only":
        street.master.promote()
        street.replica.replica_of(street.master)
    else:
        street.replica.resume()
    wait_until(lambda: is_ready(street.port_of(1)))
    wait_until(lambda: writer.ask("message", room=ROOM, content="two", cid="two").get("seq") == 2)
    seen = [reader.hear_until("message")["content"] for _ in range(2)]
    assert seen == ["one", "two"]


def test_a_redis_that_lost_everything_begins_a_new_epoch(cluster):
    street = cluster(wait_replicas=0)
    reader, writer = come(street, 0), come(street, 1)
    epoch = reader.join(ROOM)[0]["epoch"]
    for content in ("one", "two"):
        writer.ask("message", room=ROOM, content=content)
        assert reader.hear_until("message")["content"] == content
    street.master.cli("FLUSHALL")
    wait_until(lambda: writer.ask("message", room=ROOM, content="anew")["type"] == "ack")
    gap = reader.hear_until("gap")
    assert gap["reason"] == "epoch" and gap["epoch"] != epoch
    back = come(street, 2)
    frames = back.join(ROOM, after=2, epoch=epoch)
    assert [frame["reason"] for frame in frames if frame["type"] == "gap"] == ["epoch"]


def test_one_of_several_shards_away_is_no_reason_to_stop_in_the_rooms_of_the_others(redis, server):
    shards = [redis("--appendonly", "yes", "--appendfsync", "always") for _ in range(3)]
    store = "redis://" + ",".join(shard.address for shard in shards)
    nodes = [server("--store", store, "--set", "rate_per_minute=0", "--set", "redis_timeout=2") for _ in range(2)]
    reader, writer = V1(nodes[0].port()), V1(nodes[1].port())
    reader.hello()
    writer.hello()
    rooms = [f"room{number}" for number in range(12)]
    for room in rooms:
        reader.join(room)
    for room in rooms:
        assert writer.ask("message", room=room, content="one")["seq"] == 1
    away = next(shard for shard in shards[1:] if any(f":r:{room}" in str(shard.cli("KEYS", "*")) for room in rooms))
    there = [room for room in rooms if not away.cli("EXISTS", f"banter:r:{room}")]
    gone = [room for room in rooms if room not in there]
    assert there and gone
    away.kill()
    wait_until(lambda: not is_ready(nodes[0].port()) and not is_ready(nodes[1].port()))
    for room in there:
        assert writer.ask("message", room=room, content="two")["seq"] == 2
    for room in gone:
        assert writer.ask("message", room=room, content="two", cid=f"two {room}")["code"] == "unavailable"
    away.start()
    wait_until(lambda: is_ready(nodes[0].port()) and is_ready(nodes[1].port()))
    for room in gone:
        wait_until(lambda room=room: writer.ask("message", room=room, content="two", cid=f"two {room}").get("seq") == 2)
    heard = {room: [] for room in rooms}
    while any(len(contents) < 2 for contents in heard.values()):
        frame = reader.hear_until("message", "batch")
        for entry in frame.get("items", [frame]):
            heard[entry["room"]].append(entry["content"])
    assert all(contents == ["one", "two"] for contents in heard.values())


def test_sentinel_puts_the_replica_in_its_place_and_nothing_is_lost(redis, server):
    master, replica = redis("--appendonly", "yes"), redis("--appendonly", "yes")
    replica.replica_of(master)
    sentinel = redis.sentinel(master, replicas=1)
    flags = ("--store", "redis://main", "--set", f"redis_sentinel={sentinel.address}", "--set", "rate_per_minute=0",
             "--set", "wait_replicas=1")  # fmt: skip
    nodes = [server(*flags, listen=LISTEN) for _ in range(2)]
    reader, writer = V1(nodes[0].port()), V1(nodes[1].port())
    reader.hello()
    writer.hello()
    reader.join(ROOM)
    for number in range(20):
        assert writer.ask("message", room=ROOM, content=str(number))["seq"] == number + 1
    master.kill()
    sentinel.hear_failover()
    master.start()
    master.replica_of(replica)
    for number in range(20, 40):
        wait_until(lambda: writer.ask("message", room=ROOM, content=str(number), cid=f"c{number}").get("seq") == number + 1)
    assert [reader.hear_until("message")["content"] for _ in range(40)] == [str(number) for number in range(40)]


def test_a_rolling_restart_under_load_loses_nothing_and_tells_everybody(cluster):
    street = cluster("--set", "drain=2s")
    writers = [Writer(street, number) for number in range(3)]
    readers = [Reader(street, number) for number in range(20)] + [StreamReader(street, number) for number in range(6)]
    for one in [*writers, *readers]:
        one.start()
    for number in range(3):
        before = sum(len(writer.acknowledged) for writer in writers)
        wait_until(lambda before=before: sum(len(writer.acknowledged) for writer in writers) > before + 20)
        street.nodes[number].stop()
        street.restart(number)
        wait_until(lambda number=number: is_ready(street.port_of(number)))
    for writer in writers:
        writer.stop()
        writer.join(TIMEOUT)
    log = whole_log(street.port_of(0), writers)
    for reader in readers:
        reader.last = log[-1][0]
        reader.stop()
    for reader in readers:
        reader.join(TIMEOUT)
        assert reader.seen == log[reader.seen[0][0] - 1 :] and not reader.gaps, reader.label
    acknowledged = {content for writer in writers for content in writer.acknowledged}
    assert acknowledged <= {content for _, content in log}
    assert json.dumps(street.nodes[0].log()).count("Draining") == 1
