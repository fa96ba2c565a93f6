"""What a server says when it starts, or why it does not, and what it leaves open to whom."""

import contextlib
import pathlib
import stat
import subprocess
import urllib.request

import pytest

from clients import EVERYTHING, NO_LIMIT
from binaries import BANTERD


def refusal(*arguments):
    """The one line a server says that does not start."""
    done = subprocess.run([BANTERD, *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and done.stdout == "", done
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "[::]"])
def test_a_server_on_every_address_names_one_to_open(server, host):
    running = server(listen=[f"ws://{host}:0"])
    url = f"http://127.0.0.1:{running.port()}/"
    with urllib.request.urlopen(url) as page:
        assert page.status == 200
    assert f"Open {url} in a browser" in running.log()


def test_a_missing_folder_above_the_data_is_told(tmp_path):
    line = refusal("--listen", "ws://127.0.0.1:0", "--data", str(tmp_path / "no" / "data"))
    assert line.startswith(f"banterd: cannot create the data folder {tmp_path}/no/data: No such file or directory; ")
    assert "make the folder that it is to stand in first" in line


def test_the_beginning_of_a_key_is_enough_to_be_told_the_whole(server):
    assert refusal("--set", "rate=3") == 'banterd: unknown key "rate"; did you mean "rate_per_minute"?'


def test_socket_files_are_open_to_all_and_the_data_to_nobody_else(server, tmp_path):
    path = tmp_path / "http"
    running = server(*NO_LIMIT, listen=[f"ws://unix:{path}", *EVERYTHING])
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert stat.S_IMODE(running.data.stat().st_mode) == 0o700
    for file in pathlib.Path(running.data).iterdir():
        # A journal is gone again as soon as what it covered is committed.
        with contextlib.suppress(FileNotFoundError):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
