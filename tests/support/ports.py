"""Ports for whoever has to know theirs before, or wants it again after a restart.

They lie below those that the system gives to whoever asks for any, so that nobody takes one while its server is down.
Each process that runs tests beside others has a share of its own, in which it begins anywhere."""

import itertools
import os
import pathlib
import random
import socket


def _own():
    given_out = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = given_out // 2 // count
    return range(given_out - (number + 1) * share, given_out - number * share)


OWN = _own()
# In an order that repeats none before all were given: who got one may not listen yet.
_order = itertools.cycle(random.sample(OWN, len(OWN)))


def is_free(port):
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def free_port():
    return next(filter(is_free, _order))


def free_row(count):
    """The first of so many in a row."""
    while True:
        first = random.choice(OWN[:-count])
        if all(is_free(port) for port in range(first, first + count)):
            return first


def kept(listen):
    """Addresses whose port does not matter, with one that a server gets again when it is started again."""
    return [url[:-1] + str(free_port()) if url.endswith(":0") else url for url in listen]
