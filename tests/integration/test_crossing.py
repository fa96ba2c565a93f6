"""All protocols meet in the same rooms: what is said on one appears on every other, in order, once, and direct messages
reach those they are for and nobody else."""

import itertools

import pytest

from clients import BANNER, EVERYTHING, NO_LIMIT, Command, Json, Line, Numbered, Text, V1


class Speaker:
    """Somebody in the lobby: how they sign, how they speak, and what they see of "AUTHOR: TEXT"."""

    def __init__(self, client, name):
        self.client = client
        self.name = name  # as others see it

    def say(self, text):
        self.client.say(text)

    def sees(self, author, text):
        assert self.client.hear() == f"{author}: {text}"


class PlainSpeaker(Speaker):
    def say(self, text):
        self.client.say(content=text, sender=self.name)

    def sees(self, author, text):
        frame = self.client.hear_until("message")
        assert (frame["room"], frame["sender"], frame["content"]) == ("lobby", author, text)


class V1Speaker(PlainSpeaker):
    def say(self, text):
        self.client.say(type="message", room="lobby", content=text)


class TextSpeaker(Speaker):
    def __init__(self, client):
        super().__init__(client, "anonymous")

    def sees(self, author, text):
        # Their own words, and those of others of their kind, come back as they were.
        assert self.client.hear() == (text if author == self.name else f"{author}: {text}")


def plain(world):
    client = Json(world.port())
    client.hear_until("system")
    return PlainSpeaker(client, "Alice")


def v1(world):
    client = V1(world.port())
    client.hello(name="vera")
    client.join("lobby")
    return V1Speaker(client, "vera")


def text(world):
    return TextSpeaker(Text(world.port()))


def line(world):
    return Speaker(Line(world.port("line"), "Lin"), "Lin")


def numbered(world):
    return Speaker(Numbered(world.port("numbered")), "Client 1")


KINDS = {"plain": plain, "v1": v1, "text": text, "line": line, "numbered": numbered}


@pytest.fixture
def world(server):
    return server(*NO_LIMIT, listen=EVERYTHING)


def gather(world):
    """One of each kind, all of them in the lobby, with nothing left to read. Who has no greeting is known to be in when
    their own words come back."""
    everybody = {kind: KINDS[kind](world) for kind in ("line", "v1", "plain", "text", "numbered")}
    text = everybody["text"].client
    text.say("text is here")
    assert text.hear() == "text is here"
    everybody["numbered"].say("numbered is here")
    for kind in ("line", "numbered"):
        everybody[kind].client.line_until("Client 1: numbered is here")
    assert text.hear() == "Client 1: numbered is here"
    for kind in ("v1", "plain"):
        everybody[kind].client.hear_until("message", content="numbered is here")
    return everybody


@pytest.mark.parametrize("author,reader", itertools.product(KINDS, KINDS))
def test_what_one_says_the_other_sees_in_order_and_once(world, author, reader):
    everybody = gather(world)
    for number in range(10):
        everybody[author].say(f"message {number}")
    # A last word of somebody else closes the sequence: a repetition would stand before it.
    for number in range(10):
        everybody[reader].sees(everybody[author].name, f"message {number}")
    everybody["plain"].say("over")
    everybody[reader].sees("Alice", "over")


def test_all_at_once_come_in_one_order_to_all(world):
    everybody = gather(world)
    for number in range(20):
        for speaker in everybody.values():
            speaker.say(f"{number}")
    watcher = everybody["v1"].client
    log = [watcher.hear_until("message") for _ in range(100)]
    assert [entry["seq"] for entry in log] == list(range(3, 103))
    for kind in ("plain", "text", "line", "numbered"):
        for entry in log:
            everybody[kind].sees(entry["sender"], entry["content"])
    for speaker in everybody.values():
        own = [entry["content"] for entry in log if entry["sender"] == speaker.name]
        assert own == [str(number) for number in range(20)]


def test_last_words_of_a_piped_client_come_before_its_goodbye(world):
    everybody = gather(world)
    jason = Line(world.port("line"))
    jason.send("Jason\nhi\nQUIT\n")
    assert jason.rest().startswith(BANNER + "Jason has connected\n")
    everybody["line"].client.expect("Jason has connected\nJason: hi\nJason has disconnected\n")
    watcher = everybody["v1"].client
    joined, said, left = (watcher.hear_until("presence", "message") for _ in range(3))
    assert (joined["join"], said["content"], left["leave"]) == (["Jason"], "hi", ["Jason"])
    plain = everybody["plain"].client
    # Who is counted before having a name, and when, is not the point here; the order is.
    frames = [plain.hear()]
    while not (frames[-1]["type"] == "system" and frames[-1]["message"].startswith("Client left")):
        frames.append(plain.hear())
    assert [frame["sender"] for frame in frames if frame["type"] == "message"] == ["Jason"]
    everybody["text"].sees("Jason", "hi")
    everybody["numbered"].sees("Jason", "hi")


