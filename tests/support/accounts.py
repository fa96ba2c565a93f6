"""The accounts of a server, as its operator looks after them."""

import json
import subprocess

from binaries import BANTERD
from clients import TIMEOUT


class Accounts:
    """`flags`: what else its commands are told, where the accounts are not in the data folder alone."""

    def __init__(self, data, *flags):
        self.data = str(data)
        self.flags = flags

    def run(self, *arguments, input=""):
        done = subprocess.run(
            [BANTERD, *arguments, "--data", self.data, *self.flags],
            input=input,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add(self, name, password, *flags):
        self.run("user", "add", name, *flags, input=f"{password}\n")

    def set_password(self, name, password):
        self.run("user", "passwd", name, input=f"{password}\n")

    def remove(self, name):
        self.run("user", "remove", name)

    def give_token(self, name, *flags):
        return self.run("token", "add", name, *flags).split()[-1]

    def tokens(self, name):
        return [json.loads(line) for line in self.run("token", "list", name, "--json").splitlines()]

    def revoke(self, id):
        self.run("token", "revoke", str(id))
