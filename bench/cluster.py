"""Several nodes that share a Redis: what a delivery costs there, how long a message takes from node to node, how many readers
one room can have over all of them, and how long it takes until everybody is back when a node dies.

The figures of the last two are bounded by this machine, which runs nodes, Redis and readers all at once."""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from servers import HERE, LOAD_CORE, Banterd, Server, free_port, on_core, wait_until_listening

sys.path.insert(0, str(HERE.parent / "tests/support"))
from clients import V1  # noqa: E402

WINDOWS = [1, 16, 64]
READERS = 1000
CROSSINGS = 1000
NODES = int(os.environ.get("CLUSTER_NODES", 8))
CROWD = int(os.environ.get("CLUSTER_READERS", 15_000))  # on each of them
SAID = 10
RESUMING = int(os.environ.get("CLUSTER_RESUMING", 3_000))
PATIENCE = 300


class Redis(Server):
    """On the load's core: what it does is not the node's work."""

    cores = (LOAD_CORE,)

    def __init__(self):
        super().__init__()
        self.port = free_port()
        self.start(["redis-server", "--port", self.port, "--save", "", "--appendonly", "no", "--bind", "127.0.0.1",
                    "--dir", self.folder.name], stdout=subprocess.DEVNULL)  # fmt: skip
        if not wait_until_listening(self.process, self.port):
            sys.exit("redis-server does not start: scripts/setup bench")

    def settings(self, bench):
        return [f"store=redis://127.0.0.1:{self.port}", *bench.settings]


class Node(Banterd):
    """One of several, on any core."""

    def __init__(self, build, settings):
        self.anywhere = True
        super().__init__(build, "durable", settings)

    def start(self, command, **options):
        self.process = subprocess.Popen([str(part) for part in command], **options)

    @property
    def port(self):
        return int(self.url.rpartition(":")[2].strip("/"))


def fan_out(bench):
    """One node: the stores of one machine beside the shared one."""
    results = {}
    for store in ("memory", "durable"):
        with Banterd(bench.build, store, bench.settings) as server:
            for window in WINDOWS:
                results[store, window] = bench.load(server, "ws", subscribers=READERS - 1, publishers=1, window=window)
    with Redis() as redis, Banterd(bench.build, "durable", redis.settings(bench)) as server:
        for window in WINDOWS:
            results["redis", window] = bench.load(server, "ws", subscribers=READERS - 1, publishers=1, window=window)
    return results


def cross(port_from, port_to):
    """Microseconds from sending a message on one node to reading it on another, half of them below."""
    writer, reader = V1(port_from), V1(port_to)
    writer.hello()
    reader.hello()
    reader.join("crossing")
    times = []
    for number in range(CROSSINGS):
        start = time.perf_counter()
        writer.say(type="message", room="crossing", content=str(number))
        reader.hear_until("message", content=str(number))
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times), sorted(times)[int(len(times) * 0.99)]


def crossing(bench):
    results = {}
    with Redis() as redis, Node(bench.build, redis.settings(bench)) as one, Node(bench.build, redis.settings(bench)) as two:
        for name, target in (("the same node", one), ("another node", two)):
            results[name] = dict(zip(("p50", "p99"), cross(one.port, target.port)))
    return results


