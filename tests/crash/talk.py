"""What the tests of this folder say to a server, and how they check what it has kept."""

import pytest

from clients import V1, items_of


def enter(running, name):
    client = V1(running.port())
    client.hello(name=name)
    client.join("general")
    return client


def publish(client, count, room="general", content="{}"):
    """The acknowledgements of some messages."""
    acks = [client.ask("message", room=room, content=content.format(number)) for number in range(count)]
    assert {ack["type"] for ack in acks} == {"ack"}
    return acks


def numbers(entries):
    return [(entry["seq"], entry["id"]) for entry in entries]


def check_log(running, acks, room="general"):
    """The log of a room is what was acknowledged, from the first number on."""
    reader = V1(running.port())
    reader.hello()
    assert numbers(items_of(reader.join(room, after=0))) == numbers(acks)
    assert [ack["seq"] for ack in acks] == list(range(1, len(acks) + 1))


def refusal(server, *flags, **options):
    """The one line that a server which does not start says."""
    with pytest.raises(AssertionError, match="ended with 1 at start") as raised:
        server(*flags, **options)
    return str(raised.value).strip().splitlines()[-1]
