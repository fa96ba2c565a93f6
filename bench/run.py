#!/usr/bin/python3
"""Measures a build of the server against what the machine can do at best, and against others that do the same work.

    bench/run.py BUILD [--only fanout,…] [--peers nchan,…] [--runs N] [--seconds N] [--set KEY=VALUE]… [--document]

Everything that is compared is measured on the same work, one right after the other, and in every run anew; figures
are medians of the runs. Absolute figures belong to the machine, the ratios are what to look at. Servers stay on
core 0, their load on core 1. Writes bench/results/latest.md and a plot, latest.svg; --document puts both into
docs/performance.md too.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import plot
from parts import BARE_JSON, PARTS, WINDOWS, fanout_names
from servers import LOAD_CORE, PEERS, is_installed, on_core, version_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/performance.md"
PLOT = ROOT / "docs/performance.svg"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
SIZE = 128
FRAME = SIZE + 4  # bytes of the frame that carries them: 2 of head, 2 of its length


class NoLoad(Exception):
    """The load could not be made."""


class Bench:
    """What a part measures with, and what went wrong meanwhile."""

    def __init__(self, arguments):
        self.build = arguments.build.resolve()
        self.seconds = arguments.seconds
        self.settings = arguments.set
        self.peers = arguments.peers
        self.size = SIZE
        self.faults = []

    def bare(self, readers, window, around=0):
        """`around`: bytes of a frame beside the message and the frame's head."""
        command = [self.build / "bench/bare_send", readers, window, FRAME + around, self.seconds]
        return json.loads(subprocess.check_output([str(part) for part in command]))

    def load(self, server, path, **options):
        options = {"size": SIZE, "seconds": self.seconds, "pid": server.pid} | server.options | options
        command = [*on_core(LOAD_CORE), self.build / "src/client/banter", "bench", f"{server.url}/{path}",
                   "--json"]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        done = subprocess.run(command, capture_output=True, text=True)
        if not done.stdout:
            raise NoLoad(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        wrong = {key: result[key] for key in ("lost", "duplicated", "misordered", "disconnected") if result[key]}
        if wrong:
            self.faults.append(f"{server.__class__.__name__} {path} {options}: {wrong}")
        return result | result.pop("server") | result.pop("latency_us")


def median_of(runs):
    """A figure of a part: the median over its runs."""
    def get(which, key):
        return statistics.median(run[which][key] for run in runs)
    return get


def model():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())


def version(build):
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True,
                            text=True).stdout.strip()
    name = subprocess.check_output([build / "src/server/banterd", "--version"], text=True).strip()
    return f"{name} ({commit})" if commit else name


def conditions(bench, arguments, load):
    """What has to be known to read the figures."""
    lines = [f"- {version(bench.build)}, {datetime.date.today()}; medians of {arguments.runs} runs of "
             f"{arguments.seconds} s; messages of {SIZE} bytes.",
             f"- {os.cpu_count()} × {model()}, Linux {platform.release()}, load before {load:.1f}."]
    if arguments.set:
        lines.append(f"- banterd with {', '.join(arguments.set)}.")
    if arguments.peers:
        versions = [f"{PEERS[key].name} {version_of(PEERS[key])}" for key in arguments.peers]
        lines.append(f"- Peers: {'; '.join(versions)}.")
    missing = [peer.name for key, peer in PEERS.items() if key in arguments.missing]
    if missing:
        lines.append(f"- Not installed here (scripts/setup bench): {', '.join(missing)}.")
    return lines + [""]


def draw(get, bench):
    def lines(key):
        names = [name for name in fanout_names(bench) if name != BARE_JSON]
        return {name: {window: get((name, window), key) for window in WINDOWS} for name in names}
    return plot.svg([("deliveries a second", lines("deliveries_per_second")),
                     ("CPU time of the server for each delivery, µs", lines("cpu_us_per_delivery"))])


def write_document(results, drawing):
    """Puts them between the marks; the plot as a file beside the page."""
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    if drawing:
        PLOT.write_text(drawing)
        results = [f"![Deliveries a second and CPU time for each, by messages under way]({PLOT.name})", "", *results]
    DOCUMENT.write_text(before + BEGIN + "\n\n" + "\n".join(results) + "\n" + END + after)


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS), help="parts")
    parser.add_argument("--peers", default=",".join(PEERS), help="none: banter alone")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of banterd")
    parser.add_argument("--document", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "bench/results/latest.md")
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",")
    wanted = [] if arguments.peers == "none" else arguments.peers.split(",")
    if not set(arguments.only) <= set(PARTS):
        parser.error(f"--only is of {', '.join(PARTS)}")
    if not set(wanted) <= set(PEERS):
        parser.error(f"--peers is of {', '.join(PEERS)}")
    arguments.peers = [key for key in wanted if is_installed(PEERS[key])]
    arguments.missing = [key for key in wanted if key not in arguments.peers]
    return arguments


def main():
    arguments = parse_arguments()
    load = os.getloadavg()[0]
    bench = Bench(arguments)
    runs = {part: [] for part in arguments.only}
    for number in range(arguments.runs):
        for part in arguments.only:
            print(f"run {number + 1} of {arguments.runs}: {part}", file=sys.stderr, flush=True)
            try:
                runs[part].append(PARTS[part][0](bench))
            except NoLoad as failure:
                bench.faults.append(f"{part} in run {number + 1}: {failure}")
                print(failure, file=sys.stderr)

    results = conditions(bench, arguments, load)
    for part in arguments.only:
        if runs[part]:
            results += PARTS[part][1](median_of(runs[part]), bench)
    results += ["Faults: " + ("; ".join(bench.faults) or "none: every reader got every message once and in order") + ".", ""]
    drawing = draw(median_of(runs["fanout"]), bench) if runs.get("fanout") else None
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text("\n".join(["# What banterd does on this machine", "", *results]))
    if drawing:
        arguments.output.with_suffix(".svg").write_text(drawing)
    if arguments.document:
        write_document(results, drawing)
    print("\n".join(results))
    return 1 if bench.faults else 0


if __name__ == "__main__":
    sys.exit(main())
