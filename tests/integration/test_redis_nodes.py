"""Several servers that share a Redis are one chat: what is said on one is heard on all, in order and once, whatever
becomes of the Redis between them."""

import threading
import time

import pytest

from clients import NO_LIMIT, TIMEOUT, V1, items_of, wait_until
from redis import RedisError, Tap

QUICK = ("--set", "redis_timeout=1")


@pytest.fixture
def nodes(server, redis):
    """`nodes(count, *options)`: a Redis, and so many servers on it."""

    def start(count, *options, shared=None):
        shared = shared or redis()
        store = f"redis://{shared.address}"
        no_limit = (*NO_LIMIT, "--set", "names_per_minute=0")
        return shared, [server("--store", store, *no_limit, *QUICK, *options) for _ in range(count)]

    return start


def enter(node, name, room="general", **members):
    client = V1(node.port())
    client.hello(name=name)
    client.frames = client.join(room, **members)
    client.epoch = client.frames[0]["epoch"]
    return client


def claim(client, name):
    answer = client.ask("hello", name=name)
    assert answer["type"] == "welcome" or answer["code"] == "name_taken", answer
    return answer["type"] == "welcome"


def take_name(client, name):
    """As soon as nobody has it any more."""
    wait_until(lambda: claim(client, name))


def try_to_say(client, text, room="general", cid=None):
    """Says it; returns the answer, which is not what the room shows of it."""
    cid = cid or client.new_cid()
    client.say(type="message", room=room, content=text, cid=cid)
    return client.hear_until("ack", "error", cid=cid)


def say(client, text, room="general", cid=None):
    """Says it until it is stored, always under one cid."""
    cid = cid or client.new_cid()
    while True:
        answer = try_to_say(client, text, room, cid)
        if answer["type"] == "ack":
            return answer["seq"]
        assert answer["code"] == "unavailable", answer
        time.sleep(0.05)


def hear(client, count):
    """The next so many messages: numbers and texts."""
    heard = []
    while len(heard) < count:
        frame = client.hear()
        if frame["type"] == "message":
            heard.append((frame["seq"], frame["content"]))
        for item in frame.get("items", []) if frame["type"] == "batch" else []:
            heard.append((item["seq"], item["content"]))
    return heard


def expect_count(client, count):
    """So many are in the room, as it is told now or soon: a node's own clients do not wait for the others."""
    told = [frame["client_count"] for frame in client.frames if "client_count" in frame]
    if told[-1] != count:
        client.hear_until("presence", client_count=count)


def chatter(nodes, count, disturb=lambda: None):
    """One talks on each node while somebody disturbs; somebody listens on each. Returns what they heard."""
    readers = [enter(node, f"reader{i}") for i, node in enumerate(nodes)]
    talkers = [enter(node, f"talker{i}") for i, node in enumerate(nodes)]

    def talk(i):
        for k in range(count):
            say(talkers[i], f"{i}:{k}")

    threads = [threading.Thread(target=talk, args=(i,)) for i in range(len(nodes))]
    for thread in threads:
        thread.start()
    disturb()
    heard = [hear(reader, count * len(nodes)) for reader in readers]
    for thread in threads:
        thread.join()
    for client in readers + talkers:
        client.leave()
    return heard


def expect_same(heard, count):
    """Everybody has heard the same, in order, and everything of each talker once and in order."""
    for one in heard:
        assert one == heard[0]
    assert [seq for seq, _ in heard[0]] == list(range(1, len(heard[0]) + 1))
    for i in range(len(heard)):
        texts = [text for _, text in heard[0] if text.startswith(f"{i}:")]
        assert texts == [f"{i}:{k}" for k in range(count)]


def test_what_is_said_on_one_is_heard_on_all_in_order_and_once(nodes):
    expect_same(chatter(nodes(3)[1], 50), 50)


def test_publications_that_are_lost_are_read_from_the_log(nodes):
    shared, servers = nodes(2)

    def disturb():
        for _ in range(10):
            shared.cli("CLIENT", "KILL", "TYPE", "pubsub")
            time.sleep(0.05)

    expect_same(chatter(servers, 200, disturb), 200)


