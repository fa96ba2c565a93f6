"""The deterministic layers stay deterministic, and no layer has a variable that outlives its owner.

    purity.py BUILD

Read from the libraries of a build without sanitizers: what the deterministic layers call from
outside, and which writable data any layer has.
"""

import pathlib
import re
import subprocess
import sys

PURE = ["hub", "stream", "protocol", "wire", "delivery"]

# Clocks, randomness, threads, sockets and files. What works on memory alone is fine.
IMPURE = re.compile(
    r"^(time|clock|clock_gettime|gettimeofday|localtime\w*|nanosleep|sleep|usleep"
    r"|rand\w*|srand\w*|random\w*|getrandom|getentropy|arc4random\w*"
    r"|pthread_\w+|thrd_\w+|mtx_\w+"
    r"|socket|connect|bind|listen|accept4?|send\w*|recv\w*|poll|epoll_\w+|select"
    r"|open\w*|close|read|write\w*|fopen\w*|fprintf|printf|puts|perror|getenv|exit"
    r"|uv_\w+|sqlite3_\w+|log_write)$"
)
# The outlet tells the operator what it saw, through a log that was handed to it.
ALLOWED = {"delivery": {"log_write"}}
WRITABLE = (".data", ".bss", ".tbss", ".tdata")


def library(build, layer):
    return build / f"src/{layer}/lib{layer}.a"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def impure_calls(build):
    for layer in PURE:
        for line in run("nm", "-u", "-A", library(build, layer)).splitlines():
            file, name = line.split(" ")[0], line.split()[-1].split("@")[0]
            if IMPURE.match(name) and name not in ALLOWED.get(layer, ()):
                yield f"{file} calls {name}, but {layer} knows no clock, threads or files"


def globals_of(build):
    # "ADDRESS FLAGS SECTION SIZE NAME", where the flag O marks an object. Constants that hold
    # addresses are in .data.rel.ro; the address sanitizer adds marks of its own.
    for archive in sorted(build.glob("src/*/lib*.a")):
        for line in run("objdump", "-t", archive).splitlines():
            found = re.match(r"[0-9a-f]+ .{5} O (\S+)\s+[0-9a-f]+ (?:\.hidden )?(\S+)$", line)
            if not found or not found[1].startswith(WRITABLE):
                continue
            if not found[1].startswith(".data.rel.ro") and not found[2].startswith("__odr_asan."):
                yield f"{archive.parent.name}: {found[2]} is a variable that outlives its owner"


if __name__ == "__main__":
    where = pathlib.Path(sys.argv[1])
    found = [*impure_calls(where), *globals_of(where)]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
