"""Each protocol, byte for byte as docs/protocol.md shows it."""

import json
import re
import socket
import subprocess

import pytest

from clients import (
    BANNER,
    EVERYTHING,
    ID,
    NO_LIMIT,
    TIMEOUT,
    TIMESTAMP,
    Command,
    Json,
    Line,
    Numbered,
    Text,
    V1,
    items_of,
)
from raw_websocket import BINARY, FIN, TEXT


@pytest.fixture
def world(server):
    return server(*NO_LIMIT, listen=EVERYTHING)


def stamped(frame):
    """The frame without its timestamp, which must look like one."""
    assert TIMESTAMP.fullmatch(frame["timestamp"]), frame
    return {key: value for key, value in frame.items() if key != "timestamp"}


def numbered(frame):
    """The same of an entry, whose id must look like one as well."""
    assert ID.fullmatch(frame["id"]), frame
    return {key: value for key, value in stamped(frame).items() if key != "id"}


def connected(port, count, path="/"):
    client = Json(port, path)
    assert stamped(client.hear()) == {
        "type": "system",
        "message": "Connected to server",
        "client_count": count,
        "room": "lobby",
    }
    return client


# JSON without a subprotocol


@pytest.mark.parametrize("path", ["/", "/ws"])
def test_plain_client_is_greeted(world, path):
    connected(world.port(), 1, path)


def test_plain_message_goes_to_all_the_sender_too(world):
    alice, bob = connected(world.port(), 1), connected(world.port(), 2)
    alice.say(content="Hello everyone!", sender="Alice")
    alice.hear_until("message")
    assert numbered(bob.hear()) == {
        "type": "message",
        "content": "Hello everyone!",
        "sender": "Alice",
        "room": "lobby",
        "seq": 1,
    }


def test_plain_sender_hears_the_same_bytes_as_the_others(world):
    alice, bob = connected(world.port(), 1), connected(world.port(), 2)
    alice.hear_until("system")
    alice.say(content='quotes " and \\ and \u2028 and \U0001f600', sender="Alice")
    assert alice.receive_message() == bob.receive_message()


def test_plain_message_has_defaults(world):
    client = connected(world.port(), 1)
    client.say()
    assert numbered(client.hear()) == {
        "type": "message",
        "content": "",
        "sender": "anonymous",
        "room": "lobby",
        "seq": 1,
    }


def test_plain_joins_and_leaves_are_told_to_the_others(world):
    first = connected(world.port(), 1)
    second = connected(world.port(), 2)
    assert stamped(first.hear()) == {
        "type": "system",
        "message": "New client joined. Total: 2",
        "room": "lobby",
        "client_count": 2,
    }
    second.leave()
    assert stamped(first.hear()) == {
        "type": "system",
        "message": "Client left. Total: 1",
        "room": "lobby",
        "client_count": 1,
    }


def test_plain_client_gets_what_was_said_before_oldest_first(world):
    first = connected(world.port(), 1)
    for number in range(105):
        first.say(content=str(number))
    for number in range(105):
        assert first.hear()["content"] == str(number)
    late = connected(world.port(), 2)
    assert [late.hear()["content"] for _ in range(100)] == [str(n) for n in range(5, 105)]
    late.say(content="live")
    assert late.hear()["content"] == "live"


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", '"text"', "42", "{", '{"content":1}', '{"content":null,"sender":[]}', '{"sender":7}',
     '{"type":1}', '{"content":"a","content":"b"}', '{"content":"\\ud800"}'],
)  # fmt: skip
def test_plain_nonsense_is_answered_and_the_connection_stays(world, text):
    client = connected(world.port(), 1)
    client.say_text(text)
    assert client.hear() == {"type": "error", "message": "Invalid message format", "code": "bad_request"}
    client.say(content="still here")
    assert client.hear()["content"] == "still here"


def test_unknown_keys_are_ignored(world):
    client = connected(world.port(), 1)
    client.say(content="hi", colour="red", nested={"a": [1, 2]})
    frame = client.hear()
    assert frame["content"] == "hi" and "colour" not in frame


def test_binary_closes_with_1003(world):
    client = connected(world.port(), 1)
    client.send(FIN | BINARY, b"\0")
    client.expect_close(1003)


