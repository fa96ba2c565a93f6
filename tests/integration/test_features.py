"""What there is beside messages, from outside, with the websockets library as the client: edits, deletes, reactions,
topics, typing, read marks and searches, between clients of banter.v1, plain ones that say hello, and lines."""

import asyncio
import contextlib
import json
import pathlib
import time

import pytest
import websockets

from clients import NO_LIMIT, TIMEOUT, Line

WAIT = TIMEOUT
STORES = pytest.mark.parametrize("store", ["sqlite", "memory"])


class Client:
    """A connection of the websockets library. What was not asked for is kept in the order it came."""

    def __init__(self, socket):
        self.socket = socket
        self.cids = 0

    async def say(self, **members):
        await self.socket.send(json.dumps(members))

    async def hear(self):
        return json.loads(await asyncio.wait_for(self.socket.recv(), WAIT))

    async def hear_until(self, **members):
        while True:
            frame = await self.hear()
            if all(frame.get(key) == value for key, value in members.items()):
                return frame

    async def ask(self, type, **members):
        self.cids += 1
        cid = f"{id(self)}-{self.cids}"
        await self.say(type=type, cid=cid, **members)
        return await self.hear_until(cid=cid)

    async def ask_for_ack(self, type, **members):
        answer = await self.ask(type, **members)
        assert answer["type"] == "ack", answer
        return answer

    async def search(self, q, **members):
        answer = await self.ask("search", q=q, **members)
        assert answer["type"] == "batch", answer
        return [item["content"] for item in answer["items"]]


@contextlib.asynccontextmanager
async def connected(server, name, room="general", protocol="banter.v1", **hello):
    """Says hello and joins, and has read up to `live`."""
    subprotocols = [protocol] if protocol else None
    url = f"ws://127.0.0.1:{server.port()}/"
    async with websockets.connect(url, subprotocols=subprotocols, max_size=None) as socket:
        client = Client(socket)
        await client.say(type="hello", name=name, **hello)
        client.welcome = await client.hear_until(type="welcome")
        if room:
            client.joined = await client.ask("join", room=room)
            assert client.joined["type"] == "joined", client.joined
            await client.hear_until(type="live", room=room)
        yield client


READERS = pytest.mark.parametrize("reader", ["banter.v1", None])


@READERS
def test_edits_deletes_reactions_and_topics_are_shown(server, reader):
    running = server(*NO_LIMIT)

    async def scenario():
        async with connected(running, "ann") as ann, connected(running, "bob", protocol=reader) as bob:
            first = await ann.ask_for_ack("message", room="general", content="ship it")
            assert (await bob.hear_until(type="message"))["content"] == "ship it"
            edit = await ann.ask_for_ack("edit", room="general", of=first["seq"], content="ship it!")
            frame = await bob.hear_until(type="edit")
            assert frame["seq"] == edit["seq"] == first["seq"] + 1
            assert (frame["of"], frame["content"], frame["sender"]) == (first["seq"], "ship it!", "ann")
            await bob.ask_for_ack("react", room="general", of=first["seq"], key="\U0001f44d", op="add")
            frame = await ann.hear_until(type="react")
            assert (frame["of"], frame["key"], frame["op"], frame["sender"]) == (1, "\U0001f44d", "add", "bob")
            await bob.ask_for_ack("react", room="general", of=first["seq"], key="\U0001f44d", op="remove")
            assert (await ann.hear_until(type="react"))["op"] == "remove"
            await ann.ask_for_ack("topic", room="general", content="Release day")
            assert (await bob.hear_until(type="topic"))["content"] == "Release day"
            refused = await bob.ask("delete", room="general", of=first["seq"])
            assert (refused["type"], refused["code"]) == ("error", "forbidden")
            await ann.ask_for_ack("delete", room="general", of=first["seq"])
            frame = await bob.hear_until(type="delete")
            assert (frame["of"], frame["sender"]) == (first["seq"], "ann")
            history = await bob.ask("history", room="general")
            kinds = [item["type"] for item in history["items"]]
            assert kinds == ["message", "edit", "react", "react", "topic", "delete"]
            assert [item.get("content", "") for item in history["items"][:2]] == ["", ""]
            async with connected(running, "eve") as eve:
                assert eve.joined["topic"] == "Release day"

    asyncio.run(scenario())