def test_what_is_published_may_overtake_an_answer(server, redis):
    """All names are being read, and meanwhile one is given up and one is claimed: the answer does not know."""
    shared = redis()
    a = server("--store", f"redis://{shared.address}", *NO_LIMIT)
    with Tap(shared.port) as tap:
        b = server("--store", f"redis://{tap.address}", *NO_LIMIT, "--set", "redis_timeout=60")
        eve = enter(a, "eve")
        tap.hold(b":names\r\n")
        tap.hang_up()
        assert tap.held.wait(TIMEOUT)
        eve.say(type="leave")
        ann = enter(a, "ann")
        wait_until(lambda: b"eve" in tap.published and b"ann" in tap.published)
        tap.release()
        bob = enter(b, "bob")
        assert bob.ask("message", to="eve", content="psst")["code"] == "not_found"
        assert bob.ask("message", to="ann", content="psst")["type"] == "ack"
        assert hear(ann, 1) == [(1, "psst")]


def test_connections_that_are_lost_lose_nothing(nodes):
    shared, servers = nodes(2)

    def disturb():
        for _ in range(5):
            shared.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            time.sleep(0.2)

    expect_same(chatter(servers, 200, disturb), 200)


def test_a_redis_that_hangs_is_waited_for(nodes):
    shared, servers = nodes(2)

    def disturb():
        shared.pause()
        time.sleep(2.5)
        shared.resume()

    expect_same(chatter(servers, 20, disturb), 20)


def test_a_redis_that_is_restarted_with_its_data_loses_nothing(nodes, redis):
    shared, servers = nodes(2, shared=redis("--appendonly", "yes"))
    expect_same(chatter(servers, 100, shared.restart), 100)


def test_senders_are_told_while_it_is_away_and_readers_stay(nodes, redis):
    shared, servers = nodes(2, shared=redis("--appendonly", "yes"))
    ann, bob = enter(servers[0], "ann"), enter(servers[1], "bob")
    say(ann, "before")
    assert hear(bob, 1) == [(1, "before")]
    shared.kill()
    cid = ann.new_cid()
    answer = try_to_say(ann, "meanwhile", cid=cid)
    assert (answer["type"], answer["code"]) == ("error", "unavailable")
    shared.start()
    say(ann, "after")
    assert hear(bob, 1)[0][1] in ("meanwhile", "after")
    # Why it is not available is said once, by each who uses it: it hung up, refuses, is loading.
    reasons = [line.partition("Redis is not available")[2] for line in servers[0].log().splitlines()]
    reasons = list(filter(None, reasons))
    assert reasons and len(reasons) == len(set(reasons)), reasons


def expect_new_epoch(client):
    gap = client.hear_until("gap")
    assert gap["reason"] == "epoch" and gap["epoch"] != client.epoch
    client.epoch = gap["epoch"]


def test_a_log_that_is_gone_begins_a_new_epoch(nodes):
    shared, servers = nodes(2)
    ann, bob = enter(servers[0], "ann"), enter(servers[1], "bob")
    for i in range(3):
        say(ann, str(i))
    hear(bob, 3)
    shared.restart()
    for client in (ann, bob):
        expect_new_epoch(client)
    assert ann.epoch == bob.epoch
    assert say(ann, "anew") == 1
    assert hear(bob, 1) == [(1, "anew")]


def test_an_emptied_redis_is_noticed(nodes):
    shared, servers = nodes(2)
    ann, bob = enter(servers[0], "ann"), enter(servers[1], "bob")
    say(ann, "before")
    hear(bob, 1)
    shared.cli("FLUSHALL")
    for client in (ann, bob):
        expect_new_epoch(client)
    assert say(ann, "anew") == 1
    assert hear(bob, 1) == [(1, "anew")]
    eve = V1(servers[1].port())
    eve.say(type="hello", name="ann")
    assert eve.hear()["code"] == "name_taken"  # claimed again


def test_a_redis_without_memory_refuses_and_nothing_is_lost(nodes):
    shared, servers = nodes(1)
    ann = enter(servers[0], "ann")
    say(ann, "before")
    shared.cli("CONFIG", "SET", "maxmemory", "1")
    for _ in range(20):
        assert try_to_say(ann, "no")["code"] == "unavailable"
    assert len([line for line in servers[0].log().splitlines() if "refuses" in line]) == 1
    shared.cli("CONFIG", "SET", "maxmemory", "0")
    assert say(ann, "after") == 2


