"""Ways to make a disk bad, for every user: what needs root has a way that does not."""

import contextlib
import os
import resource
import subprocess


class FileLimit:
    """No file may grow over the size that the log has now."""

    def __init__(self, server):
        self.server = server

    def fill(self):
        self._limit(os.path.getsize(self.server.data / "banter.db-wal"))

    def free(self):
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size):
        _, most = resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, (size if size >= 0 else most, most))


class SmallDisk:
    """A file system of its own, with a file that takes all of its space."""

    def __init__(self, server):
        self.ballast = server.data / "ballast"

    def fill(self):
        fill(self.ballast)

    def free(self):
        self.ballast.unlink()


def fill(path):
    with open(path, "wb", 0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def mount_small(folder, size="4m"):
    """A small file system in `folder`. False: not allowed here."""
    command = f"mount -t tmpfs -o size={size} tmpfs '{folder}'"
    return subprocess.run(command, shell=True, stderr=subprocess.DEVNULL).returncode == 0


def unmount(folder):
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


# Root may write where the mode says no; a program that it runs through this may not.
ORDINARY = ("setpriv", "--bounding-set=-dac_override") if os.geteuid() == 0 else ()


def overwrite(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def find(path, wanted):
    """Where some bytes are in a file."""
    at = path.read_bytes().find(wanted)
    assert at >= 0, wanted
    return at
