"""What the operator does: verify, export and import a data folder, and ask a running server."""

import json
import shutil
import socket
import sqlite3
import subprocess
import threading

import pytest

from clients import NO_LIMIT, TIMEOUT, Line, V1, items_of
from binaries import BANTERD
from program import run


def banterd(*arguments, status=0, input=None):
    """Runs a command to its end; returns what it prints on standard output and on standard error."""
    done = subprocess.run([BANTERD, *map(str, arguments)], input=input, capture_output=True, timeout=TIMEOUT)
    output, errors = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == status, (done.returncode, output, errors)
    assert "Sanitizer" not in errors and "runtime error" not in errors, errors
    return output, errors


def fill(server, name="ann"):
    """Two rooms with everything an entry can have, and a direct message."""
    ann, bob = V1(server.port()), V1(server.port())
    ann.hello(name=name)
    bob.hello(name=f"{name}-friend")
    ann.ask("message", room="General", content="größer \u0007 \"quoted\" \u2028", cid="c1")
    ann.ask("message", room="general", content="to be deleted")
    ann.ask("edit", room="general", of=2, content="still to be deleted")
    ann.ask("delete", room="general", of=2)
    bob.ask("react", room="general", of=1, key="👍", op="add")
    bob.ask("react", room="general", of=1, key="👍", op="remove")
    ann.ask("topic", room="general", content="Release day")
    bob.ask("message", room="general", content="answer", re=1)
    ann.ask("message", room="random", content="two\nlines")
    ann.ask("message", to=f"{name}-friend", content="psst")
    return ann


@pytest.fixture
def stopped(server):
    """The data folder of a server that has stopped, with retention in a room of it."""
    running = server(*NO_LIMIT, "--set", "room=short retention_count=2")
    ann = fill(running)
    for number in range(5):
        ann.ask("message", room="short", content=str(number), cid=f"s{number}")
    running.stop()
    return running.data


def test_verify_finds_nothing_wrong_with_a_log_also_while_it_is_served(server):
    running = server(*NO_LIMIT)
    ann = fill(running)
    assert banterd("verify", "--data", running.data) == ("3 rooms, 10 entries, no problems\n", "")
    assert ann.ask("message", room="general", content="goes on")["type"] == "ack"
    running.stop()
    assert banterd("verify", "--data", running.data) == ("3 rooms, 11 entries, no problems\n", "")


DAMAGES = {
    "DELETE FROM entries WHERE seq = 3 AND room = 1": "General: 1 problem: entries are missing before 4",
    "UPDATE entries SET timestamp = timestamp - 100000000 WHERE seq = 3 AND room = 1": "General: 1 problem: time goes back at 3",
    "UPDATE entries SET content = 'changed' WHERE cid = 'c1'": "General: 1 problem: the cid does not fit the content of 1",
    "UPDATE entries SET id = 'I' || substr(id, 2) WHERE seq = 1 AND room = 1": "General: 1 problem: no id has 1",
    "UPDATE entries SET kind = 9 WHERE seq = 5 AND room = 1": "General: 1 problem: unreadable is 5",
    "UPDATE entries SET content = CAST(x'ff' AS TEXT) WHERE seq = 8": "General: 1 problem: unreadable is 8",
    "UPDATE rooms SET gone = 2 WHERE key = 'short'": "short: 2 problems: entries are missing before 4; known twice is the cid of 3",
    "UPDATE entries SET id = (SELECT id FROM entries WHERE room = 2) WHERE seq = 8": "an id that is there twice: ",
    "DELETE FROM rooms WHERE key = 'random'": "entries without a room: 2",
}


@pytest.mark.parametrize("sql, line", DAMAGES.items())
def test_verify_names_what_is_damaged(stopped, sql, line):
    database = sqlite3.connect(stopped / "banter.db")
    assert database.execute(sql).rowcount == 1
    database.commit()
    database.close()
    output, _ = banterd("verify", "--data", stopped, status=1)
    assert line in output, output
    assert output.splitlines()[-1].endswith(("1 problem", "problems")), output


def test_verify_finds_a_damaged_page(stopped):
    path = stopped / "banter.db"
    content = bytearray(path.read_bytes())
    page = content.index("größer".encode()) // 4096
    content[page * 4096 : page * 4096 + 64] = bytes(64)
    path.write_bytes(content)
    output, _ = banterd("verify", "--data", stopped, status=1)
    assert "problem" in output.splitlines()[-1]


