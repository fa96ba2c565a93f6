"""Turns the files of the browser client into a C table: embed.py OUTPUT.c FILE...

Each file is served under its own name, index.html also as "/". The type of a file is told by its
ending; one that is not known here stops the build. Where that is worth it, the file is there
compressed as well.
"""

import gzip
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".yaml": "application/yaml",
}


def rows(content):
    for start in range(0, len(content), 20):
        yield "    " + ",".join(str(byte) for byte in content[start : start + 20]) + ","


WORTH_IT = 0.9


def array(name, content):
    return [f"static const unsigned char {name}[] = {{", *rows(content + b"\0"), "};"]


def main(output, *names):
    arrays, table = [], []
    for number, name in enumerate(names):
        file = pathlib.Path(name)
        content = file.read_bytes()
        compressed = gzip.compress(content, 9, mtime=0)
        if len(compressed) > WORTH_IT * len(content):
            compressed = b""
        arrays += array(f"file_{number}", content) + array(f"gzip_{number}", compressed)
        paths = ["/" + file.name] + (["/"] if file.name == "index.html" else [])
        for path in paths:
            slices = f"{{(const char *)file_{number}, {len(content)}}}, {{(const char *)gzip_{number}, {len(compressed)}}}"
            table.append(f'    {{"{path}", "{TYPES[file.suffix]}", {slices}}},')
    lines = ["/* Made by web/embed.py from the files of web/. */", '#include "server/assets.h"', ""]
    lines += arrays + ["", "const struct asset web_assets[] = {"] + table + ["};", ""]
    lines += ["const size_t web_asset_count = sizeof(web_assets) / sizeof(web_assets[0]);", ""]
    pathlib.Path(output).write_text("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
