"""TLS beneath every protocol, from outside."""

import asyncio
import json
import re
import signal
import socket
import ssl
import subprocess

import pytest
import websockets

from binaries import BANTERD
from certificates import Authority, over_tls, secure
from clients import NO_LIMIT, TIMEOUT, V1, Command, Line, Numbered, Stream, Text, wait_until
from program import run

SECURE = (
    "wss://127.0.0.1:0",
    "line+tls://127.0.0.1:0",
    "numbered+tls://127.0.0.1:0",
    "command+tls://127.0.0.1:0",
    "ws+text+tls://127.0.0.1:0",
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.make()
    return made


@pytest.fixture(scope="module")
def hub(module_server, authority):
    plain = ("ws://127.0.0.1:0", "line://127.0.0.1:0")
    return module_server(*authority.make().flags, *NO_LIMIT, listen=(*SECURE, *plain, "wss://127.0.0.2:0"))


def test_addresses_are_printed_as_they_were_asked_for(hub):
    schemes = [url.partition("://")[0] for url in hub.urls]
    assert schemes == ["wss", "line+tls", "numbered+tls", "command+tls", "ws+text+tls", "ws", "line", "wss"]


def test_the_websockets_library_talks_over_wss(hub, authority):
    async def talk():
        url = f"wss://localhost:{hub.port('wss')}/ws"
        async with websockets.connect(url, ssl=authority.context()) as one:
            await one.send(json.dumps({"type": "message", "room": "lobby", "content": "over TLS", "cid": "c"}))
            while (frame := json.loads(await asyncio.wait_for(one.recv(), TIMEOUT)))["type"] != "ack":
                pass
            return frame

    assert asyncio.run(talk())["cid"] == "c"


def test_every_protocol_speaks_over_tls_in_the_same_rooms(hub, authority):
    context = authority.context()
    line = over_tls(Line, context)(hub.port("line+tls"), "lina")
    text = over_tls(Text, context)(hub.port("ws+text+tls"), "/")
    line.say("to all")
    assert line.hear() == "lina: to all"
    while text.hear() != "lina: to all":
        pass
    numbered = over_tls(Numbered, context)(hub.port("numbered+tls"))
    numbered.send("from a number\n")
    while "from a number" not in line.hear():
        pass
    command = over_tls(Command, context)(hub.port("command+tls"))
    command.send("register,carla")
    assert command.socket.recv(100)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_carry_large_messages_whole(hub, authority, version):
    context = authority.context()
    context.minimum_version = context.maximum_version = version
    with over_tls(V1, context)(hub.port("wss"), "/ws") as ann:
        ann.hello()
        ann.join("large")
        content = "x" * 65000
        assert ann.ask("message", room="large", content=content)["type"] == "ack"
        ann.say(type="history", room="large", cid="h")
        frame = ann.hear_until(cid="h")
        assert frame["items"][-1]["content"] == content


def test_bytes_that_come_one_by_one_are_understood(hub, authority):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = authority.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with Stream(hub.port("line+tls")) as stream:

        def flush():
            for byte in outgoing.read():
                stream.send(bytes([byte]))

        def step(call):
            while True:
                try:
                    return call()
                except ssl.SSLWantReadError:
                    flush()
                    incoming.write(stream.socket.recv(1))
                finally:
                    flush()

        step(session.do_handshake)
        heard = b""
        while b"name" not in heard:
            heard += step(lambda: session.read(1000))
        session.write(b"slow\n")
        flush()
        while b"Welcome slow" not in heard:
            heard += step(lambda: session.read(1000))


def test_a_reader_that_stops_for_a_while_gets_everything_in_order(server, authority):
    settings = ("--set", "stream_window=64M", "--set", "history=memory", "--set", "ping_interval=0")
    hub = server(*authority.make().flags, *NO_LIMIT, *settings, listen=SECURE[:1])
    context = authority.context()
    reader = over_tls(V1, context)(hub.port("wss"), "/ws")
    writer = over_tls(V1, context)(hub.port("wss"), "/ws")
    reader.hello(name="reader")
    reader.join("flood")
    writer.hello(name="writer")
    for number in range(400):
        assert writer.ask("message", room="flood", content=f"{number} " + "x" * 40000)["type"] == "ack"
    for number in range(400):
        frame = reader.hear_until("message")
        assert frame["content"].split()[0] == str(number)


def test_the_certificate_is_chosen_by_the_name(server, authority):
    first, second = authority.make("one.test"), authority.make("*.two.test")
    hub = server(*first.flags, *second.flags, listen=SECURE[:1])
    context = authority.context()
    for name, pair in (("one.test", first), ("any.two.test", second), ("localhost", first), ("127.0.0.1", first)):
        with secure(hub.port("wss"), context, name) as opened:
            assert opened.getpeercert(True) == pair.der, name
    context.check_hostname = False
    with secure(hub.port("wss"), context, "nobody.test") as opened:
        assert opened.getpeercert(True) == first.der


def test_http_2_alone_is_refused_where_http_is_spoken(hub, authority):
    context = authority.context()
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        secure(hub.port("wss"), context)
    secure(hub.port("line+tls"), context).close()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with secure(hub.port("wss"), context) as opened:
        assert opened.selected_alpn_protocol() == "http/1.1"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_are_refused(hub, authority):
    context = authority.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        secure(hub.port("wss"), context)


def test_a_line_that_somebody_cut_short_is_not_taken(hub, authority):
    """The end of the connection without the end of TLS."""
    context = authority.context()
    watcher = over_tls(Line, context)(hub.port("line+tls"), "watcher")
    victim = over_tls(Line, context)(hub.port("line+tls"), "victim")
    assert watcher.hear() == "victim has connected"
    victim.send("delete everyth")
    socket.socket(fileno=victim.socket.detach()).close()
    assert "everyth" not in watcher.hear()


def test_who_says_goodbye_is_answered_to_the_end(hub, authority):
    talker = over_tls(Line, authority.context())(hub.port("line+tls"), "talker")
    talker.send("last words\nQUIT\n")
    assert talker.line() == "talker: last words"
    assert talker.rest() == ""  # with close_notify, or ssl would raise


# Who speaks what to whom


def test_http_to_a_port_that_speaks_tls_is_told_so(hub):
    with Stream(hub.port("wss")) as stream:
        stream.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = stream.rest()
    assert answer.startswith("HTTP/1.1 400 ") and "speaks TLS" in answer
    assert int(re.search(r"Content-Length: (\d+)", answer)[1]) == len(answer.partition("\r\n\r\n")[2])
    with Stream(hub.port("line+tls")) as stream:
        stream.send("ann\n")
        assert stream.rest() == ""
    assert hub.log().count("does not speak TLS to a listener that does") == 1


def test_tls_to_a_plain_port_is_closed_and_told_of(hub, authority):
    for scheme in ("ws", "line"):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            secure(hub.port(scheme), authority.context())
    assert hub.log().count("speaks TLS to a listener that does not") == 1


# Certificates and their files


def refused(*flags, listen="wss://127.0.0.1:0"):
    """What banterd says instead of starting."""
    ended = subprocess.run(
        [BANTERD, "--listen", listen, "--set", "store=memory", *flags], capture_output=True, text=True, timeout=TIMEOUT
    )
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    return ended.stderr


def test_a_server_without_its_certificate_says_what_is_missing(authority, tmp_path):
    one, other = authority.make(), authority.make()
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("nonsense")
    assert re.search(r"listen = wss://\S+ needs a certificate: set tls_cert .* and tls_key", refused())
    assert "each certificate needs its key" in refused("--set", f"tls_cert={one.chain}")
    assert "No such file" in refused("--set", "tls_cert=/no/such", "--set", f"tls_key={one.key}")
    for action in ((), ("--check",)):
        mixed = refused("--set", f"tls_cert={one.chain}", "--set", f"tls_key={other.key}", *action)
        assert f"the key {other.key} does not belong to the certificate {one.chain}" in mixed
    assert f"{nonsense} is not PEM" in refused("--set", f"tls_cert={nonsense}", "--set", f"tls_key={one.key}")


def test_new_certificates_are_taken_over_and_nobody_is_dropped(server, authority):
    old, new = authority.make(), authority.make()
    old_der = old.der
    hub = server(*old.flags, *NO_LIMIT, listen=SECURE[:2])
    context = authority.context()
    ann = over_tls(V1, context)(hub.port("wss"), "/ws")
    ann.hello(name="ann")
    with secure(hub.port("wss"), context) as opened:
        assert opened.getpeercert(True) == old_der
    half_way = Stream(hub.port("wss"))  # connected before, shakes hands after
    new.put(old)
    hub.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "Configuration read again" in hub.log())
    with context.wrap_socket(half_way.socket, server_hostname="localhost") as opened:
        assert opened.getpeercert(True) == new.der
    assert ann.ask("message", room="lobby", content="still here")["type"] == "ack"