def test_content_over_the_limit_is_refused_and_the_connection_stays(server):
    port = server("--set", "max_message=1000", *NO_LIMIT).port()
    client = connected(port, 1)
    client.say(content="x" * 1001)
    assert client.hear()["code"] == "too_large"
    client.say(content="x" * 1000)
    assert client.hear()["content"] == "x" * 1000
    client.say(content="é" * 500)
    assert client.hear()["content"] == "é" * 500


def test_a_websocket_message_over_the_limit_closes_with_1009(server):
    port = server("--set", "max_message=1000", *NO_LIMIT).port()
    client = connected(port, 1)
    client.say(content="", padding="x" * (6 * 1000 + 4096))
    client.expect_close(1009)


def test_the_rate_limit_says_when_to_come_back(server):
    client = connected(server("--set", "rate_per_minute=3").port(), 1)
    for number in range(3):
        client.say(content=str(number))
        assert client.hear()["content"] == str(number)
    client.say(content="too often")
    error = client.hear()
    assert 0 < error.pop("retry_ms") <= 60000
    assert error == {"type": "error", "message": "Rate limit exceeded", "code": "rate_limited"}


def test_plain_client_that_said_no_hello_sees_no_edits(world):
    plain, ann = connected(world.port(), 1), V1(world.port())
    ann.hello(name="ann")
    seq = ann.ask("message", room="lobby", content="shpi it")["seq"]
    ann.ask("edit", room="lobby", of=seq, content="ship it")
    ann.ask("react", room="lobby", of=seq, key="👍", op="add")
    ann.ask("message", room="lobby", content="done")
    assert plain.hear_until("message")["content"] == "shpi it"
    assert plain.hear()["content"] == "done"


def test_plain_client_that_asks_to_join_is_answered_like_any_other(world):
    first = connected(world.port(), 1)
    for number in range(3):
        first.say(content=str(number))
        first.hear_until("message")
    client = connected(world.port(), 2)
    assert [client.hear()["seq"] for _ in range(3)] == [1, 2, 3]
    client.say(type="join", room="lobby", after=1, cid="j")
    frames = [client.hear() for _ in range(3)]
    assert [frame["type"] for frame in frames] == ["joined", "batch", "live"]
    assert [item["seq"] for item in frames[1]["items"]] == [2, 3]
    assert (frames[0]["cid"], frames[2]["at"]) == ("j", 3)
    client.say(type="join", room="lobby", after=77)
    frames = [client.hear() for _ in range(4)]
    assert [frame["type"] for frame in frames] == ["joined", "gap", "batch", "live"]


# JSON with banter.v1


def test_v1_hears_nothing_before_hello(world):
    client = V1(world.port())
    other = connected(world.port(), 1)
    other.say(content="noise")
    other.hear()
    welcome = client.hello()
    assert welcome["rooms"] == []


def test_v1_subprotocol_is_confirmed(world):
    assert V1(world.port()).headers["sec-websocket-protocol"] == "banter.v1"
    assert "sec-websocket-protocol" not in Json(world.port()).headers


def test_welcome_has_everything(world):
    welcome = V1(world.port()).hello(name="ann")
    assert welcome["name"] == "ann"
    assert len(welcome["session"]) >= 32
    assert welcome["server"].startswith("banterd ")
    assert welcome["ping_ms"] == 30000
    assert welcome["limits"]["message"] == 65536
    low, high = welcome["reconnect_ms"]
    assert 0 < low < high
    assert welcome["rooms"] == []


def test_join_is_joined_batches_live(world):
    ann = V1(world.port())
    ann.hello(name="ann")
    for number in range(5):
        ann.ask("message", room="general", content=str(number))
    joined, batch, live = ann.join("general")
    assert (joined["room"], joined["first"], joined["last"], joined["client_count"]) == ("general", 1, 5, 1)
    assert joined["epoch"]
    assert [(item["room"], item["seq"], item["content"]) for item in batch["items"]] == [
        ("general", n + 1, str(n)) for n in range(5)
    ]
    assert (live["room"], live["at"]) == ("general", 5)


def test_join_of_a_new_room_is_live_at_once(world):
    ann = V1(world.port())
    ann.hello(name="ann")
    joined, live = ann.join("general")
    assert (joined["first"], joined["last"], live["at"]) == (1, 0, 0)


