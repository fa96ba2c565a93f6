"""Certificates made as the tests run, by scripts/dev-cert, and clients that trust them."""

import shutil
import socket
import ssl
import subprocess

from binaries import ROOT
from raw_websocket import TIMEOUT


class Authority:
    """An authority of the test's own."""

    def __init__(self, folder):
        self.folder = folder
        self.made = 0

    @property
    def certificate(self):
        return self.folder / "authority" / "ca.pem"

    def make(self, *names):
        """A certificate for localhost, 127.0.0.1, ::1 and these names."""
        subprocess.run(
            [ROOT / "scripts" / "dev-cert", self.folder / "authority", *names],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=TIMEOUT,
        )
        self.made += 1
        pair = Pair(self.folder / f"{self.made}.pem", self.folder / f"{self.made}-key.pem")
        shutil.copy(self.folder / "authority" / "cert.pem", pair.chain)
        shutil.copy(self.folder / "authority" / "key.pem", pair.key)
        return pair

    def context(self):
        """Of a client that trusts this authority."""
        return ssl.create_default_context(cafile=self.certificate)


class Pair:
    def __init__(self, chain, key):
        self.chain = chain
        self.key = key

    def put(self, other):
        """Takes the place of another, as renewing does."""
        shutil.copy(self.chain, other.chain)
        shutil.copy(self.key, other.key)

    @property
    def flags(self):
        return ("--set", f"tls_cert={self.chain}", "--set", f"tls_key={self.key}")

    @property
    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.chain.read_text())


def secure(port, context, name="localhost", before=b"", source="127.0.0.1"):
    """A TLS connection; `before` is sent in plain text first."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT, source_address=(source, 0))
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.sendall(before)
    return context.wrap_socket(opened, server_hostname=name)


def over_tls(client, context, **how):
    """A class of clients like this one whose connections speak TLS."""

    class Secure(client):
        def connect(self, port):
            return secure(port, context, **how)

    return Secure
