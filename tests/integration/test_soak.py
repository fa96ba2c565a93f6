"""A crowd joins, talks, leaves, is cut off and comes back, at random. Nobody misses an entry, sees one twice or in another
order. SOAK_CLIENTS sets how many, SOAK_SEED which crowd."""

import asyncio
import json
import os
import random

import websockets

from clients import NO_LIMIT

CLIENTS = int(os.environ.get("SOAK_CLIENTS", "200"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
ROOMS = ["lobby", "general", "ops", "random"]
TURNS = 12


class Member:
    """One client with a cursor in each room. What it gets must continue the cursor, always."""

    def __init__(self, port, number, said):
        self.url = f"ws://127.0.0.1:{port}/"
        self.number = number
        self.dice = random.Random(SEED * 100_000 + number)
        self.cursors = {}  # room → [epoch, last seq seen]
        self.seen = {}  # room → contents in order since first joined, with seq
        self.said = said  # room → cid → seq, of everybody
        self.pending = []  # (room, cid) sent, not acknowledged
        self.session = None
        self.socket = None
        self.turn = 0

    async def connect(self):
        self.socket = await websockets.connect(
            self.url,
            subprotocols=["banter.v1"],
            compression=None,
            max_size=None,
            max_queue=None,  # a full queue would keep it from reading the answer to a close
            ping_interval=None,
            open_timeout=60,
        )
        hello = {"type": "hello"}
        if self.session:
            hello["session"] = self.session
        await self.say(hello)
        welcome = await self.hear()
        assert welcome["type"] == "welcome", welcome
        self.session = welcome["session"]
        for room, (epoch, last) in self.cursors.items():
            begun = {} if last is None else {"epoch": epoch, "after": last}
            await self.say({"type": "join", "room": room, **begun})
        for room, cid in self.pending:
            await self.publish(room, cid)
        await self.settle()

    async def say(self, frame):
        await self.socket.send(json.dumps(frame))

    async def hear(self):
        return json.loads(await asyncio.wait_for(self.socket.recv(), 60))

    def take(self, item):
        room, seq = item["room"], item["seq"]
        if room not in self.cursors:
            return  # left meanwhile
        cursor = self.cursors[room]
        assert cursor[1] is None or seq == cursor[1] + 1, (self.number, room, cursor, seq)
        cursor[1] = seq
        self.seen.setdefault(room, {})[seq] = item["content"]

    def take_frame(self, frame):
        kind = frame["type"]
        assert kind != "error", frame
        assert kind != "gap", frame
        if kind == "joined" and frame["room"] in self.cursors:
            self.cursors[frame["room"]][0] = frame["epoch"]
        elif kind == "message":
            self.take(frame)
        elif kind == "batch":
            for item in frame["items"]:
                self.take(item)
        elif kind == "live" and frame["room"] in self.cursors:
            cursor = self.cursors[frame["room"]]
            assert cursor[1] is None or cursor[1] == frame["at"], (cursor, frame)
            cursor[1] = frame["at"]
        elif kind == "ack" and "seq" in frame:
            self.said[frame["room"]][frame["cid"]] = frame["seq"]
            self.pending.remove((frame["room"], frame["cid"]))

    async def settle(self):
        """Reads up to the answer to a last question."""
        self.turn += 1
        cid = f"settle-{self.turn}"
        await self.say({"type": "rooms", "cid": cid})
        while (frame := await self.hear()).get("cid") != cid:
            self.take_frame(frame)
        while self.pending or any(cursor[1] is None for cursor in self.cursors.values()):
            self.take_frame(await self.hear())

    async def publish(self, room, cid):
        await self.say({"type": "message", "room": room, "content": f"{self.number}:{cid}", "cid": cid})

    async def talk(self):
        room = self.dice.choice(ROOMS)
        cid = f"{self.number}-{self.turn}-{self.dice.random()}"
        self.pending.append((room, cid))
        await self.publish(room, cid)

    async def join(self):
        room = self.dice.choice(ROOMS)
        if room not in self.cursors:
            self.cursors[room] = [None, None]
            await self.say({"type": "join", "room": room})

    async def leave(self):
        if self.cursors:
            room = self.dice.choice(sorted(self.cursors))
            del self.cursors[room]
            self.seen.pop(room, None)
            await self.say({"type": "leave", "room": room, "cid": f"leave-{self.turn}"})
            # What was under way before the server heard of it belongs to the old stay.
            while (frame := await self.hear()).get("cid") != f"leave-{self.turn}":
                self.take_frame(frame)
            assert frame["type"] == "ack", frame
            await self.settle()

    async def vanish(self):
        """Cut off in the middle of things, and back where it was."""
        self.socket.transport.abort()
        await self.socket.wait_closed()
        await self.connect()

    async def live(self):
        await self.connect()
        for _ in range(TURNS):
            action = self.dice.choices(
                [self.talk, self.join, self.leave, self.vanish, self.settle], [8, 3, 1, 1, 3]
            )[0]
            await action()
        await self.settle()

    async def catch_up(self, lasts):
        for room, cursor in self.cursors.items():
            while cursor[1] < lasts[room]:
                self.take_frame(await self.hear())


async def soak(port):
    said = {room: {} for room in ROOMS}
    members = [Member(port, number, said) for number in range(CLIENTS)]
    async with asyncio.TaskGroup() as group:
        for member in members:
            group.create_task(member.live())
    lasts = {room: len(said[room]) for room in ROOMS}
    # Every cid was stored once, and the numbers have no hole.
    for room in ROOMS:
        assert sorted(said[room].values()) == list(range(1, lasts[room] + 1))
    async with asyncio.TaskGroup() as group:
        for member in members:
            group.create_task(member.catch_up(lasts))
    for member in members:
        for room, seen in member.seen.items():
            by_seq = {seq: cid for cid, seq in said[room].items()}
            assert all(content.partition(":")[2] == by_seq[seq] for seq, content in seen.items())
        await member.socket.close()
    assert sum(lasts.values()) > CLIENTS


def test_a_crowd_loses_repeats_and_misorders_nothing(server):
    # The crowd lives in one process, which may be late with everything.
    patience = ("--set", "handshake_timeout=0", "--set", "ping_timeout=0")
    running = server("--set", "announce_limit=10", *patience, *NO_LIMIT)
    asyncio.run(soak(running.port()))
