"""What banter does when its server misbehaves or goes away in the worst moment, played by a server that follows a script."""

import re

import pytest

from program import Program, run
from ports import free_port
from scripted_server import ScriptedServer


@pytest.fixture
def script():
    with ScriptedServer() as server:
        yield server


def lost(program):
    return re.fullmatch(r"\[Server\] Connection lost, trying again in 0\.[01] s", program.hear_error())


def test_a_message_whose_ack_was_lost_is_sent_again_under_its_cid(script):
    with Program("send", script.url, "hello", "-v") as program:
        peer, hello = script.welcome()
        assert "session" not in hello
        first = peer.hear("message")
        peer.drop()
        assert lost(program)
        peer, hello = script.welcome()
        assert hello["session"] == "s" * 43
        assert peer.hear("message") == first
        peer.ack(first, 7)
        peer.expect_close()
        output, errors = program.end()
        assert output == "7\n"


def test_reading_goes_on_after_the_last_number_seen(script):
    with Program("tail", script.url) as program:
        peer, _ = script.welcome()
        assert "after" not in peer.joined("lobby", last=5)
        peer.say(type="batch", room="lobby", items=[
            dict(type="message", room="lobby", seq=n, content=str(n), sender="ann") for n in (4, 5)])  # fmt: skip
        peer.live("lobby", 5)
        peer.entry(6, "6")
        assert [program.hear() for _ in range(3)] == ["ann: 4", "ann: 5", "ann: 6"]
        peer.drop()
        assert lost(program)
        peer, hello = script.welcome()
        assert hello["resume"] == {"lobby": {"epoch": "e", "after": 6}}
        peer.say(type="joined", room="lobby", epoch="e", first=1, last=8, client_count=1)
        # What it has seen already is not shown again, whoever's mistake it is.
        peer.say(type="batch", room="lobby", items=[
            dict(type="message", room="lobby", seq=n, content=str(n), sender="ann") for n in (6, 7, 8)])  # fmt: skip
        peer.live("lobby", 8)
        assert [program.hear() for _ in range(2)] == ["ann: 7", "ann: 8"]
        peer.say(type="gap", room="lobby", epoch="e", after=8, first=20, reason="retention")
        peer.entry(20, "20")
        assert program.hear() == "ann: 20"
        assert program.hear_error() == "[Server] Connected again"
        assert program.hear_error() == "[Server] entries 9 to 19 of lobby are gone (retention)"


def test_a_join_that_was_not_answered_is_asked_again(script):
    with Program("tail", script.url, "--after", "3") as program:
        peer, _ = script.welcome()
        assert peer.hear("join")["after"] == 3
        peer.drop()
        assert lost(program)
        peer, hello = script.welcome()
        assert hello["resume"] == {}
        assert peer.joined("lobby", last=4)["after"] == 3
        peer.entry(4, "4")
        assert program.hear() == "ann: 4"


def test_what_is_typed_meanwhile_is_sent_in_order_later(script):
    with Program("chat", script.url, "--name", "ann") as program:
        peer, _ = script.welcome()
        peer.joined("lobby")
        peer.live("lobby", 0)
        assert program.hear() == "[User] Connected"
        peer.drop()
        assert lost(program)
        for number in range(1, 6):
            program.say(str(number))
        peer, _ = script.welcome()
        peer.say(type="joined", room="lobby", epoch="e", first=1, last=0, client_count=1)
        peer.live("lobby", 0)
        for number in range(1, 6):
            message = peer.hear("message")
            assert message["content"] == str(number)
            peer.ack(message, number)
            peer.entry(number, str(number))
            assert program.hear() == f"ann: {number}"


def test_too_often_and_unavailable_are_sent_again_without_overtaking(script):
    with Program("chat", script.url, "--name", "ann") as program:
        peer, _ = script.welcome()
        peer.joined("lobby")
        peer.live("lobby", 0)
        program.say("one")
        program.say("two")
        first = peer.hear("message")
        peer.say(type="error", code="rate_limited", message="Rate limit exceeded", retry_ms=20, cid=first["cid"])
        assert program.hear_error() == "[Server] Rate limit exceeded, trying again in 0.0 s"
        assert peer.hear("message") == first
        peer.say(type="error", code="unavailable", message="Not stored", cid=first["cid"])
        assert peer.hear("message") == first
        peer.ack(first, 1)
        second = peer.hear("message")
        assert second["content"] == "two"
        peer.say(type="error", code="forbidden", message="No\x1b[1m", cid=second["cid"])
        assert program.hear_error().startswith("[Server] Not stored, trying again")
        assert program.hear_error() == "error: No\ufffd[1m"


