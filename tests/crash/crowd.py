"""A crowd that talks over every protocol at once, through crashes of the server.

Each client is a thread that lives from one crash to the next: `live(ports)` talks until its connection breaks, and
takes up where it was when it is called again. What it is told goes into the ledger.
"""

import http.client
import json
import random
import threading

from clients import TIMEOUT, V1, Command, Json, Line, Numbered, Text
from ledger import Violation, check

WINDOW = 6  # messages of a client under way
GOODBYE = "error: the server is shutting down"


class Unavailable(ConnectionError):
    """It is not known whether it is stored. Expected of a server that stops, and of no other."""


class Client:
    """`finishing`: says nothing new, and `live` returns when nothing is under way. `talks`: says something at all."""

    talks = True

    def __init__(self, name, ledger, seed):
        self.name = name
        self.ledger = ledger
        self.dice = random.Random(f"{seed}/{name}")
        self.said = 0
        self.finishing = False
        self.connections = []

    def new_content(self):
        self.said += 1
        return f"{self.name}/{self.said}"

    def connect(self, kind, *arguments):
        connection = kind(*arguments)
        self.connections.append(connection)
        return connection

    def disconnect(self):
        for connection in self.connections:
            connection.socket.close()
        self.connections.clear()


class Resumer(Client):
    """banter.v1: resumes its session and its rooms, and sends again under the same cid what was not acknowledged."""

    def __init__(self, name, ledger, seed, rooms, epochs, friend=None, talks=True):
        super().__init__(name, ledger, seed)
        self.rooms = {room: 0 for room in rooms}  # the last seq seen
        self.lives = {}  # the rooms that are live, in this connection
        self.epochs = epochs  # of everybody
        self.friend = friend
        self.talks = talks
        self.session = None
        self.pending = {}  # cid → request

    def live(self, ports):
        self.socket = self.connect(V1, ports["ws"])
        self.lives = {}
        begun = {"session": self.session} if self.session else {}
        self.session = self.socket.hello(name=self.name, **begun)["session"]
        for room, after in self.rooms.items():
            epoch = {"epoch": self.epochs[room]} if room in self.epochs else {}
            self.socket.say(type="join", room=room, after=after, **epoch)
        for request in self.pending.values():
            self.socket.say(**request)
        while not self.done():
            while self.talks and not self.finishing and len(self.pending) < WINDOW:
                self.publish()
            self.take(self.socket.hear())

    def done(self):
        """To the end of what there is: nothing is asked for, and every room has been read."""
        return self.finishing and not self.pending and len(self.lives) == len(self.rooms)

    def publish(self):
        content = self.new_content()
        to_friend = self.friend and self.dice.random() < 0.3
        place = {"to": self.friend} if to_friend else {"room": self.dice.choice(sorted(self.rooms))}
        self.pending[content] = {"type": "message", "content": content, "cid": content, **place}
        self.socket.say(**self.pending[content])

    def take(self, frame):
        kind = frame["type"]
        if kind == "joined":
            epoch = self.epochs.setdefault(frame["room"], frame["epoch"])
            check(epoch == frame["epoch"], self.name, frame)
        elif kind == "message":
            self.take_entry(frame)
        elif kind == "batch":
            for item in frame["items"]:
                self.take_entry(item)
        elif kind == "live":
            check(frame["at"] == self.rooms.get(frame["room"], frame["at"]), self.name, self.rooms, frame)
            self.lives[frame["room"]] = True
        elif kind == "ack":
            request = self.pending.pop(frame["cid"])
            self.ledger.tell(frame["room"], frame["seq"], frame["id"], request["content"], frame["timestamp"])
        elif kind == "error" and frame["code"] == "not_found" and frame.get("cid") in self.pending:
            # The friend is not back yet.
            self.socket.say(**self.pending[frame["cid"]])
        elif kind == "error" and frame["code"] == "unavailable":
            raise Unavailable(frame)
        else:
            check(kind == "presence", self.name, frame)

    def take_entry(self, item):
        room = item["room"]
        if room in self.rooms:
            check(item["seq"] == self.rooms[room] + 1, self.name, room, "after", self.rooms[room], "came", item)
            self.rooms[room] = item["seq"]
        self.ledger.tell(room, item["seq"], item["id"], item["content"], item["timestamp"])