def test_join_after_a_number_gets_what_follows_it_however_much(world):
    ann = V1(world.port())
    ann.hello(name="ann")
    for number in range(1, 351):
        ann.say(type="message", room="general", content=str(number))
    ann.ask("message", room="general", content="351")
    frames = ann.join("general", after=20)
    assert [item["seq"] for item in items_of(frames)] == list(range(21, 352))
    batches = [frame for frame in frames if frame["type"] == "batch"]
    assert all(len(batch["items"]) <= 100 for batch in batches)
    assert [batch.get("more", False) for batch in batches] == [True] * (len(batches) - 1) + [False]


def test_join_after_the_last_number_gets_nothing(world):
    ann = V1(world.port())
    ann.hello(name="ann")
    ann.ask("message", room="general", content="1")
    frames = ann.join("general", after=1)
    assert [frame["type"] for frame in frames] == ["joined", "live"]


def test_join_with_another_epoch_or_from_the_future_is_a_gap(world):
    ann = V1(world.port())
    ann.hello(name="ann")
    ann.ask("message", room="general", content="1")
    frames = ann.join("general", after=1, epoch="never")
    assert [frame["type"] for frame in frames] == ["joined", "gap", "batch", "live"]
    assert frames[1]["reason"] == "epoch" and frames[1]["epoch"] == frames[0]["epoch"]
    frames = ann.join("general", after=77, epoch=frames[0]["epoch"])
    assert frames[1]["type"] == "gap"
    assert (frames[1]["reason"], frames[1]["after"], frames[1]["first"]) == ("rewound", 77, 1)


def test_ack_comes_before_the_echo_and_has_its_numbers(world):
    ann = V1(world.port())
    ann.hello(name="ann")
    ann.join("general")
    ann.say(type="message", room="general", content="ship it", cid="c17")
    ack, echo = ann.hear(), ann.hear()
    assert numbered(ack) == {"type": "ack", "cid": "c17", "room": "general", "seq": 1}
    assert numbered(echo) == {
        "type": "message",
        "room": "general",
        "seq": 1,
        "cid": "c17",
        "content": "ship it",
        "sender": "ann",
    }
    assert (ack["id"], ack["timestamp"]) == (echo["id"], echo["timestamp"])


def test_answers_edits_deletes_reactions_and_topics_are_entries(world):
    ann, bob = V1(world.port()), V1(world.port())
    ann.hello(name="ann"), bob.hello(name="bob")
    bob.join("general")
    assert ann.ask("message", room="general", content="one")["seq"] == 1
    assert ann.ask("message", room="general", content="two", re=1)["seq"] == 2
    assert ann.ask("edit", room="general", of=1, content="ONE")["seq"] == 3
    assert ann.ask("react", room="general", of=1, key="👍", op="add")["seq"] == 4
    assert ann.ask("topic", room="general", content="Release day")["seq"] == 5
    assert ann.ask("delete", room="general", of=2)["seq"] == 6
    frames = [bob.hear_until("message", "edit", "react", "topic", "delete") for _ in range(6)]
    assert [frame["type"] for frame in frames] == ["message", "message", "edit", "react", "topic", "delete"]
    assert frames[1]["re"] == 1
    assert (frames[2]["of"], frames[2]["content"]) == (1, "ONE")
    assert (frames[3]["of"], frames[3]["key"], frames[3]["op"]) == (1, "👍", "add")
    assert frames[4]["content"] == "Release day"
    assert frames[5]["of"] == 2
    history = ann.ask("history", room="general")["items"]
    assert [item["seq"] for item in history] == [1, 2, 3, 4, 5, 6]
    assert "two" not in json.dumps(history)
    assert ann.join("general")[0]["topic"] == "Release day"


def test_only_the_author_edits_and_deletes(world):
    ann, bob = V1(world.port()), V1(world.port())
    ann.hello(name="ann"), bob.hello(name="bob")
    seq = ann.ask("message", room="general", content="mine")["seq"]
    assert bob.ask("edit", room="general", of=seq, content="yours")["code"] == "forbidden"
    assert bob.ask("delete", room="general", of=seq)["code"] == "forbidden"
    assert bob.ask("edit", room="general", of=99, content="?")["code"] == "not_found"
    ann.ask("delete", room="general", of=seq)
    assert ann.ask("edit", room="general", of=seq, content="back")["code"] in ("not_found", "forbidden")


