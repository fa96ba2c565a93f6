"""People in front of a terminal: banter chat in tmux, typed into and looked at from outside."""

import os
import shlex
import subprocess
import time

from binaries import BANTER
from clients import TIMEOUT

POLL = 0.03  # seconds between two looks at a screen that is not yet as it should be


class Tmux:
    """A tmux of its own, that reads no configuration and ends with the test."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = str(folder / "tmux")
        self.started = False

    def run(self, *arguments, check=True):
        done = subprocess.run(
            ["tmux", "-u", "-f", "/dev/null", "-S", self.socket, *arguments],
            capture_output=True, timeout=TIMEOUT, env=os.environ | {"LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def open(self, name, command, size, environment):
        width, height = size
        variables = [f"{key}={value}" for key, value in environment.items()]
        self.run(
            "new-session", "-d", "-s", name, "-x", str(width), "-y", str(height), "env", *variables, "sh", "-c", command
        )
        if not self.started:
            self.run("set-option", "-g", "remain-on-exit", "on")
        self.started = True

    def close(self):
        if self.started:
            self.run("kill-server", check=False)


class Person:
    """Somebody at a terminal. `shell`: banter was started from a shell that goes on when it ends."""

    def __init__(self, tmux, name, command, size, environment):
        self.tmux = tmux
        self.name = name
        tmux.open(name, command, size, environment)

    def type(self, text):
        self.tmux.run("send-keys", "-t", self.name, "-l", text)

    def press(self, *keys):
        self.tmux.run("send-keys", "-t", self.name, *keys)

    def say(self, text):
        self.type(text)
        self.press("Enter")

    def paste(self, text):
        self.tmux.run("set-buffer", "-b", "clip", text)
        self.tmux.run("paste-buffer", "-p", "-r", "-b", "clip", "-t", self.name)

    def resize(self, width, height):
        self.tmux.run("resize-window", "-t", self.name, "-x", str(width), "-y", str(height))

    def screen(self, colours=False):
        flags = ["-e"] if colours else []
        return self.tmux.run("capture-pane", "-p", *flags, "-t", self.name)

    def wait(self, condition, what):
        """Until the screen is as it should be; returns it."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            screen = self.screen()
            if condition(screen):
                return screen
            assert time.monotonic() < deadline, f"{self.name} does not see {what}:\n{screen}"
            time.sleep(POLL)

    def see(self, *texts):
        return self.wait(lambda screen: all(text in screen for text in texts), texts)

    def see_not(self, text):
        return self.wait(lambda screen: text not in screen, f"that {text!r} is gone")

    def process(self):
        """The number of banter's process."""
        pane = self.tmux.run("display-message", "-p", "-t", self.name, "#{pane_pid}").strip()
        children = subprocess.run(["pgrep", "-P", pane], capture_output=True, text=True).stdout.split()
        assert len(children) == 1, children
        return int(children[0])

    def mode(self, flag):
        """Of the terminal, as tmux knows it: whether the other screen is shown, keys are sent in another way …"""
        return self.tmux.run("display-message", "-p", "-t", self.name, "#{%s}" % flag).strip() == "1"


def chat(url, name, *arguments):
    """A command that runs banter, and then says how it ended."""
    return shlex.join([BANTER, "chat", url, "--name", name, *arguments]) + "; echo ended with $?; exec cat"
