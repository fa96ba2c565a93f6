"""People at terminals. Each `person(...)` has a home of their own, so that nothing is kept from test to test."""

import os

import pytest

from terminal import Person, Tmux, chat

LEAKS = "detect_leaks=0"  # of the terminal library, which keeps its tables


@pytest.fixture
def person(tmp_path):
    tmux = Tmux(tmp_path)

    def sit_down(server, name, *arguments, size=(80, 24), command=None, **environment):
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        variables = {
            "HOME": home, "XDG_CONFIG_HOME": home / "config", "XDG_STATE_HOME": home / "state", "TZ": "UTC",
            "TERM": "tmux-256color", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], "PS1": "$ ",
            "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", ""), "ASAN_OPTIONS": LEAKS,
        } | environment  # fmt: skip
        url = f"ws://127.0.0.1:{server.port()}"
        someone = Person(tmux, name, command or chat(url, name, *arguments), size, variables)
        someone.home = home
        return someone

    yield sit_down
    tmux.close()