def test_a_bad_certificate_changes_nothing(server, authority):
    pair = authority.make()
    good = pair.der
    hub = server(*pair.flags, listen=SECURE[:1])
    context = authority.context()
    with over_tls(V1, context)(hub.port("wss"), "/ws") as ann:
        ann.hello(name="ann")
        pair.key.write_text("nonsense")
        hub.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "The configuration stays as it was: " in hub.log())
        assert "is no private key" in hub.log()
        with secure(hub.port("wss"), context) as opened:
            assert opened.getpeercert(True) == good
        assert ann.ask("message", room="lobby", content="still here")["type"] == "ack"


# The client


def test_banter_talks_over_tls_to_whom_it_trusts(hub, authority):
    ca = ("--ca", str(authority.certificate))
    for url in (f"wss://localhost:{hub.port('wss')}", f"https://127.0.0.1:{hub.port('wss')}"):
        number, _ = run("send", url, "hello", "-v", *ca)
        assert int(number) > 0
    assert run("tail", f"wss://localhost:{hub.port('wss')}", "-c", "1", "--json", *ca)[0]
    report, _ = run(
        "bench", f"line+tls://localhost:{hub.port('line+tls')}", "--seconds", "1", "--warmup", "0", "--json", *ca
    )
    assert json.loads(report)
    said, _ = run("simulate", f"command+tls://127.0.0.1:{hub.port('command+tls')}", "--seconds", "3", "-i", "1", *ca)
    assert "[user1] receives" in said


def test_banter_says_why_it_does_not_trust(hub, authority):
    url = f"wss://127.0.0.1:{hub.port('wss')}"
    assert "an authority that is not trusted here" in run("send", url, "hello", status=1)[1]
    elsewhere = next(url for url in hub.urls if "127.0.0.2" in url)
    assert "for another host" in run("send", elsewhere, "hello", "--ca", str(authority.certificate), status=1)[1]
    assert run("send", url, "hello", "--insecure", "-v")[0]
    plain = f"wss://127.0.0.1:{hub.port('ws')}"
    assert run("send", plain, "hello", "--insecure", "-t", "2", status=1)[1]
    assert "cannot take certificates" in run("send", url, "hello", "--ca", "/no/such", status=2)[1]
