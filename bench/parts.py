"""The parts of a measurement. Each is a function that measures once and one that writes a table of what `get` says:
the median over all runs of a figure."""

import contextlib
import itertools
import resource

import cluster
from flood import CONNECTIONS as FLOODING
from flood import FLOODS
from servers import PEERS, Banterd, Flood, PeerServer, most_cores

READERS = 1000
WINDOWS = [1, 16, 64]
STORES = ["memory", "durable"]
# Stalled readers are to stay for the whole run; by default the server cuts them after 4 MiB.
STALLED_WINDOW = 1 << 30
# Right after they stall the kernel looks again and again whether they read after all: 0.2 s later, and then
# each time after twice as long. Those bursts are over, or far between, when measuring begins.
STALLED_WARMUP = 15
OFFERED = [1_000, 4_000, 10_000]  # messages a second to 1,000 readers each
FLUSHES = ["0", "5ms", "10ms", "auto"]
FLUSH_RATES = [300, 1_000, 10_000]  # messages a second, as above
THREADS = [0, 1, 2]
QUIET = [1, 100, 1_000, 10_000]
QUIET_READERS = 2
CONNECTIONS = 19_000
RETURNING, MISSED = 10_000, 100
GROWTH = [10, 100, 1_000, 5_000, 15_000]
# Descriptors that a server needs beside its connections.
SPARE = 200
# What stands around the content in a frame of JSON.
JSON_AROUND = (
    '{"type":"message","content":"","sender":"anonymous","timestamp":"2026-02-13T10:30:45.123456Z",'
    '"room":"bench-0123abcd-0","seq":123456,"id":"01HQ0000000000000000000000"}'
)

# name → store, path, other options of `banter bench`, over TLS
BANTER = {
    "banter, raw text": ("memory", "text", {}, False),
    "banter, raw text, durable": ("durable", "text", {}, False),
    "banter, JSON": ("memory", "ws", {}, False),
    "banter, JSON, durable": ("durable", "ws", {}, False),
    "banter, JSON, deflate": ("memory", "ws", {"deflate": True}, False),
    "banter, JSON, TLS": ("memory", "ws", {}, True),
    "banter, server-sent events": ("memory", "sse", {}, False),
}
BARE, BARE_JSON = "bare send()", "bare send() of JSON's bytes"
TEXT = "banter, raw text"


def most_connections():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE


def fanout(bench):
    """What a delivery costs beyond a bare send, and what durability, compression and TLS take; and the peers."""
    results = {}

    def measure(name, server, path, **options):
        for window in WINDOWS:
            results[name, window] = bench.load(
                server, path, subscribers=READERS - 1, publishers=1, window=window, **options)

    for window in WINDOWS:
        results[BARE, window] = bench.bare(READERS, window)
        results[BARE_JSON, window] = bench.bare(READERS, window, len(JSON_AROUND))
    for name, (store, path, options, tls) in BANTER.items():
        with Banterd(bench.build, store, bench.settings, tls) as server:
            measure(name, server, path, **options)
    for key in bench.peers:
        with PeerServer(PEERS[key]) as server:
            measure(PEERS[key].name, server, PEERS[key].path)
    return results


def fanout_names(bench):
    return [BARE, BARE_JSON, *BANTER, *(PEERS[key].name for key in bench.peers)]


