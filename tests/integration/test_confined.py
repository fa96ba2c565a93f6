"""Running safely: another user than root, nothing but its data folder, and nothing to gain from its memory."""

import contextlib
import os
import pathlib
import pwd
import re
import socket
import stat
import subprocess

import pytest

from binaries import BANTERD
from clients import NO_LIMIT, V1, wait_until
from program import run

USER = "nobody"


def status_of(server, key):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return re.search(rf"^{key}:[ \t]*(.*)$", status, re.M)[1].split()


def threads_of(server):
    return pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()


def has_sandbox(server):
    """Builds with a sanitizer have none, and say so."""
    return "this build has a sanitizer" not in server.log()


DEBUG = ("--set", "log_level=debug")


@pytest.fixture
def low_port():
    """A port that only root may listen on."""
    if not IS_ROOT:
        return None
    for port in range(1023, 600, -1):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no port is free")


IS_ROOT = os.geteuid() == 0


def who_is_not_root_cannot_become_somebody(data):
    """What is left to show where the tests do not run as root."""
    assert "only root can start a server for another user" in refusal(f"data={data}", f"user={USER}")


def test_root_is_left_for_good_after_listening(server, low_port, tmp_path):
    if not IS_ROOT:
        return who_is_not_root_cannot_become_somebody(tmp_path / "data")
    user = pwd.getpwnam(USER)
    running = server(*NO_LIMIT, *DEBUG, "--set", f"user={USER}", listen=[f"ws://127.0.0.1:{low_port}"], open_folder=True)
    for key in ("Uid", "Gid"):
        wanted = user.pw_uid if key == "Uid" else user.pw_gid
        assert status_of(running, key) == [str(wanted)] * 4
    assert status_of(running, "Groups") == []
    for key in ("CapPrm", "CapEff"):
        assert int(status_of(running, key)[0], 16) == 0
    assert running.data.stat().st_uid == user.pw_uid
    assert stat.S_IMODE(running.data.stat().st_mode) == 0o700
    for file in running.data.iterdir():
        # A journal is gone again as soon as what it covered is committed.
        with contextlib.suppress(FileNotFoundError):
            found = file.stat()
            assert found.st_uid == user.pw_uid and stat.S_IMODE(found.st_mode) == 0o600, file
    ann = V1(low_port)
    ann.hello(name="ann")
    assert ann.ask("message", room="lobby", content="hello")["type"] == "ack"


def may_go_ahead(raises_limit):
    """Root within a container may not do all that root may."""
    command = "ulimit -e 30 && nice -n -10 true" if raises_limit else "nice -n -10 true"
    return subprocess.run(["bash", "-c", command], capture_output=True).stderr == b""


def priority_of(server, name):
    [thread] = [task for task in threads_of(server) if (task / "comm").read_text() == f"{name}\n"]
    return os.getpriority(os.PRIO_PROCESS, int(thread.name))


@pytest.mark.parametrize("user", [(), ("--set", f"user={USER}")] if IS_ROOT else [()])
def test_commits_go_before_what_a_flood_makes_the_others_do(server, user):
    running = server(*user, open_folder=True)
    assert priority_of(running, "store-writer") == (-10 if may_go_ahead(raises_limit=user) else 0)
    assert priority_of(running, "banterd") == 0 < priority_of(running, "store-search")


def test_a_group_may_be_named_and_numbers_do(server, tmp_path):
    if not IS_ROOT:
        return who_is_not_root_cannot_become_somebody(tmp_path / "data")
    running = server("--set", f"user={pwd.getpwnam(USER).pw_uid}", "--set", "group=daemon", open_folder=True)
    assert status_of(running, "Gid") == ["1"] * 4
    assert status_of(running, "Uid") == [str(pwd.getpwnam(USER).pw_uid)] * 4


def test_root_that_stays_is_warned_of(server, tmp_path):
    if not IS_ROOT:
        return who_is_not_root_cannot_become_somebody(tmp_path / "data")
    stays, leaves = server(), server("--set", f"user={USER}", open_folder=True)
    wait_until(lambda: "WARNING - Running as root: set user = NAME" in stays.log())
    wait_until(lambda: "Open http" in leaves.log())  # the line behind it
    assert "as root" not in leaves.log()


