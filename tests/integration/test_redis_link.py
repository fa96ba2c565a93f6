"""Connections to real Redis servers: found, used, lost and found again. redis_link.c says what happens to one."""

import queue
import subprocess
import threading
import time

import pytest

from binaries import REDIS_LINK
from certificates import Authority
from ports import free_port
from redis import FAILOVER_SECONDS

TIMEOUT = 20


class Link:
    """A running redis_link. `log` is what it wrote for operators."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [REDIS_LINK, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.lines = queue.Queue()
        self.heard = []
        self.errors = []
        self.readers = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line)

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def hear(self, beginning, timeout=TIMEOUT):
        """What follows after `beginning` in the next line that has it; others wait for who asks for them."""
        deadline = time.monotonic() + timeout
        while True:
            for line in self.heard:
                if line.startswith(beginning):
                    self.heard.remove(line)
                    return line[len(beginning) :]
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"never said {beginning!r}, but {self.heard}") from None
            assert line is not None, f"ended before {beginning!r}: {self.heard} {self.log()}"
            self.heard.append(line)

    def subscribe(self, channel):
        self.say(f"subscribe {channel}")
        self.hear(f"subscribed {channel}")

    def ask(self, *words):
        """Gives a command; returns what is answered."""
        self.say(" ".join(("do", "ask", *map(str, words))))
        return self.hear("answer ask ")

    def log(self):
        return "".join(self.errors)


@pytest.fixture
def link():
    started = []

    def start(*options):
        started.append(Link(*options))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.stdin.close()
            each.process.wait(TIMEOUT)
        for reader in each.readers:
            reader.join(TIMEOUT)
        each.process.stdout.close()
        each.process.stderr.close()
        assert each.process.returncode == 0, each.log()


def run_id(server):
    return server.info("server")["run_id"]


def test_commands_are_answered_over_tcp_and_a_socket_file(redis, link):
    server = redis()
    for where in (server.address, server.path, f"unix:{server.path}", f"localhost:{server.port}"):
        used = link(f"server={where}")
        assert used.hear("up ") == run_id(server)
        assert used.ask("SET", "key", where) == "OK"
        assert used.ask("GET", "key") == where
        assert used.ask("NO", "SUCH").startswith("error ERR unknown command")


def test_a_database_is_one_of_its_own(redis, link):
    server = redis()
    used = link(f"server={server.address}", "database=3")
    used.hear("up ")
    used.ask("SET", "key", "three")
    assert server.cli("GET", "key") is None
    assert "keys=1" in server.info("keyspace")["db3"]


def test_operators_can_tell_what_a_connection_is_for(redis, link):
    server = redis()
    link(f"server={server.address}").hear("up ")
    names = [line.split(" name=")[1].split(" ")[0] for line in server.cli("CLIENT", "LIST").splitlines()]
    assert sorted(names) == ["", "banter-commands", "banter-subscriptions"]


def test_ten_thousand_commands_of_a_turn_are_answered_in_order(redis, link):
    server = redis()
    used = link(f"server={server.address}")
    used.hear("up ")
    used.say("burst 10000 INCR counter")
    assert used.hear("burst ") == "10000 0"
    assert server.cli("GET", "counter") == "10000"


def test_what_is_published_is_heard_from_the_confirmation_on(redis, link):
    server = redis()
    used = link(f"server={server.address}")
    used.say("subscribe news")
    used.hear("up ")
    used.hear("subscribed news")
    assert used.ask("PUBLISH", "news", "one") == "1"
    server.cli("PUBLISH", "news", "two")
    assert used.hear("message ") == "news one"
    assert used.hear("message ") == "news two"


def test_a_channel_is_heard_until_everybody_gave_it_back(redis, link):
    server = redis()
    used = link(f"server={server.address}")
    used.hear("up ")
    used.say("subscribe news")
    used.say("subscribe news")
    used.hear("subscribed news")
    used.hear("subscribed news")
    used.say("unsubscribe news")
    assert used.ask("PUBLISH", "news", "one") == "1"
    used.say("unsubscribe news")
    used.subscribe("other")
    assert server.cli("PUBSUB", "CHANNELS") == ["other"]


def test_subscriptions_are_in_force_again_after_a_restart(redis, link):
    server = redis()
    used = link(f"server={server.address}")
    first = used.hear("up ")
    for channel in ("news", "other"):
        used.subscribe(channel)
    server.kill()
    assert "hung up" in used.hear("down ")
    assert "Connection refused" in used.hear("down ")
    used.say("subscribe late")
    used.say("unsubscribe other")
    server.start()
    assert used.hear("up ") not in ("", first)
    used.hear("subscribed late")
    assert sorted(server.cli("PUBSUB", "CHANNELS")) == ["late", "news"]
    server.cli("PUBLISH", "news", "again")
    assert used.hear("message ") == "news again"


def test_a_command_without_an_answer_is_lost_and_so_is_one_that_cannot_be_given(redis, link):
    server = redis()
    used = link(f"server={server.address}")
    used.hear("up ")
    server.pause()
    used.say("do waiting INCR counter")
    server.kill()
    assert used.hear("answer waiting ") == "lost"
    used.hear("down ")
    assert used.ask("INCR", "counter") == "lost"


def test_a_server_that_hangs_is_missed_in_time_by_who_waits_and_by_who_does_not(redis, link):
    server = redis()
    idle = link(f"server={server.address}", "timeout=1000")
    busy = link(f"server={server.address}", "timeout=1000")
    idle.hear("up ")
    busy.hear("up ")
    server.pause()
    began = time.monotonic()
    busy.say("do waiting PING")
    assert "does not answer" in busy.hear("down ")
    assert "does not answer" in idle.hear("down ")
    assert 0.5 < time.monotonic() - began < 10  # a second; the connections would go on without it for ever
    server.resume()
    assert idle.hear("up ") == busy.hear("up ") == run_id(server)


def test_a_loop_that_was_held_up_does_not_blame_the_server(redis, link):
    server = redis()
    used = link(f"server={server.address}", "timeout=1000")
    used.hear("up ")
    used.say("do early PING")
    used.say("hold 2500")
    used.hear("held")
    assert used.hear("answer early ") == "PONG"
    assert used.ask("PING") == "PONG"
    assert "not available" not in used.log()


def test_a_password_is_shown_and_never_told(redis, link):
    server = redis("--requirepass", "hunter2", password="hunter2")
    good = link(f"server={server.address}", "password=hunter2")
    good.hear("up ")
    wrong = link(f"server={server.address}", "password=hunter3")
    assert wrong.hear("down ") == f"{server.address} does not accept the user name and password"
    none = link(f"server={server.address}")
    assert none.hear("down ") == f"{server.address} wants a password, and none is configured"
    open_server = redis()
    needless = link(f"server={open_server.address}", "password=hunter2")
    assert needless.hear("down ") == f"{open_server.address} has no password, but one is configured"
    strange = redis("--rename-command", "AUTH", "LOGIN")
    told = link(f"server={strange.address}", "password=hunter2")
    assert "does not know AUTH" in told.hear("down ")
    for each in (good, wrong, none, needless, told):
        assert "hunter" not in each.log()


def test_what_a_user_of_an_acl_may_not_do_is_said(redis, link):
    server = redis()
    allowed = "+role +info +ping +subscribe +unsubscribe"
    server.cli("ACL", "SETUSER", "chat", "on", ">secret", "~*", "resetchannels", "&chat:*", *allowed.split(), "+get")
    used = link(f"server={server.address}", "username=chat", "password=secret")
    used.hear("up ")
    assert used.ask("GET", "key") == "nil"
    assert used.ask("SET", "key", "value").startswith("error NOPERM")
    used.subscribe("chat:news")
    used.say("subscribe other")
    assert "refuses a subscription: NOPERM" in used.hear("down ")
    server.cli("ACL", "SETUSER", "chat", "-role")
    blind = link(f"server={server.address}", "username=chat", "password=secret")
    assert "does not let this user do what is needed: NOPERM" in blind.hear("down ")
    server.cli("ACL", "SETUSER", "chat", "+role")
    blind.hear("up ")


def test_who_was_put_out_logs_in_again(redis, link):
    server = redis("--requirepass", "one", password="one")
    used = link(f"server={server.address}", "password=one")
    used.hear("up ")
    server.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    used.hear("down ")
    used.hear("up ")
    assert used.ask("PING") == "PONG"


def test_both_connections_go_together(redis, link):
    server = redis()
    used = link(f"server={server.address}")
    used.hear("up ")
    used.subscribe("news")
    server.cli("CLIENT", "KILL", "TYPE", "pubsub")
    used.hear("down ")
    used.hear("up ")
    server.cli("PUBLISH", "news", "heard")
    assert used.hear("message ") == "news heard"


def test_over_tls_the_server_must_prove_its_name(redis, link, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    authority, stranger = Authority(ours), Authority(theirs)
    server = redis(tls=authority)
    for where in (server.address, f"localhost:{server.port}"):
        used = link(f"server={where}", f"ca={authority.certificate}")
        used.hear("up ")
        used.subscribe("news")
        used.ask("PUBLISH", "news", "x" * 100000)
        assert used.hear("message news ") == "x" * 100000
    stranger.make()
    fooled = link(f"server={server.address}", f"ca={stranger.certificate}")
    assert f"TLS with {server.address}: " in fooled.hear("down ")
    plain = link(f"server={server.address}")
    assert "hung up" in plain.hear("down ")


def test_a_name_that_the_certificate_does_not_have_is_refused(redis, link, tmp_path):
    authority = Authority(tmp_path)
    server = redis(tls=authority)
    server.cli("CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2")
    fooled = link(f"server=127.0.0.2:{server.port}", f"ca={authority.certificate}")
    assert fooled.hear("down ").startswith(f"TLS with 127.0.0.2:{server.port}: ")


def test_sentinels_speak_tls_where_the_servers_do(redis, link, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    authority, stranger = Authority(ours), Authority(theirs)
    stranger.make()
    old, new = redis(tls=authority), redis(tls=authority)
    new.replica_of(old)
    sentinel = redis.sentinel(old, replicas=1)
    used = link(f"sentinel={sentinel.address}", "master=main", f"ca={authority.certificate}")
    assert used.hear("up ") == run_id(old)
    fooled = link(f"sentinel={sentinel.address}", "master=main", f"ca={stranger.certificate}")
    assert f"TLS with {sentinel.address}: " in fooled.hear("down ")
    sentinel.failover()
    used.hear("down ")
    assert used.hear("up ") == run_id(new)


def test_a_replica_is_passed_over(redis, link):
    master, replica = redis(), redis()
    replica.replica_of(master)
    used = link(f"server={replica.address}", f"server={master.address}")
    assert used.hear("up ") == run_id(master)
    lonely = link(f"server={replica.address}")
    assert lonely.hear("down ") == f"{replica.address} is a replica, not the master"
    replica.promote()
    assert lonely.hear("up ") == run_id(replica)


@pytest.mark.parametrize("writes", [True, False])
def test_a_master_that_becomes_a_replica_is_left(redis, link, writes):
    old, new = redis(), redis()
    new.replica_of(old)
    used = link(f"server={old.address}", f"server={new.address}", "timeout=1000")
    assert used.hear("up ") == run_id(old)
    used.subscribe("news")
    new.promote()
    old.replica_of(new)
    if writes:
        used.say("do write SET key value")
    assert used.hear("down ") == f"{old.address} is not the master any more"
    assert used.hear("up ") == run_id(new)
    assert used.ask("SET", "key", "value") == "OK"
    new.cli("PUBLISH", "news", "from the new one")
    assert used.hear("message ") == "news from the new one"


def test_a_server_that_still_loads_is_waited_for(redis, link):
    kept = ("--appendonly", "yes", "--appendfsync", "always")
    server = redis(*kept, "--loading-process-events-interval-bytes", "1024", "--key-load-delay", "600")
    used = link(f"server={server.address}")
    used.hear("up ")
    with server.connect() as talk:
        for number in range(5000):
            talk.send("SET", f"key{number}", "value")
        for number in range(5000):
            talk.receive()
    server.kill()
    server.ready = "Server initialized"
    server.start()
    while used.hear("down ") != f"{server.address} is still loading its data":
        pass
    used.hear("up ")
    assert used.ask("DBSIZE") == "5000"


def test_a_sentinel_or_a_stranger_is_no_server(redis, link):
    master = redis()
    sentinel = redis.sentinel(master)
    assert "is a sentinel, not a server" in link(f"server={sentinel.address}").hear("down ")
    clustered = redis("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    assert "cluster mode" in link(f"server={clustered.address}").hear("down ")


def test_too_many_clients_are_a_reason(redis, link):
    server = redis("--maxclients", "1")
    with server.connect() as talk:
        talk.command("PING")
        assert "max number of clients" in link(f"server={server.address}").hear("down ")


def test_a_failover_by_the_sentinels_is_followed(redis, link):
    old, new = redis(), redis()
    new.replica_of(old)
    sentinels = [redis.sentinel(old, replicas=1, quorum=2) for _ in range(3)]
    for sentinel in sentinels:
        for _ in range(2):
            sentinel.hear(r"\+sentinel ")
    used = link(*(f"sentinel={sentinel.address}" for sentinel in sentinels), "master=main")
    assert used.hear("up ") == run_id(old)
    used.subscribe("news")
    old.kill()
    used.hear("down ")
    assert used.hear("up ", FAILOVER_SECONDS) == run_id(new)
    for sentinel in sentinels:
        assert sentinel.hear_failover() == new.port
    assert used.ask("SET", "key", "value") == "OK"
    new.cli("PUBLISH", "news", "heard")
    assert used.hear("message ") == "news heard"


def test_a_failover_is_followed_though_the_old_master_still_answers(redis, link):
    old, new = redis(), redis()
    new.replica_of(old)
    sentinel = redis.sentinel(old, replicas=1)
    used = link(f"sentinel={sentinel.address}", "master=main", "timeout=20000")
    assert used.hear("up ") == run_id(old)
    sentinel.failover()
    used.hear("down ")
    assert used.hear("up ") == run_id(new)


def test_sentinels_that_are_gone_or_know_nothing_do_not_matter_while_one_knows(redis, link):
    master = redis()
    gone, stranger = redis.sentinel(master), redis.sentinel(master, name="other")
    gone.kill()
    used = link(f"sentinel={gone.address}", f"sentinel={stranger.address}", "master=main")
    reason = used.hear("down ")
    while "is no sentinel that knows the master: main" not in reason or "Connection refused" not in reason:
        reason = used.hear("down ")
    gone.start()
    assert used.hear("up ") == run_id(master)
    gone.kill()
    assert used.ask("PING") == "PONG"


def test_a_sentinel_with_a_password_is_shown_it(redis, link):
    master = redis("--requirepass", "one", password="one")
    sentinel = redis.sentinel(master, password="two")
    wrong = link(f"sentinel={sentinel.address}", "master=main", "password=one")
    assert "wants a password" in wrong.hear("down ")
    used = link(f"sentinel={sentinel.address}", "master=main", "password=one", "sentinel_password=two")
    used.hear("up ")
    assert used.ask("PING") == "PONG"
