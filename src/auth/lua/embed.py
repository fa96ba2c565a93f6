"""Writes the scripts of the ledger into a C file: embed.py OUTPUT SCRIPT…"""

import pathlib
import sys


def literal(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join(f'    "{line}\\n"' for line in escaped.splitlines())


def main(output, *scripts):
    parts = ['#include "auth/ledger_script.h"\n']
    for path in map(pathlib.Path, scripts):
        parts.append(f"const char ledger_script_{path.stem}[] =\n{literal(path.read_text())};\n")
    pathlib.Path(output).write_text("\n".join(parts))


main(*sys.argv[1:])