def refusal(*settings):
    words = [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run([BANTERD, "--listen", "ws://127.0.0.1:0", *words], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1, done
    return done.stderr.splitlines()[-1]


def test_who_cannot_be_become_is_told(tmp_path):
    if not IS_ROOT:
        return who_is_not_root_cannot_become_somebody(tmp_path / "data")
    data = f"data={tmp_path}/data"
    assert refusal(data, "user=nobody-at-all") == (
        "banterd: user = nobody-at-all: there is no such user on this machine"
    )
    assert "group = no-group: there is no such group" in refusal(data, f"user={USER}", "group=no-group")
    assert "is root, whom the server is not to be" in refusal(data, "user=root")
    assert not (tmp_path / "data").exists()


def test_a_folder_of_somebody_else_is_not_taken(tmp_path):
    if not IS_ROOT:
        return who_is_not_root_cannot_become_somebody(tmp_path / "data")
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    assert "Permission denied" in refusal(f"data={data}", f"user={USER}")
    assert data.stat().st_uid == 0


def test_the_sandbox_is_on_for_every_thread(server):
    running = server(*DEBUG)
    run("admin", "status", "--data", str(running.data))
    tasks = list(threads_of(running))
    assert len(tasks) >= 3
    for task in tasks:
        status = (task / "status").read_text()
        expected = ("2", "1") if has_sandbox(running) else ("0", "0")
        found = (re.search(r"^Seccomp:\s*(\d)", status, re.M)[1], re.search(r"^NoNewPrivs:\s*(\d)", status, re.M)[1])
        assert found == expected, task


@pytest.mark.parametrize("where", ["localhost:{0.port}", "unix:{0.path}"])
def test_a_redis_is_found_and_found_again_from_within_the_sandbox(server, redis, where):
    shared = redis()
    running = server(*NO_LIMIT, *DEBUG, "--set", "store=redis://" + where.format(shared))
    assert not has_sandbox(running) or status_of(running, "Seccomp") == ["2"]
    ann = V1(running.port())
    ann.hello(name="ann")
    assert ann.ask("message", room="lobby", content="hello")["type"] == "ack"
    shared.kill()
    shared.start()
    wait_until(lambda: ann.ask("message", room="lobby", content="hello again")["type"] == "ack")


def test_the_sandbox_can_be_switched_off(server):
    running = server("--set", "sandbox=off")
    assert status_of(running, "Seccomp") == ["0"]


def test_no_memory_is_left_behind_in_a_core_file(server):
    running = server(*DEBUG)
    if has_sandbox(running):
        limits = pathlib.Path(f"/proc/{running.process.pid}/limits").read_text()
        assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.M)


def test_a_backup_leaves_nothing_in_the_data_folder(server, tmp_path):
    running = server(*NO_LIMIT)
    ann = V1(running.port())
    ann.hello(name="ann")
    ann.ask("message", room="lobby", content="hello")
    for name in ("one.db", "two.db"):
        run("admin", "backup", str(tmp_path / name), "--data", str(running.data))
    wait_until(lambda: not list(running.data.glob("backup-*")))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.db", "two.db"]


def test_a_copy_whose_taker_has_gone_is_removed_and_so_is_one_of_a_server_that_was_killed(server):
    running = server(*NO_LIMIT)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(running.data / "admin.sock"))
        caller.sendall(b"backup\n")
        answer = b""
        while b"ok " not in answer:
            answer += caller.recv(100)
        assert len(list(running.data.glob("backup-*.db"))) == 1
    wait_until(lambda: not list(running.data.glob("backup-*")))
    running.kill()
    (running.data / "backup-7.db.part").write_text("half of it")
    server(folder_of=running)
    assert not list(running.data.glob("backup-*"))


def test_a_socket_file_is_taken_away_at_the_end(server, tmp_path):
    path = tmp_path / "http"
    running = server(listen=[f"ws://unix:{path}"])
    assert path.exists()
    running.stop()
    assert not path.exists()
