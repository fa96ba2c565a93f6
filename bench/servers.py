"""What is measured: banterd, and the peers, each started on the core that is theirs and stopped afterwards.

A peer is a program that Debian or npm carries and that does the same work: one WebSocket publishes, all others are
told. Its configuration is in bench/peers; it says there why it is the fast one of those its documentation has.
"""

import collections
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVER_CORE, LOAD_CORE = 0, 1
PATIENCE = 20  # seconds for a server to start


def on_core(*cores):
    return ["taskset", "-c", ",".join(map(str, cores))] if os.cpu_count() > 1 else []


def most_cores():
    """That a server can have: all but the load's."""
    return max(1, os.cpu_count() - 1)


def server_cores(count):
    return [core for core in range(os.cpu_count()) if core != LOAD_CORE][:count]


def descriptors():
    """How many files and connections a process may have open; servers are started with all of them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Server:
    """A program that runs while this is entered. `url` is where it listens, `pid` the process that does the work."""

    options = {}  # of `banter bench`
    cores = (SERVER_CORE,)

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="banter-bench-")
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def start(self, command, **options):
        descriptors()
        self.process = subprocess.Popen([*on_core(*self.cores), *map(str, command)], **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait()
            if self.process.stdout:
                self.process.stdout.close()
        self.folder.cleanup()


class Banterd(Server):
    """One banterd with a data folder of its own on a port of its own."""

    def __init__(self, build, history="memory", settings=(), tls=False, cores=1):
        super().__init__()
        self.cores = server_cores(cores)
        settings = [f"history={history}", "rate_per_minute=0", "log_level=error", *settings]
        if tls:
            settings += self.certificate()
            self.options = {"insecure": True}
        command = [build / "src/server/banterd", "--data", f"{self.folder.name}/data",
                   "--listen", f"{'wss' if tls else 'ws'}://127.0.0.1:0"]
        for setting in settings:
            command += ["--set", setting]
        self.start(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if " on " not in line:
            self.__exit__()
            sys.exit("banterd does not start")
        self.url = line.split(" on ")[1].strip()

    def certificate(self):
        subprocess.run([HERE.parent / "scripts/dev-cert", self.folder.name], check=True, stdout=subprocess.DEVNULL)
        return [f"tls_cert={self.folder.name}/cert.pem", f"tls_key={self.folder.name}/key.pem"]


class Flood:
    """One kind of flood.py against a server."""

    def __init__(self, kind, server):
        self.command = [*on_core(LOAD_CORE), "/usr/bin/python3", str(HERE / "flood.py"), kind, server.url.rsplit(":", 1)[1]]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit(f"no flood: {' '.join(self.command)}")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(process, port):
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


# program: has to be installed; file: of bench/peers; command: with {file} filled in and {port};
# path, protocol: of `banter bench`; version: prints it.
Peer = collections.namedtuple("Peer", "name package program file command path protocol version")

PEERS = {
    "nchan": Peer("Nchan", "libnginx-mod-nchan", "nginx", "nchan.conf", "nginx -c {file}", "room", "text",
                  "dpkg-query -W -f ${{Version}} libnginx-mod-nchan"),
    "nats": Peer("NATS", "nats-server", "nats-server", "nats.conf", "nats-server -c {file}", "", "nats",
                 "nats-server --version"),
    "mosquitto": Peer("Mosquitto", "mosquitto", "mosquitto", "mosquitto.conf", "mosquitto -c {file}", "", "mqtt",
                      "dpkg-query -W -f ${{Version}} mosquitto"),
    "broadcast": Peer("Python websockets, broadcast()", "python3-websockets", "/usr/bin/python3",
                      "websockets_relay.py", "/usr/bin/python3 {file} {port} broadcast", "", "text",
                      "dpkg-query -W -f ${{Version}} python3-websockets"),
    "gather": Peer("Python websockets, gathered", "python3-websockets", "/usr/bin/python3",
                   "websockets_relay.py", "/usr/bin/python3 {file} {port} gather", "", "text",
                   "dpkg-query -W -f ${{Version}} python3-websockets"),
    "ws": Peer("ws on Node, prepared", "node-ws", "node", "ws_relay.js", "node {file} {port}", "", "text",
               "dpkg-query -W -f ${{Version}} node-ws"),
}


class PeerServer(Server):
    def __init__(self, peer):
        super().__init__()
        port = free_port()
        self.url = f"ws://127.0.0.1:{port}"
        self.options = {"protocol": peer.protocol}
        self.log = open(f"{self.folder.name}/log", "w+")
        environment = os.environ | {"NODE_PATH": "/usr/share/nodejs"}
        command = peer.command.format(file=self.fill(peer, port), port=port).split()
        self.start(command, stdout=self.log, stderr=self.log, env=environment)
        if not wait_until_listening(self.process, port):
            self.log.seek(0)
            said = self.log.read()
            self.__exit__()
            sys.exit(f"{peer.name} does not start: {said}")

    def fill(self, peer, port):
        """The peer's file with its port, and its folder, in place; a program is used as it is."""
        if not peer.file.endswith(".conf"):
            return HERE / "peers" / peer.file
        text = (HERE / "peers" / peer.file).read_text()
        for name, value in {"PORT": port, "SECOND_PORT": free_port(), "FOLDER": self.folder.name}.items():
            text = text.replace(f"@{name}@", str(value))
        filled = pathlib.Path(self.folder.name) / peer.file
        filled.write_text(text)
        return filled

    @property
    def pid(self):
        """Of nginx the worker does the work; all others are one process."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else self.process.pid

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self.log.close()


def is_installed(peer):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", peer.package], capture_output=True, text=True)
    return done.stdout == "installed" and shutil.which(peer.program) is not None


def version_of(peer):
    done = subprocess.run(peer.version.format().split(), capture_output=True, text=True)
    return done.stdout.strip().removeprefix("nats-server: ")
