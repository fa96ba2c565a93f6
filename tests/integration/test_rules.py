"""Rooms with rules, from outside: what was ruled holds over every protocol and after a restart, on the disk whatever is
kept of messages, and a room for its members only is found by nobody else."""

import http.client
import socket

import pytest

from accounts import Accounts
from clients import BANNER, EVERYTHING, NO_LIMIT, TIMEOUT, V1, Json, Line, Numbered, Text, items_of, wait_until
from raw_websocket import CLOSE, FIN

PASSWORD = "horse Battery:5taple"
ELSEWHERE = ("127.0.0.2", 0)


class House:
    """A server with accounts: root, who owns it, ann and bob. Ann owns the room ops."""

    def __init__(self, start, *flags, folder_of=None):
        self.server = start(*NO_LIMIT, *flags, listen=EVERYTHING, folder_of=folder_of)
        if folder_of is None:
            self.accounts = Accounts(self.server.data)
            self.accounts.add("root", PASSWORD, "--role", "owner")
            self.accounts.add("ann", PASSWORD)
            self.accounts.add("bob", PASSWORD)
            self.ann = self.enter("ann")
            assert self.ann.ask("create", room="ops")["type"] == "ack"

    def port(self, scheme="ws"):
        return self.server.port(scheme)

    def enter(self, name):
        client = V1(self.port())
        client.hello(name=name, password=PASSWORD)
        return client

    def guest(self, name):
        client = V1(self.port())
        client.hello(name=name)
        return client

    def rule(self, type, client=None, **members):
        answer = (client or self.ann).ask(type, **members)
        assert answer["type"] == "ack", answer

    def http(self, method, path, body=None, source=("127.0.0.1", 0), **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=TIMEOUT, source_address=source)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content


@pytest.fixture
def house(server):
    return House(server)


def close_code(client):
    """Of the close frame; what comes before it is dropped."""
    while True:
        first, payload = client.receive()
        if first == FIN | CLOSE:
            return int.from_bytes(payload[:2], "big"), payload[2:].decode()


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("kept", ["durable", "memory", "none"])
def test_rules_outlive_the_server_whatever_is_kept_of_messages(server, end, kept):
    flags = ("--set", f"history={kept}", "--set", "retention_count=1")
    house = House(server, *flags)
    house.rule("role", room="ops", name="bob", role="moderator")
    house.rule("set", room="ops", slow=7)
    house.rule("ban", room="ops", name="mallory", reason="sells things")
    before = house.ann.ask("rules", room="ops")
    getattr(house.server, end)()
    again = House(server, *flags, folder_of=house.server)
    ann = again.enter("ann")
    after = ann.ask("rules", room="ops")
    before.pop("cid"), after.pop("cid")
    assert before == after
    assert after["slow"] == 7
    assert [item["rule"] for item in after["items"]] == ["role", "role", "ban"]
    mallory = again.guest("Mallory")
    assert mallory.ask("join", room="ops")["code"] == "forbidden"
    assert ann.ask("create", room="ops")["type"] == "ack"
    assert again.enter("bob").ask("create", room="ops")["code"] == "forbidden"


def test_nobody_reads_the_log_of_rules(house):
    root = house.enter("root")
    for client in (house.ann, root):
        for type in ("join", "history", "members", "rules"):
            assert client.ask(type, room="$rules")["code"] == "not_found"
        assert client.ask("message", room="$rules", content="role ops name=eve")["code"] == "not_found"
        assert client.ask("search", q="create")["items"] == []
        assert client.ask("search", q="create in:$rules")["items"] == []
        assert client.ask("search", q="create", rooms=["$rules"]).get("code") == "not_found"
        assert "$rules" not in [item["room"] for item in client.ask("rooms")["items"]]
    assert house.http("GET", "/r/$rules")[0] == 404
    assert house.http("POST", "/r/$rules", "role ops name=eve")[0] == 404
    assert house.http("GET", "/sse?room=%24rules")[0] == 404


def test_a_closed_room_is_found_by_its_members_only(house):
    house.rule("set", room="ops", access="members")
    house.ann.join("ops")
    sent = house.ann.ask("message", room="ops", content="the password is swordfish")
    bob = house.enter("bob")
    assert bob.ask("join", room="ops")["code"] == "not_found"
    assert bob.ask("history", room="ops")["code"] == "not_found"
    assert bob.ask("rooms")["items"] == []
    wait_until(lambda: house.ann.ask("search", q="swordfish")["items"])
    assert bob.ask("search", q="swordfish")["items"] == []
    assert bob.ask("search", q="swordfish in:ops")["items"] == []
    assert bob.ask("search", q="swordfish", rooms=["ops"])["items"] == []
    assert bob.ask("react", room="ops", of=sent["seq"], key="x")["code"] == "not_found"
    assert house.http("GET", "/r/ops") == house.http("GET", "/r/nothing")
    assert house.http("GET", "/sse?room=ops")[0] == 404
    assert house.http("POST", "/r/ops", "x")[0] == 404
    house.rule("invite", room="ops", name="bob")
    assert bob.hear_until("notice")["message"] == "ann has invited bob to ops"
    assert [item["content"] for item in items_of(bob.join("ops", after=0))] == ["the password is swordfish"]
    assert len(bob.ask("search", q="swordfish")["items"]) == 1
    house.rule("kick", room="ops", name="bob", reason="leaked")
    assert bob.hear_until("error", code="forbidden")["room"] == "ops"
    house.ann.ask("message", room="ops", content="swordfish it was")
    assert bob.ask("search", q="swordfish")["items"] == []


