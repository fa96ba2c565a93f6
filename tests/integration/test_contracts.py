"""The contracts for machines and the server say the same: whatever a session over all requests brings is in
docs/asyncapi.yaml and docs/openapi.yaml, whatever these have is met in it, and the server refuses what they refuse.
"""

import copy
import re
import socket

import pytest

from accounts import Accounts
from binaries import ROOT
from clients import NO_LIMIT, TIMEOUT, V1, Json
from contracts import Answers, Frames, load, members_of, without
from event_stream import EventStream
from http_client import Answer, request, send

PASSWORD = "horse Battery:5taple"
FRAMES = Frames()
HTTP = Answers()

# Answers of the contract that no session here brings about: faults of the server, and what wants floods or a full store.
RARE = {("post", "/r/{room}", "500"), ("get", "/r/{room}", "500"), ("get", "/r/{room}", "429"), ("get", "/sse", "429"),
        ("get", "/sse", "500"), ("post", "/auth/ticket", "429"), ("post", "/auth/ticket", "500"), ("get", "/readyz", "500"),
        ("post", "/hooks/{secret}", "403"), ("post", "/hooks/{secret}", "429"), ("post", "/hooks/{secret}", "500"),
        ("post", "/hooks/{secret}", "503")}


class Records:
    """What was said, and what the server said."""

    def __init__(self, server, port):
        self.server, self.port = server, port
        self.requests, self.frames, self.answers, self.events = [], [], [], []

    def http(self, method, path, body=None, **headers):
        answer = request(self.port, method, path, body, **headers)
        self.answers.append((method, path.partition("?")[0], answer))
        return answer

    def raw(self, method, path, data):
        answer = send(self.port, data, method)
        self.answers.append((method, path, answer))
        return answer

    def enter(self, kind=None, name=None, **hello):
        client = (kind or Witness)(self)
        if name or hello:
            client.ask("hello", **({"name": name} if name else {}), **hello)
        return client


class Recording:
    """A client all of whose frames are written down."""

    def __init__(self, records, *arguments, **options):
        self.records = records
        super().__init__(records.port, *arguments, **options)

    def say(self, **members):
        self.records.requests.append(members)
        super().say(**members)

    def hear(self):
        frame = super().hear()
        self.records.frames.append(frame)
        return frame

    def catch_up(self):
        """Hears all that was said to it so far."""
        self.ask("rooms")


class Witness(Recording, V1):
    pass


class PlainWitness(Recording, Json):
    pass


def talk(records):
    """All kinds of entries, and all that a reader of them can ask for."""
    ann, bob = records.enter(name="ann", password=PASSWORD), records.enter(name="guest")
    again = records.enter(name="ann", password=PASSWORD)
    plain = records.enter(PlainWitness)
    plain.hear()
    ann.join("lobby", after=0)
    bob.join("lobby")
    plain.say(content="Hello everyone!", sender="Ann")
    plain.ask("message", content="in the lobby, where else")
    first = ann.ask("message", room="talk", content="ship it")["seq"]
    bob.join("talk", after=0)
    ann.join("talk", after=77)
    ann.join("talk", after=1, epoch="elsewhere")
    ann.ask("message", room="talk", content="agreed", re=first)
    ann.ask("edit", room="talk", of=first, content="ship it!")
    bob.ask("react", room="talk", of=first, key="👍")
    bob.ask("react", room="talk", of=first, key="👍", op="remove")
    ann.ask("topic", room="talk", content="ships")
    bob.ask("typing", room="talk", state="active")
    ann.ask("read", room="talk", seq=first)
    again.catch_up()
    ann.ask("search", q="ship", rooms=["talk"], limit=1, offset=0)
    ann.ask("delete", room="talk", of=first)
    for limits in ({"limit": 1}, {"after": 0, "limit": 100}, {"before": 3}):
        ann.ask("history", room="talk", **limits)
    ann.ask("members", room="talk")
    ann.ask("message", to="guest", content="psst")
    session = records.enter(session=bob.ask("hello", name="guest")["session"], resume={"talk": {"after": 0, "epoch": ""}})
    session.hear_until("live")
    session.ask("leave", room="talk")
    session.say(type="leave", cid="gone")
    session.hear_until("ack", cid="gone")
    for client in (ann, again, plain):
        client.catch_up()


