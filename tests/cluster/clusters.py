"""Three nodes, a Redis with a replica, and a link from each node to the master that can be cut."""

import time

from clients import NO_LIMIT
from links import Link

NODES = 3
LISTEN = ("ws://127.0.0.1:0", "line://127.0.0.1:0")


class Cluster:
    """`nodes`, each with its link in `links`; `master` and `replica`. Failing over is done by the test (fail_over), as an
    operator with a virtual address would do it; Sentinel has a test of its own."""

    def __init__(self, server, redis, seed, *flags, wait_replicas=1):
        self.server = server
        self.seed = seed
        self.flags = (*NO_LIMIT, "--set", f"wait_replicas={wait_replicas}", "--set", "redis_timeout=2", *flags)
        self.master = redis("--appendonly", "yes")
        self.replica = redis("--appendonly", "yes")
        self.replica.replica_of(self.master)
        self.links = [Link(self.master.port) for _ in range(NODES)]
        self.nodes = [self.begin(number) for number in range(NODES)]

    def begin(self, number, **how):
        flags = ("--store", f"redis://{self.links[number].address}", *self.flags)
        return self.server(*flags, keeps_port=True, **{"listen": LISTEN} | how)

    def kill(self, number):
        self.nodes[number].kill()

    def restart(self, number):
        """On the ports it had."""
        self.nodes[number] = self.begin(number, folder_of=self.nodes[number], listen=self.nodes[number].urls)

    def port_of(self, number, scheme="ws"):
        return self.nodes[number % NODES].port(scheme)

    def fail_over(self, split_seconds=0):
        """The master dies, its replica takes its place, and it comes back as a replica. With `split_seconds` both are masters
        for so long, and the nodes still with the one that will lose."""
        old, new = self.master, self.replica
        if split_seconds:
            new.promote()
            time.sleep(split_seconds)
        old.kill()
        if not split_seconds:
            new.promote()
        for link in self.links:
            link.point(new.port)
        old.start()
        old.replica_of(new)
        self.master, self.replica = new, old

    def close(self):
        """The links must lead somewhere while the nodes say goodbye."""
        for link in self.links:
            link.mend()
        for node in self.nodes:
            node.stop()
        for link in self.links:
            link.close()