def test_a_redis_that_becomes_a_replica_refuses_until_it_is_master_again(nodes, redis):
    shared, servers = nodes(1)
    ann = enter(servers[0], "ann")
    say(ann, "before")
    other = redis()
    shared.cli("REPLICAOF", "127.0.0.1", other.port)
    assert try_to_say(ann, "no")["code"] == "unavailable"
    shared.cli("REPLICAOF", "NO", "ONE")
    say(ann, "after")


def test_with_wait_replicas_an_ack_means_that_a_replica_has_it(nodes, redis):
    shared, replica = redis(), redis()
    replica.replica_of(shared)
    _, servers = nodes(2, "--set", "wait_replicas=1", "--set", "wait_timeout=0.3", shared=shared)
    ann, bob = enter(servers[0], "ann"), enter(servers[1], "bob")
    assert say(ann, "one") == 1
    assert hear(bob, 1) == [(1, "one")]
    replica.pause()
    cid = ann.new_cid()
    assert try_to_say(ann, "two", cid=cid)["code"] == "unavailable"
    eve = enter(servers[1], "eve")
    assert [item["content"] for item in items_of(eve.frames)] == ["one"]  # nobody is shown what may yet be lost
    replica.resume()
    assert say(bob, "three") in (2, 3)
    assert say(ann, "two", cid=cid) == 2
    assert hear(eve, 2) == [(2, "two"), (3, "three")]


def test_replicas_may_be_waited_for_on_some_nodes_only(server, redis):
    shared, replica = redis(), redis()
    replica.replica_of(shared)
    options = ("--store", f"redis://{shared.address}", *NO_LIMIT, "--set", "redis_timeout=20")
    waits = server(*options, "--set", "wait_replicas=1", "--set", "wait_timeout=10")
    plain = server(*options)
    ann, bob, eve = enter(waits, "ann"), enter(plain, "bob"), enter(plain, "eve")
    replica.pause()
    cid = ann.new_cid()
    ann.say(type="message", room="general", content="one", cid=cid)
    wait_until(lambda: shared.cli("HGET", "banter:h:general", "last") == "1")
    assert say(bob, "two") == 2  # shows what is before it
    replica.resume()
    assert ann.hear_until("ack", "error", cid=cid)["seq"] == 1
    assert hear(eve, 2) == [(1, "one"), (2, "two")]
    late = enter(server(*options), "late")
    assert [item["content"] for item in items_of(late.frames)] == ["one", "two"]


def test_a_failover_loses_nothing_that_was_acknowledged(server, redis):
    master, replica = redis(), redis()
    replica.replica_of(master)
    sentinel = redis.sentinel(master, replicas=1)
    options = ("--set", f"redis_sentinel={sentinel.address}", "--set", "wait_replicas=0", *NO_LIMIT, *QUICK)
    servers = [server("--store", "redis://main", *options) for _ in range(2)]
    ann, bob = enter(servers[0], "ann"), enter(servers[1], "bob")
    for i in range(20):
        say(ann, str(i))
    hear(bob, 20)
    with master.connect() as talk:
        talk.command("SET", "waited", "for")
        assert talk.command("WAIT", 1, TIMEOUT * 1000) >= 1
    master.kill()
    sentinel.hear_failover()
    assert say(ann, "after") == 21
    assert hear(bob, 1) == [(21, "after")]


def test_with_wait_replicas_a_failover_amid_talk_loses_nothing(server, redis):
    # In a row: of two side by side, the sentinel may promote the one that was not waited for.
    master, replica, behind = redis(), redis(), redis()
    replica.replica_of(master)
    behind.replica_of(replica)
    sentinel = redis.sentinel(master, replicas=1)
    options = ("--set", f"redis_sentinel={sentinel.address}", *NO_LIMIT, *QUICK)
    waits = ("--set", "wait_replicas=1", "--set", "wait_timeout=0.4")
    servers = [server("--store", "redis://main", *options, *waits) for _ in range(2)]

    def disturb():
        time.sleep(0.3)
        master.kill()
        sentinel.hear_failover()

    expect_same(chatter(servers, 150, disturb), 150)


