"""Proxies in front of a server, configured by the very files of packaging/ in which only addresses and paths are others."""

import os
import pathlib
import shutil
import socket
import subprocess

from binaries import ROOT
from clients import TIMEOUT, wait_until
from ports import free_port


def program(name):
    """Debian has them where only root looks."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert found, f"{name} is missing: scripts/setup test"
    return found


def replaced(name, changes):
    """A file of packaging/ in which each of the `changes` is made; what is not there to be changed is an error."""
    text = (ROOT / "packaging" / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


class Proxy:
    """`port` speaks TLS, `plain_port` does not."""

    def __init__(self, folder, pair, *arguments):
        self.folder = pathlib.Path(folder)
        self.log_path = self.folder / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.ended() or self.listens())
        assert not self.ended(), self.log()

    def ended(self):
        return self.process.poll() is not None

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT).close()
        except ConnectionRefusedError:
            return False
        return True

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Nginx(Proxy):
    flags = ("--set", "trusted_proxies=127.0.0.1")
    file = "nginx.conf"

    def servers(self, hub_port):
        return {"server 127.0.0.1:8765 ": f"server 127.0.0.1:{hub_port} "}

    def __init__(self, folder, pair, *ports):
        self.port, self.plain_port = free_port(), free_port()
        site = replaced(
            self.file,
            {
                **self.servers(*ports),
                "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
                "    listen [::]:80;\n": "",
                "listen 443 ": f"listen 127.0.0.1:{self.port} ",
                "    listen [::]:443 ssl http2;\n": "",
                "/etc/ssl/chat.example.org.pem": str(pair.chain),
                "/etc/ssl/chat.example.org-key.pem": str(pair.key),
                "/var/log/nginx/banter.log": f"{folder}/access",
            },
        )
        (folder / "banter.conf").write_text(site)
        temporary = "\n".join(
            f"    {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;\n" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log stderr info;\n"
            f"events {{ worker_connections 1000; }}\nhttp {{\n{temporary}\n    include {folder}/banter.conf;\n}}\n"
        )
        super().__init__(folder, pair, program("nginx"), "-p", folder, "-c", folder / "nginx.conf")

    def log(self):
        access = self.folder / "access"
        return super().log() + (access.read_text() if access.exists() else "")


class NginxCluster(Nginx):
    """In front of the three nodes at these ports."""

    file = "nginx-cluster.conf"

    def servers(self, *ports):
        return {f"server 10.0.0.1{n}:8765 ": f"server 127.0.0.1:{port} " for n, port in enumerate(ports, 1)}


class Haproxy(Proxy):
    flags = ("--set", "trusted_proxies=127.0.0.1", "--set", "proxy_protocol=on")
    file = "haproxy.cfg"

    def servers(self, hub_port, line_port=8888):
        return {
            "server banterd 127.0.0.1:8765 ": f"server banterd 127.0.0.1:{hub_port} ",
            "server banterd 127.0.0.1:8888 ": f"server banterd 127.0.0.1:{line_port} ",
        }

    def __init__(self, folder, pair, *ports):
        self.port, self.plain_port, self.line_port = (free_port() for _ in range(3))
        (folder / "both.pem").write_text(pair.chain.read_text() + pair.key.read_text())
        configuration = replaced(
            self.file,
            {
                **self.servers(*ports),
                "bind :80\n": f"bind 127.0.0.1:{self.plain_port}\n",
                "bind :443 ": f"bind 127.0.0.1:{self.port} ",
                "bind :8888\n": f"bind 127.0.0.1:{self.line_port}\n",
                "/etc/haproxy/chat.example.org.pem": f"{folder}/both.pem",
            },
        )
        (folder / "banter.cfg").write_text(configuration)
        (folder / "global.cfg").write_text("global\n    log stdout format raw local0\n    maxconn 1000\n")
        arguments = ("-db", "-f", folder / "global.cfg", "-f", folder / "banter.cfg")
        super().__init__(folder, pair, program("haproxy"), *arguments)


class HaproxyCluster(Haproxy):
    """In front of three nodes: their ports for the web, and those for lines."""

    file = "haproxy-cluster.cfg"

    def servers(self, *ports):
        web = {f"server node{n} 10.0.0.1{n}:8765\n": f"server node{n} 127.0.0.1:{ports[n - 1]}\n" for n in (1, 2, 3)}
        lines = {f"server node{n} 10.0.0.1{n}:8888 ": f"server node{n} 127.0.0.1:{ports[n + 2]} " for n in (1, 2, 3)}
        return web | lines