def fanout_report(get, bench):
    lines = []
    for window in WINDOWS:
        own = get((TEXT, window), "cpu_us_per_delivery")
        rows = []
        for name in fanout_names(bench):
            bare = get((BARE_JSON if "JSON" in name else BARE, window), "cpu_us_per_delivery")
            cost = get((name, window), "cpu_us_per_delivery")
            rate = get((name, window), "deliveries_per_second")
            row = [name, f"{cost:.3f}", f"{cost / bare:.2f}", f"{cost / own:.2f}",
                   f"{rate / 1000:,.0f}", f"{cost * rate / 1e4:.0f} %"]
            if name in (BARE, BARE_JSON):
                row += ["", "", ""]
            else:
                row += [f"{get((name, window), key) / 1000:.2f}" for key in ("p50", "p99")]
                row += [f"{get((name, window), 'bytes_per_connection'):,.0f}" if window == WINDOWS[0] else ""]
            rows.append(row)
        lines += [f"### {window} under way", ""] + table(
            ["", "CPU µs", ": bare send", ": banter, raw text", "k deliveries/s", "core", "p50 ms", "p99 ms",
             "bytes/connection"], rows)
    text = (f"One publisher, {READERS:,} readers, {bench.size} bytes; a new message when an earlier one is back. CPU: the "
            "server's for each delivery. Core: how much of its core that is; where it is less than all, the load is the "
            "slower one. Bytes: growth of its memory for each connection, joined and silent.")
    return [f"## {READERS:,} readers", "", text, ""] + lines


def latency(bench):
    """Ten readers and one message under way: how long the way there and back takes."""
    results = {}
    for name in ("banter, raw text", "banter, raw text, durable", "banter, JSON"):
        store, path, options, tls = BANTER[name]
        with Banterd(bench.build, store, bench.settings, tls) as server:
            results[name] = bench.load(server, path, subscribers=9, publishers=1, **options)
    for key in bench.peers:
        with PeerServer(PEERS[key]) as server:
            results[PEERS[key].name] = bench.load(server, PEERS[key].path, subscribers=9, publishers=1)
    return results


def latency_report(get, bench):
    names = ["banter, raw text", "banter, raw text, durable", "banter, JSON", *(PEERS[key].name for key in bench.peers)]
    own = get(TEXT, "p50")
    rows = [[name, *(f"{get(name, key):.1f}" for key in ("p50", "p99", "p999")), f"{get(name, 'p50') / own:.2f}"]
            for name in names]
    return ["## 10 readers, one message under way", "", "From sending to each reader, in µs.", ""] + table(
        ["", "p50", "p99", "p99.9", "p50 : banter, raw text"], rows)


def offered(bench):
    """At a rate that does not wait for the server: latency counts from when a message was due."""
    results = {}
    for rate in OFFERED:
        with Banterd(bench.build, "memory", bench.settings) as server:
            results[rate] = bench.load(server, "text", subscribers=READERS - 1, publishers=1, rate=rate)
    return results


def offered_report(get, bench):
    rows = [[f"{rate * READERS / 1e6:g} M", f"{get(rate, 'deliveries_per_second') / 1e6:.2f} M",
             f"{get(rate, 'cpu_us_per_delivery'):.3f}",
             *(f"{get(rate, key) / 1000:.2f}" for key in ("p50", "p99", "p999", "max"))] for rate in OFFERED]
    text = f"Raw text, {READERS:,} readers; latency in ms from when a message was due."
    return ["## At a fixed rate", "", text, ""] + table(
        ["offered/s", "delivered/s", "CPU µs", "p50", "p99", "p99.9", "max"], rows)


def flush(bench):
    """The same, with messages that wait a while for more."""
    results = {}
    for rate in FLUSH_RATES:
        for setting in FLUSHES:
            with Banterd(bench.build, "memory", [*bench.settings, f"flush={setting}"]) as server:
                results[rate, setting] = bench.load(server, "text", subscribers=READERS - 1, publishers=1, rate=rate)
    return results


def flush_report(get, bench):
    rows = []
    for rate in FLUSH_RATES:
        for setting in FLUSHES:
            cost, plain = (get((rate, which), "cpu_us_per_delivery") for which in (setting, "0"))
            rate_of = get((rate, setting), "deliveries_per_second")
            rows.append([f"{rate:,}" if setting == FLUSHES[0] else "", setting, f"{rate_of / 1e6:.2f} M", f"{cost:.3f}",
                         f"{cost / plain:.2f}", f"{cost * rate_of / 1e4:.0f} %",
                         *(f"{get((rate, setting), key) / 1000:.2f}" for key in ("p50", "p99"))])
    text = f"Raw text, {READERS:,} readers; latency in ms from when a message was due."
    return ["## What waits for more (`flush`)", "", text, ""] + table(
        ["messages/s", "flush", "delivered/s", "CPU µs", ": flush = 0", "core", "p50", "p99"], rows)