def test_a_plain_client_that_said_no_hello_sees_messages_only(server):
    running = server(*NO_LIMIT)

    async def scenario():
        async with websockets.connect(f"ws://127.0.0.1:{running.port()}/") as socket:
            plain = Client(socket)
            await plain.hear_until(type="system")
            async with connected(running, "ann", room="lobby") as ann:
                await ann.ask_for_ack("message", room="lobby", content="one")
                await ann.ask_for_ack("edit", room="lobby", of=1, content="two")
                await ann.ask_for_ack("react", room="lobby", of=1, key="x")
                await ann.ask_for_ack("typing", room="lobby", state="active")
                await ann.ask_for_ack("delete", room="lobby", of=1)
                await ann.ask_for_ack("message", room="lobby", content="end")
                seen = []
                while not seen or seen[-1].get("content") != "end":
                    seen.append(await plain.hear())
                assert [frame["type"] for frame in seen] == ["system", "message", "message"]

    asyncio.run(scenario())


def test_lines_show_edits_and_topics_and_no_reactions(server):
    running = server(*NO_LIMIT, listen=("ws://127.0.0.1:0", "line://127.0.0.1:0"))
    with Line(running.port("line"), "jo") as jo:

        async def scenario():
            async with connected(running, "ann", room="lobby") as ann:
                await ann.ask_for_ack("message", room="lobby", content="helo")
                await ann.ask_for_ack("react", room="lobby", of=1, key="x")
                await ann.ask_for_ack("edit", room="lobby", of=1, content="hello")
                await ann.ask_for_ack("topic", room="lobby", content="Greetings")
                await ann.ask_for_ack("delete", room="lobby", of=1)
                await ann.ask_for_ack("message", room="lobby", content="end")

        asyncio.run(scenario())
        jo.expect("ann has connected\nann: helo\nann edited: hello\nann set the topic: Greetings\nann: end\n")


@READERS
def test_typing_is_passed_on_once_in_three_seconds(server, reader):
    running = server(*NO_LIMIT)

    async def scenario():
        async with connected(running, "ann") as ann, connected(running, "bob", protocol=reader) as bob:
            began = time.monotonic()
            for _ in range(5):
                await ann.ask_for_ack("typing", room="general", state="active")
            passed = 1 + int((time.monotonic() - began) / 3)  # at most: 1 but on a machine that stood still
            await ann.ask_for_ack("message", room="general", content="done")
            frames = []
            while not frames or frames[-1].get("content") != "done":
                frames.append(await bob.hear())
            typing = [frame for frame in frames if frame["type"] == "typing"]
            assert 1 <= len(typing) <= passed
            assert typing[0] == {"type": "typing", "room": "general", "sender": "ann", "state": "active"}
            history = await bob.ask("history", room="general")
            assert [item["type"] for item in history["items"]] == ["message"]
            again = time.monotonic() + 3.2
            frame = None
            while time.monotonic() < again + WAIT and frame is None:
                await ann.ask_for_ack("typing", room="general", state="idle")
                with contextlib.suppress(asyncio.TimeoutError):
                    frame = json.loads(await asyncio.wait_for(bob.socket.recv(), 0.2))
            assert frame == {"type": "typing", "room": "general", "sender": "ann", "state": "idle"}
            refused = await ann.ask("typing", room="elsewhere", state="active")
            assert refused["code"] == "not_found"

    asyncio.run(scenario())