def test_a_name_is_held_once(nodes):
    _, servers = nodes(2)
    ann = enter(servers[0], "ann")
    other = V1(servers[1].port())
    assert not claim(other, "Ann")
    ann.leave()
    take_name(other, "Ann")


def test_a_node_that_dies_frees_what_it_held(nodes):
    _, servers = nodes(2)
    ann, bob = enter(servers[0], "ann"), enter(servers[1], "bob")
    expect_count(bob, 2)
    servers[0].kill()
    died = time.monotonic()
    bob.hear_until("presence", client_count=1)
    assert time.monotonic() - died < 15  # a lease, and until somebody looks: eight seconds
    again = V1(servers[1].port())
    assert again.hello(name="ann")["name"] == "ann"


def test_a_direct_message_waits_for_who_is_between_two_nodes_though_its_sender_goes(nodes):
    _, servers = nodes(3)
    ann, bob, again, namesake = (V1(servers[number].port()) for number in (0, 1, 2, 2))
    ann.hello(name="ann")
    session = bob.hello(name="bob")["session"]
    servers[1].kill()
    assert ann.ask("message", to="bob", content="goodbye")["room"] == "@ann,bob"
    ann.leave()
    take_name(namesake, "ann")
    welcome = again.hello(name="bob", session=session)
    assert [(room["room"], room["last"]) for room in welcome["rooms"]] == [("@ann,bob", 1)]
    history = again.ask("history", room="@ann,bob", after=0)
    assert [(item["sender"], item["content"]) for item in history["items"]] == [("ann", "goodbye")]
    assert namesake.ask("history", room="@ann,bob", after=0)["code"] == "not_found"


def test_members_and_counts_are_those_of_all_nodes(nodes):
    _, servers = nodes(2)
    ann = enter(servers[0], "ann")
    bob = enter(servers[1], "bob")
    expect_count(ann, 2)
    expect_count(bob, 2)
    for client in (ann, bob):
        names = {item["name"] for item in client.ask("members", room="general")["items"]}
        assert names == {"ann", "bob"}
        say(client, "hello")
        listed = client.ask("rooms")["items"]
        assert [(item["room"], item["client_count"]) for item in listed] == [("general", 2)]
    bob.leave()
    assert ann.hear_until("presence", leave=["bob"])["client_count"] == 1


def test_members_of_a_large_room_are_those_who_are_there(nodes):
    _, servers = nodes(2, "--set", "announce_limit=2")
    clients = [enter(servers[0], name, room="busy") for name in ("ann", "bob", "joe", "max", "sue")]
    for client in clients[:2]:
        client.leave()
    eve = enter(servers[1], "eve")

    def names():
        return {item["name"] for item in eve.ask("members", room="busy")["items"]}

    wait_until(lambda: names() == {"joe", "max", "sue"})


def test_rooms_are_spread_over_shards_and_one_may_be_away(server, redis):
    shards = [redis(), redis()]
    store = "redis://" + ",".join(shard.address for shard in shards)
    servers = [server("--store", store, *NO_LIMIT, *QUICK) for _ in range(2)]
    clients = {}
    for i in range(12):
        room = f"room{i}"
        clients[room] = enter(servers[i % 2], f"p{i}", room=room)
        assert say(clients[room], "hello", room=room) == 1
    kept = [{key.rsplit(":", 1)[1] for key in shard.cli("KEYS", "banter:r:room*")} for shard in shards]
    assert all(kept) and not kept[0] & kept[1] and len(kept[0] | kept[1]) == 12
    first = min(range(2), key=lambda i: shards[i].address)
    shards[1 - first].kill()
    for room, client in clients.items():
        answer = try_to_say(client, "again", room)
        expected = "error" if room in kept[1 - first] else "ack"
        assert answer["type"] == expected, (room, answer)


def test_a_wrong_redis_is_one_line(server, redis):
    shared = redis("--requirepass", "secret", password="secret")
    with pytest.raises(AssertionError, match="cannot use the Redis"):
        server("--store", f"redis://{shared.address}", *QUICK)
    with pytest.raises(RedisError):
        shared.cli("NONSENSE")
