"""The programs of docs/examples do what they say, run as a reader would run them."""

import json
import os
import re
import signal
import subprocess

import pytest

from binaries import ROOT
from clients import EVERYTHING, NO_LIMIT, TIMEOUT, V1, Line, wait_until

EXAMPLES = ROOT / "docs/examples"


def environment(server, scheme="ws"):
    url = f"{'http' if scheme == 'http' else 'ws'}://127.0.0.1:{server.port()}{'' if scheme == 'http' else '/ws'}"
    return os.environ | {"BANTER_URL": url, "PYTHONUNBUFFERED": "1"}


def reader(server, room):
    client = V1(server.port())
    client.hello(name="ann")
    client.join(room, after=0)
    return client


class Running:
    """A program that goes on until the test ends."""

    def __init__(self, *command, **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, **options
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def line(self):
        return self.process.stdout.readline().rstrip("\n")


@pytest.fixture
def node_modules(tmp_path):
    """A folder as npm would have left it."""
    subprocess.run([ROOT / "scripts/npm-package", tmp_path / "node_modules/banter-client"], check=True)
    (tmp_path / "node_modules/ws").symlink_to("/usr/share/nodejs/ws")
    return tmp_path


def test_every_example_is_listed():
    listed = set(re.findall(r"\]\(([\w.]+)\) \|", (EXAMPLES / "README.md").read_text()))
    assert listed == {path.name for path in EXAMPLES.iterdir()} - {"README.md"}


@pytest.mark.parametrize(("command", "status", "priority"), [("echo well", 0, 2), ("echo badly; exit 3", 3, 4)])
def test_notify_tells_how_a_command_went(server, command, status, priority):
    running = server(*NO_LIMIT)
    ann = reader(running, "ops")
    done = subprocess.run(
        [EXAMPLES / "notify.sh", "ops", "sh", "-c", command], env=environment(running, "http"), capture_output=True, text=True,
        timeout=TIMEOUT,
    )
    assert (done.returncode, done.stderr) == (status, "")
    message = ann.hear_until("message")
    assert message["content"].startswith("failed (3): sh" if status else "done: sh")
    assert ("badly" in message["content"].splitlines()[1:]) == bool(status)
    assert (message["priority"], message["title"]) == (priority, "sh")


def test_notify_waits_for_a_server_that_is_away(server):
    first = server(*NO_LIMIT, keeps_port=True)
    first.kill()
    with Running(EXAMPLES / "notify.sh", "ops", "true", env=environment(first, "http")) as notify:
        second = server(*NO_LIMIT, folder_of=first, listen=(f"ws://127.0.0.1:{first.port()}",))
        assert notify.process.wait(TIMEOUT) == 0
    history = reader(second, "ops").ask("history", room="ops")
    assert [item["content"] for item in history["items"]] == ["done: true"]


def test_follow_goes_on_where_it_was(server, tmp_path):
    first = server(*NO_LIMIT, keeps_port=True)
    ann = reader(first, "ops")
    command = (EXAMPLES / "follow.sh", "ops", "cat")
    with Running(*command, env=environment(first, "http"), cwd=tmp_path) as follow:
        wait_until(lambda: (tmp_path / ".last-id-of-ops").exists() and (tmp_path / ".last-id-of-ops").read_text())
        ann.ask("message", room="ops", content="one")
        assert json.loads(follow.line())["content"] == "one"
        first.kill()
        second = server(*NO_LIMIT, folder_of=first, listen=(f"ws://127.0.0.1:{first.port()}",))
        ann = reader(second, "ops")
        ann.ask("message", room="ops", content="two  with \\ and \"quotes\"")
        assert json.loads(follow.line())["content"] == "two  with \\ and \"quotes\""
        wait_until(lambda: (tmp_path / ".last-id-of-ops").read_text().endswith(":2"))
    ann.ask("message", room="ops", content="three")
    with Running(*command, env=environment(second, "http"), cwd=tmp_path) as follow:
        assert json.loads(follow.line())["content"] == "three"


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_robot_answers_over_a_restart(server, node_modules, language):
    program = {"python": ["/usr/bin/python3", EXAMPLES / "robot.py"], "javascript": ["node", node_modules / "robot.mjs"]}
    (node_modules / "robot.mjs").write_text((EXAMPLES / "robot.mjs").read_text())
    first = server(*NO_LIMIT, keeps_port=True)
    ann = reader(first, "ops")
    with Running(*program[language], "ops", env=environment(first)) as robot:
        assert robot.line() == "here"
        asked = ann.ask("message", room="ops", content="!time")["seq"]
        answer = ann.hear_until("message", sender="robot")
        assert answer["re"] == asked and re.fullmatch(r"\d\d:\d\d", answer["content"])
        first.kill()
        second = server(*NO_LIMIT, folder_of=first, listen=(f"ws://127.0.0.1:{first.port()}",))
        ann = reader(second, "ops")
        asked = ann.ask("message", room="ops", content="!time")["seq"]
        assert ann.hear_until("message", re=asked)["sender"] == "robot"
        questions = [item["re"] for item in ann.ask("history", room="ops")["items"] if item["sender"] == "robot"]
        assert questions == [1, asked]


def test_talk_is_built_without_a_warning_and_talks(server, tmp_path):
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", tmp_path / "talk", EXAMPLES / "talk.c"], check=True)
    port = server(*NO_LIMIT, listen=EVERYTHING).port("line")
    bob = Line(port, "Bob")
    with Running(tmp_path / "talk", "Jason", "127.0.0.1", str(port)) as talk:
        assert bob.line() == "Jason has connected"
        bob.say("Hello Jason")
        while (line := talk.line()) != "Bob: Hello Jason":
            assert line
        talk.process.stdin.write("Hello Bob\n")
        talk.process.stdin.close()
        talk.process.stdin = None
        assert bob.line_until("Jason has disconnected")[-1] == "Jason: Hello Bob"
        assert talk.process.wait(TIMEOUT) == 0


def test_examples_of_the_npm_package_run(server, node_modules):
    running = server(*NO_LIMIT)
    blocks = re.findall(r"^```js runnable\n(.*?)^```$", (ROOT / "packaging/npm/README.md").read_text(), re.M | re.S)
    expected = ["on disk, as number 1 of its room\n", "1 anonymous: one\n2 anonymous: two\n", "not_found \n"]
    assert len(blocks) == len(expected)
    for block, output in zip(blocks, expected):
        (node_modules / "block.mjs").write_text(block.replace("127.0.0.1:8765", f"127.0.0.1:{running.port()}"))
        done = subprocess.run(["node", node_modules / "block.mjs"], capture_output=True, text=True, timeout=TIMEOUT)
        assert (done.stdout, done.stderr) == (output, "")