def rule(records):
    root, ann = records.enter(name="root", password=PASSWORD), records.enter(name="ann", password=PASSWORD)
    bob = records.enter(name="bob", password=PASSWORD)
    records.enter(name="visitor")
    ann.ask("create", room="ops")
    for one in (ann, bob):
        one.join("ops")
    ann.ask("set", room="ops", access="members")
    ann.ask("invite", room="ops", name="bob")
    bob.join("ops")
    for setting in ({"posting": "members"}, {"slow": 600}, {"registered_only": True}, {"topic_lock": False}):
        ann.ask("set", room="ops", **setting)
    for _ in range(2):
        bob.ask("message", room="ops", content="again")
    ann.ask("role", room="ops", name="bob", role="moderator")
    ann.ask("role", room="ops", name="bob", role="guest")
    ann.ask("mute", room="ops", name="bob", seconds=60, reason="loud")
    ann.ask("rules", room="ops")
    ann.ask("unmute", room="ops", name="bob")
    ann.ask("kick", room="ops", name="bob", reason="sells things")
    ann.ask("ban", room="ops", name="bob", seconds=3600, reason="sells things")
    ann.ask("ban", room="ops", address="192.0.2.0/24")
    ann.ask("rules", room="ops")
    ann.ask("rules", room="ops", offset=0, limit=1)
    ann.ask("audit", room="ops", limit=5)
    ann.ask("audit", room="ops", before=100, limit=100)
    ann.ask("unban", room="ops", name="bob")
    ann.ask("unban", room="ops", address="192.0.2.0/24")
    root.ask("mute", name="visitor")
    root.ask("kick", name="visitor")
    root.ask("rules")
    root.ask("audit")
    for one in (bob, ann):
        one.catch_up()


def fail(records):
    client = records.enter()
    client.ask("rooms")
    client.ask("hello", name="not a name")
    client.ask("hello", name="ann")
    client.ask("hello", name="ann", password="wrong")
    client.ask("hello", name="somebody")
    client.ask("hello", token=records.token)
    client.ask("auth", token=records.token)
    client.ask("join", room="$rules")
    client.say(type="join", room="@a,b")
    client.hear_until("error")
    client.ask("message", room="talk", content="x" * 70000)
    client.ask("message", room="talk", content="one", cid="c1")
    client.ask("message", room="talk", content="two", cid="c1")


def publish(records):
    meta = {"title": "Backup", "priority": "high", "tags": "warning,db", "click": "https://example.org/"}
    records.http("POST", "/r/alerts", b"failed", sender="cron", idempotency_key="k1", **meta)
    records.http("POST", "/r/alerts", b"something else", sender="cron", idempotency_key="k1")
    records.http("POST", "/r/alerts", b'{"content":"fine","priority":2,"tags":["ok"]}', content_type="application/json")
    records.http("POST", "/r/alerts", b'{"content":', content_type="application/json")
    records.http("POST", "/r/alerts", b"x", authorization="Bearer wrong")
    records.http("POST", "/r/$rules", b"x")
    records.http("POST", "/r/alerts", b"x", sender="bob")
    records.http("POST", "/r/alerts", b"x" * 70000)
    owner = records.enter(name="ann", password=PASSWORD)
    owner.ask("create", room="slow")
    owner.ask("set", room="slow", slow=60)
    for _ in range(2):
        records.http("POST", "/r/slow", b"x", sender="cron")


def read(records):
    for accept in ("application/json", "application/x-ndjson", "text/plain"):
        records.http("GET", "/r/alerts?after=0&limit=1", accept=accept)
        records.http("GET", "/r/talk", accept=accept)
    records.http("HEAD", "/r/alerts")
    records.http("GET", "/r/nowhere")
    records.http("GET", "/r/alerts?before=0")
    records.http("GET", "/r/alerts", authorization="Bearer wrong")
    for path in ("/", "/client.js", "/openapi.yaml", "/asyncapi.yaml", "/healthz", "/readyz", "/metrics"):
        records.http("GET", path)
        records.http("HEAD", path, accept_encoding="gzip, br")
        records.http("DELETE", path)
    records.http("GET", "/metrics", x_forwarded_for="192.0.2.1")


def call_hook(records):
    path = records.accounts.run("hook", "add", "alerts").split()[-1]
    path = "/" + path.partition("://")[2].partition("/")[2] if "://" in path else f"/hooks/{path}"
    records.http("POST", path, b'{"text":"the *disk* is full","username":"Alertmanager"}', idempotency_key="h1")
    records.http("POST", path, b'{"text":"something else"}', idempotency_key="h1")
    records.http("POST", path, b'{"text":')
    records.http("POST", "/hooks/wrong", b'{"text":"x"}')
    records.http("GET", path)


def follow(records):
    for query, last_id in (("room=talk&after=0", ""), ("room=talk", "elsewhere:1"), ("room=talk&room=alerts", "")):
        stream = EventStream(records.port, query, last_id)
        records.answers.append(("GET", "/sse", Streamed(stream)))
        if last_id or "after" in query:
            records.events += [stream.next() for _ in range(5)]
        else:
            stream.block()
        records.events.append(("id", stream.last_id))
        stream.close()
    records.http("GET", "/sse")
    records.http("GET", "/sse?room=$rules")
    records.http("GET", "/sse?room=talk&token=wrong")


