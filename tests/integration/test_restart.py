"""What was acknowledged is there after the server comes back, however it went, and going is told to everyone."""

import signal
import threading

import pytest

from clients import EVERYTHING, NO_LIMIT, TIMEOUT, Command, Json, Line, Numbered, Text, V1, items_of


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_history_is_there_after_a_restart(server, end):
    first = server(*NO_LIMIT)
    ann = V1(first.port())
    ann.hello(name="ann")
    epoch = ann.join("general")[0]["epoch"]
    acks = [ann.ask("message", room="general", content=str(number)) for number in range(50)]
    getattr(first, end)()
    second = server(*NO_LIMIT, folder_of=first)
    ann = V1(second.port())
    ann.hello(name="ann")
    frames = ann.join("general", after=0, epoch=epoch)
    assert "gap" not in [frame["type"] for frame in frames]
    items = items_of(frames)
    assert [(item["seq"], item["id"], item["timestamp"]) for item in items] == [
        (ack["seq"], ack["id"], ack["timestamp"]) for ack in acks
    ]
    assert [item["content"] for item in items] == [str(number) for number in range(50)]
    assert ann.ask("message", room="general", content="on")["seq"] == 51


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_cid_sent_again_after_a_restart_gets_the_first_ack(server, end):
    first = server(*NO_LIMIT)
    ann = V1(first.port())
    secret = ann.hello(name="ann")["session"]
    ack = ann.ask("message", room="general", content="once", cid="c")
    getattr(first, end)()
    second = server(*NO_LIMIT, folder_of=first)
    ann = V1(second.port())
    assert ann.hello(session=secret, name="ann")["name"] == "ann"
    assert ann.ask("message", room="general", content="once", cid="c") == ack
    assert ann.ask("message", room="general", content="other", cid="c")["code"] == "cid_reused"


def test_memory_has_another_epoch_after_a_restart(server):
    first = server("--store", "memory", *NO_LIMIT)
    ann = V1(first.port())
    ann.hello()
    epoch = ann.join("general")[0]["epoch"]
    ann.ask("message", room="general", content="gone")
    first.stop()
    second = server("--store", "memory", *NO_LIMIT, folder_of=first)
    ann = V1(second.port())
    ann.hello()
    frames = ann.join("general", after=1, epoch=epoch)
    assert [frame["type"] for frame in frames] == ["joined", "gap", "live"]
    assert frames[1]["reason"] == "epoch"


def test_sigterm_is_told_in_each_protocol(server):
    running = server(listen=EVERYTHING)
    plain, v1, text = Json(running.port()), V1(running.port()), Text(running.port())
    v1.hello(name="vera")
    line = Line(running.port("line"), "Lin")
    nameless = Line(running.port("line"))
    nameless.expect("banter chat server\n")
    numbered = Numbered(running.port("numbered"))
    command = Command(running.port("command"), "cat")
    plain.hear_until("system")
    running.process.send_signal(signal.SIGTERM)
    last = line.rest().splitlines()
    assert last and "shutting down" in last[-1].lower(), last
    numbered.rest()
    nameless.rest()
    command.rest()
    for client in (v1, text):
        client.expect_close(1001)
    while plain.receive()[0] & 0x0F == 1:
        pass
    plain.expect_end()
    assert running.process.wait(TIMEOUT) == 0


def test_what_was_acknowledged_under_load_survives_sigterm(server):
    first = server(*NO_LIMIT)
    acked = [[] for _ in range(4)]
    busy = threading.Barrier(5)

    def publish(number):
        client = V1(first.port())
        client.hello(name=f"user{number}")
        for turn in range(1_000_000):
            if turn == 20:
                busy.wait()
            try:
                client.say(type="message", room="general", content=f"{number}/{turn}", cid=f"{turn}")
                answer = client.hear()
            except (AssertionError, OSError):  # the close frame, or the end
                return
            if answer["type"] == "ack":
                acked[number].append((answer["seq"], f"{number}/{turn}"))

    publishers = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for publisher in publishers:
        publisher.start()
    busy.wait()
    first.stop()
    for publisher in publishers:
        publisher.join()
    promised = sorted(entry for mine in acked for entry in mine)
    assert len(promised) >= 80

    second = server(folder_of=first)
    reader = V1(second.port())
    reader.hello()
    stored = items_of(reader.join("general", after=0))
    assert [item["seq"] for item in stored] == list(range(1, len(stored) + 1))
    have = {(item["seq"], item["content"]) for item in stored}
    assert set(promised) <= have
    # Each publisher's words are there in order, without a hole.
    for number in range(4):
        own = [item["content"] for item in stored if item["content"].startswith(f"{number}/")]
        assert own == [f"{number}/{turn}" for turn in range(len(own))]


def test_a_folder_in_use_is_refused_with_one_clear_line(server):
    first = server()
    with pytest.raises(AssertionError) as refusal:
        server(folder_of=first)
    assert "ended with 1" in str(refusal.value)


@pytest.mark.parametrize("first_back", ["ann", "bob"])
def test_a_direct_message_missed_before_a_restart_comes_after_it(server, first_back):
    first = server(*NO_LIMIT)
    ann, bob = V1(first.port()), V1(first.port())
    secrets = {"ann": ann.hello(name="ann")["session"], "bob": bob.hello(name="bob")["session"]}
    ann.ask("message", to="bob", content="one")
    bob.hear_until("message", content="one")
    bob.__exit__()  # without a goodbye: the name is kept
    assert ann.ask("message", to="bob", content="two")["seq"] == 2
    first.kill()
    second = server(*NO_LIMIT, folder_of=first)

    def come_back(name, after):
        client = V1(second.port())
        points = {"@ann,bob": {"after": after}}
        client.hello(session=secrets[name], name=name, resume=points)
        return client

    clients = {}
    for name in ("ann", "bob") if first_back == "ann" else ("bob", "ann"):
        clients[name] = come_back(name, 2 if name == "ann" else 1)
    batch = clients["bob"].hear_until("batch")
    assert [(item["seq"], item["content"]) for item in batch["items"]] == [(2, "two")]
    clients["ann"].ask("message", to="bob", content="three")
    assert clients["bob"].hear_until("message")["seq"] == 3
