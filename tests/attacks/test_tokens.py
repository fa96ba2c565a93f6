"""Tokens that are good for less than their account: what they were not made for stays out of their reach, and out of harm's way,
whatever else happens to the account meanwhile."""

import base64
import hashlib
import hmac
import json

import pytest

from accounts import Accounts
from clients import NO_LIMIT, V1, wait_until
from raw_websocket import CLOSE, FIN

PASSWORD = "correct horse battery"


@pytest.fixture
def world(server):
    return server(*NO_LIMIT, "--set", "auth=mixed")


@pytest.fixture
def accounts(world):
    accounts = Accounts(world.data)
    for name in ("ann", "bob"):
        accounts.add(name, PASSWORD)
    return accounts


def enter(world, token, **members):
    client = V1(world.port(), headers=[("Authorization", f"Bearer {token}")])
    client.say(type="hello", **members)
    return client


def test_a_token_of_a_low_role_stays_low_when_its_account_rises(world, accounts):
    low = enter(world, accounts.give_token("ann", "--role", "member"))
    whole = enter(world, accounts.give_token("ann"))
    assert low.hear()["type"] == whole.hear()["type"] == "welcome"
    for role in ("moderator", "owner"):
        accounts.run("user", "role", "ann", role)
        wait_until(lambda: whole.ask("audit")["type"] == "audit")
        assert low.ask("audit")["code"] == "forbidden"
        assert low.ask("kick", name="bob")["code"] == "forbidden"
    accounts.run("user", "role", "ann", "member")
    wait_until(lambda: whole.ask("audit")["type"] == "error")
    assert low.ask("audit")["code"] == "forbidden"


def test_a_token_for_some_rooms_neither_finds_nor_harms_a_conversation(world, accounts):
    ann, bob = (enter(world, accounts.give_token(name)) for name in ("ann", "bob"))
    assert ann.hear()["type"] == bob.hear()["type"] == "welcome"
    assert ann.ask("message", to="bob", content="psst")["room"] == "@ann,bob"

    program = enter(world, accounts.give_token("ann", "--room", "ops-*"))
    welcome = program.hear()
    assert (welcome["type"], welcome["rooms"]) == ("welcome", [])
    for name in ("@ann,bob", "@bob,ann", "@ANN,bob"):
        for type in ("join", "history", "members", "read", "leave", "join"):
            members = {"seq": 1} if type == "read" else {}
            assert program.ask(type, room=name, **members)["code"] == "not_found", (type, name)
    program.say(type="hello", resume={"@ann,bob": {"after": 0}}, cid="again")
    assert program.hear()["rooms"] == []
    refused = program.hear()
    assert (refused["code"], refused["room"]) == ("not_found", "@ann,bob")

    assert [item["content"] for item in ann.ask("history", room="@ann,bob")["items"]] == ["psst"]
    assert bob.ask("message", to="ann", content="still here")["type"] == "ack"
    assert ann.hear_until("message", content="still here")["room"] == "@ann,bob"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_jwt(key, **claims):
    signed = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    return f"{signed}.{base64url(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize("name", ["ann", "ＡＮＮ", "Ann"])
def test_a_jwt_with_the_name_of_an_account_is_refused_for_good(server, tmp_path, name):
    key = tmp_path / "key"
    key.write_bytes(b"k" * 40)
    world = server(*NO_LIMIT, "--set", "auth=mixed", "--set", f"jwt_key={key}")
    Accounts(world.data).add("ann", PASSWORD)
    other = enter(world, make_jwt(b"k" * 40, sub="7", name="somebody"))
    assert other.hear()["name"] == "somebody"
    client = V1(world.port(), headers=[("Authorization", f"Bearer {make_jwt(b'k' * 40, sub='8', name=name)}")])
    assert client.receive() == (FIN | CLOSE, b"\x03\xf0Invalid token")