def test_presence_tells_of_others_and_typing_passes(world):
    ann, bob = V1(world.port()), V1(world.port())
    ann.hello(name="ann"), bob.hello(name="bob")
    ann.join("general")
    bob.join("general")
    presence = ann.hear()
    assert presence == {"type": "presence", "room": "general", "join": ["bob"], "leave": [], "client_count": 2}
    bob.say(type="typing", room="general", state="active")
    typing = ann.hear()
    assert (typing["type"], typing["room"], typing["state"]) == ("typing", "general", "active")
    assert bob.ask("leave", room="general") == {"type": "ack", "cid": f"{bob.prefix}-{bob.cids}", "room": "general"}
    presence = ann.hear()
    assert (presence["join"], presence["leave"], presence["client_count"]) == ([], ["bob"], 1)


def test_history_pages_backwards(world):
    ann = V1(world.port())
    ann.hello(name="ann")
    for number in range(1, 31):
        ann.say(type="message", room="general", content=str(number))
    ann.ask("message", room="general", content="31")
    last = ann.ask("history", room="general", limit=10)
    assert [item["seq"] for item in last["items"]] == list(range(22, 32))
    assert last["more"] is True
    before = ann.ask("history", room="general", before=22, limit=30)
    assert [item["seq"] for item in before["items"]] == list(range(1, 22))
    assert not before.get("more")


def test_rooms_and_members(world):
    ann, bob = V1(world.port()), V1(world.port())
    ann.hello(name="ann"), bob.hello(name="bob")
    ann.join("general"), bob.join("general")
    ann.ask("message", room="general", content="1")
    rooms = {item["room"]: item for item in bob.ask("rooms")["items"]}
    assert (rooms["general"]["last"], rooms["general"]["client_count"]) == (1, 2)
    members = bob.ask("members", room="general")
    assert sorted(item["name"] for item in members["items"]) == ["ann", "bob"]


def test_v1_message_needs_a_room(world):
    ann = V1(world.port())
    ann.hello(name="ann")
    assert ann.ask("message", content="where?")["code"] == "bad_request"


@pytest.mark.parametrize(
    "members",
    [{"type": "nonsense"}, {"type": "join"}, {"type": "join", "room": "no blanks"}, {"type": "join", "room": "$x"},
     {"type": "join", "room": "r", "after": -1}, {"type": "join", "room": "r", "after": "1"},
     {"type": "message", "room": "r", "content": 1}, {"type": "message", "room": "r" * 65, "content": ""},
     {"type": "edit", "room": "r", "content": "x"}, {"type": "react", "room": "r", "of": 1},
     {"type": "message", "room": "r", "content": "x", "re": 1.5}],
)  # fmt: skip
def test_a_malformed_request_is_answered_under_its_cid(world, members):
    ann = V1(world.port())
    ann.hello(name="ann")
    ann.say(**members, cid="x")
    error = ann.hear()
    assert (error["type"], error["cid"]) == ("error", "x"), error
    assert error["code"] in ("bad_request", "too_large", "not_found"), error


def test_the_same_cid_is_stored_once(world):
    ann = V1(world.port())
    ann.hello(name="ann")
    first = ann.ask("message", room="general", content="once", cid="c")
    assert ann.ask("message", room="general", content="once", cid="c") == first
    assert ann.ask("message", room="general", content="twice", cid="c")["code"] == "cid_reused"
    assert ann.ask("message", room="other", content="elsewhere", cid="c")["seq"] == 1
    bob = V1(world.port())
    bob.hello(name="bob")
    assert bob.ask("message", room="general", content="mine", cid="c")["seq"] == 2


def test_a_name_is_held_by_one(world):
    ann, other = V1(world.port()), V1(world.port())
    ann.hello(name="Ann")
    other.say(type="hello", name="aNN", cid="h")
    assert other.hear()["code"] == "name_taken"
    other.hello()
    assert other.ask("message", room="general", sender="ANN", content="x")["code"] == "name_taken"
    ann.leave()
    third = V1(world.port())
    third.hello(name="ann")


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 65, "anonymous", "Anonymous", "a,b", "\x1b[1m", "@ann"])
def test_a_name_that_is_none_is_refused(world, name):
    client = V1(world.port())
    client.say(type="hello", name=name, cid="h")
    frame = client.hear()
    if name == "":
        assert frame["type"] == "welcome" or frame["code"] == "bad_request"
    else:
        assert frame["code"] in ("bad_request", "too_large", "name_taken"), frame
        if frame["code"] == "bad_request":
            assert frame["message"] == "Invalid message format"
            assert frame["detail"].startswith("A name is 1 to 64 letters")