class Streamed:
    """The head of a stream of events, as an answer."""

    def __init__(self, stream):
        self.status, self.headers, self.body = stream.status, list(stream.headers.items()), b""


def show_credentials(records):
    records.http("POST", "/auth/ticket", b"", authorization=f"Bearer {records.token}")
    records.http("POST", "/auth/ticket", b"")
    records.http("GET", "/auth/ticket")
    for mode in ("cors", None):
        records.http("GET", "/r/alerts", authorization="Basic nonsense", sec_fetch_mode=mode)


def change_protocols(records):
    upgrade = {"upgrade": "websocket", "connection": "Upgrade", "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
               "sec_websocket_version": "13"}
    for path in ("/ws", "/text"):
        records.http("GET", path)
        records.http("GET", path, **upgrade, sec_websocket_protocol="banter.v1", sec_websocket_extensions="permessage-deflate")


def break_rules_of_http(records, starve, leave):
    records.http("GET", "/healthz", origin="https://elsewhere.example")
    records.http("GET", "/healthz", host="elsewhere.example")
    records.http("GET", "/healthz", cookie="x" * 20000)
    records.raw("GET", "/healthz", b"nonsense\r\n\r\n")
    patient, records.port = records.port, starve.port()
    records.raw("GET", "/healthz", b"GET /healthz HTTP/1.1\r\n")
    records.port = patient
    with socket.create_connection(("127.0.0.1", leave.port()), timeout=TIMEOUT) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nPOST /r/talk HTTP/1.1\r\n")
        Answer(connection, "GET")
        leave.stop()
        records.answers.append(("POST", "/r/talk", Answer(connection, "POST")))


@pytest.fixture(scope="module")
def records(module_server):
    server = module_server(*NO_LIMIT, "--set", "max_message=65536")
    records = Records(server, server.port())
    records.accounts = accounts = Accounts(server.data)
    accounts.add("root", PASSWORD, "--role", "owner")
    accounts.add("ann", PASSWORD)
    accounts.add("bob", PASSWORD)
    records.token = accounts.give_token("ann")
    for part in (talk, rule, fail, publish, call_hook, read, follow, show_credentials, change_protocols):
        part(records)
    entries = records.enter(name="reader")
    for room in ("talk", "alerts"):
        entries.join(room, after=0)
    break_rules_of_http(records, module_server("--set", "handshake_timeout=1"), module_server())
    return records


def test_every_frame_of_a_session_is_in_the_contract(records):
    for frame in records.frames:
        assert FRAMES.answer_problems(frame) == [], frame
    for frame in records.requests:
        assert FRAMES.request_problems(frame) == [], frame


def test_the_contract_has_no_frame_and_no_member_that_is_never_met(records):
    heard = records.frames + [item for frame in records.frames if frame["type"] == "batch" for item in frame["items"]]
    for names, captured, suffix in ((FRAMES.requests(), records.requests, ""), (FRAMES.answers(), heard, "Frame")):
        for name in names:
            frames = [frame for frame in captured if frame.get("type", "message") == name]
            met = {path for frame in frames for path in members_of(frame)}
            promised = FRAMES.members(name + suffix)
            assert promised - met == set(), name


def test_frames_of_the_source_and_of_the_contract_are_the_same():
    sources = "".join(path.read_text() for path in sorted((ROOT / "src/protocol").glob("json*.c")))
    assert set(re.findall(r'\{\\"type\\":\\"(\w+)', sources)) == FRAMES.answers()
    table = re.search(r"request_types\[\] = \{(.*?)\n\};", sources, re.S)[1]
    assert set(re.findall(r'\{"(\w+)",', table)) == FRAMES.requests()


def test_words_of_the_source_and_of_the_contract_are_the_same():
    codes = re.findall(r'\{"(\w+)", "', (ROOT / "src/base/error.c").read_text())
    assert set(codes) - {"ok"} == set(FRAMES.schemas["errorCode"]["enum"])
    words = re.findall(r'\[RULE_\w+\] = "(\w+)"', (ROOT / "src/hub/rule.c").read_text())
    assert set(words) == set(FRAMES.schemas["ruleName"]["enum"])


def test_paths_of_the_source_and_of_the_contract_are_the_same():
    table = re.search(r"\} routes\[\] = \{(.*?)\n\};", (ROOT / "src/protocol/http.c").read_text(), re.S)[1]
    routes = set(re.findall(r'\{"([^"]+)"', table))
    pages = {"/", "/client.js", "/openapi.yaml", "/asyncapi.yaml"}
    assert routes | pages == {re.sub(r"\{\w+\}$", "", path) for path in HTTP.paths}