def test_a_stream_of_events_ends_for_who_is_banned(house):
    house.ann.join("ops")
    with socket.create_connection(("127.0.0.1", house.port()), TIMEOUT, ELSEWHERE) as events:
        events.sendall(b"GET /sse?room=ops HTTP/1.1\r\nHost: localhost\r\n\r\n")
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += events.recv(65536)
        house.ann.ask("message", room="ops", content="before")
        while b"before" not in heard:
            heard += events.recv(65536)
        house.rule("ban", room="ops", address="127.0.0.2/32")
        house.ann.ask("message", room="ops", content="after")
        while piece := events.recv(65536):
            heard += piece
    assert b"after" not in heard


def test_a_ban_from_the_server_holds_over_every_protocol(house):
    root = house.enter("root")
    named = house.guest("mallory")
    house.rule("ban", client=root, name="mallory", reason="floods")
    assert close_code(named) == (4501, "banned")
    again = V1(house.port())
    again.say(type="hello", name="ＭＡＬＬＯＲＹ")
    assert close_code(again)[0] == 4501
    line = Line(house.port("line"))
    line.expect(BANNER)
    line.say("Mallory")
    assert line.rest() == "error: banned\n"
    assert house.http("POST", "/r/lobby", "x", Sender="mallory")[0] == 403
    label = Json(house.port())
    label.say(content="hello", sender="mallory")
    assert label.hear_until("error")["code"] == "forbidden"


def test_an_address_that_is_banned_gets_in_nowhere(house):
    root = house.enter("root")
    assert root.ask("ban", address="127.0.0.0/8")["code"] == "bad_request"  # its own
    house.rule("ban", client=root, address="127.0.0.2/32")
    assert house.http("GET", "/r/lobby", source=ELSEWHERE)[0] == 403
    assert house.http("POST", "/r/lobby", "x", source=ELSEWHERE)[0] == 403
    assert house.http("GET", "/r/lobby")[0] == 200
    with socket.create_connection(("127.0.0.1", house.port("line")), TIMEOUT, ELSEWHERE) as line:
        heard = b""
        while piece := line.recv(65536):
            heard += piece
        assert heard.endswith(b"error: banned\n")
    house.rule("unban", client=root, address="127.0.0.2/32")
    assert house.http("GET", "/r/lobby", source=ELSEWHERE)[0] == 200


def test_a_kick_from_the_server_closes(house):
    root = house.enter("root")
    guest = house.guest("zoe")
    house.rule("kick", client=root, name="zoe")
    assert close_code(guest) == (4500, "kicked")
    assert house.guest("zoe").ask("join", room="lobby")["type"] == "joined"
    assert house.ann.ask("kick", name="zoe")["code"] == "forbidden"


def test_who_has_nowhere_else_to_go_is_closed(house):
    root = house.enter("root")
    text = Text(house.port())
    text.say("hello")
    assert text.hear() == "hello"
    with Numbered(house.port("numbered")) as numbered:
        numbered.say("here")
        assert numbered.hear() == "Client 1: here"
        house.rule("set", client=root, room="lobby", registered_only=True)
        assert close_code(text)[0] == 4501
        assert numbered.rest() == "error: root has set registered_only of lobby to on\nerror: banned\n"
    late = Json(house.port())
    assert late.hear_until("error")["code"] == "forbidden"


def test_the_audit_tells_who_did_what(house):
    for number in range(5):
        house.rule("set", room="ops", slow=number)
    house.enter("bob").ask("create", room="den")
    seen, before = [], None
    while True:
        members = {"before": before} if before else {}
        page = house.ann.ask("audit", room="ops", limit=2, **members)
        seen = page["items"] + seen
        if not page.get("more"):
            break
        before = page["before"]
    assert [item["event"] for item in seen] == ["create"] + ["set"] * 5
    assert [item.get("value") for item in seen] == [None, "0", "1", "2", "3", "4"]
    assert {item["by"] for item in seen} == {"ann"}
    assert house.ann.ask("audit")["code"] == "forbidden"
    everything = house.enter("root").ask("audit")["items"]
    assert [item["room"] for item in everything] == ["ops"] * 6 + ["den"]


def test_rules_go_with_an_exported_log(house, server):
    house.rule("ban", room="ops", name="mallory")
    archive = house.accounts.run("export")
    folder = server(*NO_LIMIT, "--store", "memory")
    folder.stop()
    Accounts(folder.data).run("import", input=archive)
    other = V1(server(*NO_LIMIT, folder_of=folder).port())
    other.hello(name="mallory")
    assert other.ask("join", room="ops")["code"] == "forbidden"


@pytest.mark.parametrize("kept", ["durable", "memory"])
def test_changes_that_are_sent_at_once_take_effect_in_order(server, kept):
    house = House(server, "--set", f"history={kept}")
    for cid, request in enumerate(
        (
            {"type": "create", "room": "den"},
            {"type": "role", "room": "den", "name": "bob", "role": "owner"},
            {"type": "role", "room": "den", "name": "ann", "role": "guest"},
            {"type": "set", "room": "den", "slow": 3},
        )
    ):
        house.ann.say(cid=str(cid), **request)
    answers = [house.ann.hear_until(cid=str(cid)) for cid in range(4)]
    assert [answer.get("code", "ack") for answer in answers] == ["ack", "ack", "ack", "forbidden"]
