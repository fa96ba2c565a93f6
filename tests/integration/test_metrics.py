"""GET /metrics: that Prometheus can read it, that what happens is counted, and who may see it."""

import http.client
import math
import re
import socket

import pytest

from binaries import ROOT
from clients import Json, Line, V1

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? (\S+)")


def get(port, path="/metrics", headers=(), host="127.0.0.1"):
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.putrequest("GET", path)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response, body


class Scrape(dict):
    """What one answer says: {(name, labels): value}, checked against the text format, version 0.0.4."""

    def __init__(self, port):
        response, text = get(port)
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert text.endswith("\n")
        self.types = {}
        self.closed = set()
        self.family = None
        for line in text.splitlines():
            self._read(line)
        for name, kind in self.types.items():
            if kind == "histogram":
                self._check_histogram(name)
            if kind == "counter":
                assert name.endswith("_total"), name

    def _read(self, line):
        comment = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if comment:
            self._describe(*comment.groups())
            return
        sample = SAMPLE.fullmatch(line)
        assert sample, line
        name, labels = sample[1], tuple(sorted((l[0], l[1]) for l in re.findall(LABEL, sample[2] or "")))
        suffixes = ("_bucket", "_sum", "_count") if self.types[self.family] == "histogram" else ("",)
        assert name in {self.family + suffix for suffix in suffixes}, f"{name} stands under {self.family}"
        assert (name, labels) not in self, f"{line} comes twice"
        self[name, labels] = float(sample[sample.lastindex])

    def _describe(self, what, name, words):
        if what == "HELP":
            assert name not in self.closed, f"{name} is told in two places"
            self.closed.add(name)
            self.family = name
        else:
            assert name == self.family and name not in self.types
            assert words in ("counter", "gauge", "histogram")
            self.types[name] = words

    def _check_histogram(self, name):
        buckets = [(float(dict(labels)["le"]), count) for (each, labels), count in self.items() if each == f"{name}_bucket"]
        assert buckets == sorted(buckets), name
        assert [count for _, count in buckets] == sorted(count for _, count in buckets), name
        assert buckets[-1] == (math.inf, self[f"{name}_count", ()])
        assert self[f"{name}_sum", ()] >= 0

    def value(self, name, **labels):
        return self[name, tuple(sorted(labels.items()))]


def test_it_is_the_text_format_and_begins_at_zero(server):
    scrape = Scrape(server().port())
    assert scrape.value("banter_appended_total") == 0
    assert scrape.value("banter_commit_seconds_count") == 0
    assert scrape.value("banter_refused_total", limit="rate_per_minute") == 0
    assert scrape.value("banter_errors_total", code="rate_limited") == 0
    assert scrape.value("process_resident_memory_bytes") > 1_000_000
    assert 3 < scrape.value("process_open_fds") < scrape.value("process_max_fds")
    assert 1.7e9 < scrape.value("process_start_time_seconds") < 1e11
    (build,) = [labels for name, labels in scrape if name == "banter_build_info"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", dict(build)["version"])


def test_every_number_is_explained(server):
    page = (ROOT / "docs/operations.md").read_text().split("\n### Metrics\n")[1].split("\n## ")[0]
    assert set(Scrape(server().port()).types) == set(re.findall(r"`((?:banter|process)_\w+?)(?:\{\w+\})?`", page))


def test_what_happens_is_counted(server):
    running = server("--set", "rate_per_minute=3", listen=("ws://127.0.0.1:0", "line://127.0.0.1:0"))
    port = running.port()
    ann = V1(port)
    ann.hello(name="ann")
    ann.join("tea")
    for cid in ("a", "b", "b"):
        ann.say(type="message", room="tea", content="x", cid=cid)
        ann.hear_until("ack", cid=cid)
    assert ann.ask("message", room="tea", content="x", cid="d")["code"] == "rate_limited"
    with Line(running.port("line")) as jason:
        jason.expect("banter chat server\nEnter your name:\n")
        scrape = Scrape(port)
    assert scrape.value("banter_connections", protocol="banter.v1") == 1
    assert scrape.value("banter_connections", protocol="line") == 1
    assert scrape.value("banter_connections", protocol="json") == 0
    assert scrape.value("banter_connections_total") == 3  # the scrape is one
    assert scrape.value("banter_sessions") == 2
    assert scrape.value("banter_appended_total") == 2
    assert scrape.value("banter_repeated_total") == 1
    assert scrape.value("banter_commit_seconds_count") == 2
    assert 0 < scrape.value("banter_commit_seconds_sum") < 10
    assert scrape.value("banter_deliver_seconds_count") == 2
    assert scrape.value("banter_joins_total") == 1
    assert scrape.value("banter_refused_total", limit="rate_per_minute") >= 1
    assert scrape.value("banter_errors_total", code="rate_limited") == 1
    assert scrape.value("banter_received_bytes_total") > 100
    assert scrape.value("banter_sent_bytes_total") > 1000
    ann.leave()


def test_connections_that_are_refused_are_counted(server):
    port = server("--set", "max_connections_per_address=2").port()
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=10)  # so that there is one that can ask
    kept.request("GET", "/healthz")
    kept.getresponse().read()
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as refused:
        assert refused.recv(1) == b""
    kept.request("GET", "/metrics")
    text = kept.getresponse().read().decode()
    assert 'banter_refused_total{limit="max_connections_per_address"} 1\n' in text
    kept.close()


