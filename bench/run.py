#!/usr/bin/python3
"""Measures a build of the server against what the machine can do at best, and writes a table.

    bench/run.py BUILD [--runs N] [--seconds N] [--only fanout,acks,stalled,idle] [--output FILE]

Everything that is compared is measured on the same work, one right after the other, and in every run
anew; figures are medians of the runs. Absolute figures belong to the machine, the ratios are what to
look at. The server stays on core 0, its load on core 1.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZE = 128
READERS = 1000
WINDOWS = [1, 16, 64]
STORES = ["memory", "durable"]
# Bytes of a frame that carries SIZE bytes: 4 of head, and in JSON what stands around it.
JSON_AROUND = (
    '{"type":"message","content":"","sender":"anonymous","timestamp":"2026-02-13T10:30:45.123456Z",'
    '"room":"bench-0123abcd-0","seq":123456,"id":"01HQ0000000000000000000000"}'
)
FRAME = {"text": SIZE + 4, "ws": SIZE + 4 + len(JSON_AROUND)}
# Stalled readers are to stay for the whole run; by default the server cuts them after 4 MiB.
STALLED_WINDOW = 1 << 30
# Right after they stall the kernel looks again and again whether they read after all: 0.2 s later, and then
# each time after twice as long. Those bursts are over, or far between, when measuring begins.
STALLED_WARMUP = 15


def on_core(core):
    return ["taskset", "-c", str(core)] if os.cpu_count() > 1 else []


class Server:
    """One banterd with a data folder of its own on a port of its own."""

    def __init__(self, build, history, settings=()):
        self.data = tempfile.TemporaryDirectory(prefix="bench-", dir=build)
        command = [*on_core(0), build / "src/server/banterd", "--data", self.data.name,
                   "--listen", "ws://127.0.0.1:0"]
        for setting in [f"history={history}", "rate_per_minute=0", "log_level=warning", *settings]:
            command += ["--set", setting]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if " on " not in line:
            sys.exit("the server does not start")
        self.url = line.split(" on ")[1].strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.data.cleanup()


class Bench:
    def __init__(self, build, seconds):
        self.build = build
        self.seconds = seconds
        self.faults = []

    def bare(self, window, frame):
        command = [self.build / "bench/bare_send", READERS, window, frame, self.seconds]
        return json.loads(subprocess.check_output([str(part) for part in command]))

    def load(self, server, path, **options):
        options = {"size": SIZE, "seconds": self.seconds, "pid": server.process.pid} | options
        command = [*on_core(1), self.build / "src/client/banter", "bench", f"{server.url}/{path}",
                   "--json"]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if not done.stdout:
            sys.exit("the load could not be made")
        result = json.loads(done.stdout)
        wrong = {key: result[key] for key in ("lost", "duplicated", "misordered") if result[key]}
        if wrong:
            self.faults.append(f"{path} {options}: {wrong}")
        return result | result.pop("server") | result.pop("latency_us")


def fanout(bench):
    """What a delivery costs beyond a bare send, and what durability takes."""
    results = {}
    with contextlib.ExitStack() as stack:
        servers = {store: stack.enter_context(Server(bench.build, store)) for store in STORES}
        for path, frame in FRAME.items():
            for window in WINDOWS:
                results[path, window, "bare"] = bench.bare(window, frame)
                for store, server in servers.items():
                    results[path, window, store] = bench.load(
                        server, path, subscribers=READERS - 1, publishers=1, window=window)
    return results


def acks(bench):
    """Publishers that wait for their acknowledgements, in one room without readers."""
    results = {}
    with contextlib.ExitStack() as stack:
        servers = {store: stack.enter_context(Server(bench.build, store)) for store in STORES}
        for window in [1, 16, 64]:
            for store, server in servers.items():
                results[window, store] = bench.load(
                    server, "ws", subscribers=0, publishers=64, ack_only=True, window=window)
    return results


def stalled(bench):
    """What readers notice of others who do not read; all of them in one room."""
    results = {}
    for count in [0, 5000]:
        with Server(bench.build, "memory", [f"stream_window={STALLED_WINDOW}"]) as server:
            results[count] = bench.load(server, "text", subscribers=100, stalled=count,
                                        window=64, warmup=STALLED_WARMUP, rate=1000)
    return results


def idle(bench):
    """Memory of the server for each connection that is in a room and silent."""
    results = {}
    for path in FRAME:
        with Server(bench.build, "durable") as server:
            # First what the server needs once, whoever comes.
            bench.load(server, path, subscribers=100, publishers=1, warmup=0, seconds=1)
            results[path] = bench.load(server, path, subscribers=10000, publishers=0, warmup=0, seconds=1)
    return results


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows] + [""]


NAMES = {"text": "raw text", "ws": "JSON"}


def fanout_report(get):
    rows = []
    for path in FRAME:
        for window in WINDOWS:
            cost = {who: get(path, window, who, key="cpu_us_per_delivery") for who in ["bare", *STORES]}
            rate = {who: get(path, window, who, key="deliveries_per_second") for who in ["bare", *STORES]}
            rows.append([
                NAMES[path], window,
                *(f"{cost[who]:.3f}" for who in ["bare", *STORES]),
                *(f"{cost[store] / cost['bare']:.2f}" for store in STORES),
                *(f"{rate[who] / 1000:,.0f}" for who in ["bare", *STORES]),
                f"{rate['durable'] / rate['memory']:.2f}",
                *(f"{get(path, window, store, key='p50') / 1000:.2f}" for store in STORES),
            ])
    text = "CPU time of the sender in µs a delivery; deliveries in thousands a second; p50 in ms."
    return ["## One publisher, 1,000 readers", "", text, ""] + table(
        ["protocol", "under way", "bare send µs", "memory µs", "durable µs", "memory : bare",
         "durable : bare", "bare k/s", "memory k/s", "durable k/s", "durable : memory",
         "memory p50", "durable p50"], rows)


def acks_report(get):
    rows = []
    for window in [1, 16, 64]:
        rate = {store: get(window, store, key="deliveries_per_second") for store in STORES}
        rows.append([window, *(f"{rate[store]:,.0f}" for store in STORES),
                     f"{rate['durable'] / rate['memory']:.2f}",
                     *(f"{get(window, store, key='cpu_us_per_delivery'):.2f}" for store in STORES),
                     *(f"{get(window, store, key='p99') / 1000:.1f}" for store in STORES)])
    text = "Messages a second; CPU time of the server in µs a message; p99 in ms."
    return ["## Acknowledged messages, 64 publishers, one room without readers", "", text, ""] + table(
        ["under way each", "memory /s", "durable /s", "durable : memory", "memory µs", "durable µs",
         "memory p99", "durable p99"], rows)


def stalled_report(get):
    rows = [[count, *(f"{get(count, key=key) / 1000:.2f}" for key in ("p50", "p99")),
             f"{get(count, key='p99') / get(0, key='p99'):.2f}",
             f"{get(count, key='cpu_us_per_delivery'):.2f}",
             f"{get(count, key='resident_connected') / 2**20:.1f}",
             f"{get(count, key='resident_end') / 2**20:.1f}"] for count in [0, 5000]]
    text = ("p50 and p99 of the readers in ms; memory of the server in MiB, at the end with the window "
            "that is kept for the stalled.")
    return ["## 100 readers, 1,000 messages a second, beside stalled readers of the same room", "", text,
            ""] + table(["stalled", "p50", "p99", "p99 : without", "CPU µs", "connected", "at the end"], rows)


def idle_report(get):
    rows = [[NAMES[path], f"{get(path, key='bytes_per_connection'):.0f}"] for path in FRAME]
    return ["## 10,000 connections in a room, silent", ""] + table(
        ["protocol", "bytes of resident memory each"], rows)


PARTS = {"fanout": (fanout, fanout_report), "acks": (acks, acks_report),
         "stalled": (stalled, stalled_report), "idle": (idle, idle_report)}


def median_of(runs):
    def get(*which, key):
        return statistics.median(run[which if len(which) > 1 else which[0]][key] for run in runs)
    return get


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                 platform.machine())
    return f"{os.cpu_count()} × {model}, Linux {platform.release()}, load before {os.getloadavg()[0]:.1f}"


def version(build):
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True,
                            text=True).stdout.strip()
    name = subprocess.check_output([build / "src/server/banterd", "--version"], text=True).strip()
    return f"{name} ({commit})" if commit else name


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "bench/results/latest.md")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    if not set(parts) <= set(PARTS):
        parser.error(f"--only is of {', '.join(PARTS)}")

    bench = Bench(arguments.build.resolve(), arguments.seconds)
    report = ["# What banterd does on this machine", "",
              f"{version(bench.build)}; {machine()}; {datetime.date.today()}; "
              f"medians of {arguments.runs} runs of {arguments.seconds} s; messages of {SIZE} bytes.", ""]
    runs = {part: [] for part in parts}
    for number in range(arguments.runs):
        for part in parts:
            print(f"run {number + 1} of {arguments.runs}: {part}", file=sys.stderr, flush=True)
            runs[part].append(PARTS[part][0](bench))
    for part in parts:
        report += PARTS[part][1](median_of(runs[part]))
    report += [f"Faults: {', '.join(bench.faults) or 'none; every reader got every message once and in order'}."]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text("\n".join(report) + "\n")
    print("\n".join(report))
    return 1 if bench.faults else 0


if __name__ == "__main__":
    sys.exit(main())
