"""What the page of another site tries, in the browser of somebody who can reach the server: to read, to write, to be taken for
the server's own page by its name, to show the server's page as its own."""

import json

import pytest

from clients import EVERYTHING, NO_LIMIT, Json, Stream, Text, V1
from raw_websocket import CLOSE, FIN, close_payload

FOREIGN = ["http://evil.example", "https://localhost:1", "http://localhost:1", "http://127.0.0.1.evil.example", "null",
           "http://localhost.evil.example", "file://", "http://evil.example/localhost", "chrome-extension://abc",
           "http://[::1]", "HTTP://EVIL.EXAMPLE", "http://user@localhost"]  # fmt: skip
PATHS = ["/", "/healthz", "/r/lobby", "/client.js", "/nothing"]


@pytest.fixture(scope="module")
def world(module_server):
    return module_server(*NO_LIMIT, listen=EVERYTHING)


def request(world, method, path, headers, body=b"", scheme="ws"):
    """(status, headers, body); each header once, its name in lower case."""
    lines = [f"{method} {path} HTTP/1.1", f"Content-Length: {len(body)}", "Connection: close", *headers]
    with Stream(world.port(scheme)) as stream:
        stream.send("\r\n".join(lines + ["", ""]).encode() + body)
        head, _, body = stream.rest().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_gets_no_websocket(world, origin):
    for kind, path in ((Json, "/"), (Json, "/ws"), (Text, "/text")):
        client = kind(world.port(), path, headers=[("Origin", origin)])
        assert client.receive() == (FIN | CLOSE, close_payload(1008, b"Invalid origin"))


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_can_neither_read_nor_write(world, origin):
    watcher = V1(world.port())
    watcher.hello()
    watcher.join("lobby")
    for method in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE"):
        for path in PATHS:
            body = b"FORGED" if method in ("POST", "PUT") else b""
            status, headers, _ = request(world, method, path, ["Host: localhost", f"Origin: {origin}"], body)
            assert status == 403, (method, path)
            assert not any(name.startswith("access-control-") for name in headers)
    watcher.ask("message", room="lobby", content="end")
    assert watcher.hear_until("message")["content"] == "end"


def test_a_preflight_is_granted_nothing(world):
    wishes = ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type"]
    for origin in ("http://evil.example", "http://localhost"):
        status, headers, _ = request(world, "OPTIONS", "/r/lobby", ["Host: localhost", f"Origin: {origin}", *wishes])
        assert status in (403, 405)
        assert not any(name.startswith("access-control-") for name in headers)


def test_two_origins_are_not_one_that_is_allowed(world):
    port = world.port()
    for second in ("http://evil.example", f"http://localhost:{port}"):
        status, _, _ = request(world, "POST", "/r/lobby",
                               [f"Host: localhost:{port}", f"Origin: http://localhost:{port}", f"Origin: {second}"],
                               b"x")  # fmt: skip
        assert status in (400, 403)


REBOUND = ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "evil.example:{port}", "localhost.", "0x7f000001",
           "017700000001", "2130706433", "127.1.evil.example", "xn--lcalhost-54a", "ｌocalhost"]  # fmt: skip


@pytest.mark.parametrize("host", REBOUND)
def test_a_name_that_was_pointed_here_is_not_served(world, host):
    """DNS rebinding: page and request have the same origin, only the name is not ours."""
    host = host.format(port=world.port())
    for path in PATHS:
        for method in ("GET", "POST"):
            status, _, body = request(world, method, path, [f"Host: {host}", f"Origin: http://{host}"])
            assert status in (400, 421), (method, path)
            assert "<html" not in body
    upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]  # fmt: skip
    with Stream(world.port()) as stream:
        lines = ["GET /ws HTTP/1.1", f"Host: {host}", f"Origin: http://{host}", *upgrade]
        stream.send("\r\n".join([*lines, "", ""]).encode())
        assert stream.line().split()[1] in ("400", "421")


def test_every_answer_says_what_a_browser_may_do_with_it(world):
    wanted = {
        "x-content-type-options": "nosniff",
        "x-frame-options": "deny",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    asked = [("GET", path, "Host: localhost") for path in PATHS]
    asked += [("DELETE", "/r/lobby", "Host: localhost"), ("GET", "/", "Host: evil.example"), ("GET", "/ws", "Host: localhost"),
              ("GET", "/%zz", "Host: localhost"), ("GET", "/", "Host: a b")]  # fmt: skip
    for method, path, host in asked:
        status, headers, _ = request(world, method, path, [host])
        for name, value in wanted.items():
            assert headers[name] == value, (method, path, status)
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ") and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "*" not in policy
        assert "geolocation=()" in headers["permissions-policy"]
        assert "strict-transport-security" not in headers  # nothing here is TLS
        if path not in ("/", "/client.js") or status != 200:
            assert headers["cache-control"] == "no-store", (method, path)


def test_what_is_said_is_no_page(world):
    """A room read by its address is text or JSON, whatever stands in it."""
    request(world, "POST", "/r/markup", ["Host: localhost"], b"<script>alert(1)</script><html>")
    for accept in ("text/html", "*/*", "text/plain", "application/json", "image/svg+xml"):
        status, headers, body = request(world, "GET", "/r/markup", ["Host: localhost", f"Accept: {accept}"])
        assert status in (200, 406)
        assert not headers["content-type"].startswith(("text/html", "image/", "application/xhtml"))
        assert headers["x-content-type-options"] == "nosniff"
    for path in ("/%3Cscript%3E", "/r/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/r/markup?limit=%3Cscript%3E"):
        status, headers, body = request(world, "GET", path, ["Host: localhost"])
        assert headers["content-type"].startswith("application/json"), path
        json.loads(body)
