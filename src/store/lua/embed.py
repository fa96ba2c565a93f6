"""Writes the scripts for Redis into a C file: embed.py OUTPUT COMMON SCRIPT…  Each gets COMMON in front, and the digest
that Redis knows it by."""

import hashlib
import pathlib
import sys


def literal(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join(f'        "{line}\\n"' for line in escaped.splitlines())


def main(output, common, *scripts):
    shared = pathlib.Path(common).read_text()
    parts = ['#include "store/redis_scripts.h"\n', "const struct redis_script_text REDIS_SCRIPTS[SCRIPT_COUNT] = {"]
    for path in map(pathlib.Path, scripts):
        text = shared + path.read_text()
        digest = hashlib.sha1(text.encode()).hexdigest()
        parts.append(f'    [SCRIPT_{path.stem.upper()}] = {{"{digest}",\n{literal(text)}}},')
    parts.append("};")
    pathlib.Path(output).write_text("\n".join(parts) + "\n")


main(*sys.argv[1:])
