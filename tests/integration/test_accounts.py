"""`banterd user` and `banterd token`, without a server and beside one that runs, and the keys for tokens from elsewhere."""

import base64
import hashlib
import hmac
import json
import os
import pty
import select
import shutil
import signal
import stat
import subprocess
import termios
import time
import urllib.error
import urllib.request

import pytest

from accounts import Accounts
from binaries import BANTER, BANTERD
from clients import NO_LIMIT, TIMEOUT, V1, wait_until

PASSWORD = "correct horse battery"
SECRET = "0123456789abcdef0123456789abcdef"


def banterd(*arguments, input="", status=0):
    """Runs a command to its end; returns what it prints on standard output and on standard error."""
    done = subprocess.run(
        [BANTERD, *map(str, arguments)], input=input, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, *arguments):
        self.terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [BANTERD, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        self.theirs = theirs
        self.shown = b""

    def wait_for(self, text):
        while text not in self.shown:
            assert select.select([self.terminal], [], [], TIMEOUT)[0], self.shown
            self.shown += os.read(self.terminal, 4096)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.theirs)[3] & termios.ECHO)

    def end(self):
        code = self.process.wait(TIMEOUT)
        while select.select([self.terminal], [], [], 0)[0]:
            self.shown += os.read(self.terminal, 4096)
        echoes = self.echoes()
        os.close(self.theirs)
        os.close(self.terminal)
        assert echoes, "the terminal was left without echo"
        return code


def test_a_password_is_typed_twice_and_not_shown(data):
    command = Terminal("user", "add", "ann", "--data", data)
    command.wait_for(b"Password: ")
    assert not command.echoes()
    command.type(f"{PASSWORD}\n")
    command.wait_for(b"again: ")
    command.type(f"{PASSWORD}\n")
    command.wait_for(b"Added ann (member)")
    assert command.end() == 0
    assert PASSWORD.encode() not in command.shown


def test_two_different_passwords_make_no_account(data):
    command = Terminal("user", "add", "ann", "--data", data)
    command.wait_for(b"Password: ")
    command.type(f"{PASSWORD}\n")
    command.wait_for(b"again: ")
    command.type(f"{PASSWORD}!\n")
    command.wait_for(b"not the same")
    assert command.end() == 1
    assert banterd("user", "list", "--data", data) == ("", "")


def test_who_thinks_better_of_it_has_a_terminal_that_echoes(data):
    command = Terminal("user", "add", "ann", "--data", data)
    command.wait_for(b"Password: ")
    command.process.send_signal(signal.SIGINT)
    assert command.end() == -signal.SIGINT
    assert banterd("user", "list", "--data", data) == ("", "")