def test_a_session_is_taken_over_with_its_name_and_cids(world):
    old = V1(world.port())
    secret = old.hello(name="ann")["session"]
    first = old.ask("message", room="general", content="x", cid="c")
    new = V1(world.port())
    new.say(type="hello", session=secret, resume={"general": {"after": 0}})
    welcome = new.hear()
    assert (welcome["type"], welcome["name"]) == ("welcome", "ann")
    old.expect_close(4502)
    assert new.ask("message", room="general", content="x", cid="c") == first


def test_a_lost_session_keeps_its_name_until_it_comes_back(world):
    lost = V1(world.port())
    secret = lost.hello(name="ann")["session"]
    lost.socket.close()
    other = V1(world.port())
    other.say(type="hello", name="ann", cid="h")
    assert other.hear()["code"] == "name_taken"
    back = V1(world.port())
    assert back.hello(session=secret)["name"] == "ann"


def test_hello_resumes_rooms_where_they_were(world):
    ann, bob = V1(world.port()), V1(world.port())
    secret = ann.hello(name="ann")["session"]
    bob.hello(name="bob")
    epoch = ann.join("general")[0]["epoch"]
    bob.ask("message", room="general", content="1")
    ann.hear_until("message", seq=1)
    ann.socket.close()
    bob.ask("message", room="general", content="2")
    bob.ask("message", room="general", content="3")
    back = V1(world.port())
    back.hello(session=secret, resume={"general": {"epoch": epoch, "after": 1}})
    frames = [back.hear()]
    while frames[-1]["type"] != "live":
        frames.append(back.hear())
    assert [item["content"] for item in items_of(frames)] == ["2", "3"]
    bob.ask("message", room="general", content="4")
    assert back.hear_until("message")["content"] == "4"


# Raw text


def test_text_is_relayed_as_it_is_to_all(world):
    one, two = Text(world.port()), Text(world.port("ws+text"), "/any/path?at=all")
    for text in ("hello", "", '{"type":"message"}', "two\nlines\x07\x1b[1m", "\U0001f600"):
        one.say(text)
        assert one.hear() == text
        assert two.hear() == text


def test_text_hears_no_announcement_and_no_history(world):
    one = Text(world.port())
    one.say("before")
    assert one.hear() == "before"
    two = Text(world.port())
    ann = Line(world.port("line"), "Ann")
    ann.leave()
    one.say("after")
    assert one.hear() == "after"
    assert two.hear() == "after"


def test_binary_is_relayed_among_text_clients_only(world):
    one, two = Text(world.port()), Text(world.port())
    ann = Line(world.port("line"), "Ann")
    one.send(FIN | BINARY, b"\x00\xff\x01")
    assert one.receive_message() == (BINARY, b"\x00\xff\x01")
    assert two.receive_message() == (BINARY, b"\x00\xff\x01")
    one.say("after")
    ann.expect("anonymous: after\n")


def test_text_over_the_size_closes_and_over_the_rate_is_dropped(server):
    port = server("--set", "max_message=1000", "--set", "rate_per_minute=2").port()
    one, two = Text(port), Text(port)
    for text in ("1", "2", "3", "4"):
        one.say(text)
    assert [one.hear(), one.hear()] == ["1", "2"]
    two.say("from two")
    assert one.hear() == "from two"
    while two.hear() != "from two":
        pass
    two.say("x" * 1001)
    two.expect_close(1009)


# Lines with a name


def test_line_session_byte_for_byte(world):
    other = Line(world.port("line"), "Ann")
    jason = Line(world.port("line"))
    jason.expect("banter chat server\nEnter your name:\n")
    jason.send("Jason\n")
    jason.expect("Jason has connected\nWelcome Jason. Send QUIT to disconnect.\n")
    other.expect("Jason has connected\n")
    jason.send("Hello there!\n")
    jason.expect("Jason: Hello there!\n")
    other.expect("Jason: Hello there!\n")
    jason.send("QUIT\n")
    assert jason.rest() == ""
    other.expect("Jason has disconnected\n")
    other.send("alone\n")
    other.expect("Ann: alone\n")


