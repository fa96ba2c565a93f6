"""Direct messages of accounts: they wait for who is not here, also on the disk, and nobody else reads them."""

import json
import urllib.error
import urllib.request

import pytest

from accounts import Accounts
from clients import NO_LIMIT, V1, wait_until

PASSWORD = "correct horse battery"
ROOM = "@ann,bob"


@pytest.fixture
def house(server):
    """A server with accounts, that lets go of who is lost after a second."""
    running = server(*NO_LIMIT, "--set", "session_linger=1")
    accounts = Accounts(running.data)
    for name in ("ann", "bob", "eve"):
        accounts.add(name, PASSWORD)
    return running


def log_in(running, name):
    client = V1(running.port())
    return client, client.hello(name=name, password=PASSWORD)


def rooms_of(welcome):
    return {item["room"]: item["last"] for item in welcome["rooms"]}


def get(running, room, token):
    request = urllib.request.Request(
        f"http://127.0.0.1:{running.port()}/r/{room}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return [item["content"] for item in json.load(answer)["items"]]
    except urllib.error.HTTPError as error:
        return error.code


def test_who_was_not_here_finds_what_was_said_after_a_restart(server, house):
    ann, _ = log_in(house, "ann")
    assert ann.ask("message", to="bob", content="are you there?")["room"] == ROOM
    ann.leave()
    house.stop()
    again = server(*NO_LIMIT, "--set", "session_linger=1", folder_of=house)
    bob, welcome = log_in(again, "bob")
    assert rooms_of(welcome) == {ROOM: 1}
    batch = bob.ask("history", room=ROOM)
    assert [item["content"] for item in batch["items"]] == ["are you there?"]
    assert bob.ask("message", to="ann", content="I am")["seq"] == 2


def test_it_stays_while_that_of_a_guest_goes(server, house):
    """Rooms that nobody can come back to are looked for once a second here."""
    ann, _ = log_in(house, "ann")
    ann.ask("message", to="bob", content="stays")
    guest = V1(house.port())
    guest.hello(name="guest")
    assert guest.ask("message", to="bob", content="goes")["room"] == "@bob,guest"
    ann.leave()
    house.kill()
    again = server(*NO_LIMIT, "--set", "session_linger=1", folder_of=house)

    def is_erased():
        exported = Accounts(again.data).run("export")
        assert "stays" in exported
        return "goes" not in exported

    wait_until(is_erased)
    _, welcome = log_in(again, "bob")
    assert rooms_of(welcome) == {ROOM: 1}


def test_to_everybody_else_it_does_not_exist(house):
    tokens = {name: Accounts(house.data).give_token(name) for name in ("ann", "bob", "eve")}
    ann, _ = log_in(house, "ann")
    ann.ask("message", to="bob", content="psst")
    eve, _ = log_in(house, "eve")
    for type in ("join", "history", "members", "read"):
        assert eve.ask(type, room=ROOM, seq=1)["code"] == "not_found"
    assert eve.ask("search", q="psst")["items"] == []
    assert [get(house, ROOM, tokens[name]) for name in ("ann", "bob", "eve")] == [["psst"], ["psst"], 404]


def test_each_device_reads_along(house):
    devices = [log_in(house, "ann")[0] for _ in range(3)]
    bob, _ = log_in(house, "bob")
    bob.ask("message", to="ann", content="psst")
    for device in devices:
        assert device.hear_until("message", room=ROOM)["content"] == "psst"
    devices[0].ask("message", to="bob", content="yes?")
    for device in devices[1:]:
        assert device.hear_until("message", room=ROOM)["content"] == "yes?"
    devices[0].ask("read", room=ROOM, seq=2)
    for device in devices[1:]:
        assert device.hear_until("read") == {"type": "read", "room": ROOM, "seq": 2}
