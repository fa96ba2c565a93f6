"""Starts banterd for tests that look at it from outside.

`server(*flags)` starts one on a port of its own with an empty data folder and returns a Server, which knows where it
listens. After the test every server started is told to stop with SIGTERM and must end in time, with exit code 0 and
without a word from a sanitizer. `module_server` is the same for tests that share one.
"""

import pathlib
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))

from binaries import BANTERD  # noqa: E402
from ports import kept  # noqa: E402
from redis import Redis, Sentinel  # noqa: E402

START_SECONDS = 20
STOP_SECONDS = 20  # a server cuts off after four who does not go, and a drain comes before that
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")


class Server:
    """A running banterd. `urls` holds what it printed, in order. `through`: a command that runs it."""

    def __init__(self, flags, folder, listen=("ws://127.0.0.1:0",), through=()):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.log_path = self.folder / "stderr.log"
        self.urls = []
        self.stopped = False
        arguments = [*through, BANTERD, "--data", str(self.data)]
        for url in listen:
            arguments += ["--listen", url]
        arguments += flags
        self._log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=self._log, stdin=subprocess.DEVNULL
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read_output, daemon=True).start()
        self._wait_until_listening(arguments.count("--listen"))

    def _read_output(self):
        for line in self.process.stdout:
            self._lines.put(line.decode())
        self._lines.put(None)

    def _wait_until_listening(self, count):
        deadline = time.monotonic() + START_SECONDS
        while len(self.urls) < count:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self.process.kill()
                raise AssertionError(f"not listening after {START_SECONDS} s\n{self.log()}") from None
            if line is None:
                raise AssertionError(f"ended with {self.process.wait()} at start\n{self.log()}")
            match = re.match(r"\[Server\] Running on (\S+)$", line.strip())
            if match:
                self.urls.append(match.group(1))

    def port(self, scheme="ws"):
        """The port of the first listener of a scheme."""
        for url in self.urls:
            match = re.match(re.escape(scheme) + r"://.*:(\d+)/?$", url)
            if match:
                return int(match.group(1))
        raise KeyError(scheme)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def kill(self):
        """As a crash would: no warning and no check."""
        self.process.kill()
        self.process.wait()
        self._finish()

    def stop(self):
        """Asks it to stop and checks how it went."""
        if self.stopped:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
            self.process.kill()
            self.process.wait()
        self._finish()
        log = self.log()
        assert not SANITIZER_REPORT.search(log), log
        assert code is not None, f"still running {STOP_SECONDS} s after SIGTERM\n{log}"
        assert code == 0, f"exit code {code}\n{log}"

    def _finish(self):
        self.stopped = True
        self._log.close()


def _factory():
    """A generator that gives a function to start servers with, and stops them afterwards."""
    servers = []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="banter-test-"))

    def start(
        *flags, listen=("ws://127.0.0.1:0",), folder_of=None, through=(), open_folder=False, keeps_port=False
    ):
        """`folder_of`: an earlier server, whose data this one takes over. `open_folder`: other users may pass through to
        the data folder. `keeps_port`: another server will listen where this one did, so it is where the system puts nobody
        meanwhile (support/ports.py)."""
        if keeps_port:
            listen = kept(listen)
        own = folder_of.folder if folder_of else folder / str(len(servers))
        own.mkdir(exist_ok=True)
        if open_folder:
            folder.chmod(0o711)
            own.chmod(0o711)
        server = Server(list(flags), own, listen, through)
        servers.append(server)
        return server

    yield start
    failures = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    shutil.rmtree(folder, ignore_errors=True)
    assert not failures, "\n".join(failures)


@pytest.fixture
def server():
    yield from _factory()


@pytest.fixture(scope="module")
def module_server():
    yield from _factory()


def _redis_factory():
    """A generator that gives functions to start Redis servers and sentinels with, and ends them afterwards."""
    started = []

    class Starter:
        def __call__(self, *options, **how):
            return self._keep(Redis(*options, **how))

        def sentinel(self, *options, **how):
            return self._keep(Sentinel(*options, **how))

        @staticmethod
        def _keep(process):
            started.append(process)
            return process

    yield Starter()
    for process in started:
        process.close()


@pytest.fixture
def redis():
    """`redis(...)` starts a Redis, `redis.sentinel(...)` a Sentinel; see support/redis.py."""
    yield from _redis_factory()


@pytest.fixture(scope="module")
def module_redis():
    yield from _redis_factory()
