"""How banter logs in: what it shows a server that follows a script, what it asks of the user, what it keeps, and that
nobody else sees any of it."""

import os
import pathlib
import pty
import select
import signal
import stat

import pytest

from binaries import BANTER
from clients import TIMEOUT
from program import Program, run
from scripted_server import ScriptedServer

SESSION = "bt_" + "k" * 43


@pytest.fixture
def script():
    with ScriptedServer() as server:
        yield server


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """The folder that what is kept goes to."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("BANTER_TOKEN", raising=False)
    return tmp_path / "state" / "banter"


class Person:
    """banter with somebody at its terminal."""

    def __init__(self, *arguments):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ["USER"] = "somebody"
            os.execv(BANTER, [BANTER, *arguments])
        self.seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def see(self, text):
        """Waits until the terminal shows this; what came up to it is taken."""
        while text.encode() not in self.seen:
            assert select.select([self.terminal], [], [], TIMEOUT)[0], f"shows no more than {self.seen}"
            try:
                data = os.read(self.terminal, 65536)
            except OSError:
                data = b""
            assert data, f"ended after {self.seen}"
            self.seen += data
        before, _, self.seen = self.seen.partition(text.encode())
        return before.decode()

    def type(self, text):
        os.write(self.terminal, text.encode() + b"\n")


def refuse(peer, hello):
    peer.say(type="error", code="unauthorized", message="no", cid=hello["cid"])


def welcome(peer, hello, session=SESSION):
    peer.say(type="welcome", name=hello.get("name", ""), session=session, server="scripted", ping_ms=30000,
             limits={"message": 65536, "per_minute": 0}, reconnect_ms=[50, 100], rooms=[])  # fmt: skip


def command_line_of(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_token_is_shown_in_the_handshake_and_not_to_other_users_of_the_machine(script):
    with Program("tail", script.url, "--token", "tok-123") as program:
        peer, hello = script.welcome()
        assert "\r\nAuthorization: Bearer tok-123\r\n" in peer.head
        assert "token" not in hello and "password" not in hello
        assert b"tok-123" not in command_line_of(program.process.pid)
        assert b"--token\0xxxxxxx" in command_line_of(program.process.pid)


@pytest.mark.parametrize("command", ["chat", "tail", "send"])
def test_a_token_comes_from_a_file_or_the_environment(script, tmp_path, monkeypatch, command):
    file = tmp_path / "token"
    file.write_text("from-file\n")
    words = ["hello"] if command == "send" else []
    with Program(command, script.url, *words, "--token-file", str(file)):
        assert "\r\nAuthorization: Bearer from-file\r\n" in script.accept().head
    monkeypatch.setenv("BANTER_TOKEN", "from-environment")
    with Program(command, script.url, *words):
        assert "\r\nAuthorization: Bearer from-environment\r\n" in script.accept().head


@pytest.mark.parametrize(
    "content,words",
    [(b"", "holds no token"), (b"\n", "holds no token"), (b"two words\n", "no token"), (b"caf\xc3\xa9\n", "no token"),
     (b"x" * 9000, "no token")],
    ids=["empty", "blank", "two words", "not ASCII", "too long"],
)  # fmt: skip
def test_what_is_no_token_is_not_shown(tmp_path, content, words):
    file = tmp_path / "token"
    file.write_bytes(content)
    _, errors = run("tail", "ws://127.0.0.1:1", "--token-file", str(file), status=2)
    assert words in errors
    _, errors = run("tail", "ws://127.0.0.1:1", "--token-file", str(tmp_path / "nowhere"), status=2)
    assert "cannot read" in errors


def test_a_wrong_token_is_one_clear_line(script):
    with Program("tail", script.url, "--token", "wrong") as program:
        script.accept().close(1008, "Invalid token")
        assert program.end(status=1) == ("", "error: Invalid token\n")


def test_a_password_is_asked_for_where_the_name_has_an_account_and_is_never_shown(script, state):
    with Person("chat", "--plain", script.url, "--name", "ann") as person:
        peer = script.accept()
        hello = peer.hear("hello")
        assert "password" not in hello
        refuse(peer, hello)
        person.see("Password for ann: ")
        person.type(" se:cret ")
        hello = peer.hear("hello")
        assert (hello["name"], hello["password"]) == ("ann", " se:cret ")
        welcome(peer, hello)
        shown = person.see("[User] Connected")
        assert "cret" not in shown
        kept = state / script.url.removeprefix("ws://")
        assert kept.read_text() == f"ann\n{SESSION}\n"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert b"cret" not in command_line_of(person.pid)


def test_a_wrong_password_is_asked_for_again_and_in_the_end_no_more(script, state):
    with Person("chat", "--plain", script.url, "--user", "ann") as person:
        peer = script.accept()
        person.see("Password for ann: ")  # before anything is said: the user wants to log in
        for _ in range(2):
            person.type("guess")
            refuse(peer, peer.hear("hello"))
            person.see("Wrong name or password")
            person.see("Password for ann: ")
        person.type("guess")
        refuse(peer, peer.hear("hello"))
        person.see("error: no")
    assert not state.exists()


def test_the_terminal_shows_what_is_typed_again_when_the_question_is_over(script):
    with Person("chat", "--plain", script.url, "--user", "ann") as person:
        peer = script.accept()
        person.see("Password for ann: ")
        person.type("secret")
        welcome(peer, peer.hear("hello"))
        peer.joined("lobby")
        peer.live("lobby", 0)
        person.see("[User] Connected")
        person.type("visible again")
        assert peer.hear("message")["content"] == "visible again"
        person.see("visible again")


def test_ctrl_c_at_the_question_leaves(script):
    with Person("chat", "--plain", script.url, "--user", "ann") as person:
        peer = script.accept()
        person.see("Password for ann: ")
        os.write(person.terminal, b"\x03")
        assert peer.receive()[0] & 0x0F == 8  # a close frame, and no hello
        peer.drop()


def test_without_a_terminal_it_says_what_else_there_is(script):
    with Program("send", script.url, "hello", "--name", "ann") as program:
        peer = script.accept()
        refuse(peer, peer.hear("hello"))
        output, errors = program.end(status=1)
        assert "--token-file" in errors and "BANTER_TOKEN" in errors


def test_a_login_name_that_has_an_account_is_no_reason_to_ask_a_script(script):
    with Program("chat", script.url) as program:
        peer = script.accept()
        hello = peer.hear("hello")
        assert hello["name"] == "somebody"
        refuse(peer, hello)
        hello = peer.hear("hello")
        assert hello["name"] == "somebody-2" and "password" not in hello
        welcome(peer, hello, session="s" * 43)
        assert program.hear() == "[User] Connected"


def keep(state, script, name="ann", session=SESSION):
    state.mkdir(parents=True, mode=0o700)
    file = state / script.url.removeprefix("ws://")
    file.write_text(f"{name}\n{session}\n")
    return file


def test_the_next_time_it_comes_back_with_what_was_kept(script, state):
    keep(state, script)
    for arguments in (["chat"], ["chat", "--name", "Ann"], ["tail", "--user", "ann"]):
        with Program(arguments[0], script.url, *arguments[1:]):
            hello = script.accept().hear("hello")
            assert (hello["name"], hello["session"]) == ("ann", SESSION)


def test_what_was_kept_is_shown_for_nobody_else(script, state):
    keep(state, script)
    for arguments in (["chat", "--name", "bob"], ["tail"], ["send", "x", "--name", "bob"], ["chat", "--token", "t"]):
        with Program(arguments[0], script.url, *arguments[1:]):
            assert "session" not in script.accept().hear("hello")
    with ScriptedServer() as other, Program("chat", other.url):
        assert "session" not in other.accept().hear("hello")


def test_two_at_once_do_not_take_the_session_from_each_other(script, state):
    keep(state, script)
    with Program("chat", script.url):
        first = script.accept()
        assert first.hear("hello")["session"] == SESSION
        with Program("chat", script.url):
            assert "session" not in script.accept().hear("hello")


def test_a_session_that_was_revoked_is_replaced_by_logging_in(script, state):
    file = keep(state, script)
    with Person("chat", "--plain", script.url) as person:
        peer = script.accept()
        hello = peer.hear("hello")
        assert hello["session"] == SESSION
        refuse(peer, hello)
        hello = peer.hear("hello")
        assert "session" not in hello and hello["name"] == "ann"
        refuse(peer, hello)
        person.see("Password for ann: ")
        person.type("secret")
        welcome(peer, peer.hear("hello"), session="bt_fresh")
        person.see("[User] Connected")
        assert file.read_text() == "ann\nbt_fresh\n"


def test_after_a_lost_connection_the_session_stands_in_for_the_password(script):
    with Person("chat", "--plain", script.url, "--user", "ann") as person:
        peer = script.accept()
        person.see("Password for ann: ")
        person.type("secret")
        welcome(peer, peer.hear("hello"))
        person.see("[User] Connected")
        peer.drop()
        hello = script.accept().hear("hello")
        assert hello["session"] == SESSION and "password" not in hello


def test_a_password_that_took_long_is_shown_when_the_server_is_back(script):
    with Person("chat", "--plain", script.url, "--user", "ann") as person:
        peer = script.accept()
        person.see("Password for ann: ")
        peer.drop()
        person.type("secret")
        assert script.accept().hear("hello")["password"] == "secret"


def test_what_a_server_sends_as_a_secret_does_not_break_the_file(script, state):
    with Person("chat", "--plain", script.url, "--user", "ann") as person:
        peer = script.accept()
        person.see("Password for ann: ")
        person.type("secret")
        welcome(peer, peer.hear("hello"), session="bt_" + "x" * 5000)
        person.see("[User] Connected")
        assert not list(state.glob("*")) if state.exists() else True