def broken(frame):
    """Wrong forms of a right frame of the server's."""
    schema = FRAMES.schemas[frame["type"] + "Frame"]
    for member in schema["required"]:
        yield without(frame, member)
    for member in frame:
        for wrong in (None, {}, [[]], -1, 1.5):
            yield {**frame, member: wrong}
    yield {**frame, "invented": 1}


def test_wrong_frames_are_not_in_the_contract(records):
    seen = set()
    for frame in records.frames:
        if frame["type"] in seen:
            continue
        seen.add(frame["type"])
        for wrong in broken(frame):
            assert FRAMES.answer_problems(wrong), wrong
    assert seen == FRAMES.answers()


def mistaken(frame):
    """Wrong forms of a right request."""
    name = frame.get("type", "message")
    for member in set(FRAMES.schemas[name].get("required", [])) - {"type", "room", "name", "role"}:
        yield without(frame, member)
    for member in set(frame) - {"type"}:
        yield {**frame, member: [[]]}
    yield {**frame, "cid": "x" * 65}
    yield {**frame, "type": "invented"}


def test_the_server_refuses_requests_that_are_not_in_the_contract(records):
    client = V1(records.port)
    client.hello(name="sloppy")
    kinds = {}
    for frame in records.requests:
        kinds.setdefault(frame.get("type", "message"), frame)
    assert set(kinds) == FRAMES.requests()
    for frame in kinds.values():
        for wrong in mistaken(frame):
            assert FRAMES.request_problems(wrong), wrong
            client.say(**wrong)
            answer = client.hear_until("error")
            assert answer["code"] == "bad_request", (wrong, answer)


def test_every_answer_over_http_is_in_the_contract(records):
    for method, path, answer in records.answers:
        assert HTTP.answer_problems(method, path, answer) == [], (method, path, answer.status, answer.headers, answer.body[:200])


def test_the_contract_has_no_answer_over_http_that_is_never_met(records):
    promised = {(method, path, status) for path, item in HTTP.paths.items() for method, operation in item.items()
                if method != "parameters" for status in operation["responses"]}
    met = {(method.lower(), HTTP.template_of(path), str(answer.status)) for method, path, answer in records.answers}
    assert promised - met == RARE
    assert set(HTTP.document["x-answers-to-anything"]) <= {status for _, _, status in met}


def test_every_event_of_a_stream_is_in_the_contract(records):
    kinds = {"message": "Entry", "gap": "Gap", "id": "EventId"}
    for event, data in records.events:
        assert HTTP.problems({"$ref": f"#/components/schemas/{kinds[event]}"}, data) == [], (event, data)
    assert {event for event, _ in records.events} == set(kinds)


def test_wrong_answers_over_http_are_not_in_the_contract(records):
    method, path, right = next(one for one in records.answers if one[1] == "/r/alerts" and one[2].status == 200)
    wrongs = [copy.copy(right) for _ in range(5)]
    wrongs[0].status = 418
    wrongs[1].headers = [*right.headers, ("X-Invented", "1")]
    wrongs[2].headers = [pair for pair in right.headers if pair[0] != "X-Frame-Options"]
    wrongs[3].body = right.body.replace(b'"seq":1', b'"seq":"1"')
    wrongs[4].headers = [(name, "text/html" if name == "Content-Type" else value) for name, value in right.headers]
    assert HTTP.answer_problems(method, path, right) == []
    for wrong in wrongs:
        assert HTTP.answer_problems(method, path, wrong), vars(wrong)


@pytest.mark.parametrize("name", ["asyncapi.yaml", "openapi.yaml"])
def test_the_contract_is_served_as_it_is_in_the_tree(records, name):
    answer = request(records.port, "GET", f"/{name}")
    assert answer.body == (ROOT / "docs" / name).read_bytes()


# Schemas that a description refers to.
SPOKEN_OF = ["#/components/schemas/Gap", "#/components/schemas/EventId"]


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for one in node:
            yield from references(one)


@pytest.mark.parametrize("contract", [FRAMES, HTTP], ids=["asyncapi", "openapi"])
def test_references_lead_somewhere_and_nothing_stands_about_unused(contract):
    used = set(references(contract.document))
    for reference in used:
        contract.resolver.resolve(reference)
    used |= {reference.removeprefix("asyncapi.yaml") for reference in references(load("openapi.yaml"))}
    for kind, named in contract.document["components"].items():
        for name in named if kind != "securitySchemes" else ():
            assert f"#/components/{kind}/{name}" in used | set(SPOKEN_OF)