def test_verify_says_what_it_cannot_read(tmp_path):
    _, errors = banterd("verify", "--data", tmp_path, status=1)
    assert errors == f"banterd: cannot read the database {tmp_path}/banter.db: No such file or directory\n"
    (tmp_path / "banter.db").write_text("no database at all, but a text that is long enough to look at" * 20)
    _, errors = banterd("verify", "--data", tmp_path, status=1)
    assert "banter.db" in errors


def lines_of(archive):
    """The lines, without the epoch."""
    header, *lines = archive.splitlines()
    header = json.loads(header)
    assert header.pop("epoch")
    assert header == {"format": "banter-archive", "version": 1}
    return lines


def test_export_import_export_is_the_same_but_for_the_epoch(stopped, tmp_path, server):
    first = tmp_path / "first"
    banterd("export", "--data", stopped, first)
    assert first.stat().st_mode & 0o777 == 0o600
    _, errors = banterd("import", "--data", tmp_path / "copy", first)
    assert errors == "Imported 4 rooms, 12 entries\n"
    assert banterd("verify", "--data", tmp_path / "copy")[0] == "4 rooms, 12 entries, no problems\n"
    again, _ = banterd("export", "--data", tmp_path / "copy")
    before, after = first.read_text(), again
    assert lines_of(before) == lines_of(after)
    assert json.loads(before.splitlines()[0])["epoch"] != json.loads(after.splitlines()[0])["epoch"]
    kinds = {json.loads(line).get("kind") for line in lines_of(after)}
    assert kinds == {"message", "edit", "delete", "react", "topic", None}
    assert sum("old_cid" in json.loads(line) for line in lines_of(after)) == 3


def test_an_imported_log_is_served_on_where_it_ended(server, tmp_path):
    first = server(*NO_LIMIT)
    ann = fill(first)
    epoch = ann.join("general")[0]["epoch"]
    archive, _ = banterd("export", "--data", first.data)  # while it runs
    second_folder = server(*NO_LIMIT, "--store", "memory")
    second_folder.stop()
    banterd("import", "--data", second_folder.data, input=archive.encode())
    second = server(*NO_LIMIT, folder_of=second_folder)
    bob = V1(second.port())
    bob.hello(name="bob")
    frames = bob.join("general", after=8, epoch=epoch)
    assert [frame["type"] for frame in frames][:2] == ["joined", "gap"]
    assert frames[1]["reason"] == "epoch"
    assert (frames[0]["first"], frames[0]["last"], frames[0]["topic"]) == (1, 8, "Release day")
    assert items_of(frames)[0]["content"] == "größer \u0007 \"quoted\" \u2028"
    assert items_of(frames)[1]["deleted"] is True
    assert bob.ask("message", room="general", content="on")["seq"] == 9


def test_import_takes_all_or_nothing_and_only_into_an_empty_folder(stopped, tmp_path):
    archive, _ = banterd("export", "--data", stopped)
    path = tmp_path / "archive"
    path.write_text(archive)
    _, errors = banterd("import", "--data", stopped, path, status=1)
    assert "has rooms already" in errors
    lines = archive.splitlines()
    folder = tmp_path / "new"
    bad = {
        3: '{"seq":1}',
        4: "not JSON",
        5: lines[4].replace('"seq":3', '"seq":4'),
        6: lines[5].replace('"kind":"delete"', '"kind":"destroy"'),
        len(lines): lines[1],  # a room again
    }
    for number, line in bad.items():
        assert line != lines[number - 1]
        path.write_text("\n".join(lines[: number - 1] + [line] + lines[number:]) + "\n")
        _, errors = banterd("import", "--data", folder, path, status=1)
        assert errors.startswith(f"banterd: {path}:{number}: "), errors
    path.write_text(archive[:-30])  # a copy that was not finished
    _, errors = banterd("import", "--data", folder, path, status=1)
    assert errors.startswith(f"banterd: {path}:{len(lines)}: the line has no end"), errors
    assert banterd("verify", "--data", folder)[0] == "0 rooms, 0 entries, no problems\n"
    path.write_text(archive)
    banterd("import", "--data", folder, path)


def test_import_refuses_a_folder_that_is_served(server, tmp_path):
    running = server()
    (tmp_path / "archive").write_text('{"format":"banter-archive","version":1,"epoch":"x"}\n')
    _, errors = banterd("import", "--data", running.data, tmp_path / "archive", status=1)
    assert "in use by another banterd" in errors


