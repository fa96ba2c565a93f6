"""Being led back to a connection that is not encrypted, and certificates that are renewed as they are in practice."""

import os

import pytest

from certificates import Authority
from clients import NO_LIMIT, Stream
from program import run


@pytest.fixture
def authority(tmp_path):
    made = Authority(tmp_path)
    made.make()
    return made


def head(port, host, context=None):
    """The headers of an answer, their names in lower case."""
    with Stream(port) as stream:
        if context:
            stream.socket = context.wrap_socket(stream.socket, server_hostname="localhost")
        stream.send(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        lines = stream.rest().partition("\r\n\r\n")[0].split("\r\n")[1:]
    return dict(line.lower().split(": ", 1) for line in lines)


def test_who_came_over_tls_is_told_to_come_by_it_again(server, authority):
    world = server(*authority.make().flags, *NO_LIMIT, "--set", "public_host=chat.example.org",
                   listen=("wss://127.0.0.1:0", "ws://127.0.0.1:0"))  # fmt: skip
    secure = head(world.port("wss"), "chat.example.org", authority.context())
    assert int(secure["strict-transport-security"].removeprefix("max-age=")) >= 180 * 86400
    assert "strict-transport-security" not in head(world.port("ws"), "chat.example.org")
    # All that runs on somebody's own machine has this name.
    assert "strict-transport-security" not in head(world.port("wss"), "localhost", authority.context())
    # A name that is not served is told nothing about it.
    assert "strict-transport-security" not in head(world.port("wss"), "evil.example", authority.context())


def test_a_certificate_that_is_a_link_is_renewed_from_within_the_sandbox(server, authority, tmp_path):
    """As certbot keeps them: the link is made to point to the next file of another folder."""
    archive, live = tmp_path / "archive", tmp_path / "live"
    archive.mkdir()
    live.mkdir()

    def publish(number):
        pair = authority.make()
        for kind, source in (("cert", pair.chain), ("key", pair.key)):
            (archive / f"{kind}{number}.pem").write_bytes(source.read_bytes())
            link = live / f"{kind}.new"
            link.symlink_to(f"../archive/{kind}{number}.pem")
            os.replace(link, live / f"{kind}.pem")

    def serial():
        with Stream(world.port("wss")) as stream:
            stream.socket = authority.context().wrap_socket(stream.socket, server_hostname="localhost")
            return stream.socket.getpeercert(binary_form=True)

    publish(1)
    world = server("--set", f"tls_cert={live}/cert.pem", "--set", f"tls_key={live}/key.pem", listen=["wss://127.0.0.1:0"])
    before = serial()
    publish(2)
    assert run("admin", "reload", "--data", str(world.data))[0] == "no setting changed\n"
    assert serial() != before
