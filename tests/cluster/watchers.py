"""Clients that write, read and claim names while nodes die and links are cut, on whichever node takes them, and remember
what they were promised and what they saw. What it must come to is checked when all is over (see verdict)."""

import http.client
import json
import random
import threading
import time

from clients import V1, Line, Text
from event_stream import EventStream
from raw_websocket import CLOSE, FIN

ROOM = "chaos"
TROUBLE = (AssertionError, OSError, http.client.HTTPException, KeyError, ValueError)


class Watcher(threading.Thread):
    """Lives on one node after the other until it is told to stop."""

    def __init__(self, cluster, number):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.random = random.Random(f"{cluster.seed}/{type(self).__name__}/{number}")
        self.number = number
        self.label = f"{type(self).__name__.lower()}{number}"
        self.stopping = False
        self.turn = number
        self.problem = None

    def run(self):
        try:
            while not self.done():
                self.turn += 1
                try:
                    self.live(self.cluster.port_of(self.turn, self.scheme))
                except TROUBLE:
                    time.sleep(0.1)
        except BaseException as problem:  # whatever it is, it is the test's to tell
            self.problem = problem
            raise

    scheme = "ws"

    def done(self):
        return self.stopping

    def stop(self):
        self.stopping = True


class Writer(Watcher):
    """Sends one message after the other, each until it is acknowledged, under the same cid wherever that is."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.acknowledged = {}
        self.next = 1
        self.session = None

    def content(self):
        return f"{self.label} says {self.next}"

    def live(self, port):
        with V1(port) as client:
            client.socket.settimeout(4)
            answer = client.ask("hello", **({"session": self.session} if self.session else {}))
            self.session = answer["session"]
            while not self.stopping:
                answer = client.ask("message", room=ROOM, content=self.content(), cid=str(self.next))
                if answer["type"] == "ack":
                    self.acknowledged[self.content()] = answer["seq"]
                    self.next += 1
                    time.sleep(0.03)
                else:
                    assert answer["code"] in ("unavailable", "rate_limited", "name_taken"), answer
                    return  # tries the next node

class HttpWriter(Writer):
    def live(self, port):
        while not self.stopping:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
            headers = {"Idempotency-Key": str(self.next), "Sender": self.label}
            connection.request("POST", f"/r/{ROOM}", self.content(), headers)
            answer = connection.getresponse()
            body = json.loads(answer.read())
            connection.close()
            if answer.status != 200:
                assert answer.status == 503, (answer.status, body)
                return
            self.acknowledged[self.content()] = body["seq"]
            self.next += 1
            time.sleep(0.03)


class Resumer(Watcher):
    """A reader that goes on where it was. `seen`: (seq, content) in the order of arrival."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.seen = []
        self.gaps = []
        self.last = None  # the number to get to before it may stop

    def done(self):
        return self.stopping and self.seen and self.seen[-1][0] >= self.last

    def take(self, entry):
        self.seen.append((entry["seq"], entry["content"]))


class Reader(Resumer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.session = self.epoch = None

    def live(self, port):
        with V1(port) as client:
            client.socket.settimeout(2)
            answer = client.ask("hello", **({"session": self.session} if self.session else {}))
            self.session = answer.get("session", self.session)
            place = {"after": self.seen[-1][0] if self.seen else 0}
            if self.epoch:
                place["epoch"] = self.epoch
            client.say(type="join", room=ROOM, **place)
            end = time.monotonic() + self.random.uniform(3, 15)
            while not self.done() and time.monotonic() < end:
                try:
                    first, payload = client.receive()
                except TimeoutError:
                    continue
                if first & 0x0F == CLOSE:
                    return
                if first == FIN | 1:
                    self.take_frame(json.loads(payload))

    def take_frame(self, frame):
        if frame["type"] == "joined":
            self.epoch = frame["epoch"]
        elif frame["type"] == "gap":
            self.gaps.append(frame)
        elif frame["type"] == "error":
            raise ConnectionError(frame)
        for entry in [frame] if frame["type"] == "message" else frame.get("items", []):
            self.take(entry)


class StreamReader(Resumer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.last_id = ""

    def live(self, port):
        stream = EventStream(port, f"room={ROOM}", last_id=self.last_id or "")
        stream.socket.settimeout(2)
        assert stream.status == 200, stream.status
        end = time.monotonic() + self.random.uniform(3, 15)
        try:
            while not self.done() and time.monotonic() < end:
                try:
                    block = stream.block()
                except TimeoutError:
                    continue
                if block is None:
                    return
                if block[0] == "gap":
                    self.gaps.append(block[1])
                elif block[1] is not None:
                    self.take(block[1])
                self.last_id = stream.last_id
        finally:
            stream.close()


class HttpReader(Resumer):
    def live(self, port):
        after = self.seen[-1][0] if self.seen else 0
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
        connection.request("GET", f"/r/{ROOM}?after={after}&limit=100")
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        for entry in body.get("items", []) if answer.status == 200 else []:
            self.take(entry)
        time.sleep(0.1)


class LiveReader(Watcher):
    """A reader that cannot resume: what it sees in one life, over one connection, has no holes."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.lives = []
        self.others = []  # what was not said in the room of this test

    def read(self, client):
        self.lives.append([])
        client.socket.settimeout(2)
        end = time.monotonic() + self.random.uniform(3, 15)
        while not self.stopping and time.monotonic() < end:
            try:
                text = client.hear()
            except TimeoutError:
                continue
            if " says " in text:
                self.lives[-1].append(text.partition(": ")[2])
            else:
                self.others.append(text)


class LineReader(LiveReader):
    scheme = "line"

    def live(self, port):
        with Line(port) as client:
            client.expect("banter chat server\nEnter your name:\n")
            client.send(f"{self.label}-{self.turn}\n")
            client.line_until(f"Welcome {self.label}-{self.turn}. Send QUIT to disconnect.")
            client.send(f"/join {ROOM}\n")
            self.read(client)


class TextReader(LiveReader):
    """Raw text is of the lobby, so this one sees what is said there."""

    def live(self, port):
        with Text(port) as client:
            self.read(client)


class Claimer(Watcher):
    """Claims a name that others want, too, holds it for a moment and gives it back. `held`: (from, until) of what it was
    told."""

    NAME = "king"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.held = []

    def live(self, port):
        with V1(port) as client:
            client.socket.settimeout(4)
            while not self.stopping:
                answer = client.ask("hello", name=self.NAME)
                if answer["type"] == "welcome":
                    break
                assert answer["code"] in ("name_taken", "unavailable", "rate_limited"), answer
                if answer["code"] != "name_taken":
                    return
                time.sleep(0.2)
            else:
                return
            since = time.monotonic()
            # While somebody holds a name, they can show it by signing with it.
            until = since + self.random.uniform(0.2, 2)
            held = since
            try:
                while time.monotonic() < until:
                    said = time.monotonic()  # what is answered late was signed long ago
                    if client.ask("message", room="crowns", content=self.label)["type"] == "ack":
                        held = said
                    time.sleep(0.05)
            finally:
                self.held.append((since, held))
            client.leave()
            time.sleep(self.random.uniform(0, 0.3))