def test_export_overwrites_nothing_and_leaves_nothing_half_done(stopped, tmp_path):
    path = tmp_path / "archive"
    path.write_text("precious")
    _, errors = banterd("export", "--data", stopped, path, status=1)
    assert "File exists" in errors
    assert path.read_text() == "precious"
    _, errors = banterd("export", "--data", tmp_path / "nowhere", tmp_path / "other", status=1)
    assert not (tmp_path / "other").exists()


def test_a_command_explains_itself(tmp_path):
    for command in ("verify", "export", "import"):
        assert banterd(command, "--help")[0].startswith(f"Usage: banterd {command}")
    banterd("verify", "--data", tmp_path, "too", "much", status=1)
    assert "--help" in banterd("verify", "--nonsense", status=1)[1]


def admin(server, *words, status=0):
    return run("admin", *words, "--data", str(server.data), status=status)


def test_status_tells_how_the_server_is(server):
    running = server(*NO_LIMIT, listen=("ws://127.0.0.1:0", "line://127.0.0.1:0"))
    assert (running.data / "admin.sock").stat().st_mode & 0o777 == 0o600
    ann, bob = V1(running.port()), V1(running.port())
    ann.hello(name="ann")
    ann.join("general")
    bob.hello()
    with Line(running.port("line"), "Lin"):
        status = json.loads(admin(running, "status")[0])
        assert status["connections"] == {"banter.v1": 2, "line": 1}
        assert (status["sessions"], status["pending"]) == (3, 0)
        assert status["rooms"] == 2  # general and lobby
        assert status["uptime_s"] < 60
    running.stop()
    assert not (running.data / "admin.sock").exists()
    assert "banterd" in admin(running, "status", status=1)[1]


def test_backup_while_people_talk_has_an_epoch_of_its_own(server, tmp_path):
    running = server(*NO_LIMIT)
    ann = V1(running.port())
    ann.hello(name="ann")
    epoch = ann.join("general")[0]["epoch"]
    for number in range(300):
        ann.ask("message", room="general", content=f"{number} " + "x" * 2000)
    stop = threading.Event()

    def talk():
        bob = V1(running.port())
        bob.hello(name="bob")
        while not stop.is_set():
            bob.ask("message", room="general", content="meanwhile " + "y" * 2000)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        path = tmp_path / "copy.db"
        assert admin(running, "backup", str(path)) == (f"{path}\n", "")
    finally:
        stop.set()
        talker.join()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["copy.db"]
    last = ann.ask("message", room="general", content="after the copy")["seq"]
    other = server(*NO_LIMIT)
    other.stop()
    for file in other.data.iterdir():
        file.unlink()
    shutil.copy(path, other.data / "banter.db")
    assert banterd("verify", "--data", other.data)[0].endswith(", no problems\n")
    restored = server(*NO_LIMIT, folder_of=other)
    eve = V1(restored.port())
    eve.hello(name="eve")
    frames = eve.join("general", after=last, epoch=epoch)
    assert frames[1]["type"] == "gap" and frames[1]["reason"] == "epoch"
    assert 300 <= frames[0]["last"] < last
    first = eve.ask("history", room="general", after=0, limit=1)["items"][0]
    assert first["content"].startswith("0 xxx")


def test_backup_takes_the_place_of_nothing(server, tmp_path):
    running = server()
    path = tmp_path / "copy.db"
    path.write_text("precious")
    assert "File exists" in admin(running, "backup", str(path), status=1)[1]
    assert path.read_text() == "precious"
    _, errors = admin(running, "backup", str(tmp_path / "nowhere" / "copy.db"), status=1)
    assert "No such file or directory" in errors
    assert admin(running, "status")


def test_a_server_that_was_killed_leaves_a_socket_that_the_next_replaces(server):
    first = server()
    first.kill()
    assert (first.data / "admin.sock").exists()
    second = server(folder_of=first)
    assert json.loads(admin(second, "status")[0])["sessions"] == 0


@pytest.mark.parametrize("words", [b"\n", b"nonsense\n", b"backup relative\n", b"backup \n", b"x" * 20000, b"status"])
def test_nonsense_on_the_admin_socket_does_no_harm(server, words):
    running = server()
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(TIMEOUT)
        caller.connect(str(running.data / "admin.sock"))
        caller.sendall(words)
        caller.shutdown(socket.SHUT_WR)
        try:
            answer = caller.recv(1000)
        except ConnectionResetError:
            answer = b""
    assert answer == b"" or answer.startswith(b"error ")
    assert admin(running, "status")