class Crowd:
    """A process of bench/crowd.py."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [*on_core(LOAD_CORE), sys.executable, str(HERE / "crowd.py"), *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def await_ready(self):
        assert self.process.stdout.readline() == "ready\n", "the readers cannot connect"

    def report(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline().removeprefix("report "))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def say(port, number):
    body = f"{number} {time.time()}".encode()
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/r/lobby", body), timeout=60).read()


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)


def crowd(bench):
    """One room, read on all nodes. Every reader must get everything, in order."""
    each = min(CROWD, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200)
    with Redis() as redis:
        nodes = [Node(bench.build, redis.settings(bench)) for _ in range(NODES)]
        start = time.monotonic()
        crowds = [Crowd("read", node.port, each) for node in nodes]
        for one in crowds:
            one.await_ready()
        connected = time.monotonic() - start
        begin = time.monotonic()
        took = []
        for number in range(1, SAID + 1):
            said = time.monotonic()
            say(nodes[number % NODES].port, number)
            until(lambda number=number: all(one.report()["least"] >= number for one in crowds))
            took.append(time.monotonic() - said)
        reports = [one.report() for one in crowds]
        seconds = time.monotonic() - begin
        memory = sum(resident(node.pid) for node in nodes)
        for one in crowds:
            one.close()
        for node in nodes:
            node.__exit__()
    missed = sum(SAID - report["least"] for report in reports) + sum(report["wrong"] for report in reports)
    if missed:
        bench.faults.append(f"{NODES} nodes: readers that missed something or had it out of order: {missed}")
    return {"readers": NODES * each, "nodes": NODES, "connected": connected, "seconds": seconds, "median": statistics.median(took),
            "slowest": max(took), "memory": memory / (NODES * each), "missed": missed}  # fmt: skip


def revival(bench):
    """One of three nodes is killed: when its clients have all that was said, and are live, on the others."""
    with Redis() as redis:
        nodes = [Node(bench.build, redis.settings(bench)) for _ in range(3)]
        one = Crowd("resume", RESUMING, *[node.port for node in nodes])
        one.await_ready()
        writer = V1(nodes[0].port)
        writer.hello()
        for number in range(20):
            writer.ask("message", room="crowd", content=str(number))
            if number == 10:
                nodes[2].process.kill()
        last = 20
        until(lambda: one.report()["live_again"] and one.report()["least"] == last)
        report = one.report()
        one.close()
        for node in nodes:
            node.__exit__()
    if report["wrong"] or report["least"] != last:
        bench.faults.append(f"a node was killed: {report}")
    return {"clients": RESUMING, "lost": RESUMING / 3, "live_again": report["live_again"] or float("inf")}


def cluster(bench):
    results = fan_out(bench)
    results |= {f"crossing: {name}": figures for name, figures in crossing(bench).items()}
    return results | {"crowd": crowd(bench), "revival": revival(bench)}


def cluster_report(get, bench, table):
    rows = []
    for store in ("memory", "durable", "redis"):
        row = [{"memory": "memory", "durable": "SQLite", "redis": "Redis"}[store]]
        for window in WINDOWS:
            cost = get((store, window), "cpu_us_per_delivery")
            row.append(f"{cost:.3f} ({cost / get(('durable', window), 'cpu_us_per_delivery'):.2f})")
        rows.append(row)
    text = (f"One message to {READERS} readers on one node: CPU time of the node for each delivery in µs, by messages under way, and in "
            "parentheses how much of SQLite's it is.")
    lines = ["## Several nodes", "", text, "", *table(["store", *(f"{window} under way" for window in WINDOWS)], rows)]
    same, other = get("crossing: the same node", "p50"), get("crossing: another node", "p50")
    lines += [f"From sending to reading, one message at a time, measured in Python: on the same node {same / 1000:.2f} ms (p50), to "
              f"another node {other / 1000:.2f} ms: {(other - same) / 1000:+.2f} ms. p99: {get('crossing: the same node', 'p99') / 1000:.2f} and "
              f"{get('crossing: another node', 'p99') / 1000:.2f} ms.", ""]
    lines += [f"{get('crowd', 'readers'):,.0f} readers of one room on {get('crowd', 'nodes'):.0f} nodes, everything on this machine: connected in "
              f"{get('crowd', 'connected'):.0f} s; {SAID} messages, each to all of them, took {get('crowd', 'median'):.2f} s (median) until the last "
              f"reader had it, {get('crowd', 'slowest'):.2f} s at most; {get('crowd', 'missed'):.0f} missed something; "
              f"{get('crowd', 'memory') / 1024:.1f} KB of a node for each reader.", ""]
    return lines + [f"One of three nodes is killed under {get('revival', 'clients'):,.0f} clients: after {get('revival', 'live_again'):.2f} s the last of its "
                    f"{get('revival', 'lost'):,.0f} was live on another, with all that it missed.", ""]  # fmt: skip