def test_ctrl_c_waits_for_what_was_sent(script):
    with Program("chat", script.url, "--name", "ann") as program:
        peer, _ = script.welcome()
        peer.joined("lobby")
        peer.live("lobby", 0)
        program.say("important")
        message = peer.hear("message")
        program.interrupt()
        peer.ping(b"still there")
        peer.ack(message, 1)
        # It is durable, but has not been seen yet: still no goodbye.
        peer.ping(b"still there")
        peer.ping(b"still there")
        peer.entry(1, "important")
        peer.expect_close()
        assert program.end() == ("[User] Connected\nann: important\n[Server] Connection closed\n", "")


def test_ctrl_c_twice_does_not_wait_and_says_what_is_lost(script):
    with Program("chat", script.url, "--name", "ann") as program:
        peer, _ = script.welcome()
        peer.joined("lobby")
        peer.live("lobby", 0)
        program.say("important")
        peer.hear("message")
        program.interrupt()
        program.interrupt()
        _, errors = program.end(status=1)
        assert errors == "error: 1 message could not be delivered\n"


def test_a_server_that_falls_silent_is_left(script):
    with Program("tail", script.url) as program:
        # Ten seconds of grace are added to what the server says.
        peer, _ = script.welcome(ping_ms=1)
        peer.joined("lobby")
        assert lost(program)
        script.welcome()


def test_pings_are_answered(script):
    with Program("tail", script.url):
        peer, _ = script.welcome()
        peer.joined("lobby")
        peer.ping(b"")
        peer.ping(b"x" * 125)


@pytest.mark.parametrize("code", [1001, 1012, 1013, 4000, 4001])
def test_a_close_that_allows_it_is_followed_by_coming_back(script, code):
    with Program("tail", script.url) as program:
        peer, _ = script.welcome()
        peer.hear("join")
        peer.close(code, "come back")
        assert lost(program)
        script.welcome()


def test_after_a_restart_it_comes_back_at_once_however_long_the_server_would_have_it_wait(script):
    with Program("tail", script.url) as program:
        peer, _ = script.welcome(reconnect_ms=[300_000, 300_000])
        peer.hear("join")
        peer.close(1012, "service restart")
        assert re.fullmatch(r"\[Server\] Connection lost, trying again in 0\.[0-5] s", program.hear_error())
        script.welcome()


@pytest.mark.parametrize("code", [1008, 4500, 4501, 4502])
def test_a_close_that_means_it_is_final(script, code):
    with Program("tail", script.url) as program:
        peer, _ = script.welcome()
        peer.hear("join")
        peer.close(code, "go\x1b[2J away")
        assert program.end(status=1) == ("", "error: go\ufffd[2J away\n")


@pytest.mark.parametrize(
    "answer,words",
    [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"),
        ("HTTP/1.1 421 Misdirected Request\r\nContent-Length: 31\r\n\r\n"
         '{"message":"set public_host x"}', "set public_host x"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: wrong\r\n\r\n", "WebSocket"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "no WebSocket server"),
    ],
)  # fmt: skip
def test_what_is_no_banter_server_is_told(script, answer, words):
    with Program("chat", script.url) as program:
        connection = script.accept_raw()
        connection.recv(65536)
        connection.sendall(answer.encode())
        connection.close()
        output, errors = program.end(status=1)
        assert output == ""
        assert errors.startswith("error: ") and words in errors


def test_a_broken_frame_ends_it(script):
    with Program("tail", script.url) as program:
        peer, _ = script.welcome()
        peer.send(0xF1, b"{}")
        _, errors = program.end(status=1)
        assert errors.startswith("error: ")


def test_send_keeps_trying_while_the_server_is_down():
    port = free_port()
    with Program("send", f"ws://127.0.0.1:{port}", "hello") as program:
        assert "Connection refused, trying again in" in program.hear_error()
        with ScriptedServer(port) as later:
            peer, _ = later.welcome()
            peer.ack(peer.hear("message"), 1)
            peer.expect_close()
            program.end()


def test_nonsense_from_the_server_is_ignored(script):
    with Program("tail", script.url) as program:
        peer, _ = script.welcome(reconnect_ms="soon", limits=7, rooms=None)
        peer.joined("lobby")
        peer.say(type="surprise")
        peer.say(type=7)
        peer.say(type="batch", room="lobby", items={"a": 1})
        peer.say(type="message", room=7, seq="x", content=[])
        peer.send(0x81, b"not JSON")
        peer.send(0x82, b"\0")
        peer.entry(1, "fine")
        assert program.hear() == "ann: fine"


def test_a_timeout_of_nothing_tries_once_at_most():
    run("send", "ws://127.0.0.1:1", "x", "--timeout", "0", status=1)