def threads(bench):
    """What sharing the sending costs on one core, and, where the machine has the cores, what it brings."""
    results = {}
    for count in THREADS:
        with Banterd(bench.build, "memory", [*bench.settings, f"io_threads={count}"]) as server:
            for window in WINDOWS:
                results[count, window, 1] = bench.load(server, "text", subscribers=READERS - 1, publishers=1, window=window)
            results[count, "few", 1] = bench.load(server, "text", subscribers=9, publishers=1)
    for count in [count for count in THREADS if count + 1 <= most_cores()]:
        with Banterd(bench.build, "memory", [*bench.settings, f"io_threads={count}"], cores=count + 1) as server:
            for window in WINDOWS:
                results[count, window, 0] = bench.load(server, "text", subscribers=READERS - 1, publishers=1, window=window)
    return results


def threads_report(get, bench):
    rows = []
    for count in THREADS:
        rows.append([count, *(f"{get((count, window, 1), 'cpu_us_per_delivery'):.3f}" for window in WINDOWS),
                     *(f"{get((count, window, 1), 'deliveries_per_second') / 1e6:.2f} M" for window in WINDOWS),
                     f"{get((count, 'few', 1), 'p50'):.0f}"])
    under_way = [f"{window} under way" for window in WINDOWS]
    text = (f"Raw text, {READERS:,} readers; CPU µs and deliveries a second by messages under way, all threads on one core: "
            "what sharing costs. The last column is the time from sending to each of 10 readers, in µs.")
    lines = ["## I/O threads", "", text, ""] + table(
        ["io_threads", *(f"CPU, {words}" for words in under_way), *(f"/s, {words}" for words in under_way), "p50, 10 readers"],
        rows)
    rows = [[count, *(f"{get((count, window, 0), 'deliveries_per_second') / 1e6:.2f} M" for window in WINDOWS)]
            for count in THREADS if count + 1 <= most_cores()]
    return lines + ["Each thread on a core of its own, as far as there are cores besides the load's:", ""] + table(
        ["io_threads", *(f"/s, {words}" for words in under_way)], rows)


def acks(bench):
    """Publishers that wait for their acknowledgements, in one room without readers."""
    results = {}
    with contextlib.ExitStack() as stack:
        servers = {store: stack.enter_context(Banterd(bench.build, store, bench.settings)) for store in STORES}
        for window in WINDOWS:
            for store, server in servers.items():
                results[window, store] = bench.load(
                    server, "ws", subscribers=0, publishers=64, ack_only=True, window=window)
    return results


def acks_report(get, bench):
    rows = []
    for window in WINDOWS:
        rate = {store: get((window, store), "deliveries_per_second") for store in STORES}
        rows.append([window, *(f"{rate[store]:,.0f}" for store in STORES),
                     f"{rate['durable'] / rate['memory']:.2f}",
                     *(f"{get((window, store), 'cpu_us_per_delivery'):.2f}" for store in STORES),
                     *(f"{get((window, store), 'p99') / 1000:.1f}" for store in STORES)])
    text = "Messages a second; CPU time of the server in µs a message; p99 in ms."
    return ["## Acknowledged messages, 64 publishers, one room without readers", "", text, ""] + table(
        ["under way each", "memory /s", "durable /s", "durable : memory", "memory µs", "durable µs",
         "memory p99", "durable p99"], rows)


def stalled(bench):
    """What readers notice of others who do not read; all of them in one room."""
    results = {}
    for count in [0, 5000]:
        with Banterd(bench.build, "memory", [f"stream_window={STALLED_WINDOW}", *bench.settings]) as server:
            results[count] = bench.load(server, "text", subscribers=100, stalled=count,
                                        window=64, warmup=STALLED_WARMUP, rate=1000)
    return results


