"""What README.md and the pages in docs/ show is what happens.

A fenced block says behind its language what it is for:

    sh, python or js runnable      is run, the blocks of a page one after the other against one server. A block
                                   `text output` or `json output` behind it is what it prints, … standing for anything.
    … runnable endless             does not end by itself: it is stopped when it has printed a line
    text replay PROTOCOL           a conversation of several clients, each line one of
                                       ann > what ann sends             ann < what she gets
                                       ann close                        ann closed CODE REASON
                                   $WORD stands for the same text wherever it comes again

Addresses are replaced by those of the server of the test.
"""

import itertools
import os
import pathlib
import re
import signal
import subprocess

import pytest

from clients import EVERYTHING, TIMEOUT, Json, Line, Stream, Text, V1
from binaries import BANTERD
from http_client import request
from program import BANTER
from raw_websocket import CLOSE, FIN, close_payload

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ["README.md", "docs/protocol.md", "docs/operations.md"]
PORTS = {"8765": "ws", "8888": "line", "8890": "command"}
FENCE = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```$", re.M | re.S)


class Block:
    def __init__(self, page, match):
        self.language, self.text = match[1], match[3]
        self.words = match[2].split()
        self.where = f"{page}:{match.string.count(chr(10), 0, match.start()) + 1}"

    def is_for(self, use):
        return self.words[:1] == [use]


def blocks_of(page):
    return [Block(page, match) for match in FENCE.finditer((ROOT / page).read_text())]


def pattern_of(expected, known):
    """A regular expression for a text with … and $WORD in it; what is known of the words is filled in."""
    pattern = ""
    for part in re.split(r"(…|\$[A-Z]+)", expected):
        if part == "…":
            pattern += r"[^\n]*?"
        elif part.startswith("$") and part[1:].isupper():
            name = part[1:]
            if name in known:
                pattern += re.escape(known[name])
            else:
                pattern += f"(?P<{name}>[^\\n]*?)"
        else:
            pattern += re.escape(part)
    return pattern


def check(where, expected, got, known):
    match = re.fullmatch(pattern_of(expected, known), got)
    assert match, f"{where}\nwritten: {expected}\nbut got: {got}"
    known.update(match.groupdict())


class Conversation:
    """Replays a block: clients come in with their first line and stay until the end."""

    KINDS = {"ws": Json, "banter.v1": V1, "ws+text": Text, "line": Stream, "numbered": Stream, "command": Stream}

    def __init__(self, server, block):
        self.server = server
        self.block = block
        self.scheme = block.words[1]
        self.kind = self.KINDS[block.words[-1]]
        self.clients = {}
        self.known = {}

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = self.kind(self.server.port(self.scheme))
        return self.clients[name]

    def say(self, client, text):
        for name, value in self.known.items():
            text = text.replace(f"${name}", value)
        if isinstance(client, Json):
            client.say_text(text)
        elif isinstance(client, Text):
            client.say(text)
        else:
            client.send(f"{text}\n")

    def hear(self, client):
        return client.line() if isinstance(client, Stream) else client.receive_message()[1].decode()

    def check_closed(self, where, client, words):
        if isinstance(client, Stream):
            assert client.rest() == "", where
            return
        opcode, payload = client.receive()
        assert opcode == FIN | CLOSE, where
        code, reason = words[0], " ".join(words[1:])
        assert payload == close_payload(int(code), reason.encode()), where

    def play(self):
        for number, line in enumerate(self.block.text.splitlines()):
            where = f"{self.block.where} + {number}"
            name, action, rest = (line.split(" ", 2) + [""])[:3]
            client = self.client(name)
            if action == ">":
                self.say(client, rest)
            elif action == "<":
                check(where, rest, self.hear(client), self.known)
            elif action == "close":
                client.leave()
            elif action == "closed":
                self.check_closed(where, client, rest.split())
            else:
                raise AssertionError(f"{where}: what is {action!r}?")


REPLAYS = [block for page in PAGES for block in blocks_of(page) if block.is_for("replay")]


@pytest.mark.parametrize("block", REPLAYS, ids=lambda block: block.where)
def test_conversation_goes_as_written(server, block):
    Conversation(server(listen=EVERYTHING), block).play()


class Shell:
    """Runs blocks in a folder where the programs are found as after `make`."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        (folder / "build").mkdir()
        for program in (BANTERD, BANTER):
            (folder / "build" / pathlib.Path(program).name).symlink_to(pathlib.Path(program).resolve())
        (folder / "node_modules").mkdir()
        (folder / "node_modules/ws").symlink_to("/usr/share/nodejs/ws")
        (folder / "banter.mjs").write_bytes(request(server.port(), "GET", "/client.js").body)

    def replace_addresses(self, text):
        for port, scheme in PORTS.items():
            text = re.sub(rf"(127\.0\.0\.1\W+){port}\b", rf"\g<1>{self.server.port(scheme)}", text)
        return text

    def start(self, block):
        interpreter = {
            "sh": ["bash", "-euc"],
            "python": ["/usr/bin/python3", "-u", "-c"],
            "js": ["node", "--input-type=module", "-e"],
        }[block.language]
        environment = os.environ | {"PATH": f"{self.folder}/build:{os.environ['PATH']}", "USER": "somebody"}
        # The client's default address is the server's.
        text = self.replace_addresses(block.text)
        if block.language == "sh":
            url = f"ws://127.0.0.1:{self.server.port()}"
            text = re.sub(r"\b(banter (?:chat|send|tail))\b", rf"\1 {url}", text)
        return subprocess.Popen(
            [*interpreter, text],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, block):
        """What it prints. curl is told to be silent: it reports progress where its output is no terminal."""
        process = self.start(block)
        if "endless" in block.words:
            line = process.stdout.readline().decode()
            process.send_signal(signal.SIGINT)
            errors = process.communicate(timeout=TIMEOUT)[1].decode()
            assert line, f"{block.where} prints nothing\n{errors}"
            return line
        output, errors = (stream.decode() for stream in process.communicate(timeout=TIMEOUT))
        assert process.returncode == 0, f"{block.where}\n{output}{errors}"
        return output


@pytest.mark.parametrize("page", PAGES)
def test_runnable_blocks_of_a_page_print_what_they_say(server, tmp_path, page):
    shell = Shell(server(listen=EVERYTHING), tmp_path)
    blocks = blocks_of(page)
    assert any(block.is_for("runnable") for block in blocks), f"{page} has nothing to run"
    for block, following in itertools.zip_longest(blocks, blocks[1:]):
        if not block.is_for("runnable"):
            continue
        output = shell.run(block)
        if following is not None and following.is_for("output"):
            check(following.where, following.text, output, {})


def test_session_with_nc_reads_as_printed(server):
    (block,) = [block for block in blocks_of("README.md") if block.text.startswith("$ nc 127.0.0.1 8888\n")]
    typed = ["Jason", "Hello there!"]
    client = Line(server(listen=EVERYTHING).port("line"))
    for line in block.text.splitlines()[1:]:
        if typed and line == typed[0]:
            client.say(typed.pop(0))
        else:
            assert client.hear() == line
    assert not typed


def test_operations_tell_about_every_setting_and_its_default():
    config = subprocess.run([BANTERD, "--print-config"], capture_output=True, text=True, check=True).stdout
    settings = re.findall(r"^#(\w+) = ?(.*)$", config, re.M)
    page = (ROOT / "docs/operations.md").read_text()
    manual = (ROOT / "packaging/man/banter.conf.5.scd").read_text()
    assert len(settings) > 20
    for key, default in settings:
        assert re.search(rf"^\| `{key}` \|.*`{re.escape(default)}`" if default else rf"^\| `{key}` \|", page, re.M), key
        assert re.search(rf"^\*{key}\* = ", manual, re.M), key
    told = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert told == {key for key, _ in settings}


def test_table_of_line_commands_is_the_one_of_help(server):
    client = Line(server(listen=EVERYTHING).port("line"))
    client.say("/help")
    helped = []
    while (line := client.hear()) != "Enter your name:" or not helped:
        if line.startswith("/"):
            helped.append(line.split(" - ")[0])
    page = (ROOT / "docs/protocol.md").read_text()
    assert helped == re.findall(r"^\| `(/[^`]*)` \|", page, re.M)