class Shouter(Client):
    """The protocols without an acknowledgement: what is shown is stored. Sends nothing twice."""

    def live(self, ports):
        connection = self.enter(ports)
        run = self.ledger.new_run("lobby")
        own = set()
        while not self.finishing or own:
            while not self.finishing and len(own) < WINDOW:
                content = self.new_content()
                own.add(content)
                self.say(connection, content)
            content = self.hear(connection)
            if content:
                run.append(content)
                own.discard(content)

    def say(self, connection, content):
        connection.say(content)

    def hear(self, connection):
        content = connection.hear().rpartition(": ")[2]
        if "/" not in content:
            return None  # somebody came or went
        self.ledger.tell_content("lobby", content)
        return content


class LineShouter(Shouter):
    def enter(self, ports):
        return self.connect(Line, ports["line"], self.name)


class NumberedShouter(Shouter):
    def enter(self, ports):
        return self.connect(Numbered, ports["numbered"])


class TextShouter(Shouter):
    def enter(self, ports):
        return self.connect(Text, ports["ws"])


class PlainShouter(Shouter):
    def enter(self, ports):
        return self.connect(Json, ports["ws"])

    def say(self, connection, content):
        connection.say(content=content, sender=self.name)

    def hear(self, connection):
        frame = connection.hear()
        if frame["type"] == "system":
            return None
        check(frame["type"] == "message", self.name, frame)
        self.ledger.tell("lobby", frame["seq"], frame["id"], frame["content"], frame["timestamp"])
        return frame["content"]


class Chatters(Client):
    """Two clients of the commands protocol, one of which writes to the other."""

    def live(self, ports):
        jane, zak = (self.connect(Command, ports["command"]) for _ in range(2))
        for connection, name in ((jane, f"{self.name}-jane"), (zak, f"{self.name}-zak")):
            connection.send(f"register,{name}\n")
            answer = connection.line()
            if answer == GOODBYE:
                raise Unavailable(answer)
            check(answer == "ack", name, answer)
        while not self.finishing:
            content = self.new_content()
            jane.send(f"chat,{self.name}-zak,{content}\n")
            shown = zak.line()
            if shown == GOODBYE:
                raise Unavailable(shown)
            check(shown == f"{self.name}-jane says {content}", shown)
            self.ledger.tell_content("@", content)


class Poster(Client):
    """HTTP: posts again under the same key what was not answered."""

    def __init__(self, name, ledger, seed, room):
        super().__init__(name, ledger, seed)
        self.room = room
        self.pending = None

    def live(self, ports):
        while self.pending or not self.finishing:
            self.pending = self.pending or self.new_content()
            headers = {"Sender": self.name, "Idempotency-Key": self.pending}
            connection = http.client.HTTPConnection("127.0.0.1", ports["ws"], timeout=TIMEOUT)
            try:
                connection.request("POST", f"/r/{self.room}", self.pending.encode(), headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
            finally:
                connection.close()
            if response.status == 503:
                raise Unavailable(answer)
            check(response.status == 200, self.name, response.status, answer)
            self.ledger.tell(self.room, answer["seq"], answer["id"], self.pending, answer["timestamp"])
            self.pending = None


class Crowd:
    """Lives in threads. After a crash, `join` says what went wrong besides it."""

    def __init__(self, clients):
        self.clients = clients
        self.threads = []
        self.failures = []
        self.crashed = False

    def live(self, ports):
        self.crashed = False
        self.threads = [threading.Thread(target=self._live, args=(client, ports)) for client in self.clients]
        for thread in self.threads:
            thread.start()

    def _live(self, client, ports):
        try:
            client.live(ports)
        except Violation as violation:
            self.failures.append(violation)
        except (AssertionError, OSError, http.client.HTTPException, ValueError) as lost:
            if not self.crashed:
                self.failures.append(lost)
        finally:
            client.disconnect()

    def finish(self):
        """No new messages; everybody ends when nothing is under way."""
        for client in self.clients:
            client.finishing = True

    def join(self):
        for thread in self.threads:
            thread.join(6 * TIMEOUT)
            assert not thread.is_alive(), "a client waits in vain"
        if self.failures:
            raise self.failures[0]