def stalled_report(get, bench):
    rows = [[f"{count:,}", *(f"{get(count, key) / 1000:.2f}" for key in ("p50", "p99")),
             f"{get(count, 'p99') / get(0, 'p99'):.2f}",
             f"{get(count, 'cpu_us_per_delivery'):.2f}",
             f"{get(count, 'resident_connected') / 2**20:.1f}",
             f"{get(count, 'resident_end') / 2**20:.1f}"] for count in [0, 5000]]
    text = ("p50 and p99 of the readers in ms; memory of the server in MiB, at the end with what was said meanwhile, kept once for "
            "all of the stalled: `stream_window` is 1 GiB here, so that they are not cut off, to come back and go on, as they "
            "are with its default.")
    return ["## 100 readers, 1,000 messages a second, beside stalled readers of the same room", "", text,
            ""] + table(["stalled", "p50", "p99", "p99 : without", "CPU µs", "connected", "at the end"], rows)


def flood(bench):
    """What others notice of those who ask for as much as they can."""
    results = {}
    for kind, store in itertools.product([None, *FLOODS], STORES):
        with Banterd(bench.build, store, bench.settings) as server, Flood(kind, server) if kind else contextlib.nullcontext():
            results[kind, store] = bench.load(server, "ws", subscribers=10, publishers=1, rate=100)
    return results


def flood_report(get, bench):
    rows = []
    for kind in [None, *FLOODS]:
        row = [kind or "none"]
        for store in STORES:
            p50, p99 = get((kind, store), "p50"), get((kind, store), "p99")
            row += [f"{p50 / 1000:.2f}", f"{p99 / 1000:.2f}", f"{p99 / get((None, store), 'p99'):.2f}"]
        rows.append([*row, f"{get((kind, 'durable'), 'resident_end') / 2**20:.1f}"])
    text = (f"Each flood is {FLOODING} connections of one process that send as fast as they are read, on the core of the load when "
            "that leaves it. p50 and p99 of the readers in ms, with the log in memory and on the disk; memory of the server with the latter in MiB.")
    return ["## 10 readers, 100 messages a second, during floods", "", text, ""] + table(
        ["flood", "in memory: p50", "p99", "p99 : without", "durable: p50", "p99", "p99 : without", "MiB"], rows)


def rooms(bench):
    """What the rooms and connections that are silent cost a message elsewhere."""
    results = {}
    for count in QUIET:
        readers = quiet_rooms(count) * QUIET_READERS
        with Banterd(bench.build, "memory", bench.settings) as server:
            for window in (1, 16):
                results[count, window] = bench.load(
                    server, "ws", subscribers=readers, publishers=1, rooms=quiet_rooms(count), window=window)
    return results


