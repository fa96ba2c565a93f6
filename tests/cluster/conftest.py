import random

import pytest

from clusters import Cluster


def pytest_addoption(parser):
    parser.addoption("--minutes", type=float, default=0.5, help="how long test_chaos.py makes trouble (default: 0.5)")
    parser.addoption("--seed", type=int, default=None, help="of the troubles (default: another one each time)")


@pytest.fixture
def seed(request):
    given = request.config.getoption("--seed")
    seed = random.randrange(1_000_000) if given is None else given
    print(f"--seed {seed}")
    return seed


@pytest.fixture
def cluster(server, redis, seed):
    """`cluster(...)` starts three nodes with a Redis and its replica; see clusters.py."""
    started = []

    def start(*flags, **how):
        started.append(Cluster(server, redis, seed, *flags, **how))
        return started[-1]

    yield start
    for one in started:
        one.close()
