"""banter bench: what it counts, and what it says when it cannot measure."""

import json
import os
import signal
import subprocess

import pytest

from certificates import Authority
from clients import Text
from program import BANTER

DOORS = ("ws://127.0.0.1:0", "line://127.0.0.1:0", "numbered://127.0.0.1:0")
TLS_DOORS = ("wss://127.0.0.1:0", "line+tls://127.0.0.1:0")
FAULTS = ("lost", "duplicated", "misordered", "disconnected")


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


def sound_result(done):
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [result[fault] for fault in FAULTS] == [0, 0, 0, 0]
    return result


@pytest.mark.parametrize("scheme, path, options", [
    ("ws", "/ws", ()), ("ws", "/ws", ("--protocol", "plain")), ("ws", "/text", ()), ("ws", "/sse", ()),
    ("line", "", ()), ("numbered", "", ()),
    ("ws", "/ws", ("--deflate",)), ("ws", "/text", ("--deflate",)), ("ws", "/ws", ("--named", "--ramp", "100")),
])
def test_every_reader_gets_everything_once_in_every_protocol(hub, scheme, path, options):
    done = bench(url(hub, scheme, path), "--subscribers", "7", "--publishers", "3", "--window", "5", *options)
    result = sound_result(done)
    assert result["connections"] == 10
    assert result["deliveries"] > 0
    latency = [result["latency_us"][key] for key in ("p50", "p90", "p99", "p999", "max")]
    assert 0 < latency[0] and latency == sorted(latency)


