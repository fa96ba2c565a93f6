"""Redis servers and sentinels of the tests' own, on free ports of loopback and in folders that vanish with them.

    with Redis("--requirepass", "secret", password="secret") as server:
        server.cli("SET", "a", "1")
        server.pause()

The fixture `redis` of conftest.py starts them and ends them after the test.
"""

import queue
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from ports import free_port

TIMEOUT = 20
# Sentinels that could not agree, or knew no replica yet, try again after six seconds, and then again.
FAILOVER_SECONDS = 60


class Tap:
    """Between a server and its Redis: passes everything on, and can hold answers back while publications pass."""

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.held = threading.Event()
        self.passes = threading.Event()
        self.passes.set()
        self.question = None
        self.published = b""
        self.ends = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.passes.set()
        self.hang_up()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.ends += [near, far]
            answers = threading.Event()
            answers.set()
            threading.Thread(target=self._pump, args=(near, far, self._asked, answers), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, self._answered, answers), daemon=True).start()

    def _pump(self, source, sink, look, answers):
        try:
            while data := source.recv(1 << 16):
                look(data, answers)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()

    def _asked(self, data, answers):
        if self.question and self.question in data:
            self.question = None
            answers.clear()
            self.held.set()

    def _answered(self, data, answers):
        if not answers.is_set():
            self.passes.wait()
            answers.set()
        self.published += data if b"message" in data else b""

    def hold(self, question):
        """The answer to the next command with these bytes, and what would follow on that connection, waits for `release`."""
        self.published = b""
        self.passes.clear()
        self.held.clear()
        self.question = question

    def release(self):
        self.passes.set()

    def hang_up(self):
        """All who are connected have to come again."""
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.ends = []


class RedisError(Exception):
    """What a server answers with "-"."""


class Conversation:
    """One connection that speaks RESP2."""

    def __init__(self, opened):
        self.socket = opened
        self.file = opened.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def command(self, *arguments):
        """Says it and returns what is answered: str, int, None or a list of these. RedisError if it is an error."""
        self.send(*arguments)
        return self.receive()

    def send(self, *arguments):
        parts = [part if isinstance(part, bytes) else str(part).encode() for part in arguments]
        self.socket.sendall(
            b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        )

    def receive(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode(errors="surrogateescape")
        assert kind == b"*", line
        return None if rest == b"-1" else [self._item() for _ in range(int(rest))]

    def _item(self):
        try:
            return self.receive()
        except RedisError as error:
            return error


def port_settings(port, tls):
    """As the configuration has them, and the command line with "--" before each."""
    if not tls:
        return {"port": str(port)}
    pair = tls.make()
    files = {"tls-cert-file": str(pair.chain), "tls-key-file": str(pair.key), "tls-ca-cert-file": str(tls.certificate)}
    return {"port": "0", "tls-port": str(port), "tls-auth-clients": "no", "tls-replication": "yes", **files}


def open_socket(port, tls):
    opened = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    return tls.context().wrap_socket(opened, server_hostname="localhost") if tls else opened


class Process:
    """A program of Redis': started, its log read line by line."""

    ready = "Ready to accept connections"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="banter-redis-")
        self.process = None
        self.log = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends it and removes its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def arguments(self):
        raise NotImplementedError

    def start(self):
        """Starts it (again: with the same port and folder) and waits until it serves."""
        assert self.process is None
        self.lines = queue.Queue()
        self.process = subprocess.Popen(
            self.arguments(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
        )
        threading.Thread(target=self._read, args=(self.process.stdout, self.lines), daemon=True).start()
        self.hear(self.ready)

    def _read(self, stream, lines):
        with stream:
            for line in stream:
                self.log.append(line.decode(errors="replace").rstrip())
                lines.put(self.log[-1])
        lines.put(None)

    def hear(self, pattern, timeout=TIMEOUT):
        """Waits for the next line of its log that has this (a regular expression), and returns the match."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"never said {pattern!r}:\n" + "\n".join(self.log[-50:]))
            if match := re.search(pattern, line):
                return match

    def kill(self):
        """As a crash would."""
        self._end(signal.SIGKILL)

    def stop(self):
        """As an operator would: it saves what it is configured to save."""
        self._end(signal.SIGTERM)

    def _end(self, how):
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait(TIMEOUT)
        self.process = None

    def restart(self):
        self.stop()
        self.start()

    def pause(self):
        """It hangs: connections stay, are even made, and nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)


