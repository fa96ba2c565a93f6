"""The deterministic layers stay deterministic, and no layer has a variable that outlives its owner.

    purity.py BUILD

Read from the libraries of a build: what the deterministic layers call from outside, and which
writable data any layer has. What is not named here may not be called, so nothing slips in.
"""

import pathlib
import re
import subprocess
import sys

from layers import LAYERS

# No clocks, randomness, threads, sockets and files: what these call must work on memory alone.
PURE = ["hub", "stream", "protocol", "wire", "delivery"]

# Of the C library, and what compilers and sanitizers put in by themselves.
STRINGS = r"mem(r?chr|cmp|cpy|move|set)|bcmp|str(r?chr|n?(cat|cmp|cpy|len)|str|c?spn|pbrk)"
MEMORY_ALONE = re.compile(
    rf"^({STRINGS}|__({STRINGS})_chk|__assert_fail|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_"
    r"|__(asan|lsan|msan|tsan|ubsan|sanitizer|sancov)_\w+)$"
)
JSON = r"json_(loadb|delete|(array|string|integer|real)_\w+|object_(get|size|iter\w*|key_to_iter))"
# Codecs of other libraries. The outlet tells the operator what it saw, through a log that was
# handed to it.
ALLOWED = {
    "wire": rf"SHA1|SHA256|(de|in)flate\w*|http_\w+|{JSON}|sodium_(bin2base64|base64\w+)",
    "hub": r"qsort",
    "protocol": rf"inet_pton|{JSON}",
    "delivery": r"log_write",
}
# The parts of base that write, look at the clock, or start threads.
IMPURE_BASE = {"clock.c.o", "log.c.o", "thread.c.o"}
WRITABLE = (".data", ".bss", ".tbss", ".tdata")


def library(build, layer):
    return build / f"src/{layer}/lib{layer}.a"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols(build, layer, *options):
    """(object, name) of each."""
    for line in run("nm", "-A", *options, library(build, layer)).splitlines():
        where, name = line.split(" ")[0], line.split()[-1].split("@")[0]
        yield where.rstrip(":").split(":")[1].split("/")[-1], name


def defined(build, layer):
    return {
        name
        for where, name in symbols(build, layer, "-g", "--defined-only")
        if layer != "base" or where not in IMPURE_BASE
    }


def impure_calls(build):
    for layer in PURE:
        ours = set().union(*(defined(build, each) for each in [layer, *LAYERS[layer].split()]))
        allowed = re.compile(ALLOWED.get(layer, "$."))
        for where, name in symbols(build, layer, "-u"):
            known = name in ours or MEMORY_ALONE.match(name) or allowed.fullmatch(name)
            if not known:
                yield f"{layer}/{where} calls {name}, which may know a clock, threads or files"


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
