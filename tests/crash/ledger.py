"""What a crowd of clients was told, whoever told it, and whether a log keeps those promises.

An entry is told of with its number (JSON, HTTP) or by its content alone (lines, raw text, commands). Every content is
said once in a crowd's life, so that it names its entry.
"""

import collections
import threading


class Violation(Exception):
    """The server broke a promise."""


def check(condition, *what):
    if not condition:
        raise Violation(*what)


class Ledger:
    def __init__(self):
        self._changed = threading.Condition()
        self.entries = {}  # (room, seq) → (id, content, timestamp)
        self.contents = collections.defaultdict(set)  # room → contents that were shown or acknowledged
        self.runs = []  # (room, contents that one connection saw one after the other)
        self.count = 0  # of entries told about

    def tell(self, room, seq, id, content, timestamp):
        """An entry was shown or acknowledged. The same number must be the same entry, for everybody and for ever."""
        with self._changed:
            known = self.entries.setdefault((room, seq), (id, content, timestamp))
            check(known == (id, content, timestamp), room, seq, known, (id, content, timestamp))
            self.contents[room].add(content)
            self._count_one()

    def tell_content(self, room, content):
        with self._changed:
            self.contents[room].add(content)
            self._count_one()

    def new_run(self, room):
        run = []
        with self._changed:
            self.runs.append((room, run))
        return run

    def _count_one(self):
        self.count += 1
        self._changed.notify_all()

    def wait_for(self, more, seconds):
        """Until so many more were told about. False: too late."""
        with self._changed:
            goal = self.count + more
            return self._changed.wait_for(lambda: self.count >= goal, seconds)

    def check_log(self, room, items):
        """`items`: the whole log of a room, as the server gives it."""
        check([item["seq"] for item in items] == list(range(1, len(items) + 1)), room, "has a hole")
        stamps = [item["timestamp"] for item in items]
        check(stamps == sorted(stamps), room, "goes back in time")
        check(len({item["id"] for item in items}) == len(items), room, "has an id twice")
        contents = [item["content"] for item in items]
        twice = [content for content, count in collections.Counter(contents).items() if count > 1]
        check(not twice, room, "has twice", twice)
        lost = self.contents[room] - set(contents)
        check(not lost, room, "has lost", sorted(lost)[:10], len(lost))
        for item in items:
            known = self.entries.get((room, item["seq"]))
            now = (item["id"], item["content"], item["timestamp"])
            check(known in (None, now), room, item["seq"], "was", known, "is", now)
        self._check_runs(room, contents)

    def _check_runs(self, room, contents):
        place = {content: index for index, content in enumerate(contents)}
        for _, run in filter(lambda pair: pair[0] == room, self.runs):
            places = [place[content] for content in run]
            check(places == list(range(places[0], places[0] + len(places))) if places else True, room, "shown as", run)