@pytest.mark.parametrize("headers", [[("X-Forwarded-For", "127.0.0.1")], [("Forwarded", "for=127.0.0.1")], [("Via", "1.1 x")]])
def test_what_passed_through_a_proxy_is_not_local(server, headers):
    port = server("--set", "trusted_proxies=127.0.0.1").port()
    assert get(port)[0].status == 200
    assert get(port, headers=headers)[0].status == 404


def test_it_can_be_for_everybody_or_nobody(server):
    away = [("X-Forwarded-For", "203.0.113.9")]
    assert get(server("--set", "metrics=on").port(), headers=away)[0].status == 200
    assert get(server("--set", "metrics=off").port())[0].status == 404


def test_no_page_can_read_it(server):
    assert get(server().port(), headers=[("Origin", "https://evil.example")])[0].status == 403


# X-Forwarded-For


def post(port, forwarded, sender="cron", room="ops"):
    headers = {"Sender": sender}
    if forwarded is not None:
        headers["X-Forwarded-For"] = forwarded
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", f"/r/{room}", b"x", headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_behind_a_trusted_proxy_each_caller_is_somebody(server):
    port = server("--set", "trusted_proxies=127.0.0.0/8", "--set", "rate_per_minute=1").port()
    assert post(port, "203.0.113.1") == 200
    assert post(port, "203.0.113.1") == 429
    assert post(port, "203.0.113.2") == 200
    assert post(port, "203.0.113.2, 127.0.0.9") == 429
    assert post(port, "198.51.100.7, 203.0.113.2") == 429  # what the caller has written itself
    assert post(port, None) == 200


def test_who_is_not_trusted_cannot_be_somebody_else(server):
    port = server("--set", "trusted_proxies=10.0.0.0/8", "--set", "rate_per_minute=1").port()
    assert post(port, "203.0.113.1") == 200
    assert post(port, "203.0.113.2") == 429
    assert post(port, None) == 429


def test_a_websocket_through_a_proxy_counts_for_its_caller(server):
    running = server("--set", "trusted_proxies=127.0.0.1", "--set", "address_rate_per_minute=2")
    people = [
        Json(running.port(), headers=[("X-Forwarded-For", address)])
        for address in ("203.0.113.1", "203.0.113.1", "203.0.113.2")
    ]
    for person in people:
        assert person.ask("message", content="x")["type"] == "ack"
    assert people[0].ask("message", content="x")["code"] == "rate_limited"
    assert people[2].ask("message", content="x")["type"] == "ack"
    for person in people:
        person.leave()
