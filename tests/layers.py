"""Each layer includes only what its line here names: layers, or single headers of one. A header that is called internal,
or says that it is "Private to LAYER/", is included by nobody else."""

import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "src"

LAYERS = {
    "base": "",
    "wire": "base",
    "hub": "base",
    "stream": "base",
    "protocol": "base wire hub",
    "delivery": "base wire hub stream protocol",
    "io": "base",
    "net": "base wire io delivery",
    "redis": "base wire io",
    "store": "base wire hub io redis",
    "auth": "base wire hub redis",
    "server": "base wire hub stream protocol delivery io redis net store auth",
    "bench": "base wire io",
    "terminal": "base wire io client",
    "client": "base wire io bench terminal/terminal.h",
    "sim": "base wire hub stream protocol delivery store/store_memory.h store/shared_log.h",
}


def owner_of(header):
    """The layer to which a header is private, or None."""
    path = SOURCES / header
    if header.endswith("internal.h"):
        return header.split("/")[0]
    private = path.exists() and re.search(r"Private[\s*]+to[\s*]+(\w+)/", path.read_text())
    return private[1] if private else None


def problems():
    for folder in sorted(path for path in SOURCES.iterdir() if path.is_dir()):
        if folder.name not in LAYERS:
            yield f"src/{folder.name}: is no layer; name it in tests/layers.py"
            continue
        allowed = {folder.name, *LAYERS[folder.name].split()}
        for file in sorted(folder.rglob("*.[ch]")):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                name = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                if not name:
                    continue
                where = f"{file.relative_to(SOURCES.parent)}:{number}"
                if not allowed & {name[1], name[1].split("/")[0]}:
                    yield f"{where}: {folder.name} may not include {name[1]}"
                elif (owner := owner_of(name[1])) not in (None, folder.name):
                    yield f"{where}: {name[1]} is private to {owner}"


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
