"""Accounts, tokens, hooks and tickets of two servers that share a Redis: what is done on one holds on the other."""

import base64
import http.client
import json
import shutil
import subprocess

import pytest

from accounts import Accounts
from binaries import BANTERD
from clients import BANNER, EVERYTHING, NO_LIMIT, TIMEOUT, V1, Command, Line, wait_until
from raw_websocket import CLOSE

PASSWORD = "horse Battery:5taple"
SETTINGS = (*NO_LIMIT, "--set", "auth=mixed", "--set", "redis_timeout=1")


class Node:
    """One of the servers."""

    def __init__(self, server, redis, *flags, **how):
        self.store = ("--store", f"redis://{redis.address}")
        self.server = server(*SETTINGS, *self.store, *flags, listen=EVERYTHING, **how)
        self.data = self.server.data
        self.accounts = Accounts(self.data, *self.store)

    def port(self, scheme="ws"):
        return self.server.port(scheme)

    def ask(self, method, path, body=None, **headers):
        """Status and text of an answer over HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=TIMEOUT)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content

    def post(self, **headers):
        return self.ask("POST", "/r/ops", "text", **headers)[0]

    def await_account(self, name):
        """Until it is heard of here: guests cannot sign with its name then. Trying a password would count as guessing."""
        wait_until(lambda: self.post(Sender=name) == 409)

    def post_as(self, name, password=PASSWORD):
        return self.post(Authorization=basic(name, password))

    def post_with(self, token):
        return self.post(Authorization=f"Bearer {token}")

    def ticket(self, authorization):
        status, content = self.ask("POST", "/auth/ticket", Authorization=authorization)
        assert status == 200, content
        return json.loads(content)["ticket"]


@pytest.fixture
def nodes(server, redis):
    """Two servers, and the Redis between them."""
    shared = redis()
    return Node(server, shared), Node(server, shared), shared


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def closed(client):
    """Reads on until the connection is closed."""
    while client.receive()[0] & 0x0F != CLOSE:
        pass


def run(*arguments, input="", status=0):
    done = subprocess.run([BANTERD, *map(str, arguments)], input=input, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def test_an_account_made_at_one_node_lets_in_at_the_other_in_every_way(nodes):
    a, b, _ = nodes
    a.accounts.add("Ann", PASSWORD, "--role", "moderator")
    b.await_account("ann")
    assert b.post_as("ann") == 200
    token = a.accounts.give_token("ann")
    wait_until(lambda: b.post_with(token) == 200)
    session = V1(b.port()).hello(name="ann", password=PASSWORD)["session"]
    wait_until(lambda: a.post_with(session) == 200)
    assert V1(a.port()).hello(session=session)["name"] == "Ann"
    line = Line(b.port("line"))
    line.expect(BANNER)
    line.send(f"ann\n{PASSWORD}\n")
    line.expect("Password:\nAnn has connected\nWelcome Ann. Send QUIT to disconnect.\n")
    with Command(b.port("command")) as command:
        command.send(f"register,ann,{PASSWORD}\n")
        assert "ack" in command.line()
    assert b.accounts.run("user", "list").split()[1:3] == ["moderator", "Ann"]


def test_a_name_is_taken_on_all_nodes_and_given_away_on_all(nodes):
    a, b, _ = nodes
    guest = V1(b.port())
    a.accounts.add("ann", PASSWORD)
    wait_until(lambda: guest.ask("hello", name="ann")["type"] == "error")
    errors = run("user", "add", "ANN", "--data", b.data, *b.store, input=f"{PASSWORD}\n", status=1)[1]
    assert "there is an account ANN already" in errors
    b.accounts.remove("ann")
    wait_until(lambda: V1(a.port()).ask("hello", name="ann")["type"] == "welcome")


def test_a_role_given_at_one_node_holds_on_the_other(nodes):
    a, b, _ = nodes
    a.accounts.add("ann", PASSWORD)
    b.await_account("ann")
    ann = V1(b.port())
    ann.hello(name="ann", password=PASSWORD)
    assert ann.ask("ban", address="192.0.2.1")["code"] == "forbidden"
    a.accounts.run("user", "role", "ann", "owner")
    wait_until(lambda: ann.ask("ban", address="192.0.2.1")["type"] == "ack")


def test_who_is_removed_or_whose_token_is_revoked_goes_everywhere(nodes):
    a, b, _ = nodes
    a.accounts.add("ann", PASSWORD)
    first, second = a.accounts.give_token("ann"), b.accounts.give_token("ann")
    wait_until(lambda: b.post_with(first) == 200)
    one, two, three = V1(b.port()), V1(b.port()), V1(b.port())
    one.hello(token=first)
    two.hello(token=second)
    session = three.hello(name="ann", password=PASSWORD)["session"]
    (row,) = [row for row in a.accounts.tokens("ann") if row["id"] == min(t["id"] for t in a.accounts.tokens("ann"))]
    a.accounts.revoke(row["id"])
    closed(one)
    assert b.post_with(first) == 401 and b.post_with(second) == 200
    a.accounts.set_password("ann", "another password")
    closed(three)
    assert b.post_with(session) == 401 and b.post_as("ann") == 401 and b.post_with(second) == 200
    a.accounts.remove("ann")
    closed(two)
    assert b.post_with(second) == 401 and b.post_as("ann", "another password") == 401


def test_a_hook_is_one_of_all_nodes(nodes):
    a, b, _ = nodes
    secret = a.accounts.run("hook", "add", "ops").strip()
    path = f"/hooks/{secret}"
    wait_until(lambda: b.ask("POST", path, '{"text":"built"}')[0] == 200)
    b.accounts.run("hook", "revoke", "1")
    wait_until(lambda: a.ask("POST", path, '{"text":"built"}')[0] in (401, 403, 404))


def test_a_ticket_is_good_once_on_whichever_node(nodes):
    a, b, shared = nodes
    a.accounts.add("ann", PASSWORD)
    token = a.accounts.give_token("ann")
    wait_until(lambda: b.post_with(token) == 200)
    for credential in (basic("ann", PASSWORD), f"Bearer {token}"):
        ticket = a.ticket(credential)
        (key,) = shared.cli("KEYS", "banter:ticket:*")
        assert ticket not in key and token not in shared.cli("GET", key)
        assert V1(b.port(), f"/?ticket={ticket}").hello()["name"] == "ann"
        assert b.ask("POST", f"/r/ops?ticket={ticket}", "x")[0] == 401
        assert a.ask("POST", f"/r/ops?ticket={ticket}", "x")[0] == 401
    assert a.ask("POST", f"/r/ops?ticket={a.ticket(basic('ann', PASSWORD))}", "x")[0] == 200
    assert shared.cli("KEYS", "banter:ticket:*") == []


def test_a_ticket_is_worth_no_more_than_what_it_stands_for(nodes):
    a, b, _ = nodes
    a.accounts.add("ann", PASSWORD)
    token = a.accounts.give_token("ann", "--room", "ops")
    wait_until(lambda: b.post_with(token) == 200)
    narrow, revoked, old = (a.ticket(f"Bearer {token}"), a.ticket(f"Bearer {token}"), a.ticket(basic("ann", PASSWORD)))
    assert b.ask("POST", f"/r/other?ticket={narrow}", "x")[0] in (403, 404)
    by_token, by_password = V1(b.port()), V1(b.port())
    by_token.hello(token=token)
    by_password.hello(name="ann", password=PASSWORD)
    a.accounts.revoke(min(row["id"] for row in a.accounts.tokens("ann")))
    a.accounts.set_password("ann", "another password")
    closed(by_token)
    closed(by_password)
    assert b.ask("POST", f"/r/ops?ticket={revoked}", "x")[0] == 401
    assert b.ask("POST", f"/r/ops?ticket={old}", "x")[0] == 401


def test_a_static_tokens_ticket_is_one_of_those_nodes_that_have_the_token(server, redis):
    shared = redis()
    a, b = (Node(server, shared, "--set", "token=precious", "--set", "auth=required") for _ in range(2))
    c = Node(server, shared, "--set", "auth=required")
    assert b.ask("POST", f"/r/ops?ticket={a.ticket('Bearer precious')}", "x")[0] == 200
    assert c.ask("POST", f"/r/ops?ticket={a.ticket('Bearer precious')}", "x")[0] == 401


def test_wrong_passwords_are_counted_over_all_nodes(nodes):
    a, b, _ = nodes
    a.accounts.add("ann", PASSWORD)
    b.await_account("ann")
    for number in range(10):
        assert (a, b)[number % 2].post_as("ann", f"guess {number}") == 401
    # Each has refused five of the ten by itself, so alone it would refuse five more; it hears of the others' at once, but
    # not before they are answered.
    for node in (a, b):
        assert any(node.post_as("ann", "another guess") == 429 for _ in range(4))


def test_while_redis_is_away_logins_go_on_and_afterwards_all_is_the_same_again(nodes):
    a, b, shared = nodes
    a.accounts.add("ann", PASSWORD)
    token = a.accounts.give_token("ann")
    wait_until(lambda: b.post_with(token) == 200)
    shared.stop()
    one, two = V1(a.port()), V1(b.port())
    assert "session" not in one.hello(name="ann", password=PASSWORD)
    assert two.hello(token=token)["name"] == "ann"
    assert V1(b.port()).ask("hello", name="ann", password="wrong")["code"] == "unauthorized"
    assert a.ask("POST", "/auth/ticket", Authorization=f"Bearer {token}")[0] == 503
    errors = run("user", "add", "bob", "--data", a.data, *a.store, input=f"{PASSWORD}\n", status=1)[1]
    assert "Redis cannot be reached" in errors and errors.count("\n") == 1
    listed, errors = run("user", "list", "--data", a.data, *a.store)
    assert "ann" in listed and "as this folder knows them" in errors

    # It has forgotten everything: what the nodes know stays, and one of them gives it back.
    shared.start()
    wait_until(lambda: "`banterd user import`" in a.server.log())
    assert V1(a.port()).hello(token=token)["name"] == "ann"
    run("user", "import", "--data", a.data, *a.store)
    assert "Redis has accounts already" in run("user", "import", "--data", b.data, *b.store, status=1)[1]
    b.accounts.add("bob", PASSWORD)
    a.await_account("bob")
    wait_until(lambda: "session" in V1(a.port()).ask("hello", name="bob", password=PASSWORD))


def test_a_node_that_was_away_catches_up_and_one_with_nothing_learns_all(server, redis):
    shared = redis()
    a, b = Node(server, shared), Node(server, shared)
    a.accounts.add("ann", PASSWORD)
    a.accounts.add("eve", PASSWORD)
    b.await_account("eve")
    assert b.post_as("eve") == 200
    b.server.stop()
    a.accounts.remove("eve")
    token = a.accounts.give_token("ann")
    again = Node(server, shared, folder_of=b.server)
    assert again.post_with(token) == 200 and again.post_as("eve") == 401
    again.server.stop()
    shutil.rmtree(again.data)
    fresh = Node(server, shared, folder_of=again.server)
    assert fresh.post_with(token) == 200 and fresh.post_as("ann") == 200


def test_the_accounts_of_one_machine_move_to_several_when_told_to(server, redis):
    alone = server(*SETTINGS)
    Accounts(alone.data).add("ann", PASSWORD)
    token = Accounts(alone.data).give_token("ann")
    alone.stop()
    shared = redis()
    moved = Node(server, shared, folder_of=alone)
    assert moved.post_with(token) == 200
    assert "the accounts of this folder are not in Redis" in moved.server.log()
    assert "user import" in run("user", "add", "bob", "--data", moved.data, *moved.store, input=PASSWORD, status=1)[1]
    run("user", "import", "--data", moved.data, *moved.store)
    other = Node(server, shared)
    assert other.post_with(token) == 200
    other.accounts.add("bob", PASSWORD)
    moved.await_account("bob")
    assert moved.post_as("bob") == 200


def test_accounts_of_another_folder_are_neither_shared_nor_overwritten(server, redis):
    shared = redis()
    a = Node(server, shared)
    a.accounts.add("ann", PASSWORD)
    alone = server(*SETTINGS)
    Accounts(alone.data).add("bob", PASSWORD)
    alone.stop()
    b = Node(server, shared, folder_of=alone)
    assert "Redis has other accounts than this folder" in b.server.log()
    assert b.post_as("bob") == 200 and b.post_as("ann") == 401
    assert "Redis has accounts already" in run("user", "import", "--data", b.data, *b.store, status=1)[1]
    b.server.stop()
    for file in b.data.glob("accounts.db*"):
        file.unlink()
    c = Node(server, shared, folder_of=b.server)
    assert c.post_as("ann") == 200 and c.post_as("bob") == 401


def test_a_copy_is_not_changed_without_the_ledger(nodes):
    a, _, _ = nodes
    a.accounts.add("ann", PASSWORD)
    for words in (["user", "remove", "ann"], ["token", "add", "ann"], ["user", "add", "bob"]):
        errors = run(*words, "--data", a.data, input=f"{PASSWORD}\n", status=1)[1]
        assert "shared through Redis" in errors and errors.count("\n") == 1
    assert "ann" in run("user", "list", "--data", a.data)[0]


def test_a_copy_that_is_used_alone_is_its_servers_own_from_then_on(nodes, server):
    a, b, shared = nodes
    a.accounts.add("ann", PASSWORD)
    a.server.stop()
    alone = server(*SETTINGS, folder_of=a.server)
    assert "from now on they are this server's own" in alone.log()
    Accounts(alone.data).add("bob", PASSWORD)
    alone.stop()
    back = Node(server, shared, folder_of=alone)
    assert "Redis has other accounts than this folder" in back.server.log()
    assert back.post_as("bob") == 200 and b.post_as("bob") == 401


def test_many_commands_at_the_same_time_lose_nothing(nodes):
    a, b, _ = nodes
    a.accounts.add("ann", PASSWORD)
    commands = [
        subprocess.Popen([BANTERD, "token", "add", "ann", "--data", node.data, *node.store], stdout=subprocess.PIPE)
        for node in (a, b)
        for _ in range(6)
    ]
    tokens = [command.communicate(timeout=TIMEOUT)[0].decode().strip() for command in commands]
    assert all(command.returncode == 0 for command in commands)
    assert len(set(tokens)) == 12
    assert len({row["id"] for row in b.accounts.tokens("ann")}) == 12
    for token in tokens:
        wait_until(lambda: a.post_with(token) == 200 and b.post_with(token) == 200)