@pytest.mark.parametrize("author", ["plain", "v1", "text"])
def test_a_message_of_several_lines_cannot_forge_one(world, author):
    everybody = gather(world)
    everybody[author].say("one\nEve: two\r\nthree\x1b[2J")
    name = everybody[author].name
    for kind in ("line", "numbered"):
        everybody[kind].client.expect(f"{name}: one\n{name}: Eve: two\n{name}: three\ufffd[2J\n")


def test_a_label_cannot_forge_a_name(world):
    everybody = gather(world)
    plain, line = everybody["plain"].client, everybody["line"].client
    plain.say(content="x", sender="a\nEve: b\x1b[1m\u202e\u2028c")
    line.expect("a\ufffdEve\ufffd b\ufffd[1m\ufffd\ufffdc: x\n")
    plain.say(content="x", sender="LIN")
    assert plain.hear_until("error")["code"] == "name_taken"
    plain.say(content="x", sender="  \t ")
    line.expect("anonymous: x\n")


# Direct messages


@pytest.fixture
def named(world):
    """One client with a name on each protocol that can have one, and two bystanders without."""
    clients = {
        "ann": Line(world.port("line"), "ann"),
        "bob": V1(world.port()),
        "cat": Command(world.port("command"), "cat"),
        "dan": Json(world.port()),
        "text": Text(world.port()),
        "numbered": Numbered(world.port("numbered")),
    }
    clients["bob"].hello(name="bob")
    clients["dan"].say(type="hello", name="dan")
    clients["dan"].hear_until("welcome")
    yield clients
    for client in clients.values():
        client.socket.close()


def send_direct(clients, author, reader, text):
    if author == "ann":
        clients["ann"].send(f"/msg {reader} {text}\n")
    elif author == "cat":
        clients["cat"].send(f"chat,{reader},{text}")
    else:
        clients[author].say(type="message", to=reader, content=text)


def hear_direct(clients, author, reader, text):
    if reader == "ann":
        clients["ann"].line_until(f"[{author} -> you] {text}")
    elif reader == "cat":
        assert clients["cat"].read() == f"{author} says {text}"
    else:
        frame = clients[reader].hear_until("message")
        room = "@" + ",".join(sorted((author, reader)))
        assert (frame["room"], frame["sender"], frame["content"]) == (room, author, text)


NAMES = ("ann", "bob", "cat", "dan")


@pytest.mark.parametrize("author,reader", itertools.permutations(NAMES, 2))
def test_direct_messages_cross_and_reach_nobody_else(named, author, reader):
    send_direct(named, author, reader, "psst")
    hear_direct(named, author, reader, "psst")
    # Everybody else hears the next thing said aloud, or said to them, and nothing before it.
    named["numbered"].say("aloud")
    assert named["numbered"].line() == "Client 1: aloud"
    assert named["text"].hear() == "Client 1: aloud"
    for other in NAMES:
        if other in (author, reader):
            continue
        if other == "ann":
            seen = named["ann"].line_until("Client 1: aloud")
        elif other == "dan":
            seen = [named["dan"].hear()]
            while seen[-1].get("content") != "aloud":
                seen.append(named["dan"].hear())
        else:
            send_direct(named, reader, other, "for you")
            hear_direct(named, reader, other, "for you")
            seen = []
        assert "psst" not in str(seen)


def test_a_direct_room_does_not_exist_for_others(named, world):
    send_direct(named, "ann", "bob", "psst")
    hear_direct(named, "ann", "bob", "psst")
    eve = V1(world.port())
    eve.hello(name="eve")
    for request in (
        dict(type="join", room="@ann,bob"),
        dict(type="history", room="@ann,bob"),
        dict(type="members", room="@ann,bob"),
        dict(type="message", room="@ann,bob", content="x"),
        dict(type="join", room="@eve,nobody"),
    ):
        answer = eve.ask(**request)
        assert (answer["type"], answer["code"]) == ("error", "not_found"), (request, answer)
    assert "@ann" not in str(eve.ask("rooms"))
    assert eve.ask("message", to="nobody", content="x")["code"] == "not_found"


def test_one_can_write_to_oneself_and_answer_in_the_room(named):
    bob = named["bob"]
    ack = bob.ask("message", to="bob", content="note")
    assert (ack["type"], ack["room"]) == ("ack", "@bob,bob")
    assert bob.hear_until("message")["content"] == "note"
    send_direct(named, "ann", "bob", "psst")
    bob.hear_until("message", content="psst")
    assert bob.ask("message", room="@ann,bob", content="what?")["seq"] == 2
    named["ann"].line_until("[bob -> you] what?")
