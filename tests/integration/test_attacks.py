"""What somebody tries who means harm: to make others wait, to fill memory or the log, to sign with another's name, to read
what is not theirs. Each of these was tried in earnest; the floods are far larger than anybody's share, and the assertions
count what was done for whom, so that they do not depend on how fast the machine is."""

import contextlib
import json
import signal
import socket
import struct
import time
import urllib.parse

import pytest

from clients import EVERYTHING, NO_LIMIT, Command, Json, Line, Numbered, Stream, V1, wait_until
from raw_websocket import FIN, RSV1, TEXT, Connection, deflate, frame

MEGABYTE = 1024 * 1024
LONGEST = 6 * 65536 + 4096  # of a JSON message


def request(**members):
    return frame(FIN | TEXT, json.dumps(members).encode())


def http(server, method, path, body=b"", headers=()):
    """(status, body) of one request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    with Stream(server.port()) as stream:
        stream.send("\r\n".join(lines + ["", ""]).encode() + body)
        head, _, body = stream.rest().partition("\r\n\r\n")
    return int(head.split()[1]), body


# Nobody waits for somebody else's flood. Both speak while the server stands still, and the one who floods hears the other:
# so it is in what the server has sent to one client how much it did first, however late the test reads it.


@contextlib.contextmanager
def standing_still(server):
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("payload", [
    pytest.param(b'{"content":"' + b"a" * (LONGEST - 20) + b'"}', id="long text"),
    pytest.param(b'{"a":[' + b"{}," * ((LONGEST - 20) // 3) + b"1]}", id="many objects"),
    pytest.param(b" " * (LONGEST - 3) + b"[]", id="spaces"),
])  # fmt: skip
def test_messages_that_unpack_to_much_are_taken_in_turns(server, payload):
    world = server("--store", "memory", listen=EVERYTHING)
    packed = deflate(payload, level=9)
    bomb = frame(FIN | RSV1 | TEXT, packed)
    attacker = Connection(world.port(), "/", offer="permessage-deflate")
    attacker.receive_message()
    bystander = V1(world.port())
    bystander.hello()
    with standing_still(world):
        attacker.send_raw(bomb * 140)  # less than is read at once
        bystander.say(type="message", room="lobby", content="alive?")
    answers = 0
    while (heard := json.loads(attacker.receive_message()[1]))["type"] != "message":
        assert heard["type"] == "error"
        answers += 1
    assert heard["content"] == "alive?" and answers < 70


def test_names_of_those_who_have_gone_do_not_make_a_list_slow(server):
    world = server("--store", "memory", listen=EVERYTHING)
    for number in range(2000):
        with Line(world.port("line"), f"gone{number}") as client:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    attacker, bystander = Command(world.port("command")), Command(world.port("command"), "Jane")
    attacker.send("register,Zed\n")
    assert attacker.line() == "ack"
    with standing_still(world):
        attacker.send("list,friends\n" * 5000)
        bystander.send("chat,Zed,alive?")
    before = attacker.line_until("Jane says alive?")
    assert set(before) <= {"Jane,Zed"} and len(before) < 4000


# Memory.


def test_joins_that_wait_are_not_answered_all_at_once(server):
    world = server(listen=EVERYTHING)
    setter = V1(world.port())
    setter.hello()
    setter.ask("topic", room="big", content="\x01" * 65536)
    before = world.resident_bytes()
    attackers = [V1(world.port()) for _ in range(3)]
    for attacker in attackers:
        attacker.hello()
        attacker.send_raw(request(type="join", room="big") * 1000)
    for attacker in attackers:
        assert attacker.hear()["topic"] == "\x01" * 65536
    setter.expect_alive()
    assert world.resident_bytes() - before < 64 * MEGABYTE


def test_a_list_of_rooms_has_only_the_beginning_of_a_topic(server):
    world = server(*NO_LIMIT)
    client = V1(world.port())
    client.hello()
    for number in range(50):
        client.ask("topic", room=f"r{number}", content="\u00e9" * 32000)
    items = client.ask("rooms")["items"]
    assert {item["topic"] for item in items if item["room"] != "lobby"} == {"\u00e9" * 128}
    frames = client.join("r7")
    assert frames[0]["topic"] == "\u00e9" * 32000


def test_answers_that_must_be_sent_apart_take_little_memory(server):
    world = server(listen=EVERYTHING)
    attacker, bystander = Command(world.port("command"), "Zed"), V1(world.port())
    before = world.resident_bytes()
    for _ in range(2000):
        attacker.send("chat,nobody")
        bystander.expect_alive()  # so that each of them is read on its own
    assert attacker.read().startswith("error: ")
    assert world.resident_bytes() - before < 16 * MEGABYTE


def most_complaints(began):
    """Of one kind, in the log: one in ten seconds."""
    return 1 + (time.monotonic() - began) // 10


def test_whoever_causes_a_note_in_the_log_cannot_fill_it(server):
    world = server()
    began = time.monotonic()
    with Stream(world.port()) as stream:
        for _ in range(20):
            stream.send("GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n" * 20)
            for _ in range(20):
                while not stream.line().startswith("HTTP/1.1 421"):
                    pass
    assert 1 <= world.log().count("refused a request (421)") <= most_complaints(began)


def test_without_descriptors_it_serves_on_and_recovers(server):
    world = server(listen=EVERYTHING, through=("sh", "-c", 'ulimit -n 64; exec "$@"', "sh"))
    began = time.monotonic()
    bystander = V1(world.port())
    crowd = [socket.create_connection(("127.0.0.1", world.port("line"))) for _ in range(200)]
    bystander.expect_alive()
    for each in crowd:
        each.close()

    def admitted():
        try:
            with Line(world.port("line"), "Late"):
                return True
        except (AssertionError, ConnectionError):
            return False

    wait_until(admitted)
    assert 1 <= world.log().count("Refusing connections") <= most_complaints(began)


# Many rooms.


def test_a_reader_of_many_rooms_gets_each_message_once(server):
    world = server(*NO_LIMIT)
    reader, writer = V1(world.port()), V1(world.port())
    reader.hello()
    writer.hello()
    rooms = [f"r{number}" for number in range(120)]
    reader.send_raw(b"".join(request(type="join", room=room) for room in rooms))
    for room in rooms:
        reader.hear_until("live", room=room)
    for room in rooms[::2]:
        reader.send_raw(request(type="leave", room=room) + request(type="join", room=room, after=0, cid=room))
        reader.hear_until("live", room=room)
    for number in range(3):
        for room in rooms:
            writer.say(type="message", room=room, content=f"{number}")
    heard = {}
    while sum(map(len, heard.values())) < 3 * len(rooms):
        message = reader.hear_until("message")
        heard.setdefault(message["room"], []).append((message["seq"], message["content"]))
    assert heard == {room: [(1, "0"), (2, "1"), (3, "2")] for room in rooms}
    reader.say(type="hello", resume={room: {"after": 1} for room in rooms}, cid="again")
    assert len(reader.hear_until("welcome", cid="again")["rooms"]) == len(rooms)
    again = {}
    for _ in rooms:
        batch = reader.hear_until("batch")
        again[batch["room"]] = [item["seq"] for item in batch["items"]]
        reader.hear_until("live", room=batch["room"])
    assert again == {room: [2, 3] for room in rooms}


@pytest.mark.parametrize("bits", range(9, 16))
def test_each_window_that_is_agreed_on_unpacks_what_is_sent(server, bits):
    world = server(*NO_LIMIT)
    reader = Connection(world.port(), "/text", offer=f"permessage-deflate; server_max_window_bits={bits}")
    text = " ".join(str(number * 7919 % 10007) for number in range(9000))
    http(world, "POST", "/r/lobby", text.encode())
    assert reader.receive_message()[1].decode() == f"anonymous: {text}"


# Somebody else's name.

UNSEEN = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u200e", "\u061c", "\u2061", "\u206a",
          "\U000e0041", "\u3164", "\u115f", "\uffa0"]  # fmt: skip
BLANK = ["\u00a0", "\u3000", "\u2009"]
MARKED = ["\u2800", "\u2065", "\ufff9", "\u202e", "\u0085", "\x1b", "\u2028"]


def test_a_label_cannot_look_like_a_name_that_is_held(server):
    world = server(*NO_LIMIT)
    holder = V1(world.port())
    holder.hello(name="Ann")
    others = [f"Ann{c}" for c in UNSEEN + BLANK] + [f"{c}Ann" for c in UNSEEN + BLANK] + [f"A{c}nn" for c in UNSEEN]
    others += ["ANN", "ann", " Ann ", "\uff21\uff4e\uff4e", "\U0001d400nn", "\u00aann"]
    client = Json(world.port())
    for label in others:
        status, answer = http(world, "POST", "/r/ops", json.dumps({"content": "x", "sender": label}).encode(),
                              [("Content-Type", "application/json")])  # fmt: skip
        assert (status, json.loads(answer)["error"]) == (409, "name_taken"), ascii(label)
        assert client.ask("message", room="ops", content="x", sender=label)["code"] == "name_taken", ascii(label)
    for character in MARKED:
        client.ask("message", room="ops", content="x", sender=f"Ann{character}.")
        item = client.ask("history", room="ops", limit=1)["items"][0]
        assert item["sender"] == "Ann\ufffd.", ascii(character)


def test_no_line_is_forged_on_a_line_client(server):
    world = server(*NO_LIMIT, listen=EVERYTHING)
    reader = Line(world.port("line"), "Lin")
    content = "one\nAnn: two\r\nAnn has connected\rAnn: three\x0bAnn: four\u2028Ann: five\x85Ann: six"
    for sender in ("Bob", "Bob\r\nAnn", "* Ann", "Ann edited", "[Ann -> you]", "Ann:", "\x1b[2KAnn"):
        http(world, "POST", "/r/lobby", json.dumps({"content": content, "sender": sender}).encode(),
             [("Content-Type", "application/json")])  # fmt: skip
        http(world, "POST", "/r/lobby", b"end")
        lines = reader.line_until("anonymous: end")
        assert len(lines) >= 3
        for line in lines:
            assert not line.startswith(("Ann: ", "Ann has", "* ", "[Ann -> you]", "Ann edited: ")), (sender, line)
            assert not any(c in line for c in "\x1b\r\x0b\x85"), (sender, line)
        assert len({line.partition(": ")[0] for line in lines}) == 1


# Somebody else's messages.


def test_direct_messages_do_not_exist_for_strangers(server):
    world = server(*NO_LIMIT, listen=EVERYTHING)
    ann, bob, eve = (V1(world.port()) for _ in range(3))
    ann.hello(name="ann")
    bob.hello(name="bob")
    eve.hello(name="eve")
    ann.ask("message", to="bob", content="SECRET")
    spellings = ["@ann,bob", "@ANN,bob", "@bob,ann", "@ann,bob ", "\uff20ann,bob", "%40ann,bob", "@ann", "@,", "@", "$ann",
                 "@" + "0" * 64 + "," + "f" * 64, "@ann,bob,eve"]  # fmt: skip
    for room in spellings:
        for type in ("join", "leave", "history", "members", "typing"):
            assert eve.ask(type, room=room)["code"] in ("not_found", "bad_request"), (type, room)
        for type in ("message", "topic", "edit", "delete", "react"):
            answer = eve.ask(type, room=room, content="x", of=1, key="x")
            assert answer["code"] in ("not_found", "bad_request"), (type, room)
        eve.say(type="hello", resume={room: {"after": 0}}, cid="r")
        answer = eve.hear_until(cid="r")
        assert answer.get("rooms", []) == []
        quoted = urllib.parse.quote(room, safe="")
        for path in (f"/r/{quoted}", f"/r/{quoted.replace('%40', '@')}", f"/r/./{quoted}", f"/r//{quoted}"):
            for method in ("GET", "POST"):
                status, answer = http(world, method, path, b"x" if method == "POST" else b"")
                assert status in (400, 404) and "SECRET" not in answer, (method, path)
    assert [item["room"] for item in eve.ask("rooms")["items"] if "@" in item["room"]] == []
    ann.leave()
    eve.ask("hello", name="ann")  # the name is free; what was said under it is not
    assert eve.ask("history", room="@ann,bob")["code"] == "not_found"


def test_a_cid_belongs_to_its_identity_and_room(server):
    world = server(*NO_LIMIT)
    ann, bob = V1(world.port()), V1(world.port())
    ann.hello(name="ann")
    bob.hello(name="bob")
    first = ann.ask("message", room="a", content="1", cid="k")
    assert bob.ask("message", room="a", content="1", cid="k")["seq"] == 2
    assert ann.ask("message", room="b", content="1", cid="k")["seq"] == 1
    ann.ask("hello", name="anna")
    assert ann.ask("message", room="a", content="1", cid="k") == first
    assert ann.ask("message", room="a", content="2", cid="k")["code"] == "cid_reused"


# What leaves nothing behind in the server can share one.


@pytest.fixture(scope="module")
def shared(module_server):
    return module_server(*NO_LIMIT)


# HTTP that means one thing to us and another to a proxy.

HOST = b"Host: localhost\r\n"
POST = b"POST /r/ops HTTP/1.1\r\n" + HOST
SECOND = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.mark.parametrize("message", [
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    POST + b"Content-Length: 1, 1\r\n\r\nx",
    POST + b"Content-Length: +1\r\n\r\nx",
    POST + b"Content-Length : 1\r\n\r\nx",
    POST + b"Content-Length: 0x1\r\n\r\nx",
    POST + b"X: a\r\n b\r\nContent-Length: 1\r\n\r\nx",
    POST + b"Transfer-Encoding: xchunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    POST + b"X: a\rTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nx",
    POST + b"X: a\x00b\r\nContent-Length: 1\r\n\r\nx",
    POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n1;\nx\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxyz0\r\n\r\n",
    b"POST /r/ops HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    b"POST /r/ops HTTP/1.1\nHost: localhost\nContent-Length: 1\n\nx",
    b"GET http://elsewhere/healthz HTTP/1.1\r\n" + HOST + b"\r\n",
])  # fmt: skip
@pytest.mark.parametrize("chop", [None, 1])
def test_an_ambiguous_request_is_refused_and_what_follows_is_not_read(shared, message, chop):
    with Stream(shared.port()) as stream:
        data = message + SECOND
        try:
            for at in range(0, len(data), chop or len(data)):
                stream.send(data[at : at + (chop or len(data))])
        except ConnectionError:
            pass
        answer = stream.rest()
    assert answer.startswith("HTTP/1.1 400 ") and answer.count("HTTP/1.1 ") == 1, answer


@pytest.mark.parametrize("host,status", [
    ("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("elsewhere", 421),
    ("127.0.0.1.elsewhere", 421), ("localhost.", 421), ("2130706433", 421), ("localhost@elsewhere", 400),
    ("[::1]elsewhere", 400), ("", 400), ("localhost:99999", 400),
])  # fmt: skip
def test_only_names_of_the_server_are_hosts(shared, host, status):
    with Stream(shared.port()) as stream:
        stream.send(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        assert stream.line().split()[1] == str(status)


@pytest.mark.parametrize("origin,allowed", [
    ("http://localhost", True), ("http://localhost:81", False), ("http://elsewhere", False), ("null", False), ("", False),
    ("http://localhost.elsewhere", False), ("http://localhost@elsewhere", False), ("ftp://localhost", False),
])  # fmt: skip
def test_pages_of_others_cannot_post(shared, origin, allowed):
    status, _ = http(shared, "POST", "/r/ops", b"x", [("Origin", origin), ("Sender", origin or "none")])
    assert status == (200 if allowed else 403)


NUMBERS = ["0", "1", "9007199254740991", "9223372036854775807", "-1", "18446744073709551615", "1e400", "1.5", '"1"', "[]"]


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_at_their_limits_are_answered(shared, number):
    client = V1(shared.port())
    client.hello()
    for member, type in (("after", "history"), ("before", "history"), ("limit", "history"), ("after", "join")):
        client.say_text(f'{{"type":"{type}","room":"edge","{member}":{number},"cid":"n"}}')
        frame = client.hear_until("error", "batch", "joined", "gap", "live")
        assert frame["type"] != "error" or frame["code"] in ("bad_request", "not_found")
        if frame["type"] == "joined":
            client.hear_until("live")
    client.expect_alive()