@pytest.mark.parametrize("goodbye", ["QUIT\n", "/quit\n", "QUIT\r\n", None, "vanish"])
def test_every_way_to_leave_is_announced(world, goodbye):
    other, jason = Line(world.port("line"), "Ann"), Line(world.port("line"), "Jason")
    other.expect("Jason has connected\n")
    if goodbye is None:
        jason.end_input()
        assert jason.rest() == ""
    elif goodbye == "vanish":
        jason.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        jason.socket.close()
    else:
        jason.send(goodbye)
        assert jason.rest() == ""
    other.expect("Jason has disconnected\n")


def test_line_last_words_come_before_the_goodbye(world):
    other = Line(world.port("line"), "Ann")
    jason = Line(world.port("line"))
    jason.send("Jason\nhi\nQUIT\n")
    assert jason.rest() == BANNER + (
        "Jason has connected\nWelcome Jason. Send QUIT to disconnect.\nJason: hi\n"
    )
    other.expect("Jason has connected\nJason: hi\nJason has disconnected\n")


def test_line_end_of_input_ends_the_last_line(world):
    other = Line(world.port("line"), "Ann")
    nc = subprocess.run(
        ["nc", "-N", "127.0.0.1", str(world.port("line"))], input=b"Jason\nhi", capture_output=True, timeout=TIMEOUT
    )
    assert nc.stdout.decode() == BANNER + (
        "Jason has connected\nWelcome Jason. Send QUIT to disconnect.\nJason: hi\n"
    )
    other.expect("Jason has connected\nJason: hi\nJason has disconnected\n")


def test_line_new_name_is_told_once(world):
    ann, bob = Line(world.port("line"), "ann"), Line(world.port("line"), "bob")
    bob.send("/nick rob\nhi\n")
    bob.expect("bob is now known as rob\nrob: hi\n")
    ann.expect("bob has connected\nbob is now known as rob\nrob: hi\n")
    bob.send("/nick rob\n")  # no change, so that nobody else is told
    bob.expect("You are now known as rob\n")


def test_line_new_name_is_confirmed_where_the_room_is_too_large_to_tell(server):
    port = server("--set", "announce_limit=0", *NO_LIMIT, listen=EVERYTHING).port("line")
    bob = Line(port, "bob")
    bob.send("/nick rob\nhi\n")
    bob.expect("You are now known as rob\nrob: hi\n")


def test_line_name_is_asked_again_until_it_is_good(world):
    ann = Line(world.port("line"), "Ann")
    client = Line(world.port("line"))
    client.expect(BANNER)
    client.send("\n   \r\n")  # is not even a name to refuse
    for bad in ("two words", "x" * 65, "ann", "ANN", "anonymous", "\x1b[31m"):
        client.send(bad + "\n")
        assert client.line()
        client.expect("Enter your name:\n")
    client.send("  Bob \r\n")
    client.expect("Bob has connected\nWelcome Bob. Send QUIT to disconnect.\n")
    ann.expect("Bob has connected\n")


def test_line_text_is_trimmed_and_empty_lines_are_ignored(world):
    jason = Line(world.port("line"), "Jason")
    jason.send("\n  \r\n\t\n   spaced out \t\r\n")
    jason.expect("Jason: spaced out\n")


def test_line_controls_become_replacement_characters(world):
    jason = Line(world.port("line"), "Jason")
    jason.send(b"a\x1b[31mb\x00c\x7fd\tf\xc2\x9bg\n")
    jason.expect("Jason: a\ufffd[31mb\ufffdc\ufffdd\tf\ufffdg\n")


def test_line_too_long_is_told_once_and_dropped(server):
    port = server("--set", "max_message=100", *NO_LIMIT, listen=EVERYTHING).port("line")
    jason = Line(port, "Jason")
    jason.send("x" * 100000 + "\nshort\n")
    assert jason.line().startswith("error: ")
    jason.expect("Jason: short\n")


def test_line_over_the_rate_is_told(server):
    port = server("--set", "rate_per_minute=1", listen=EVERYTHING).port("line")
    jason = Line(port, "Jason")
    jason.send("one\ntwo\n")
    assert {jason.line(), jason.line()} == {"Jason: one", "error: Rate limit exceeded"}


