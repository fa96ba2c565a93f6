"""Connections whose source a proxy tells (PROXY protocol): it is believed of trusted proxies only, and counts for limits
and for the log."""

import ipaddress
import struct
import subprocess

import pytest

from binaries import BANTERD
from certificates import Authority, over_tls
from clients import TIMEOUT, Line, Stream, wait_until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ON = ("--set", "proxy_protocol=on", "--set", "trusted_proxies=127.0.0.0/8")
ONE_EACH = ("--set", "max_connections_per_address=1")
LINES = ("line://127.0.0.1:0",)


def version_1(source):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {source} 56324 443\r\n".encode()


def version_2(source, command=1, extra=b""):
    address = ipaddress.ip_address(source)
    family = 0x11 if address.version == 4 else 0x21
    body = address.packed * 2 + struct.pack("!HH", 56324, 443) + extra
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(body)) + body


HEADERS = [version_1, version_2]


class Proxied(Line):
    def __init__(self, port, header, step=1000, name=None):
        Stream.__init__(self, port)
        for at in range(0, len(header), step):
            self.send(header[at : at + step])
        if name:
            self.join(name)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("source", ["203.0.113.7", "2001:db8::7"])
@pytest.mark.parametrize("step", [1, 1000])
def test_a_limit_counts_the_address_that_the_proxy_tells(server, header, source, step):
    hub = server(*ON, *ONE_EACH, listen=LINES)
    first = Proxied(hub.port("line"), header(source), step, name="first")
    second = Proxied(hub.port("line"), header(source), step)
    assert second.rest() == ""
    wait_until(lambda: f"Refusing a connection from {source}: max_connections_per_address" in hub.log())
    Proxied(hub.port("line"), header("203.0.113.8"), step, name="other")
    assert first.hear() == "other has connected"


def test_what_follows_the_header_at_once_is_heard(server):
    hub = server(*ON, listen=LINES)
    for header in (version_1("203.0.113.7"), version_2("203.0.113.7", extra=b"\x04\0\x0a" + bytes(10))):
        line = Stream(hub.port("line"))
        line.send(header + b"ann\nQUIT\n")
        assert "Welcome ann." in line.rest()


def test_a_proxys_own_connections_speak_for_themselves(server):
    hub = server(*ON, *ONE_EACH, listen=LINES)
    checks = [
        Proxied(hub.port("line"), header, name=f"check{number}")
        for number, header in enumerate([version_2("203.0.113.7", command=0), b"PROXY UNKNOWN\r\n"])
    ]
    assert checks[0].hear() == "check1 has connected"  # and is not limited


def test_the_header_comes_before_tls(server, tmp_path):
    authority = Authority(tmp_path)
    hub = server(*authority.make().flags, *ON, *ONE_EACH, listen=("line+tls://127.0.0.1:0",))
    context = authority.context()
    ann = over_tls(Line, context, before=version_2("203.0.113.7"))(hub.port("line+tls"), "ann")
    with pytest.raises(OSError):
        over_tls(Line, context, before=version_1("203.0.113.7"))(hub.port("line+tls"), "bob")
    ann.say("alone")
    assert ann.hear() == "ann: alone"


@pytest.mark.parametrize("nonsense", [b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 x y 1 2\r\n", SIGNATURE + b"\x31\x11\0\x0c"])
def test_a_proxy_without_a_header_is_closed_and_told_of(server, nonsense):
    hub = server(*ON, listen=LINES)
    for _ in range(3):
        with Stream(hub.port("line")) as stream:
            stream.send(nonsense)
            assert stream.rest() == ""
    assert hub.log().count("does not begin with a header of the PROXY protocol") == 1


def test_nobody_else_is_believed(server):
    hub = server("--set", "proxy_protocol=on", "--set", "trusted_proxies=192.0.2.0/24", listen=LINES)
    with Stream(hub.port("line")) as stream:
        assert stream.rest() == ""
    assert "Refusing a connection from 127.0.0.1: proxy_protocol is on, and it is none of trusted_proxies" in hub.log()


def test_without_the_setting_a_header_is_what_anybody_says(server):
    hub = server("--set", "trusted_proxies=127.0.0.0/8", listen=LINES)
    stream = Stream(hub.port("line"))
    stream.expect("banter chat server\nEnter your name:\n")
    stream.send(version_1("203.0.113.7"))
    assert "Welcome" not in stream.line()


def test_a_proxy_that_says_nothing_is_closed_after_a_while(server):
    hub = server(*ON, "--set", "handshake_timeout=0.3", listen=LINES)
    with Stream(hub.port("line")) as stream:
        stream.send(version_1("203.0.113.7")[:-1])
        assert stream.rest() == ""


def test_a_wrong_range_is_named_when_starting():
    ended = subprocess.run(
        [BANTERD, "--check", "--set", "trusted_proxies=10.0.0.1/8"], capture_output=True, text=True, timeout=TIMEOUT
    )
    assert ended.returncode == 1
    assert "trusted_proxies = 10.0.0.1/8: write one address, or a range that begins at its first" in ended.stderr