@pytest.fixture(scope="module")
def secure_hub(module_server, tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    started = module_server("--set", "rate_per_minute=0", *authority.make().flags, listen=TLS_DOORS)
    started.authority = str(authority.certificate)
    return started


@pytest.mark.parametrize("scheme, path", [("wss", "/ws"), ("wss", "/sse"), ("line+tls", "")])
def test_every_reader_gets_everything_over_tls(secure_hub, scheme, path):
    result = sound_result(bench(url(secure_hub, scheme, path), "--ca", secure_hub.authority, "--window", "5"))
    assert result["deliveries"] > 0


def test_several_processes_are_one_load(hub):
    done = bench(url(hub, "ws", "/ws"), "--subscribers", "10", "--publishers", "3", "--window", "4",
                 "--processes", "4", "--pid", str(hub.process.pid))
    result = sound_result(done)
    assert result["connections"] == 13
    assert result["server"]["cpu_us"] > 0
    # Whatever was published reached all 13, but for what was under way when counting began and ended.
    assert abs(result["deliveries"] - 13 * result["published"]) <= 2 * 13 * 3 * 4


def in_time(result, rate):
    """How many of one second's messages must have arrived within it: those that were not on their way at its end for as
    long as the slowest. Nine in ten of them, as the processes do not begin and end at the same moment."""
    return 0.9 * rate * (1 - result["latency_us"]["max"] / 1_000_000)


def test_several_processes_share_a_rate(hub):
    done = bench(url(hub, "ws", "/ws"), "--subscribers", "4", "--publishers", "3", "--rate", "60", "--processes", "3")
    result = sound_result(done)
    assert result["published"] == 60
    assert 7 * in_time(result, 60) <= result["deliveries"] <= 7 * 60


def test_what_fails_in_one_of_several_processes_is_told_once():
    done = bench("ws://127.0.0.1:1/ws", "--processes", "3")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "Connection refused" in done.stderr


def test_connections_are_opened_no_faster_than_the_ramp_allows(hub):
    result = sound_result(bench(url(hub, "ws", "/text"), "--subscribers", "20", "--ramp", "20"))
    assert result["connect_seconds"] >= 1  # 21 of them, the first at once


def test_rooms_in_which_nobody_publishes_are_quiet(hub):
    result = sound_result(bench(url(hub, "ws", "/ws"), "--rooms", "5", "--subscribers", "10", "--rate", "20"))
    assert 3 * in_time(result, 20) <= result["deliveries"] <= 3 * 20  # two subscribers and the publisher


@pytest.mark.parametrize("options", [(), ("--named",), ("--processes", "3")])
def test_who_comes_back_gets_what_it_missed_once(hub, options):
    result = sound_result(bench(url(hub, "ws", "/ws"), "--subscribers", "50", "--reconnect", "120", *options))
    returned = result["returned"]
    assert (returned["clients"], returned["missing"]) == (50, 0)
    assert 0 < returned["p50_ms"] <= returned["p99_ms"] <= returned["max_ms"] < 60000


def test_who_missed_more_than_is_kept_is_found_out(server):
    forgetful = server("--set", "rate_per_minute=0", "--set", "history=memory", "--set", "retention_count=50")
    done = bench(url(forgetful, "ws", "/ws"), "--subscribers", "5", "--reconnect", "200")
    assert done.returncode == 1
    assert json.loads(done.stdout)["lost"] == 5 * 150


def is_counted(message):
    """Not of those by which the load finds out who hears it (src/bench/tag.c)."""
    return message[13:21] != "f" * 8


def test_a_server_that_stands_still_shows_in_the_latency(server):
    """At a rate, what falls due meanwhile counts from then on, also what comes only after the measurement."""
    hub = server("--set", "rate_per_minute=0")
    listener = Text(hub.port())
    load = subprocess.Popen(
        [BANTER, "bench", url(hub, "ws", "/text"), "--json", "--seconds", "3", "--warmup", "0", "--rate", "100"],
        stdout=subprocess.PIPE, text=True,
    )
    heard = 0
    while heard < 10:
        heard += is_counted(listener.hear())
    os.kill(hub.process.pid, signal.SIGSTOP)
    try:
        load.wait(timeout=4)
        pytest.fail("the load does not wait for what is still to come")
    except subprocess.TimeoutExpired:
        os.kill(hub.process.pid, signal.SIGCONT)
    output, _ = load.communicate(timeout=60)
    result = json.loads(output)
    assert load.returncode == 0 and result["lost"] == 0
    assert result["published"] == 300
    assert result["latency_us"]["max"] > 1_000_000
    assert result["latency_us"]["p50"] > 500_000  # it stood still for most of the time that was measured


def test_a_load_that_stands_still_itself_sends_all_that_fell_due(server):
    hub = server("--set", "rate_per_minute=0")
    listener = Text(hub.port())
    load = subprocess.Popen(
        [BANTER, "bench", url(hub, "ws", "/text"), "--json", "--seconds", "3", "--warmup", "0", "--rate", "100"],
        stdout=subprocess.PIPE, text=True,
    )
    while not is_counted(listener.hear()):
        pass
    load.send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        load.wait(timeout=4)
    load.send_signal(signal.SIGCONT)
    output, _ = load.communicate(timeout=60)
    result = json.loads(output)
    assert load.returncode == 0 and result["published"] == 300
    assert result["latency_us"]["max"] > 1_000_000


def test_at_a_rate_each_message_reaches_the_readers_of_its_room(hub):
    done = bench(url(hub, "ws", "/ws"), "--subscribers", "6", "--publishers", "2", "--rooms", "2", "--rate", "50")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["published"] == 50
    assert 4 * in_time(result, 50) <= result["deliveries"] <= 4 * 50  # three subscribers and a publisher
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
    ("--rooms", "2", "--protocol", "text"), ("--rooms", "0"), ("--subscribers", "60001"),
    ("--subscribers", "18446744073709551615"), ("--processes", "0"), ("--processes", "65"),
    ("--protocol", "morse"), ("--deflate", "--protocol", "sse"), ("--named", "--protocol", "text"),
    ("--reconnect", "5", "--publishers", "2"), ("--reconnect", "5", "--protocol", "text"),
])
def test_a_plan_that_makes_no_sense_is_refused(options):
    done = subprocess.run([BANTER, "bench", "ws://127.0.0.1:1/ws", *options], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
