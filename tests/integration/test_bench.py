"""banter bench: what it counts, and what it says when it cannot measure."""

import json
import subprocess

import pytest

from program import BANTER

DOORS = ("ws://127.0.0.1:0", "line://127.0.0.1:0", "numbered://127.0.0.1:0")


def bench(url, *options):
    return subprocess.run(
        [BANTER, "bench", url, "--json", "--seconds", "1", "--warmup", "0", *options],
        capture_output=True, text=True, timeout=60,
    )


@pytest.fixture(scope="module")
def hub(module_server):
    return module_server("--set", "rate_per_minute=0", listen=DOORS)


def url(hub, scheme, path=""):
    return f"{scheme}://127.0.0.1:{hub.port(scheme)}{path}"


@pytest.mark.parametrize("scheme, path", [("ws", "/ws"), ("ws", "/text"), ("line", ""), ("numbered", "")])
def test_every_reader_gets_everything_once_in_every_protocol(hub, scheme, path):
    done = bench(url(hub, scheme, path), "--subscribers", "7", "--publishers", "3", "--window", "5")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["connections"] == 10
    assert result["deliveries"] > 0
    assert (result["lost"], result["duplicated"], result["misordered"], result["disconnected"]) == (0, 0, 0, 0)
    assert 0 < result["latency_us"]["p50"] <= result["latency_us"]["p99"] <= result["latency_us"]["max"]


def test_at_a_rate_each_message_reaches_the_readers_of_its_room(hub):
    done = bench(url(hub, "ws", "/ws"), "--subscribers", "6", "--publishers", "2", "--rooms", "2", "--rate", "50")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["published"] == 50
    assert 4 * 45 <= result["deliveries"] <= 4 * 50  # three subscribers and a publisher; the last may come later
    assert result["lost"] == 0


def test_acknowledgements_are_counted_without_readers(hub):
    done = bench(url(hub, "ws", "/ws"), "--subscribers", "0", "--publishers", "4", "--ack-only", "--window", "8")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["deliveries"] > 0
    assert result["lost"] == result["duplicated"] == 0


def test_cpu_and_memory_of_the_server_are_looked_at(hub):
    done = bench(url(hub, "ws", "/text"), "--pid", str(hub.process.pid), "--stalled", "2")
    assert done.returncode == 0, done.stderr
    server = json.loads(done.stdout)["server"]
    assert server["cpu_us"] > 0
    assert server["resident_end"] > 1 << 20


def test_a_server_that_limits_the_rate_is_told_of(server):
    limited = server("--set", "rate_per_minute=5")
    done = bench(url(limited, "ws", "/ws"))
    assert done.returncode == 1
    assert "Rate limit exceeded" in done.stderr
    assert done.stdout == ""


def test_what_a_server_drops_without_a_word_is_lost_to_every_reader(server):
    limited = server("--set", "rate_per_minute=5")
    done = bench(url(limited, "ws", "/text"), "--subscribers", "7")
    assert done.returncode == 1
    assert json.loads(done.stdout)["lost"] == 8


def test_a_server_that_is_not_there_is_told_of():
    done = bench("ws://127.0.0.1:1/ws")
    assert done.returncode == 1
    assert "cannot connect to 127.0.0.1:1: Connection refused" in done.stderr


@pytest.mark.parametrize("options", [
    ("--size", "10"), ("--window", "0"), ("--seconds", "0"), ("--subscribers", "0", "--publishers", "0"),
    ("--rooms", "2"), ("--subscribers", "60001"), ("--subscribers", "18446744073709551615"),
])
def test_a_plan_that_makes_no_sense_is_refused(options):
    done = subprocess.run([BANTER, "bench", "ws://127.0.0.1:1/ws", *options], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
