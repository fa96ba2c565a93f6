"""Everything at once: clients of every protocol on three nodes, while nodes are killed, links are cut, and Redis dies and is
failed over. In the end every message that was acknowledged was seen once and in order by everybody who was there or came back,
no name was held twice, and nothing private was heard by others.

    pytest tests/cluster --minutes 10 --seed 7
"""

import http.client
import itertools
import json
import random
import time

from clients import TIMEOUT, V1, wait_until
from watchers import ROOM, Claimer, HttpReader, HttpWriter, LineReader, Reader, StreamReader, TextReader, Writer


def whole_log(port, writers):
    """(seq, content) of all that is in the room; a node may hear later than the writers that they were acknowledged."""
    last = max(seq for writer in writers for seq in writer.acknowledged.values())
    deadline = time.monotonic() + TIMEOUT
    log = []
    while True:
        assert time.monotonic() < deadline, f"{last} was acknowledged, but the log ends with {log[-1:]}"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        connection.request("GET", f"/r/{ROOM}?after={log[-1][0] if log else 0}&limit=100")
        answer = json.loads(connection.getresponse().read())
        connection.close()
        log += [(item["seq"], item["content"]) for item in answer["items"]]
        if not answer["more"] and log and log[-1][0] >= last:
            return log


def is_ready(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


READY_SECONDS = 30


class Trouble:
    """One after the other, by the seed."""

    def __init__(self, cluster, seconds):
        self.cluster = cluster
        self.random = random.Random(cluster.seed)
        self.end = time.monotonic() + seconds
        self.story = []

    def make(self):
        kinds = [self.kill_node, self.cut_link, self.cut_all, self.reset_links]
        kinds += [self.fail_over, self.split_brain, self.pause_redis, self.restart_redis]
        order = itertools.cycle(self.random.sample(kinds, len(kinds)))
        while time.monotonic() < self.end:
            time.sleep(self.random.uniform(0.5, 2))
            kind = next(order)
            self.story.append(kind.__name__)
            kind()
            for number in range(3):
                self.await_ready(number)

    def await_ready(self, number):
        node = self.cluster.nodes[number]
        try:
            wait_until(lambda: is_ready(node.port()), READY_SECONDS)
        except AssertionError:
            raise AssertionError(f"node {number} is not ready again after {' '.join(self.story)}:\n{node.log()}") from None

    def kill_node(self):
        number = self.random.randrange(3)
        self.cluster.kill(number)
        time.sleep(self.random.uniform(0, 2))
        self.cluster.restart(number)

    def cut_link(self):
        link = self.random.choice(self.cluster.links)
        link.cut()
        time.sleep(self.random.uniform(0.1, 6))
        link.mend()

    def cut_all(self):
        for link in self.cluster.links:
            link.cut()
        time.sleep(self.random.uniform(0.1, 4))
        for link in self.cluster.links:
            link.mend()

    def reset_links(self):
        for link in self.cluster.links:
            link.hang_up()

    def fail_over(self):
        self.cluster.fail_over()

    def split_brain(self):
        self.cluster.fail_over(split_seconds=self.random.uniform(0.2, 2))

    def pause_redis(self):
        self.cluster.master.pause()
        time.sleep(self.random.uniform(0.1, 4))
        self.cluster.master.resume()

    def restart_redis(self):
        self.cluster.master.restart()


def check_log(log, writers):
    assert [seq for seq, _ in log] == list(range(1, len(log) + 1))
    contents = [content for _, content in log]
    assert len(set(contents)) == len(contents), "stored twice"
    known = dict(log)
    for writer in writers:
        for content, seq in writer.acknowledged.items():
            assert known.get(seq) == content, f"{writer.label}: {content!r} was acknowledged as {seq}, where {known.get(seq)!r} is"


def check_life(label, life, place_of):
    """Nothing is missing, and nothing out of order, between the first and the last that was seen."""
    places = [place_of[text] for text in life]
    assert places == list(range(places[0], places[0] + len(places))), (label, places)


def check_crowns(claimers):
    holds = sorted((since, until, claimer.label) for claimer in claimers for since, until in claimer.held)
    for (_, until, label), (since, _, other) in itertools.pairwise(holds):
        assert since >= until or label == other, f"{label} and {other} held the same name for {until - since:.3f} s"


def test_nothing_that_was_acknowledged_is_lost_whatever_dies(cluster, request):
    street = cluster()
    writers = [Writer(street, n) for n in range(3)] + [HttpWriter(street, 3)]
    readers = [Reader(street, n) for n in range(6)] + [StreamReader(street, n) for n in range(3)] + [HttpReader(street, 0)]
    lives = [LineReader(street, n) for n in range(3)] + [TextReader(street, n) for n in range(2)]
    claimers = [Claimer(street, n) for n in range(3)]
    for one in readers:
        one.start()
    # A stream begins when it is opened; nothing is said before.
    wait_until(lambda: all(one.last_id for one in readers if isinstance(one, StreamReader)))
    for one in [*writers, *lives, *claimers]:
        one.start()
    trouble = Trouble(street, request.config.getoption("--minutes") * 60)
    trouble.make()
    for one in [*writers, *lives, *claimers]:
        one.stop()
    for one in [*writers, *lives, *claimers]:
        one.join(2 * TIMEOUT)  # it may wait for a connection first
        assert not one.is_alive() and one.problem is None, (one.label, one.problem)
    log = whole_log(street.port_of(0), writers)
    for one in readers:
        one.last = log[-1][0]
        one.stop()
    for one in readers:
        one.join(2 * TIMEOUT)  # it may wait for a connection first
        assert not one.is_alive() and one.problem is None, (one.label, one.problem, len(one.seen), len(log), trouble.story)

    print(f"{len(log)} messages, {sum(len(w.acknowledged) for w in writers)} acknowledged; {' '.join(trouble.story)}")
    assert len(log) > 100
    check_log(log, writers)
    for one in readers:
        assert one.gaps == [], (one.label, one.gaps)
        assert one.seen == log, (one.label, [pair for pair in zip(one.seen, log) if pair[0] != pair[1]][:3])
    place_of = {content: seq for seq, content in log}
    for one in lives:
        for life in filter(None, one.lives):
            check_life(one.label, life, place_of)
    assert any(life for one in lives if isinstance(one, LineReader) for life in one.lives)
    check_crowns(claimers)
    assert sum(len(claimer.held) for claimer in claimers) > 3