class Redis(Process):
    """A redis-server. `options` as its command line has them, for example "--appendonly", "yes". Keeps nothing on disk
    unless told to.

    address   "127.0.0.1:PORT", port
    path      of its socket file
    username, password: what cli uses; what the server wants is told by options
    tls       a certificates.Authority: then the port speaks TLS only
    """

    def __init__(self, *options, username=None, password=None, tls=None, port=None):
        super().__init__()
        self.options = list(options)
        self.username, self.password = username, password
        self.tls = tls
        self.port = port or free_port()
        self.path = f"{self.folder}/socket"
        self.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def arguments(self):
        port = [word for key, value in port_settings(self.port, self.tls).items() for word in (f"--{key}", value)]
        # A replica that was fed without a file gets what comes behind it only a second later. One with a file that is
        # killed must still have all that it has answered for: with "everysec" it puts off writing while the disk is slow.
        quiet = ["--save", "", "--appendonly", "no", "--appendfsync", "always", "--repl-diskless-sync", "no"]
        place = ["--bind", "127.0.0.1", "--unixsocket", self.path, "--dir", self.folder, "--daemonize", "no"]
        return ["redis-server", *port, *place, *quiet, *self.options]

    def connect(self):
        """A Conversation with it, logged in."""
        talk = Conversation(open_socket(self.port, self.tls))
        if self.password:
            talk.command("AUTH", *([self.username] if self.username else []), self.password)
        return talk

    def cli(self, *arguments):
        """Says one command and returns what is answered, as values of Python. RedisError if it is an error."""
        with self.connect() as talk:
            return talk.command(*arguments)

    def info(self, section):
        """INFO as a dictionary of texts."""
        lines = self.cli("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def replica_of(self, master):
        """Follows another server; returns when it has everything, and gets what is written from now on at once."""
        if master.password:
            self.cli("CONFIG", "SET", "masterauth", master.password)
        self.cli("REPLICAOF", "127.0.0.1", master.port)
        self.hear("sync: (Finished with success|Master accepted a Partial)")

    def promote(self):
        """Follows nobody any more."""
        self.cli("REPLICAOF", "NO", "ONE")


class Sentinel(Process):
    """A redis-sentinel that watches `master` under `name`. It knows `replicas` of them before this returns. `quorum`:
    how many sentinels must find the master gone; others that watch the same master find each other through it. It speaks
    TLS if the master does."""

    ready = r"\+monitor master"

    def __init__(self, master, name="main", quorum=1, replicas=0, password=None, down_after_ms=500):
        super().__init__()
        self.port = free_port()
        self.name = name
        self.password = password
        self.tls = master.tls
        lines = [
            *(f"{key} {value}" for key, value in port_settings(self.port, self.tls).items()),
            "bind 127.0.0.1",
            f"dir {self.folder}",
            f"sentinel monitor {name} 127.0.0.1 {master.port} {quorum}",
            f"sentinel down-after-milliseconds {name} {down_after_ms}",
            f"sentinel failover-timeout {name} 3000",
        ]
        if master.password:
            lines.append(f"sentinel auth-pass {name} {master.password}")
        if password:
            lines.append(f"requirepass {password}")
        with open(f"{self.folder}/sentinel.conf", "w") as file:
            file.write("\n".join(lines) + "\n")
        self.start()
        for _ in range(replicas):
            self.hear(r"\+slave ")

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def arguments(self):
        return ["redis-sentinel", f"{self.folder}/sentinel.conf"]

    def connect(self):
        talk = Conversation(open_socket(self.port, self.tls))
        if self.password:
            talk.command("AUTH", self.password)
        return talk

    def cli(self, *arguments):
        with self.connect() as talk:
            return talk.command(*arguments)

    def master_port(self):
        """The port of whom it takes for the master."""
        return int(self.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)[1])

    def failover(self):
        """Makes a replica the master, as soon as one is known to be good enough; returns its port."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                self.cli("SENTINEL", "FAILOVER", self.name)
                return self.hear_failover()
            except RedisError as error:
                assert "NOGOODSLAVE" in str(error) and time.monotonic() < deadline, error
            time.sleep(0.05)  # it does not say when it has found out

    def hear_failover(self):
        """Waits until another has become master; returns its port."""
        return int(self.hear(r"\+switch-master \S+ \S+ \d+ \S+ (\d+)", FAILOVER_SECONDS)[1])
