"""Taking somebody's name: by what looks like it, on another protocol, while they are away."""

import json

import pytest

from clients import BANNER, EVERYTHING, NO_LIMIT, Command, Json, Line, Stream, V1

LOOK_ALIKES = ["Ann", "ANN", "ann", "ＡＮＮ", "𝐀nn", "ªnn", "Ａnn", "ⓐnn"]


@pytest.fixture
def world(server):
    world = server(*NO_LIMIT, listen=EVERYTHING)
    return world


def hold(world, protocol, name="Ann"):
    """Somebody who has the name, on this protocol."""
    if protocol == "line":
        return Line(world.port("line"), name)
    if protocol == "command":
        return Command(world.port("command"), name)
    client = V1(world.port())
    client.hello(name=name)
    return client


def refused_by_hello(world, name):
    client = V1(world.port())
    client.say(type="hello", name=name, cid="h")
    return client.hear()["type"] == "error"


def refused_by_label(world, name):
    return Json(world.port()).ask("message", content="x", sender=name)["type"] == "error"


def refused_by_http(world, name):
    body = json.dumps({"content": "x", "sender": name}).encode()
    with Stream(world.port()) as stream:
        stream.send(f"POST /r/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)  # fmt: skip
        return stream.rest().split()[1] == "409"


def refused_by_line(world, name):
    with Stream(world.port("line")) as stream:
        stream.expect(BANNER)
        stream.send(f"{name}\n")
        return "has connected" not in stream.line()


def refused_by_nick(world, name):
    line = Line(world.port("line"), "Eve")
    line.say(f"/nick {name}")
    answer = line.line()
    line.leave()
    return "is now" not in answer


def refused_by_command(world, name):
    with Command(world.port("command")) as command:
        return command.ask(f"register,{name}\n") != "ack\n"


WAYS = [refused_by_hello, refused_by_label, refused_by_http, refused_by_line, refused_by_nick, refused_by_command]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("holder", ["line", "command", "banter.v1"])
def test_a_name_that_is_held_is_refused_on_every_protocol(world, holder, way):
    held = hold(world, holder)
    for name in LOOK_ALIKES:
        assert way(world, name), ascii(name)
    held.socket.close()


HIDDEN = ["Ann\u200b", "A\u00adnn", "\u2060Ann", "An\u034fn", "Ann\ufe0f", "Ann\u200d", "\u3164Ann"]


@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_seen_makes_no_other_name(world, way):
    held = hold(world, "banter.v1")
    for name in HIDDEN:
        assert way(world, name), ascii(name)
    answer = held.ask("message", room="lobby", content="still me")
    assert answer["type"] == "ack", answer


def test_a_name_is_kept_for_who_lost_their_connection(world):
    ann = hold(world, "banter.v1")
    ann.ask("message", room="lobby", content="mine")
    ann.socket.close()
    for way in WAYS:
        assert way(world, "ann"), way.__name__


def test_the_servers_own_words_are_no_names(world):
    """Nobody can be called what the lines of the server begin with."""
    for name in ("[Server]", "*", "error:", "Ann has connected", "Client 1", "[a -> you]", "a:b", "..", "$rules", "@a,b", "a\tb"):
        assert refused_by_line(world, name), name
        assert refused_by_command(world, name), name
        client = V1(world.port())
        client.say(type="hello", name=name, cid="h")
        assert client.hear()["type"] == "error", name
