"""Three nodes behind nginx and HAProxy, as packaging/ configures them: everybody finds one that is there. Each node has a
store of its own here, and says in it which one it is; what nodes share is not the proxies' business."""

import collections
import signal
import socket

import pytest

from certificates import Authority
from clients import NO_LIMIT, TIMEOUT, V1, Line, items_of, wait_until
from ports import free_port
from proxies import HaproxyCluster, NginxCluster

NODES = 3


class Street:
    """Three servers behind a proxy."""

    def __init__(self, kind, start, folder, *flags):
        authority = Authority(folder)
        pair = authority.make()
        self.context = authority.context()
        self.start = start
        self.ports = [free_port() for _ in range(2 * NODES)]
        self.nodes = [self.begin(number) for number in range(NODES)]
        for number in range(NODES):
            self.mark(number)
        self.flags = (*kind.flags, *flags)
        # From here on they believe the proxy alone.
        for number, node in enumerate(self.nodes):
            node.stop()
            self.nodes[number] = self.begin(number, *self.flags, folder_of=node)
        self.proxy = kind(folder, pair, *self.ports[: 2 * NODES if kind is HaproxyCluster else NODES])

    def begin(self, number, *flags, **keywords):
        listen = (f"ws://127.0.0.1:{self.ports[number]}", f"line://127.0.0.1:{self.ports[NODES + number]}")
        return self.start("--set", f"banner={number}", *NO_LIMIT, *flags, listen=listen, **keywords)

    def restart(self, number):
        self.nodes[number] = self.begin(number, *self.flags, folder_of=self.nodes[number])

    def mark(self, number):
        with V1(self.nodes[number].port()) as guest:
            guest.hello()
            guest.ask("message", room="which", content=str(number))

    def connect(self, port, source="127.0.0.2"):
        return socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0))

    def come(self):
        """A client over TLS, with the number of the node that it got."""
        street = self

        class Guest(V1):
            def connect(self, port):
                return street.context.wrap_socket(street.connect(port), server_hostname="localhost")

            def is_cut(self):
                try:
                    while self._read():
                        pass
                except ConnectionResetError:
                    pass
                return True

        guest = Guest(self.proxy.port)
        guest.hello()
        guest.node = int(items_of(guest.join("which"))[0]["content"])
        return guest

    def come_by_line(self, name, source):
        street = self

        class Guest(Line):
            def connect(self, port):
                return street.connect(port, source)

        guest = Guest(self.proxy.line_port)
        guest.node = int(guest.line())
        guest.expect("Enter your name:\n")
        guest.send(f"{name}\n")
        return guest


@pytest.fixture(params=[NginxCluster, HaproxyCluster])
def street_of(request, server, tmp_path):
    streets = []

    def build(*flags, kind=request.param):
        streets.append(Street(kind, server, tmp_path, *flags))
        return streets[-1]

    yield build
    for street in streets:
        street.proxy.stop()


def test_everybody_is_sent_to_the_node_with_the_fewest(street_of):
    street = street_of()
    guests = [street.come() for _ in range(12)]
    assert collections.Counter(guest.node for guest in guests) == {0: 4, 1: 4, 2: 4}
    for guest in guests:
        if guest.node == 1:
            guest.socket.close()
    # Those who left make room where they were.
    wait_until(lambda: street.come().node == 1)


def test_who_was_on_a_node_that_died_finds_another(street_of):
    street = street_of()
    guests = [street.come() for _ in range(6)]
    street.nodes[2].kill()
    for guest in guests:
        if guest.node == 2:
            assert guest.is_cut()
    again = [street.come() for _ in range(6)]
    assert {guest.node for guest in again} == {0, 1}
    for guest in guests:
        if guest.node != 2:
            assert guest.ask("message", room="which", content="still here")["type"] == "ack"
    street.restart(2)
    wait_until(lambda: street.come().node == 2)


@pytest.mark.parametrize("street_of", [HaproxyCluster], indirect=True)
def test_a_node_that_drains_gets_nobody_and_sends_its_clients_to_the_others(street_of):
    street = street_of("--set", "drain=18")  # with 3 s of grace
    guests = [street.come() for _ in range(6)]
    street.nodes[0].process.send_signal(signal.SIGTERM)
    wait_until(lambda: "Server banter_web/node1 is DOWN" in street.proxy.log())
    leaving = [guest for guest in guests if guest.node == 0]
    assert len(leaving) == 2
    # It was noticed before anybody was told.
    for guest in leaving:
        assert guest.ask("message", room="which", content="still served")["type"] == "ack"
    assert {street.come().node for _ in range(6)} == {1, 2}
    wait_until(lambda: "Server banter_lines/node1 is DOWN via banter_web/node1" in street.proxy.log())
    street.nodes[0].process.send_signal(signal.SIGTERM)  # no need to wait for the rest of the time
    for guest in leaving:
        guest.hear_until("message", content="still served")
        assert street.come().node in (1, 2)
        guest.socket.close()
    assert street.nodes[0].process.wait(TIMEOUT) == 0
    for guest in guests:
        if guest.node != 0:
            assert guest.ask("message", room="which", content="not touched")["type"] == "ack"


@pytest.mark.parametrize("street_of", [HaproxyCluster], indirect=True)
def test_lines_are_spread_and_come_with_their_address(street_of):
    street = street_of("--set", "max_connections_per_address=1")
    people = [street.come_by_line(f"name{n}", f"127.0.0.{20 + n}") for n in range(6)]
    assert collections.Counter(person.node for person in people) == {0: 2, 1: 2, 2: 2}
    for number, person in enumerate(people):
        person.line_until(f"Welcome name{number}. Send QUIT to disconnect.")
