"""Runs banter, the client, and talks to it over its standard streams."""

import os
import pathlib
import signal
import subprocess

from clients import TIMEOUT

ROOT = pathlib.Path(__file__).resolve().parents[2]
BANTER = os.environ.get("BANTER", str(ROOT / "build" / "banter"))


class Program:
    """A running banter whose output is read line by line."""

    def __init__(self, *arguments):
        environment = os.environ | {"USER": "somebody"}
        self.process = subprocess.Popen(
            [BANTER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )

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
        line = self.process.stdout.readline()
        assert line, f"ended: {self.process.stderr.read().decode()}"
        return line.decode().removesuffix("\n")

    def hear_error(self):
        line = self.process.stderr.readline()
        assert line, "ended"
        return line.decode().removesuffix("\n")

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def end(self, status=0):
        """Ends the input; returns what else it says."""
        output, errors = self.process.communicate(timeout=TIMEOUT)
        assert self.process.returncode == status, (self.process.returncode, output, errors)
        return output.decode(), errors.decode()


def run(*arguments, input=None, status=0):
    """Runs banter to its end; returns what it says."""
    with Program(*arguments) as program:
        output, errors = program.process.communicate(None if input is None else input.encode(), timeout=TIMEOUT)
        assert program.process.returncode == status, (program.process.returncode, output, errors)
        return output.decode(), errors.decode()
