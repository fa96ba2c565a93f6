"""Hooks, as Alertmanager, Grafana and whoever knows how to write to Slack meet them, and as their operator does."""

import http.client
import json
import pathlib
import sqlite3
import subprocess

import pytest

from accounts import Accounts
from binaries import BANTERD
from clients import TIMEOUT, V1, wait_until

PAYLOADS = pathlib.Path(__file__).resolve().parents[1] / "data" / "hooks"
TEXT = json.dumps({"text": "x"})


class Hooks(Accounts):
    def add_hook(self, room, *flags):
        return self.run("hook", "add", room, *flags).strip()

    def list(self):
        return [json.loads(line) for line in self.run("hook", "list", "--json").splitlines()]

    def end(self, id):
        self.run("hook", "revoke", str(id))


@pytest.fixture
def hub(server):
    """Nobody comes in without a credential; everything is logged."""
    return server("--set", "auth=required", "--set", "log_level=debug")


@pytest.fixture
def hooks(hub):
    return Hooks(hub.data)


def post(hub, secret, body=TEXT, **headers):
    """Status, type and body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", hub.port(), timeout=TIMEOUT)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", f"/hooks/{secret}", body, headers)
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], content


def messages(hub, room):
    """What an owner of the server reads in the room, as (sender, content)."""
    Accounts(hub.data).add("root", "correct horse", "--role", "owner")
    reader = V1(hub.port())
    reader.hello(name="root", password="correct horse")
    items = reader.ask("history", room=room)["items"]
    reader.leave()
    return [(item["sender"], item["content"]) for item in items]


def curl(hub, secret, *arguments):
    done = subprocess.run(
        ["curl", "-s", "-w", " %{http_code} %{content_type}", *arguments, f"http://127.0.0.1:{hub.port()}/hooks/{secret}"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    return done.stdout


OK = "ok 200 text/plain; charset=utf-8"


def test_curl_posts_in_every_way_that_slack_documents(hub, hooks):
    secret = hooks.add_hook("ops", "--label", "CI")
    as_json = ("-H", "Content-type: application/json", "--data", '{"text":"one & <https://x.org|two>"}')
    assert curl(hub, secret, "-X", "POST", *as_json) == OK
    assert curl(hub, secret, "--data-urlencode", 'payload={"text":"a+b","username":"cron"}') == OK
    assert curl(hub, secret, "-d", '{"text":"no type was said"}') == OK
    assert curl(hub, secret, "-d", "text") == "invalid_payload 400 text/plain; charset=utf-8"
    assert curl(hub, secret) == "method_not_allowed 405 text/plain; charset=utf-8"
    assert curl(hub, secret + "x", "-d", TEXT) == "no_service 404 text/plain; charset=utf-8"
    assert messages(hub, "ops") == [
        ("CI", "one & two (https://x.org)"),
        ("cron", "a+b"),
        ("CI", "no type was said"),
    ]


@pytest.mark.parametrize(
    "name, sender, begins",
    [
        ("alertmanager", "Alertmanager", "[FIRING:1] InstanceDown node1:9100 (node critical) (http://alertmanager."),
        ("grafana", "Grafana", "[FIRING:1] High load (Servers web-1)\n"),
        ("github_action", "hook", "Build & test of main\nfailure in hub#412 (https://github.com/example/hub/"),
    ],
)
def test_what_others_send_arrives(hub, hooks, name, sender, begins):
    body = (PAYLOADS / f"{name}.json").read_bytes()
    assert post(hub, hooks.add_hook("alerts"), body, Content_Type="application/json")[0] == 200
    [(signed, content)] = messages(hub, "alerts")
    assert signed == sender and content.startswith(begins)


def test_a_hook_writes_to_its_room_and_does_nothing_else(hub, hooks):
    secret = hooks.add_hook("ops")
    assert post(hub, secret)[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", hub.port(), timeout=TIMEOUT)
    bearer = {"Authorization": f"Bearer {secret}"}
    for method, path, headers in [
        ("GET", "/r/ops", bearer),
        ("GET", f"/r/ops?token={secret}", {}),
        ("POST", "/r/ops", bearer),
        ("POST", "/r/other", bearer),
        ("POST", "/auth/ticket", bearer),
        ("GET", "/sse?room=ops", bearer),
    ]:
        connection.request(method, path, "x" if method == "POST" else None, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 401, (method, path)
    connection.close()
    with_hello = V1(hub.port())
    with_hello.say(type="hello", token=secret)
    assert with_hello.hear_until("error")["code"] == "unauthorized"


def test_a_hook_that_is_revoked_is_over_at_once_and_others_stay(hub, hooks):
    secret, other = hooks.add_hook("ops"), hooks.add_hook("ops")
    assert post(hub, secret)[0] == post(hub, other)[0] == 200
    hooks.end(1)
    assert post(hub, secret)[0::2] == (404, "no_service")
    assert post(hub, other)[0] == 200
    assert [hook["id"] for hook in hooks.list()] == [2]


def test_the_operator_sees_hooks_but_no_secrets(hub, hooks):
    secret = hooks.add_hook("Ops", "--label", "Grafana", "--rate", "60")
    hooks.add_hook("news")
    [first, second] = hooks.list()
    assert first["created"] and first | {"created": 0} == {
        "id": 1, "room": "Ops", "label": "Grafana", "created": 0, "used": None, "rate_per_minute": 60
    }  # fmt: skip
    assert second["label"] == "hook" and "rate_per_minute" not in second
    assert post(hub, secret)[0] == 200
    wait_until(lambda: hooks.list()[0]["used"])  # it is noted when nobody waits to be let in
    everything = hooks.run("hook", "list") + hooks.run("hook", "list", "--json")
    assert "Grafana" in everything and secret not in everything


@pytest.mark.parametrize(
    "arguments",
    [("add", "a b"), ("add", "@ann,bob"), ("add", "$rules"), ("add", ""), ("add",), ("add", "ops", "--label", ""),
     ("add", "ops", "--label", "x" * 51), ("add", "ops", "--rate", "many"), ("add", "ops", "--role", "owner"),
     ("revoke", "7"), ("revoke", "x"), ("forget", "1"), ()],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(tmp_path, arguments):
    subprocess.run([BANTERD, "hook", "add", "first", "--data", tmp_path], check=True, timeout=TIMEOUT)
    done = subprocess.run(
        [BANTERD, "hook", *arguments, "--data", tmp_path], capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 1 and done.stderr and not done.stdout
    assert len(Hooks(tmp_path).list()) == 1


def test_the_secret_is_nowhere_but_with_who_has_it(hub, hooks):
    secret = hooks.add_hook("ops")
    assert post(hub, secret)[0] == 200
    assert post(hub, secret, "not json")[0] == 400
    assert post(hub, secret, Host="evil.example")[0] == 421
    assert post(hub, secret, Origin="http://evil.example")[0] == 403
    hooks.end(1)
    assert post(hub, secret)[0] == 404
    hub.stop()
    assert "Refused a hook from 127.0.0.1" in hub.log()
    assert secret.removeprefix("hk_") not in hub.log()
    for path in hub.data.iterdir():
        if path.is_file():
            assert secret.removeprefix("hk_").encode() not in path.read_bytes(), path


def test_a_page_of_another_site_cannot_use_a_hook_that_it_knows(hub, hooks):
    secret = hooks.add_hook("ops")
    assert post(hub, secret, Origin="http://evil.example", Content_Type="text/plain")[0] == 403
    assert post(hub, secret, Host="evil.example")[0] == 421


def test_a_message_that_is_sent_again_is_there_once(hub, hooks):
    secret = hooks.add_hook("ops")
    for _ in range(2):
        assert post(hub, secret, Idempotency_Key="k1")[0] == 200
    assert post(hub, secret, '{"text":"y"}', Idempotency_Key="k1")[0::2] == (422, "cid_reused")
    assert messages(hub, "ops") == [("hook", "x")]


def test_each_hook_has_a_rate_of_its_own(hub, hooks):
    slow, other = hooks.add_hook("ops", "--rate", "2"), hooks.add_hook("ops", "--rate", "0")
    assert [post(hub, slow)[0] for _ in range(3)] == [200, 200, 429]
    assert {post(hub, other)[0] for _ in range(50)} == {200}


def test_hooks_come_along_with_a_backup_and_stay_over_a_restart(server, hub, hooks):
    secret = hooks.add_hook("ops")
    hub.stop()
    again = server("--set", "auth=required", folder_of=hub)
    assert post(again, secret)[0] == 200
    with sqlite3.connect(hub.data / "accounts.db") as file:
        assert file.execute("SELECT count(*), max(length(digest)) FROM hooks").fetchone() == (1, 32)


def test_large_and_deep_payloads_are_refused_and_the_next_is_served(hub, hooks):
    secret = hooks.add_hook("ops")
    deep = '{"text":"x","attachments":' + "[" * 100000 + "]" * 100000 + "}"
    assert post(hub, secret, deep)[0::2] == (400, "invalid_payload")
    many = json.dumps({"attachments": [{"text": "x"}] * 20000})
    assert post(hub, secret, many)[0::2] == (400, "too_many_attachments")
    assert post(hub, secret, json.dumps({"text": "x" * 500000}))[0] == 413
    assert post(hub, secret, json.dumps({"text": "*a " * 40000}))[0] == 200
    [(_, content)] = messages(hub, "ops")
    assert len(content.encode()) <= 65536 and content.endswith("…")
