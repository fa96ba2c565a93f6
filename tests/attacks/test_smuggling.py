"""Requests that a proxy and the server could take apart differently, and answers that a client could: what is hidden in one must
not be carried out, and nothing that is sent back may begin a line of its own."""

import pytest

from clients import NO_LIMIT, Stream, V1

HOST = b"Host: localhost\r\n"
HIDDEN = b"POST /r/lobby HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n\r\nHIDDEN"


@pytest.fixture(scope="module")
def world(module_server):
    return module_server(*NO_LIMIT)


@pytest.fixture
def watcher(world):
    """Hears what is said in the lobby; in the end it was what `said` names."""
    client = V1(world.port())
    client.hello()
    client.join("lobby")
    return client


def said(watcher):
    watcher.ask("message", room="lobby", content="end")
    texts = []
    while (text := watcher.hear_until("message")["content"]) != "end":
        texts.append(text)
    return texts


def send(world, *pieces):
    with Stream(world.port()) as stream:
        try:
            for piece in pieces:
                stream.send(piece)
            stream.end_input()
        except ConnectionError:
            pass
        return stream.rest()


BOTH = {
    "CL.TE": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n",
    "TE.CL": b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n",
    "TE with a blank": b"Content-Length: %d\r\nTransfer-Encoding : chunked\r\n",
    "TE with a tab": b"Content-Length: %d\r\nTransfer-Encoding:\tchunked\r\n",
    "TE with another word": b"Content-Length: %d\r\nTransfer-Encoding: identity, chunked\r\n",
    "TE twice": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n",
    "TE quoted": b'Content-Length: %d\r\nTransfer-Encoding: "chunked"\r\n',
    "TE in a folded line": b"Content-Length: %d\r\nX: y\r\n Transfer-Encoding: chunked\r\n",
    "TE behind a bare CR": b"Content-Length: %d\r\nX: y\rTransfer-Encoding: chunked\r\n",
    "TE behind a bare LF": b"Content-Length: %d\r\nX: y\nTransfer-Encoding: chunked\r\n",
    "TE with a zero byte": b"Content-Length: %d\r\nTransfer-Encoding: chunked\x00\r\n",
    "CL twice": b"Content-Length: %d\r\nContent-Length: 0\r\n",
    "CL in a list": b"Content-Length: %d, 0\r\n",
    "CL with a sign": b"Content-Length: +%d\r\n",
    "CL in hexadecimal": b"Content-Length: 0x%x\r\n",
    "CL with a blank": b"Content-Length : %d\r\n",
}


@pytest.mark.parametrize("way", BOTH)
def test_a_request_hidden_in_a_body_is_not_carried_out(world, watcher, way):
    body = b"0\r\n\r\n" + HIDDEN
    answer = send(world, b"POST /r/lobby HTTP/1.1\r\n" + HOST + BOTH[way] % len(body) + b"\r\n" + body)
    assert answer.startswith("HTTP/1.1 400 ") and answer.count("HTTP/1.1 ") == 1, answer
    assert said(watcher) == []


def test_what_follows_a_head_without_a_body_is_the_next_request_and_nothing_else(world, watcher):
    answer = send(world, b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN)
    assert answer.count("HTTP/1.1 ") == 1
    assert said(watcher) == []


def test_a_request_behind_an_upgrade_that_failed_is_not_carried_out(world, watcher):
    """A proxy that believes in the upgrade would let anything through behind it."""
    for version in (b"13", b"12"):
        answer = send(world, b"GET /ws HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                      b"Sec-WebSocket-Version: " + version + b"\r\nSec-WebSocket-Key: short\r\n\r\n" + HIDDEN)  # fmt: skip
        assert answer.count("HTTP/1.1 ") == 1 and " 101 " not in answer, answer
    answer = send(world, b"GET / HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + HIDDEN)
    assert answer.count("HTTP/1.1 ") == 1 and " 101 " not in answer
    assert said(watcher) == []


def test_two_hosts_or_a_host_elsewhere_are_refused(world):
    for head in (b"GET / HTTP/1.1\r\n" + HOST + HOST, b"GET / HTTP/1.1\r\n" + HOST + b"Host: evil.example\r\n",
                 b"GET http://evil.example/ HTTP/1.1\r\n" + HOST, b"GET / HTTP/1.1\r\n",
                 b"GET / HTTP/1.1\r\nHost: localhost evil.example\r\n", b"GET //evil.example/ HTTP/1.1\r\nHost: a/b\r\n"):  # fmt: skip
        assert send(world, head + b"\r\n").startswith("HTTP/1.1 400 "), head


SPLITTERS = ["%0d%0aX-Injected: 1", "%0aX-Injected: 1", "%0d%0a%0d%0a<html>", "%E5%98%8A%E5%98%8DX-Injected: 1",
             "\u560a\u560dX-Injected: 1", "%00", "%c0%8aX-Injected: 1"]  # fmt: skip


@pytest.mark.parametrize("text", SPLITTERS)
def test_an_answer_cannot_be_split(world, text):
    """Nothing of a request comes back in a header, and in a body only as JSON."""
    for path in (f"/r/{text}", f"/{text}", f"/r/lobby?after={text}", f"/r/lobby?cid={text}", f"/ws?token={text}"):
        answer = send(world, f"GET {path.replace(' ', '%20')} HTTP/1.1\r\n".encode() + HOST + b"Connection: close\r\n\r\n")
        head, _, body = answer.partition("\r\n\r\n")
        assert "x-injected" not in head.lower(), answer
        assert answer.count("HTTP/1.1 ") == 1 and "<html>" not in body


def test_a_host_in_an_answer_is_text(world):
    for host in (b'evil"example', b"evil<script>", b"evil\\u0000", b"a,b"):
        answer = send(world, b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        assert answer.startswith(("HTTP/1.1 400 ", "HTTP/1.1 421 "))
        assert "<script>" not in answer.partition("\r\n\r\n")[0]
        assert answer.partition("\r\n\r\n")[2].startswith('{"error":')
