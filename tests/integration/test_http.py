"""The HTTP interface: publishing and reading with curl, and who may ask."""

import gzip
import json
import re
import socket
import subprocess

import pytest

from binaries import ROOT
from clients import ID, NO_LIMIT, TIMESTAMP, Json, Stream, V1
from http_client import request

FORM = "application/x-www-form-urlencoded"


class Curl:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def __call__(self, path, *arguments):
        """Status, headers with small names, and body of the answer."""
        output = subprocess.run(
            ["curl", "-sS", "-i", "--max-time", "20", *arguments, self.base + path],
            capture_output=True,
            check=True,
        ).stdout
        head, _, body = output.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, body = body.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), headers, body.decode()

    def json(self, path, *arguments):
        status, headers, body = self(path, *arguments)
        assert headers["content-type"].startswith("application/json"), headers
        return status, json.loads(body)

    def error(self, path, *arguments):
        status, answer = self.json(path, *arguments)
        assert answer["message"]
        return status, answer["error"]


@pytest.fixture
def running(server):
    return server(*NO_LIMIT)


@pytest.fixture
def curl(running):
    return Curl(running.port())


def test_post_publishes_and_answers_when_it_is_stored(running, curl):
    watcher = V1(running.port())
    watcher.hello()
    watcher.join("ops")
    status, answer = curl.json("/r/ops", "-d", "disk full")
    assert status == 200
    assert (answer["room"], answer["seq"]) == ("ops", 1)
    assert ID.fullmatch(answer["id"]) and TIMESTAMP.fullmatch(answer["timestamp"])
    frame = watcher.hear_until("message")
    assert (frame["content"], frame["id"], frame["sender"]) == ("disk full", answer["id"], "anonymous")


def test_post_takes_json_and_headers(running, curl):
    watcher = V1(running.port())
    watcher.hello()
    watcher.join("ops")
    body = {"content": "full", "sender": "cron", "title": "Disk", "priority": 4, "tags": ["disk"], "click": "https://x/"}
    curl.json("/r/ops", "-H", "Content-Type: application/json", "-d", json.dumps(body))
    frame = watcher.hear_until("message")
    assert {key: frame[key] for key in body} == body
    curl.json("/r/ops", "-H", "Title: Disk", "-H", "Sender: cron", "-H", "Priority: 4", "-H", "Tags: disk,db", "-d", "ü")
    frame = watcher.hear_until("message")
    assert (frame["content"], frame["title"], frame["sender"], frame["tags"]) == ("ü", "Disk", "cron", ["disk", "db"])


def test_idempotency_key_is_the_cid(curl):
    key = ("-H", "Idempotency-Key: k1", "-H", "Sender: cron")
    first = curl.json("/r/ops", *key, "-d", "once")
    assert curl.json("/r/ops", *key, "-d", "once") == first
    assert curl.error("/r/ops", *key, "-d", "twice") == (422, "cid_reused")
    # Somebody else's key is another key.
    status, answer = curl.json("/r/ops", "-H", "Idempotency-Key: k1", "-H", "Sender: other", "-d", "mine")
    assert (status, answer["seq"]) == (200, 2)


def test_get_reads_pages(curl):
    for number in range(1, 8):
        curl.json("/r/ops", "-d", str(number))
    status, page = curl.json("/r/ops?after=2&limit=3")
    assert status == 200
    assert [item["seq"] for item in page["items"]] == [3, 4, 5]
    assert (page["room"], page["first"], page["last"], page["more"]) == ("ops", 1, 7, True)
    assert page["epoch"]
    _, page = curl.json("/r/ops?before=3")
    assert ([item["content"] for item in page["items"]], page["more"]) == (["1", "2"], False)
    _, page = curl.json("/r/ops")
    assert [item["seq"] for item in page["items"]] == list(range(1, 8))


def test_get_gives_lines_to_those_who_want_them(curl):
    curl.json("/r/ops", "-H", "Sender: cron", "-d", "one\ntwo")
    curl.json("/r/ops", "-d", "three\x1b[1m")
    _, headers, body = curl("/r/ops", "-H", "Accept: application/x-ndjson")
    assert headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["seq"] for line in body.splitlines()] == [1, 2]
    _, headers, body = curl("/r/ops", "-H", "Accept: text/plain")
    assert headers["content-type"].startswith("text/plain")
    assert body == "cron: one\ncron: two\nanonymous: three\ufffd[1m\n"