def test_line_slash_commands(world):
    ann, bob = Line(world.port("line"), "ann"), Line(world.port("line"), "bob")
    ann.expect("bob has connected\n")
    ann.send("//not a command\n")
    ann.expect("ann: /not a command\n")
    bob.expect("ann: /not a command\n")
    ann.send("/msg bob psst\n")
    bob.expect("[ann -> you] psst\n")
    assert "psst" in ann.line()
    ann.send("/nosuch\n")
    assert ann.line().startswith("error: ")
    bob.send("/join ops\n")
    ann.expect("bob has disconnected\n")
    bob.send("here\n")
    assert bob.line_until("bob: here") is not None
    ann.send("/who\n")
    assert "ann" in ann.line()
    bob.send("/history 5\n")
    assert "bob: here" in bob.line()
    bob.send("/nick rob\n")
    bob.send("again\n")
    bob.line_until("rob: again")


def test_line_session_is_taken_over_with_its_token(world):
    ann = Line(world.port("line"), "ann")
    ann.send("/token\n")
    token = re.search(r"[\w-]{43}", ann.line()).group()
    other = Line(world.port("line"))
    other.expect(BANNER)
    other.send(f"/resume {token}\n")
    other.send("it is me\n")
    other.line_until("ann: it is me")
    ann.rest()


# Lines without names


def test_numbered_session_byte_for_byte(world):
    # Nobody is greeted: who has heard their own words is in.
    one = Numbered(world.port("numbered"))
    one.send("text\n")
    one.expect("Client 1: text\n")
    two = Numbered(world.port("numbered"))
    two.send("more\r\n")
    two.expect("Client 2: more\n")
    one.expect("Client 2: more\n")
    one.send("again\n")
    one.expect("Client 1: again\n")
    two.expect("Client 1: again\n")
    one.send("\n")
    assert one.rest() == ""
    three = Numbered(world.port("numbered"))
    three.send("hi\n")
    three.expect("Client 3: hi\n")
    two.expect("Client 3: hi\n")
    two.send("bye")
    two.end_input()
    three.expect("Client 2: bye\n")
    assert two.rest() == "Client 2: bye\n"
    three.send("alone\n")
    three.expect("Client 3: alone\n")


# Commands


def test_commands_without_line_ends(world):
    jane = Command(world.port("command"))
    assert jane.ask("register,Jane") == "ack"
    zak = Command(world.port("command"))
    assert zak.ask("register,Zak") == "ack"
    assert jane.ask("list,friends") == "Jane,Zak"
    jane.send("chat,Zak")
    assert zak.read() == "Jane says hi"
    jane.send("chat,Zak,lunch?")
    assert zak.read() == "Jane says lunch?"
    assert jane.ask("chat,Jane") == "Jane says hi"


def test_commands_with_line_ends(world):
    jane, zak = Command(world.port("command")), Command(world.port("command"))
    jane.send("register,Jane\nlist,friends\n")
    jane.expect("ack\nJane\n")
    zak.send("register,Zak\r\n")
    zak.expect("ack\n")
    jane.send("chat,Zak,a,b\n")
    zak.expect("Jane says a,b\n")


def test_a_command_may_come_in_pieces(world):
    jane = Command(world.port("command"))
    jane.send("regi")
    jane.send("ster,Jane\n")
    jane.expect("ack\n")
    jane.send("list,")
    jane.send("friends\n")
    jane.expect("Jane\n")


def test_only_register_is_answered_before_register(world):
    jane = Command(world.port("command"))
    jane.send("list,friends\nchat,Jane\nnonsense\n,\nregister,Jane\nlist,friends\n")
    jane.expect("ack\nJane\n")


def test_command_errors_leave_the_connection(world):
    jane = Command(world.port("command"), "Jane")
    other = Command(world.port("command"))
    assert other.ask("register,jane").startswith("error: ")
    assert other.ask("register,no good").startswith("error: ")
    assert jane.ask("chat,Nobody").startswith("error: no user by the name ")
    assert jane.ask("nonsense").startswith("error: ")
    assert jane.ask("dance,Zak").startswith("error: ")
    assert jane.ask("list,friends") == "Jane"


def test_everybody_with_a_name_is_a_friend_in_order_of_claiming(world):
    bob = V1(world.port())
    bob.hello(name="Bob")
    with Line(world.port("line"), "Ann"), Command(world.port("command"), "Jane") as jane:
        assert jane.ask("list,friends") == "Bob,Ann,Jane"
        bob.leave()
        assert jane.ask("list,friends") == "Ann,Jane"
