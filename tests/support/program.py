"""Runs banter, the client, and talks to it over its standard streams."""

import os
import pathlib
import re
import select
import signal
import subprocess

from binaries import BANTER
from clients import TIMEOUT, wait_until


class Program:
    """A running banter whose output is read line by line."""

    def __init__(self, *arguments):
        environment = os.environ | {"USER": "somebody"}
        self.process = subprocess.Popen(
            [BANTER, *arguments],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        self.buffers = {self.process.stdout: bytearray(), self.process.stderr: bytearray()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def say(self, text):
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def hear(self):
        """The next line of its standard output."""
        return self._line(self.process.stdout)

    def hear_error(self):
        return self._line(self.process.stderr)

    def _line(self, stream):
        buffer = self.buffers[stream]
        while b"\n" not in buffer:
            assert select.select([stream], [], [], TIMEOUT)[0], f"says no more than {bytes(buffer)}"
            data = os.read(stream.fileno(), 65536)
            assert data, f"ended: {self._rest()}"
            buffer += data
        line, _, rest = bytes(buffer).partition(b"\n")
        buffer[:] = rest
        return line.decode()

    def _rest(self):
        """What else it says until it ends."""
        streams = self.process.communicate(timeout=TIMEOUT)
        buffers = (self.buffers[self.process.stdout], self.buffers[self.process.stderr])
        return tuple((bytes(buffer) + stream).decode() for buffer, stream in zip(buffers, streams))

    def interrupt(self):
        """Returns when it was taken: another one before would be the same."""
        self.process.send_signal(signal.SIGINT)
        wait_until(lambda: self.process.poll() is not None or not self._has_pending(signal.SIGINT))

    def _has_pending(self, number):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^ShdPnd:\s*(\w+)", status, re.M)[1], 16) >> (number - 1) & 1

    def end(self, status=0):
        """Ends the input; returns what else it says."""
        output, errors = self._rest()
        assert self.process.returncode == status, (self.process.returncode, output, errors)
        return output, errors


def run(*arguments, input=None, status=0):
    """Runs banter to its end; returns what it says."""
    with Program(*arguments) as program:
        output, errors = program.process.communicate(None if input is None else input.encode(), timeout=TIMEOUT)
        assert program.process.returncode == status, (program.process.returncode, output, errors)
        return output.decode(), errors.decode()