def test_read_marks_are_kept_over_a_restart(server):
    running = server(*NO_LIMIT)

    async def mark():
        async with connected(running, "ann") as ann:
            assert ann.joined["read"] == 0
            for word in ("one", "two", "three"):
                await ann.ask_for_ack("message", room="general", content=word)
            ack = await ann.ask_for_ack("read", room="general", seq=2)
            assert "seq" not in ack
            await ann.ask_for_ack("read", room="general", seq=1)
            assert (await ann.ask("join", room="general"))["read"] == 2
            rooms = await ann.ask("rooms")
            assert [room["read"] for room in rooms["items"]] == [2]
            await ann.ask_for_ack("read", room="general", seq=99)
            assert (await ann.ask("join", room="general"))["read"] == 3
            assert (await ann.ask("read", room="general"))["code"] == "bad_request"
            assert (await ann.ask("read", room="nowhere", seq=1))["code"] == "not_found"
            return ann.welcome["session"], ann.joined["epoch"]

    session, epoch = asyncio.run(mark())
    running.stop()
    second = server(*NO_LIMIT, folder_of=running)

    async def come_back():
        resume = {"general": {"epoch": epoch, "after": 3}}
        async with connected(second, "ann", room=None, session=session, resume=resume) as ann:
            assert ann.welcome["rooms"] == [{"room": "general", "epoch": epoch, "last": 3, "read": 3}]
        async with connected(second, "bob") as bob:
            assert bob.joined["read"] == 0

    asyncio.run(come_back())


@STORES
def test_what_is_said_can_be_found(server, store):
    running = server("--store", store, *NO_LIMIT)

    async def scenario():
        async with connected(running, "ann") as ann, connected(running, "bob") as bob:
            await ann.ask_for_ack("message", room="general", content="the deploy is rolled back")
            await bob.ask_for_ack("message", room="general", content="deploying \u00fcber staging")
            await bob.ask_for_ack("message", room="random", content="back we rolled")
            answer = await ann.ask("search", q="deploy* from:bob", rooms=["general"], limit=20)
            assert sorted(answer) == ["cid", "items", "type"]
            (item,) = answer["items"]
            assert (item["type"], item["room"], item["seq"], item["sender"]) == ("message", "general", 2, "bob")
            assert await ann.search("rolled") == ["back we rolled", "the deploy is rolled back"]
            assert await ann.search('"rolled back"') == ["the deploy is rolled back"]
            assert await ann.search("UBER") == ["deploying \u00fcber staging"]
            assert await ann.search("rolled", rooms=["random"]) == ["back we rolled"]
            assert await ann.search("rolled in:general") == ["the deploy is rolled back"]
            assert await ann.search("after:2000-01-01 before:2001-01-01") == []
            first = await ann.ask("search", q="rolled", limit=1)
            second = await ann.ask("search", q="rolled", limit=1, offset=1)
            assert first["more"] is True and "more" not in second
            assert second["items"][0]["content"] == "the deploy is rolled back"
            for odd in ('"', "NEAR(", "a AND", "-", "x:y", "{a}", "'; DROP TABLE docs", "\u0000"):
                assert (await ann.ask("search", q=odd))["type"] in ("batch", "error")
            empty = await ann.ask("search", q="  ")
            assert empty["code"] == "bad_request" and empty["detail"].startswith("There is nothing to search for")
            assert (await ann.ask("search"))["code"] == "bad_request"
            assert (await ann.ask("search", q="a", rooms="general"))["code"] == "bad_request"

    asyncio.run(scenario())


