"""Logging in by every protocol: accounts, passwords, tokens and tickets, as their owners and as others use them."""

import base64
import http.client
import json
import struct

import pytest

from accounts import Accounts
from clients import BANNER, EVERYTHING, NO_LIMIT, TIMEOUT, V1, Command, Json, Line, Numbered, Text
from raw_websocket import CLOSE, FIN

PASSWORD = "horse Battery:5taple"
WRONG = "error: Wrong name or password\n"
PROMPT = "Enter your name:\n"
GREETING = "ann has connected\nWelcome ann. Send QUIT to disconnect.\n"


class House:
    """A server with the account of ann."""

    def __init__(self, server, *flags):
        self.server = server(*NO_LIMIT, "--set", "log_level=debug", *flags, listen=EVERYTHING)
        self.accounts = Accounts(self.server.data)
        self.accounts.add("ann", PASSWORD)

    def port(self, scheme="ws"):
        return self.server.port(scheme)

    def ask(self, method, path, body=None, **headers):
        """Status, headers and body of an answer over HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=TIMEOUT)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, content

    def ticket(self, **headers):
        status, _, content = self.ask("POST", "/auth/ticket", **headers)
        assert status == 200, content
        answer = json.loads(content)
        assert answer["expires_in"] == 30
        return answer["ticket"]

    def ann(self, **members):
        client = V1(self.port())
        return client, client.hello(name="ann", password=PASSWORD, **members)


@pytest.fixture
def house(server):
    return House(server)


@pytest.fixture
def locked(server):
    """Nobody comes in without a credential."""
    return House(server, "--set", "auth=required")


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def expect_invalid_token(client):
    assert client.receive() == (FIN | CLOSE, struct.pack("!H", 1008) + b"Invalid token")
    client.expect_end()


def refused(frame):
    assert (frame["type"], frame["code"]) == ("error", "unauthorized"), frame


# JSON


def test_a_password_lets_in_and_its_session_comes_back_without_it(house):
    first, welcome = house.ann()
    assert welcome["name"] == "ann" and welcome["session"].startswith("bt_")
    first.leave()
    again = V1(house.port())
    assert again.hello(session=welcome["session"])["name"] == "ann"
    assert again.ask("message", room="lobby", content="here")["type"] == "ack"


def test_a_name_with_an_account_is_given_to_nobody_else(house):
    ways = ({}, {"password": "wrong"}, {"token": "wrong"}, {"session": "bt_" + "x" * 43})
    for number, members in enumerate(ways):
        client = V1(house.port())
        refused(client.ask("hello", name="Ann", **members))
        assert client.hello(name=f"guest{number}")["name"] == f"guest{number}"
    plain = Json(house.port())
    frame = plain.ask("message", sender="ann", content="I am not")
    assert frame["code"] == "name_taken", frame


def test_a_token_lets_in_and_refreshes_in_place(house):
    token = house.accounts.give_token("ann", "--label", "robot")
    client = V1(house.port())
    assert client.hello(token=token)["name"] == "ann"
    assert client.ask("auth", token=house.accounts.give_token("ann"))["type"] == "ack"
    refused(client.ask("auth", token="wrong"))
    assert client.ask("rooms")["type"] == "rooms"


def test_two_devices_of_one_account_are_here_at_once(house):
    telephone, one = house.ann()
    laptop, other = house.ann()
    assert one["session"] != other["session"]
    for device in (telephone, laptop):
        device.join("lobby")
    assert laptop.ask("message", room="lobby", content="from my desk")["type"] == "ack"
    assert telephone.hear_until("message")["content"] == "from my desk"


def test_a_session_is_at_one_place_at_a_time(house):
    first, welcome = house.ann()
    second = V1(house.port())
    second.hello(session=welcome["session"])
    assert first.receive()[1][:2] == struct.pack("!H", 4502)


# Handshakes


def test_a_token_in_the_url_or_a_header_lets_in_every_websocket_protocol(house):
    token = house.accounts.give_token("ann")
    assert V1(house.port(), f"/?token={token}").hello()["name"] == "ann"
    assert V1(house.port(), headers=[("Authorization", f"Bearer {token}")]).hello()["name"] == "ann"
    assert V1(house.port(), headers=[("Authorization", basic("ann", PASSWORD))]).hello()["name"] == "ann"
    reader = Text(house.port())
    writer = Text(house.port(), f"/text?token={token}")
    writer.say("raw")
    assert reader.hear() == "raw"
    plain = Json(house.port(), f"/?token={token}")
    plain.say(content="with my name")
    assert plain.hear_until("message", content="with my name")["sender"] == "ann"


@pytest.mark.parametrize("client,path", [(Json, "/"), (V1, "/ws"), (Text, "/text")])
def test_a_wrong_token_in_the_handshake_is_a_close_code_that_a_page_can_read(house, client, path):
    for token in ("", "wrong", "bt_" + "A" * 43, "%00", "x" * 9000):
        expect_invalid_token(client(house.port(), f"{path}?token={token}"))
    expect_invalid_token(client(house.port(), path, headers=[("Authorization", "Basic !")]))
    expect_invalid_token(client(house.port(), path, headers=[("Authorization", basic("ann", "wrong"))]))


def test_a_revoked_token_ends_what_it_let_in_and_lets_in_no_more(house):
    token = house.accounts.give_token("ann")
    client = V1(house.port(), f"/?token={token}")
    client.hello()
    house.accounts.revoke(house.accounts.tokens("ann")[0]["id"])
    expect_invalid_token(client)
    expect_invalid_token(V1(house.port(), f"/?token={token}"))
    assert house.ask("POST", "/r/ops", "x", Authorization=f"Bearer {token}")[0] == 401
    refused(V1(house.port()).ask("hello", token=token))


def test_a_new_password_ends_every_session(house):
    client, welcome = house.ann()
    house.accounts.set_password("ann", "another one")
    expect_invalid_token(client)
    refused(V1(house.port()).ask("hello", session=welcome["session"]))
    refused(V1(house.port()).ask("hello", name="ann", password=PASSWORD))
    assert V1(house.port()).hello(name="ann", password="another one")["name"] == "ann"


# HTTP


def test_http_takes_passwords_and_tokens(house):
    token = house.accounts.give_token("ann")
    for headers in ({"Authorization": basic("ann", PASSWORD)}, {"Authorization": f"Bearer {token}"}):
        assert house.ask("POST", "/r/ops", "full", **headers)[0] == 200
    assert house.ask("POST", f"/r/ops?token={token}", "full")[0] == 200
    status, _, content = house.ask("GET", f"/r/ops?token={token}")
    assert status == 200
    assert [item["sender"] for item in json.loads(content)["items"]] == ["ann"] * 3


def test_http_says_how_to_come_in_to_programs_and_does_not_make_browsers_ask(house):
    wrong = basic("ann", "wrong")
    status, headers, content = house.ask("POST", "/r/ops", "x", Authorization=wrong)
    assert (status, json.loads(content)["error"]) == (401, "unauthorized")
    assert headers["WWW-Authenticate"] == 'Bearer, Basic realm="banter"'
    status, headers, _ = house.ask("POST", "/r/ops", "x", Authorization=wrong, Sec_Fetch_Mode="cors")
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_foreign_page_gains_nothing_by_a_password_that_the_browser_knows(house):
    page = {"Authorization": basic("ann", PASSWORD), "Origin": "http://evil.example"}
    for method, path in (("POST", "/r/ops"), ("GET", "/r/ops"), ("POST", "/auth/ticket")):
        assert house.ask(method, path, **page)[0] == 403
    client = Json(house.port(), headers=list(page.items()))
    assert client.receive() == (FIN | CLOSE, struct.pack("!H", 1008) + b"Invalid origin")


def test_a_ticket_is_good_once(house):
    ticket = house.ticket(Authorization=basic("ann", PASSWORD))
    assert V1(house.port(), f"/?ticket={ticket}").hello()["name"] == "ann"
    expect_invalid_token(V1(house.port(), f"/?ticket={ticket}"))
    assert house.ask("GET", f"/r/ops?ticket={ticket}")[0] == 401
    ticket = house.ticket(Authorization=f"Bearer {house.accounts.give_token('ann')}")
    assert house.ask("POST", f"/r/ops?ticket={ticket}", "x")[0] == 200
    assert house.ask("POST", f"/r/ops?ticket={ticket}", "x")[0] == 401


def test_a_ticket_is_given_for_a_credential_alone(house):
    ticket = house.ticket(Authorization=basic("ann", PASSWORD))
    assert house.ask("POST", "/auth/ticket")[0] == 401
    assert house.ask("POST", "/auth/ticket", Authorization="Bearer wrong")[0] == 401
    assert house.ask("POST", f"/auth/ticket?ticket={ticket}")[0] == 401
    assert house.ask("OPTIONS", "/auth/ticket")[0] == 405


# Lines


def test_lines_ask_for_the_password_and_show_it_to_nobody(house):
    witness = Line(house.port("line"), "witness")
    ann = Line(house.port("line"))
    ann.expect(BANNER)
    ann.send("ann\n")
    ann.expect("Password:\n")
    ann.send(f"{PASSWORD}\n")
    ann.expect(GREETING)
    ann.say("hello")
    ann.expect("ann: hello\n")
    assert witness.hear() == "ann has connected"
    assert witness.hear() == "ann: hello"


def test_three_wrong_passwords_close_the_line(house):
    client = Line(house.port("line"))
    client.expect(BANNER)
    for last in (False, False, True):
        client.send("ann\n")
        client.expect("Password:\n")
        client.send("guess\n")
        client.expect(WRONG + ("" if last else PROMPT))
    assert client.rest() == "error: not allowed\n"


def test_a_guest_on_a_line_becomes_an_account_by_login(house):
    client = Line(house.port("line"), "guest")
    client.say("/nick ann")
    assert client.hear().endswith("/login NAME PASSWORD")
    client.say("/login ann wrong")
    client.expect(WRONG)
    client.say(f"/login ann {PASSWORD}")
    client.say("it is me")
    client.line_until("ann: it is me")
    client.say("/token")
    assert client.hear().startswith("Your token is bt_")


def test_a_lines_session_is_taken_over_with_its_token(house):
    client = Line(house.port("line"))
    client.expect(BANNER)
    client.send(f"/login ann {PASSWORD}\n")
    client.expect(GREETING)
    client.say("/token")
    token = client.hear().split()[3]
    other = Line(house.port("line"))
    other.expect(BANNER)
    other.send(f"/resume {token}\n")
    other.line_until("You are ann again.")
    assert "replaced" in client.rest()


def test_a_command_client_registers_an_account_with_its_password(house):
    client = Command(house.port("command"))
    assert client.ask("register,ann").startswith("error: ")
    assert client.ask("register,ann,wrong") == "error: wrong name or password"
    assert client.ask(f"register,ann,{PASSWORD}") == "ack"
    assert client.ask("list,friends") == "ann"


# Where everybody needs a credential


def test_required_lets_nobody_in_without_a_credential(locked):
    plain = Json(locked.port())
    refused(plain.ask("message", content="hello?"))
    refused(plain.ask("hello", name="guest"))
    refused(plain.ask("rooms"))
    refused(V1(locked.port()).ask("hello"))
    for method in ("GET", "POST"):
        assert locked.ask(method, "/r/ops", "x" if method == "POST" else None)[0] == 401
    assert locked.ask("GET", "/healthz")[0] == 200
    expect_invalid_token(Text(locked.port()))
    numbered = Numbered(locked.port("numbered"))
    assert numbered.rest().count("\n") == 1


def test_required_asks_every_line_for_a_password_and_tells_no_names(locked):
    for name in ("ann", "nobody"):
        client = Line(locked.port("line"))
        client.expect(BANNER)
        client.send(f"{name}\n")
        client.expect("Password:\n")
        client.send("guess\n")
        client.expect(WRONG + PROMPT)


def test_required_lets_accounts_in_by_every_door(locked):
    plain = Json(locked.port())
    plain.say(type="hello", name="ann", password=PASSWORD)
    assert plain.hear_until("welcome")["name"] == "ann"
    plain.say(content="inside")
    plain.hear_until("message", content="inside")
    line = Line(locked.port("line"))
    line.expect(BANNER)
    line.send(f"ann\n{PASSWORD}\n")
    line.expect("Password:\n" + GREETING)
    text = Text(locked.port(), f"/text?token={locked.accounts.give_token('ann')}")
    text.say("raw")
    assert text.hear() == "raw"


# What must not be seen


def test_no_secret_reaches_the_log(house):
    token = house.accounts.give_token("ann")
    ticket = house.ticket(Authorization=basic("ann", PASSWORD))
    guesses = ["g0ess-number-one", "g0ess-number-two"]
    _, welcome = house.ann()
    house.ask("GET", f"/nowhere?token={token}")
    house.ask("GET", f"/r/ops?token={guesses[0]}")
    house.ask("GET", f"/r/ops?token={token}", Host="elsewhere.example")
    V1(house.port(), f"/?ticket={ticket}").hello()
    expect_invalid_token(V1(house.port(), f"/?token={guesses[1]}"))
    refused(V1(house.port()).ask("hello", name="ann", password=guesses[0]))
    client = Line(house.port("line"))
    client.expect(BANNER)
    client.send(f"ann\n{guesses[1]}\n")
    client.expect("Password:\n" + WRONG)
    house.server.stop()
    log = house.server.log()
    for secret in (PASSWORD, token, ticket, welcome["session"], *guesses, basic("ann", PASSWORD)):
        assert secret not in log