def quiet_rooms(count):
    return min(count, (most_connections() - 1) // QUIET_READERS)


def rooms_report(get, bench):
    rows = []
    for count in QUIET:
        cost = [get((count, window), "cpu_us_per_delivery") for window in (1, 16)]
        one = [get((1, window), "cpu_us_per_delivery") for window in (1, 16)]
        rows.append([f"{quiet_rooms(count):,}", f"{quiet_rooms(count) * QUIET_READERS + 1:,}",
                     *(f"{mine:.3f}" for mine in cost), *(f"{mine / its:.2f}" for mine, its in zip(cost, one)),
                     f"{get((count, 1), 'p50'):.0f}"])
    text = (f"JSON; {QUIET_READERS} readers in each room, and a publisher in one of them; the others are quiet. CPU in µs a "
            "delivery, p50 in µs.")
    return ["## Rooms that are quiet", "", text, ""] + table(
        ["rooms", "connections", "CPU, 1 under way", "CPU, 16", "1 : one room", "16 : one room", "p50"], rows)


def growth(bench):
    """What a delivery costs in rooms of different sizes, 16 messages under way."""
    results = {}
    for readers in GROWTH:
        readers = min(readers, most_connections())
        with Banterd(bench.build, "memory", bench.settings) as server:
            results[readers] = bench.load(server, "text", subscribers=readers - 1, publishers=1, window=16)
        results["bare", readers] = bench.bare(readers, 16)
    return results


def growth_report(get, bench):
    rows = []
    for readers in (min(readers, most_connections()) for readers in GROWTH):
        cost = [get(key, "cpu_us_per_delivery") for key in (readers, ("bare", readers))]
        rows.append([f"{readers:,}", *(f"{each:.3f}" for each in cost), f"{cost[0] / cost[1]:.2f}",
                     f"{get(readers, 'deliveries_per_second') / 1000:,.0f}",
                     *(f"{get(readers, key) / 1000:.2f}" for key in ("p50", "p99"))])
    text = "Raw text, one room, 16 messages under way. CPU in µs a delivery; p50 and p99 in ms."
    return ["## Rooms of different size", "", text, ""] + table(
        ["readers", "CPU", "bare send", ": bare send", "k deliveries/s", "p50", "p99"], rows)


def connect(bench):
    """How long it takes until many are connected, and what they keep when they are silent."""
    results = {}
    for name, (path, options, tls) in CONNECT.items():
        with Banterd(bench.build, "durable", bench.settings, tls) as server:
            # First what the server needs once, whoever comes.
            bench.load(server, path, subscribers=100, publishers=1, warmup=0, seconds=1, **options)
            results[name] = bench.load(server, path, subscribers=min(CONNECTIONS, most_connections()), publishers=0,
                                       warmup=0, seconds=1, **options)
    return results


CONNECT = {
    "raw text": ("text", {}, False),
    "JSON, joined, named": ("ws", {"named": True}, False),
    "JSON, joined, named, TLS": ("ws", {"named": True}, True),
}


def connect_report(get, bench):
    rows = [[name, f"{get(name, 'connections'):,.0f}", f"{get(name, 'connect_seconds'):.2f}",
             f"{get(name, 'connections') / get(name, 'connect_seconds'):,.0f}",
             f"{get(name, 'bytes_per_connection'):,.0f}"] for name in CONNECT]
    return ["## Connections in one room, silent", "", "All of them opened as fast as the server takes them.", ""] + table(
        ["protocol", "connections", "seconds", "connections/s", "bytes of resident memory each"], rows)


def reconnect(bench):
    """Everybody comes back at once and catches up."""
    results = {}
    clients = min(RETURNING, most_connections() - 1)
    for store in STORES:
        with Banterd(bench.build, store, bench.settings) as server:
            result = bench.load(server, "ws", subscribers=clients, publishers=1, reconnect=MISSED, named=True)
            results[store] = result | result.pop("returned")
    return results


def reconnect_report(get, bench):
    rows = [[store, f"{get(store, 'clients'):,.0f}", f"{get(store, 'missing'):,.0f}",
             *(f"{get(store, key) / 1000:.2f}" for key in ("p50_ms", "p99_ms", "max_ms"))] for store in STORES]
    text = (f"All subscribers hang up, miss {MISSED} messages, and connect again at the same time to their sessions. Seconds "
            "until half, 99 % and all of them have got what they missed and are live.")
    return ["## Everybody comes back at once", "", text, ""] + table(
        ["history", "clients", "not back", "half", "99 %", "all"], rows)


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows] + [""]


PARTS = {
    "fanout": (fanout, fanout_report),
    "latency": (latency, latency_report),
    "offered": (offered, offered_report),
    "flush": (flush, flush_report),
    "threads": (threads, threads_report),
    "growth": (growth, growth_report),
    "rooms": (rooms, rooms_report),
    "connect": (connect, connect_report),
    "reconnect": (reconnect, reconnect_report),
    "acks": (acks, acks_report),
    "stalled": (stalled, stalled_report),
    "flood": (flood, flood_report),
    "cluster": (cluster.cluster, lambda get, bench: cluster.cluster_report(get, bench, table)),
}
