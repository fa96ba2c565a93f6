#!/usr/bin/python3
"""Checks the table of docs/security.md: every attack in it names tests, and every test that is named exists.

A test is FILE::NAME, with FILE below tests/: a function of a file of pytest, or a case of a unit test in C. A scenario
(replay/NAME.chat) and a fuzz target (fuzz/fuzz_NAME.c) are tests by themselves.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/security.md"
ROWS_AT_LEAST = 60


def rows_of(text):
    """(line number, cells) of each row of the tables with a column for tests."""
    within = False
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            within = False
        elif cells == ["attack", "what banter does", "test"]:
            within = True
        elif within and not set(line) <= set("|- "):
            yield number, cells


def exists(test):
    file, _, name = test.partition("::")
    path = ROOT / "tests" / file
    if not path.is_file():
        return False
    if path.suffix == ".chat" or path.name.startswith("fuzz_"):
        return not name
    declared = r"^(async )?def {}\(" if path.suffix == ".py" else r"((cmocka_unit_test\w*|FED_BOTH_WAYS|CASE)\(\s*|^\s*){}[,)]"
    return bool(name) and re.search(declared.format(re.escape(name)), path.read_text(), re.M) is not None


def problems_of(rows):
    if len(rows) < ROWS_AT_LEAST:
        yield f"{PAGE.name}: {len(rows)} attacks, but there must be {ROWS_AT_LEAST}"
    attacks = [cells[0] for _, cells in rows]
    for number, cells in rows:
        where = f"{PAGE.name}:{number}"
        if len(cells) != 3 or not all(cells):
            yield f"{where}: a row has an attack, what is done, and its tests"
            continue
        if attacks.count(cells[0]) > 1:
            yield f"{where}: is there twice"
        tests = re.findall(r"`([^`]+)`", cells[2])
        if not tests:
            yield f"{where}: names no test"
        yield from (f"{where}: there is no test {test}" for test in tests if not exists(test))


def main():
    rows = list(rows_of(PAGE.read_text()))
    problems = list(problems_of(rows))
    print("\n".join(problems) or f"{len(rows)} attacks, each with a test that exists")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