@STORES
def test_the_rooms_of_others_are_not_searched(server, store):
    running = server("--store", store, *NO_LIMIT)

    async def scenario():
        async with connected(running, "ann") as ann, connected(running, "bob") as bob:
            async with connected(running, "eve") as eve:
                await ann.ask_for_ack("message", to="bob", content="secret plan")
                await ann.ask_for_ack("message", room="general", content="no secret")
                assert sorted(await ann.search("secret")) == ["no secret", "secret plan"]
                assert sorted(await bob.search("secret")) == ["no secret", "secret plan"]
                assert await eve.search("secret") == ["no secret"]
                assert await bob.search("secret", rooms=["@ann,bob"]) == ["secret plan"]
                assert await bob.search("secret in:@ann,bob") == ["secret plan"]
                assert await eve.search("secret in:@ann,bob") == []
                assert (await eve.ask("search", q="secret", rooms=["@ann,bob"]))["code"] == "not_found"

    asyncio.run(scenario())


@STORES
def test_a_page_of_results_is_not_too_large(server, store):
    running = server("--store", store, *NO_LIMIT)

    async def scenario():
        async with connected(running, "ann") as ann:
            for number in range(8):
                await ann.ask_for_ack("message", room="general", content=f"needle {number} " + "\x01" * 30000)
            found, offset, more = [], 0, True
            while more:
                await ann.say(type="search", q="needle", offset=offset, cid=f"s{offset}")
                while True:
                    text = await asyncio.wait_for(ann.socket.recv(), WAIT)
                    answer = json.loads(text)
                    if answer.get("cid") == f"s{offset}":
                        break
                assert len(text) <= 256 * 1024 and answer["items"]
                found += [item["seq"] for item in answer["items"]]
                offset, more = len(found), answer.get("more", False)
            assert sorted(found) == list(range(1, 9))

    asyncio.run(scenario())


def holds(folder, word):
    for path in pathlib.Path(folder).iterdir():
        # A journal is gone again as soon as what it covered is committed.
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and word in path.read_bytes():
                return True
    return False


def test_deleted_words_leave_the_index_and_its_files(server):
    running = server(*NO_LIMIT)

    async def scenario():
        async with connected(running, "ann") as ann:
            for word in ("before", "quagmire", "after"):
                await ann.ask_for_ack("message", room="general", content=f"{word} said")
                assert await ann.search(word) == [f"{word} said"]
            await ann.ask_for_ack("message", room="general", content="the marmalade")
            await ann.ask_for_ack("edit", room="general", of=4, content="the jam")
            assert await ann.search("jam") == ["the jam"] and await ann.search("marmalade") == []
            assert holds(running.data, b"quagmire")
            await ann.ask_for_ack("delete", room="general", of=2)
            assert await ann.search("quagmire") == []
            deadline = time.monotonic() + 60
            while holds(running.data, b"quagmire"):
                assert time.monotonic() < deadline, "the word is still in the files"
                await asyncio.sleep(0.2)
            assert await ann.search("said") == ["after said", "before said"]

    asyncio.run(scenario())


def test_a_lost_index_is_built_again(server):
    running = server(*NO_LIMIT)

    async def publish():
        async with connected(running, "ann") as ann:
            for number in range(50):
                await ann.ask_for_ack("message", room="general", content=f"entry {number}")

    asyncio.run(publish())
    running.kill()
    (running.data / "search.db").write_bytes(b"rubbish" * 1000)
    second = server(*NO_LIMIT, folder_of=running)

    async def find():
        async with connected(second, "bob") as bob:
            assert await bob.search("entry from:ann in:general 42") == ["entry 42"]
            assert len(await bob.search("entry", limit=100)) == 50

    asyncio.run(find())


def test_lines_can_search(server):
    running = server(*NO_LIMIT, listen=("ws://127.0.0.1:0", "line://127.0.0.1:0"))
    with Line(running.port("line"), "jo") as jo:
        jo.say("first words")
        jo.say("last words")
        jo.expect("jo: first words\njo: last words\n")
        jo.say("/search words last")
        jo.expect("lobby jo: last words\n")
        jo.say("/search nonsense")
        jo.expect("Nothing was found.\n")
        jo.say("/search ?!")
        assert jo.line().startswith("error: There is nothing to search for")
