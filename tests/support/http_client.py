"""A client of HTTP that sends what it is told to, byte by byte, and reads the answer as the standard library does."""

import http.client
import json
import socket

from raw_websocket import TIMEOUT


class Answer:
    def __init__(self, connection, method):
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        self.status = response.status
        self.headers = response.getheaders()
        self.body = b"" if self.status == 101 or response.length is None else response.read()

    def json(self):
        return json.loads(self.body)


def send(port, data, method="GET"):
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(data)
        return Answer(connection, method)


def request(port, method, path, body=None, **headers):
    """`headers`: with _ for -; one that is None is left out."""
    given = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    lines = {"host": f"127.0.0.1:{port}", "connection": "close"}
    if body is not None:
        lines["content-length"] = len(body)
    lines |= given
    head = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in lines.items() if value is not None]
    return send(port, "\r\n".join([*head, "", ""]).encode() + (body or b""), method)