@pytest.mark.parametrize(
    "path,arguments,expected",
    [
        ("/r/nowhere", (), (404, "not_found")),
        ("/nowhere", (), (404, "not_found")),
        ("/r/", ("-d", "x"), (404, "not_found")),
        ("/r/no%20good", ("-d", "x"), (400, "bad_request")),
        ("/r/@ann,bob", (), (404, "not_found")),
        ("/r/$ready", (), (404, "not_found")),
        ("/r/%61nn%00", ("-d", "x"), (400, "bad_request")),
        ("/r/ops?after=x", (), (400, "bad_request")),
        ("/r/ops?limit=-1", (), (400, "bad_request")),
        ("/r/ops", ("-H", "Content-Type: application/json", "-d", "{"), (400, "bad_request")),
        ("/r/ops", ("-H", "Content-Type: application/json", "-d", '{"content":1}'), (400, "bad_request")),
        ("/r/ops", ("--data-binary", "\udcff\udcfe"), (400, "bad_request")),
        ("/r/ops", ("-X", "DELETE"), (405, "bad_request")),
        ("/healthz", ("-d", "x"), (405, "bad_request")),
    ],
)  # fmt: skip
def test_errors_are_json_with_the_fitting_status(curl, path, arguments, expected):
    curl.json("/r/ops", "-d", "there is something")
    assert curl.error(path, *arguments) == expected


def test_a_body_over_the_limit_is_413(server):
    curl = Curl(server("--set", "max_message=1000", *NO_LIMIT).port())
    assert curl.error("/r/ops", "-d", "x" * 1001) == (413, "too_large")
    assert curl.error("/r/ops", "-d", "x" * 100_000) == (413, "too_large")
    assert curl.json("/r/ops", "-d", "x" * 1000)[0] == 200


def test_over_the_rate_is_429(server):
    curl = Curl(server("--set", "rate_per_minute=2").port())
    for _ in range(2):
        assert curl.json("/r/ops", "-d", "x")[0] == 200
    assert curl.error("/r/ops", "-d", "x") == (429, "rate_limited")


def test_health(curl):
    assert curl("/healthz")[0] == 200


def test_the_page_loads_whole_and_safely(curl):
    status, headers, body = curl("/")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" in headers
    assert "<title>" in body
    head_status, head_headers, head_body = curl("/", "--head")
    assert (head_status, head_body) == (200, "")
    assert head_headers["content-length"] == str(len(body.encode()))


def test_the_page_comes_compressed_to_who_takes_it_and_is_small(running):
    names = re.findall(r'"(/[\w.]*)"', (ROOT / "web/sw.js").read_text())
    assert "/" in names and "/app.js" in names
    transferred = 0
    for name in names:
        plain, packed = (request(running.port(), "GET", name, accept_encoding=coding) for coding in ("gzip;q=0, br", "gzip, br"))
        encoding = dict(packed.headers).get("Content-Encoding")
        assert "Content-Encoding" not in dict(plain.headers)
        assert (gzip.decompress(packed.body) if encoding else packed.body) == plain.body
        assert encoding == "gzip" or len(plain.body) < 1000
        transferred += len(packed.body)
    assert transferred < 50_000


def test_one_connection_takes_several_requests(running):
    client = Stream(running.port())
    request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    client.send(request + request + request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))
    assert client.rest().count("HTTP/1.1 200 ") == 3


# Host and Origin


def test_host_must_be_ours(server):
    running = server("--set", "public_host=chat.example", *NO_LIMIT)
    curl = Curl(running.port())
    for host in ("127.0.0.1", "localhost", f"localhost:{running.port()}", "[::1]:8765", "192.0.2.1", "chat.example",
                 "CHAT.example:443"):  # fmt: skip
        assert curl("/healthz", "-H", f"Host: {host}")[0] == 200, host
    for host in ("evil.example", "localhost.evil.example", "chat.example.evil.example"):
        status, _, body = curl("/", "-H", f"Host: {host}")
        assert status == 421, host
        assert "public_host" in body
    assert "public_host" in running.log()


def test_a_request_without_host_is_refused(running):
    client = Stream(running.port())
    client.send("GET /healthz HTTP/1.1\r\n\r\n")
    assert client.rest().startswith("HTTP/1.1 4")


def test_origin_must_be_allowed(server):
    running = server("--set", "allowed_origins=https://app.example", *NO_LIMIT)
    curl = Curl(running.port())
    own = f"http://127.0.0.1:{running.port()}"
    for origin in (own, "https://app.example"):
        assert curl("/r/ops", "-H", f"Origin: {origin}", "-d", "x")[0] == 200, origin
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "https://app.example.evil.example"):
        assert curl.error("/r/ops", "-H", f"Origin: {origin}", "-d", "x") == (403, "forbidden"), origin


def test_a_websocket_from_elsewhere_is_accepted_and_closed(running):
    for origin in ("http://evil.example", "null"):
        client = Json(running.port(), headers=[("Origin", origin)])
        first, payload = client.receive()
        assert payload == (1008).to_bytes(2, "big") + b"Invalid origin"
    own = Json(running.port(), headers=[("Origin", f"http://127.0.0.1:{running.port()}")])
    assert own.hear()["type"] == "system"


def test_head_that_never_ends_is_refused(running):
    client = Stream(running.port())
    try:
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n")
        for number in range(10_000):
            client.send(f"X-{number}: {'x' * 100}\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass  # it did not want to hear all of that
    try:
        answer = client.rest()
    except socket.timeout:
        raise AssertionError("no answer") from None
    assert answer.startswith("HTTP/1.1 431") or answer == ""