def test_accounts_are_added_listed_changed_and_removed(data):
    assert banterd("user", "add", "Ann", "--role", "owner", "--data", data, input=f"{PASSWORD}\n") == (
        "Added Ann (owner)\n",
        "",
    )
    banterd("user", "add", "bob", "--data", data, input=f"{PASSWORD}\n")
    banterd("user", "role", "BOB", "moderator", "--data", data)
    lines = banterd("user", "list", "--json", "--data", data)[0].splitlines()
    assert [(row["name"], row["role"]) for row in map(json.loads, lines)] == [("Ann", "owner"), ("bob", "moderator")]
    assert banterd("user", "list", "--data", data)[0].split()[1:3] == ["owner", "Ann"]
    banterd("user", "remove", "ann", "--data", data)
    assert len(banterd("user", "list", "--data", data)[0].splitlines()) == 1
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "accounts.db").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "arguments, input, wanted",
    [
        (["user", "add", "bob"], "short12\n", "8 characters at least"),
        (["user", "add", "bob"], "", "no password on standard input"),
        (["user", "add", "bob"], "\n", "8 characters at least"),
        (["user", "add", "bob"], "tab\tin the password\n", "must be text"),
        (["user", "add", "bob"], "x" * 9000 + "\n", "8192 bytes at most"),
        (["user", "add", "a b"], PASSWORD, "no name for an account"),
        (["user", "add", "anonymous"], PASSWORD, "no name for an account"),
        (["user", "add", "\x1b[31mred"], PASSWORD, "no name for an account"),
        (["user", "add", "ANN"], PASSWORD, "there is an account ANN already"),
        (["user", "add", "bob", "--role", "king"], PASSWORD, "there is no such role"),
        (["user", "passwd", "bob"], PASSWORD, "there is no account bob"),
        (["user", "role", "bob", "owner"], "", "there is no account bob"),
        (["user", "remove", "bob"], "", "there is no account bob"),
        (["user", "add", "bob", "--json"], PASSWORD, "--json is no option of this command"),
        (["user", "add"], "", "Usage:"),
        (["user", "add", "a", "b"], "", "Usage:"),
        (["user"], "", "Usage:"),
        (["user", "frob"], "", "Usage:"),
        (["token", "add", "bob"], "", "there is no account bob"),
        (["token", "add", "ann", "--room", "o*s"], "", "--room must be"),
        (["token", "add", "ann", "--room", "@ann,bob"], "", "--room must be"),
        (["token", "add", "ann", "--rate", "-1"], "", "--rate = -1"),
        (["token", "add", "ann", "--expires", "soon"], "", "--expires = soon"),
        (["token", "add", "ann", "--expires", "0"], "", "--expires = 0"),
        (["token", "add", "ann", "--label", "x" * 65], "", "a label must be"),
        (["token", "revoke", "7"], "", "there is no such token"),
        (["token", "revoke", "-7"], "", "no option"),
        (["token", "list", "bob"], "", "there is no account bob"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(data, arguments, input, wanted):
    Accounts(data).add("ann", PASSWORD)
    output, errors = banterd(*arguments, "--data", data, input=input, status=1)
    assert output == ""
    assert wanted in errors
    assert "\x1b" not in errors
    assert errors.startswith("Usage:") or errors.count("\n") == 1
    assert len(banterd("user", "list", "--data", data)[0].splitlines()) == 1


def test_without_accounts_only_add_makes_any(data):
    for arguments in (["user", "list"], ["user", "remove", "ann"], ["token", "list"]):
        assert "there are no accounts" in banterd(*arguments, "--data", data, status=1)[1]
    assert not data.exists()


def test_a_token_is_printed_once_and_listed_without_it(data):
    accounts = Accounts(data)
    accounts.add("ann", PASSWORD)
    flags = ["--label", "ci bot", "--room", "ops", "--room", "team-*", "--rate", "0", "--expires", "90d"]
    output, errors = banterd("token", "add", "ann", *flags, "--role", "guest", "--data", data)
    token = output.strip()
    assert errors == "" and len(token) == 46 and token.startswith("bt_")
    for listing in (banterd("token", "list", "--data", data)[0], banterd("token", "list", "ann", "--data", data)[0]):
        assert token[3:] not in listing
        assert '"ci bot" room=ops room=team-* rate=0 role=guest' in listing
    (row,) = accounts.tokens("ann")
    assert row["kind"] == "api" and row["used"] is None and row["rooms"] == ["ops", "team-*"]
    assert token.encode() not in b"".join(file.read_bytes() for file in data.iterdir())


def post(running, room, token=None, basic=None):
    """Publishes over HTTP; returns the status."""
    request = urllib.request.Request(f"http://127.0.0.1:{running.port()}/r/{room}", data=b"text")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if basic:
        request.add_header("Authorization", "Basic " + base64.b64encode(basic.encode()).decode())
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT).status
    except urllib.error.HTTPError as error:
        return error.code


def closed(client):
    """Reads on until the connection is closed."""
    while True:
        opcode, _ = client.receive()
        if opcode & 0x0F == 8:
            return


def test_a_name_with_an_account_is_taken_as_soon_as_the_command_returns(server):
    running = server(*NO_LIMIT, "--set", "auth=mixed")
    accounts = Accounts(running.data)
    guest = V1(running.port())
    accounts.add("Ann", PASSWORD)
    assert guest.ask("hello", name="ann")["code"] == "unauthorized"
    accounts.remove("ann")
    assert guest.ask("hello", name="ann")["type"] == "welcome"


def test_who_is_removed_goes_at_once(server):
    running = server(*NO_LIMIT, "--set", "auth=mixed")
    accounts = Accounts(running.data)
    accounts.add("ann", PASSWORD)
    token = accounts.give_token("ann")
    ann, bot = V1(running.port()), V1(running.port())
    ann.hello(name="ann", password=PASSWORD)
    bot.hello(token=token)
    assert post(running, "ops", basic=f"ann:{PASSWORD}") == 200
    accounts.remove("ann")
    closed(ann)
    closed(bot)
    assert post(running, "ops", token=token) == 401
    assert post(running, "ops", basic=f"ann:{PASSWORD}") == 401


def test_a_new_password_ends_all_sessions_and_no_token(server):
    running = server(*NO_LIMIT, "--set", "auth=required")
    accounts = Accounts(running.data)
    accounts.add("ann", PASSWORD)
    token = accounts.give_token("ann")
    ann = V1(running.port())
    session = ann.hello(name="ann", password=PASSWORD)["session"]
    assert post(running, "ops", basic=f"ann:{PASSWORD}") == 200
    accounts.set_password("ann", "another password")
    closed(ann)
    assert post(running, "ops", basic=f"ann:{PASSWORD}") == 401
    assert post(running, "ops", basic="ann:another password") == 200
    assert post(running, "ops", token=token) == 200
    again = V1(running.port())
    assert again.ask("hello", session=session)["code"] == "unauthorized"


def test_a_revoked_token_is_worth_nothing_and_others_stay(server):
    running = server(*NO_LIMIT, "--set", "auth=required")
    accounts = Accounts(running.data)
    accounts.add("ann", PASSWORD)
    first, second = accounts.give_token("ann"), accounts.give_token("ann", "--room", "ops")
    one, two = V1(running.port()), V1(running.port())
    one.hello(token=first)
    two.hello(token=second)
    accounts.revoke(accounts.tokens("ann")[0]["id"])
    closed(one)
    assert post(running, "ops", token=first) == 401
    assert post(running, "ops", token=second) == 200
    assert post(running, "other", token=second) in (403, 404)
    two.join("ops")


def test_accounts_and_sessions_outlive_the_server(server):
    first = server("--set", "auth=required")
    Accounts(first.data).add("ann", PASSWORD)
    session = V1(first.port()).hello(name="ann", password=PASSWORD)["session"]
    first.kill()
    second = server("--set", "auth=required", folder_of=first)
    assert V1(second.port()).hello(session=session)["name"] == "ann"


def test_a_server_that_keeps_nothing_can_have_accounts(server):
    running = server("--store", "memory", "--set", "auth=required")
    accounts = Accounts(running.data)
    accounts.add("ann", PASSWORD)  # nobody tells such a server; it looks by itself
    assert post(running, "ops", basic=f"ann:{PASSWORD}") == 200
    ann = V1(running.port())
    ann.hello(name="ann", password=PASSWORD)
    accounts.remove("ann")
    closed(ann)
    open_one = server("--store", "memory")
    assert not open_one.data.exists()


def test_many_commands_at_the_same_time_lose_nothing(server):
    running = server("--set", "auth=mixed")
    Accounts(running.data).add("ann", PASSWORD)
    commands = [
        subprocess.Popen([BANTERD, "token", "add", "ann", "--data", str(running.data)], stdout=subprocess.PIPE)
        for _ in range(12)
    ]
    tokens = [command.communicate(timeout=TIMEOUT)[0].decode().strip() for command in commands]
    assert all(command.returncode == 0 for command in commands)
    assert len(set(tokens)) == 12 == len(Accounts(running.data).tokens("ann"))
    assert post(running, "ops", token=tokens[7]) == 200


def test_a_backup_has_the_accounts_beside_it(server, tmp_path):
    running = server("--set", "auth=required")
    accounts = Accounts(running.data)
    accounts.add("ann", PASSWORD)
    token = accounts.give_token("ann")
    path = tmp_path / "copy.db"
    subprocess.run([BANTER, "admin", "backup", path, "--data", running.data], check=True, timeout=TIMEOUT)
    beside = tmp_path / "copy.db.accounts"
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    wait_until(lambda: not list(running.data.glob("backup-*")))
    other = server()
    other.stop()
    shutil.rmtree(other.data)
    other.data.mkdir(0o700)
    shutil.copy(path, other.data / "banter.db")
    shutil.copy(beside, other.data / "accounts.db")
    restored = server("--set", "auth=required", folder_of=other)
    assert post(restored, "ops", token=token) == 200


def jwt(header=None, secret=SECRET, **claims):
    def encode(part):
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    header = header or {"alg": "HS256", "typ": "JWT"}
    text = encode(json.dumps(header).encode()) + b"." + encode(json.dumps(claims).encode())
    return (text + b"." + encode(hmac.digest(secret.encode(), text, hashlib.sha256))).decode()


def test_a_token_from_elsewhere_lets_in_until_it_expires(server, tmp_path):
    key = tmp_path / "key"
    key.write_text(SECRET + "\n")
    settings = ["--set", "auth=required", "--set", f"jwt_key={key}", "--set", "jwt_issuer=https://id.example"]
    running = server(*NO_LIMIT, *settings, "--set", "jwt_audience=chat", "--set", "jwt_leeway=0")
    ours = {"iss": "https://id.example", "aud": ["mail", "chat"], "sub": "u-17"}
    ann = V1(running.port())
    assert ann.hello(token=jwt(**ours, preferred_username="ann", exp=time.time() + 3600))["name"] == "ann"
    assert post(running, "ops", token=jwt(**ours, banter_rooms=["ops"])) == 200
    assert post(running, "other", token=jwt(**ours, banter_rooms=["ops"])) in (403, 404)
    for wrong in (
        jwt(**ours, exp=time.time() - 1),
        jwt(**ours, nbf=time.time() + 60),
        jwt(**(ours | {"iss": "https://evil.example"})),
        jwt(**(ours | {"aud": "mail"})),
        jwt(**ours, secret=SECRET[::-1]),
        jwt(**ours, header={"alg": "none"}).rsplit(".", 1)[0] + ".",
    ):
        assert post(running, "ops", token=wrong) == 401
        assert wrong.rsplit(".", 1)[1] == "" or wrong.rsplit(".", 1)[1] not in running.log()
    soon = V1(running.port())
    soon.hello(token=jwt(**ours, exp=int(time.time()) + 5))  # and until then a slow machine lets it in
    closed(soon)
    # New keys hold when the configuration is read again, without a restart.
    key.write_text("another secret of thirty-two bytes\n")
    subprocess.run([BANTER, "admin", "reload", "--data", running.data], check=True, timeout=TIMEOUT)
    assert post(running, "ops", token=jwt(**ours)) == 401
    assert post(running, "ops", token=jwt(**ours, secret="another secret of thirty-two bytes")) == 200
    key.write_text("short")
    failed = subprocess.run(
        [BANTER, "admin", "reload", "--data", running.data], capture_output=True, text=True, timeout=TIMEOUT
    )
    assert failed.returncode == 1 and "jwt_key" in failed.stderr and "short" not in failed.stderr
    assert post(running, "ops", token=jwt(**ours, secret="another secret of thirty-two bytes")) == 200


def test_settings_that_cannot_be_are_refused(data, tmp_path):
    key = tmp_path / "key"
    key.write_text("too short")
    for settings, wanted in [
        (["jwt_issuer=x"], "jwt_issuer is set, but not jwt_key"),
        (["jwt_audience=x"], "jwt_audience is set, but not jwt_key"),
        ([f"jwt_key={tmp_path}/none"], "No such file or directory"),
        ([f"jwt_key={key}"], "32 bytes at least"),
        (["auth=maybe"], "must be one of: open mixed required"),
        (["token=with\na second line"], "a token must be text of one line"),
    ]:
        flags = [part for setting in settings for part in ("--set", setting)]
        errors = banterd("--check", *flags, "--data", data, status=1)[1]
        assert wanted in errors and errors.count("\n") == 1
        assert "too short" not in errors and "a second line" not in errors


def test_static_tokens_are_not_shown(server):
    output = banterd("--print-config", "--set", "token=precious-one", "--set", "token=precious-two")[0]
    assert "precious" not in output
    assert output.count("#token = (is set)\n") == 2
    running = server("--set", "token=precious-one")
    assert "token is set, but auth = open lets everybody in" in running.log()
    assert "precious" not in running.log()


def test_a_static_token_lets_in_as_a_guest(server):
    running = server("--set", "auth=required", "--set", "token=precious-one", "--set", "token=precious-two")
    assert post(running, "ops") == 401
    assert post(running, "ops", token="precious-two") == 200
    assert post(running, "ops", token="precious-tw") == 401
    guest = V1(running.port())
    assert guest.hello(name="bob", token="precious-one")["name"] == "bob"
