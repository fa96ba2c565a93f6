"""What `make cluster` starts works as it says, and nothing of it is left behind."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import urllib.request

from binaries import BANTERD, ROOT
from clients import TIMEOUT, V1, items_of, wait_until
from ports import free_row, is_free

BUILD = pathlib.Path(BANTERD).parents[2]


def ports():
    """Of HAProxy, and twenty in a row behind it."""
    base = free_row(22)
    return base + 20, base + 21, base


def start(folder, web, lines, base):
    arguments = ["--build", BUILD, "--data", folder / "cluster", "--port", web, "--line-port", lines, "--base", base]
    return subprocess.Popen(
        [sys.executable, ROOT / "scripts/cluster", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def children(process):
    return [int(pid) for pid in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def is_running(pid):
    try:
        return "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def read_until(process, pattern):
    said = ""
    while not re.search(pattern, said):
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def test_it_is_one_chat_that_survives_a_node_and_ends_without_a_trace(tmp_path):
    web, lines, base = ports()
    running = start(tmp_path, web, lines, base)
    try:
        said = read_until(running, "Ctrl\\+C")
        pids = children(running)
        assert len(pids) == 9
        urllib.request.urlopen(f"http://127.0.0.1:{web}/r/lobby", b"hello").read()
        reader = V1(base + 1)
        reader.hello()
        assert [item["content"] for item in items_of(reader.join("lobby"))] == ["hello"]
        os.kill(int(re.search(r"a node dies +kill -9 (\d+)", said)[1]), signal.SIGKILL)
        read_until(running, r"node1 has ended \(-9\)")
        urllib.request.urlopen(f"http://127.0.0.1:{web}/r/lobby", b"still here").read()
        assert reader.hear_until("message")["content"] == "still here"
        read_until(running, "node1 starts again")
        wait_until(lambda: not is_free(base))
        pids += children(running)
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(TIMEOUT) == 0
        running.stdout.close()
    assert not any(is_running(pid) for pid in pids)


def test_all_of_it_ends_when_it_is_killed(tmp_path):
    running = start(tmp_path, *ports())
    read_until(running, "Ctrl\\+C")
    pids = children(running)
    running.kill()
    running.wait()
    running.stdout.close()
    wait_until(lambda: not any(is_running(pid) for pid in pids))


def test_a_port_that_is_taken_is_named(tmp_path):
    web, lines, base = ports()
    with socket.create_server(("127.0.0.1", base + 10)):
        running = start(tmp_path, web, lines, base)
        said = running.communicate(timeout=TIMEOUT)[0]
    assert running.returncode == 1
    assert said.startswith(f"cluster: port {base + 10} is taken. Other ports: ")
