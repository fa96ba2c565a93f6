"""web/client.js in Node: runs tests/client_js with node's own test runner, each test of it a test here; and the npm package
that is made of it."""

import json
import os
import re
import subprocess

import pytest

from binaries import BANTERD, ROOT

SECONDS = 300
FILES = sorted((ROOT / "tests/client_js").glob("*.test.mjs"))
NAMES = [(file, name) for file in FILES for name in re.findall(r'^test\("([^"]+)"', file.read_text(), re.M)]
ENVIRONMENT = os.environ | {"BANTERD": os.path.abspath(BANTERD), "NODE_PATH": "/usr/share/nodejs"}


@pytest.fixture(scope="module")
def outcomes():
    """What node says of each file, as TAP; a file is run when it is asked for first."""
    said = {}

    def outcome(file):
        if file not in said:
            command = ["node", "--test", "--test-reporter=tap", file]
            said[file] = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS)
        return said[file].stdout + said[file].stderr

    return outcome


@pytest.mark.parametrize(("file", "name"), NAMES, ids=[f"{file.name}-{name}" for file, name in NAMES])
def test_in_node(outcomes, file, name):
    output = outcomes(file)
    found = re.search(rf"^ *(not )?ok \d+ - {re.escape(name)}( #.*)?$", output, re.M)
    assert found and not found[1] and not found[2], output


def test_the_npm_package_has_what_it_names_and_nothing_else(tmp_path):
    subprocess.run([ROOT / "scripts/npm-package", tmp_path], check=True)
    package = json.loads((tmp_path / "package.json").read_text())
    version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
    assert package["version"] == version
    assert set(package["files"]) | {"package.json"} == {path.name for path in tmp_path.iterdir()}
    named = {package["types"], *package["exports"]["."].values()}
    assert all((tmp_path / name).is_file() for name in named)
    for name in ("client.js", "client.d.ts"):
        assert (tmp_path / name).read_bytes() == (ROOT / "web" / name).read_bytes()
    assert "dependencies" not in package
