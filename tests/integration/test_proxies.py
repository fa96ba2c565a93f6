"""A server behind nginx and HAProxy, as packaging/ configures them: every protocol comes through, as whoever it comes from."""

import http.client
import json
import signal
import socket

import pytest

from accounts import Accounts
from certificates import Authority
from clients import NO_LIMIT, TIMEOUT, V1, Line, wait_until
from event_stream import EventStream
from ports import kept
from proxies import Haproxy, Nginx


class House:
    """A server behind a proxy. People come from addresses of 127.0.0.0/8 that they choose."""

    def __init__(self, kind, start, folder, flags=NO_LIMIT):
        self.authority = Authority(folder)
        self.pair = self.authority.make()
        self.context = self.authority.context()
        self.start = start
        self.flags = (*kind.flags, *flags)
        self.listen = kept(["ws://127.0.0.1:0", "line://127.0.0.1:0"])
        self.server = start(*self.flags, listen=self.listen)
        schemes = ("ws", "line") if kind is Haproxy else ("ws",)
        self.proxy = kind(folder, self.pair, *map(self.server.port, schemes))

    def restart(self):
        """Another server in the place of one that was killed."""
        self.server = self.start(*self.flags, listen=self.listen, folder_of=self.server)

    def connect(self, source="127.0.0.2", port=None):
        opened = socket.create_connection(("127.0.0.1", port or self.proxy.port), TIMEOUT, (source, 0))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def connect_safely(self, source="127.0.0.2"):
        return self.context.wrap_socket(self.connect(source), server_hostname="localhost")

    def come(self, client, *arguments, source="127.0.0.2", **keywords):
        """A client of this class, through the proxy and TLS."""
        house = self

        class Guest(client):
            def connect(self, port):
                return house.connect_safely(source)

        return Guest(self.proxy.port, *arguments, **keywords)

    def ask(self, method, path, body=None, source="127.0.0.2", **headers):
        """Status and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.port, timeout=TIMEOUT)
        connection.sock = self.connect_safely(source)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content

    def is_up(self):
        return self.ask("GET", "/readyz")[0] == 200


@pytest.fixture(params=[Nginx, Haproxy])
def house_of(request, server, tmp_path):
    houses = []

    def build(*flags, kind=request.param):
        houses.append(House(kind, server, tmp_path, flags or NO_LIMIT))
        return houses[-1]

    yield build
    for house in houses:
        house.proxy.stop()


@pytest.fixture
def house(house_of):
    return house_of()


def test_people_talk_over_websocket(house):
    ann, bob = house.come(V1), house.come(V1)
    for person, name in ((ann, "ann"), (bob, "bob")):
        person.hello(name=name)
        person.join("ops")
    assert ann.ask("message", room="ops", content="hello")["seq"] == 1
    assert bob.hear_until("message")["content"] == "hello"
    assert bob.ask("message", room="ops", content="x" * 60000)["type"] == "ack"
    assert len(ann.hear_until("message", sender="bob")["content"]) == 60000


def test_a_stream_of_events_is_live_and_goes_on(house):
    stream = house.come(EventStream, "room=ops")
    assert stream.status == 200
    stream.block()
    for number in range(3):
        # Each is read before the next is written: nothing waits for more to come.
        assert house.ask("POST", "/r/ops", str(number))[0] == 200
        assert stream.entry()["content"] == str(number)
    house.server.kill()
    assert stream.next() is None
    house.restart()
    wait_until(house.is_up)
    assert house.ask("POST", "/r/ops", "3")[0] == 200
    again = house.come(EventStream, "room=ops", last_id=stream.last_id)
    assert again.entry()["content"] == "3"


def test_http_and_hooks_come_through_and_their_secrets_stay_out_of_the_logs(house):
    secret = Accounts(house.server.data).run("hook", "add", "ops").strip()
    assert house.ask("POST", f"/hooks/{secret}", '{"text":"by hook"}') == (200, "ok")
    assert house.ask("POST", "/r/ops?token=bt_secretly", "x")[0] == 401
    items = json.loads(house.ask("GET", "/r/ops")[1])["items"]
    assert [item["content"] for item in items] == ["by hook"]
    house.server.kill()
    assert house.ask("POST", f"/hooks/{secret}", '{"text":"nobody is there"}')[0] in (502, 503)
    wait_until(lambda: house.proxy.log().count("POST /hooks/-") == 2)
    assert "/r/ops" in house.proxy.log()
    assert secret not in house.proxy.log() and "bt_secretly" not in house.proxy.log()


def test_everybody_is_limited_by_their_own_address(house_of):
    house = house_of("--set", "address_rate_per_minute=2", *NO_LIMIT)
    spoofed = {"X-Forwarded-For": "203.0.113.9"}
    assert [house.ask("POST", "/r/ops", str(n), **spoofed)[0] for n in range(3)] == [200, 200, 429]
    assert house.ask("POST", "/r/ops", "from elsewhere", source="127.0.0.3", **spoofed)[0] == 200


def test_who_is_banned_is_banned_by_their_own_address(house):
    Accounts(house.server.data).add("root", "correct horse", "--role", "owner")
    root, eve = house.come(V1, source="127.0.0.4"), house.come(V1, source="127.0.0.2")
    root.hello(name="root", password="correct horse")
    eve.hello(name="eve")
    assert root.ask("ban", address="127.0.0.2")["type"] == "ack"
    eve.expect_close(4501)
    assert house.ask("POST", "/r/ops", "x", source="127.0.0.2")[0] == 403
    assert house.ask("POST", "/r/ops", "x", source="127.0.0.3")[0] == 200
    house.come(V1, source="127.0.0.3").hello(name="ann")


def test_pages_of_this_origin_are_let_in_and_of_others_not(house):
    own = f"https://127.0.0.1:{house.proxy.port}"
    house.come(V1, headers=[("Origin", own)]).hello(name="ann")
    assert house.ask("POST", "/r/ops", "x", Origin=own)[0] == 200
    for origin in ("https://evil.example", f"https://127.0.0.1:{house.proxy.port + 1}"):
        assert house.ask("POST", "/r/ops", "x", Origin=origin)[0] == 403
        house.come(V1, headers=[("Origin", origin)]).expect_close(1008)


@pytest.mark.parametrize("house_of", [Nginx], indirect=True)
def test_a_page_that_came_in_plain_text_is_of_another_origin(house_of):
    house = house_of()
    assert house.ask("POST", "/r/ops", "x", Origin=f"http://127.0.0.1:{house.proxy.port}")[0] == 403


def test_who_comes_in_plain_text_is_sent_to_tls(house):
    connection = http.client.HTTPConnection("127.0.0.1", house.proxy.plain_port, timeout=TIMEOUT)
    connection.request("GET", "/r/ops?limit=1", headers={"Host": "chat.example.org"})
    answer = connection.getresponse()
    assert answer.status == 308
    assert answer.headers["Location"] == "https://chat.example.org/r/ops?limit=1"
    connection.close()


def test_a_server_that_was_killed_is_missed_and_found_again(house):
    assert house.is_up()
    house.server.kill()
    wait_until(lambda: house.ask("GET", "/readyz")[0] in (502, 503))
    house.restart()
    wait_until(house.is_up)
    house.come(V1).hello(name="ann")


@pytest.mark.parametrize("house_of", [Haproxy], indirect=True)
def test_a_server_that_is_not_ready_gets_nobody(house_of):
    house = house_of()
    house.server.process.send_signal(signal.SIGSTOP)
    try:
        # Connections to it still succeed, but it answers nothing.
        wait_until(lambda: "Server banter_web/banterd is DOWN, reason: Layer7 timeout" in house.proxy.log())
        assert house.ask("GET", "/r/ops")[0] == 503
        wait_until(lambda: "Server banter_lines/banterd is DOWN via banter_web/banterd" in house.proxy.log())
    finally:
        house.server.process.send_signal(signal.SIGCONT)
    wait_until(lambda: "Server banter_web/banterd is UP" in house.proxy.log())
    assert house.is_up()


@pytest.mark.parametrize("house_of", [Haproxy], indirect=True)
def test_lines_come_through_with_their_address(house_of):
    house = house_of("--set", "max_connections_per_address=1", *NO_LIMIT)

    def person(source, name=None):
        class Guest(Line):
            def connect(self, port):
                return house.connect(source, house.proxy.line_port)

        return Guest(house.proxy.line_port, name)

    ann = person("127.0.0.2", "ann")
    assert person("127.0.0.2").rest() == ""
    bob = person("127.0.0.3", "bob")
    assert ann.hear() == "bob has connected"
    bob.say("hello")
    assert ann.hear() == "bob: hello"
    assert "Refusing a connection from 127.0.0.2: max_connections_per_address" in house.server.log()
