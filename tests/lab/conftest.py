"""Lab machines for the end-to-end tests; every one is thrown away at the end."""

from __future__ import annotations

import random
import sys
import time

import pytest

from tests.lab.state_of import provisioned
from tests.machines import add_options, new_machine
from xnai.lab.deploying import deploy
from xnai.lab.machine import find


def pytest_addoption(parser):
    """Add the drills' options."""
    parser.addoption("--seed", type=int, default=None, help="seed of the drills' random points")
    parser.addoption("--rounds", type=int, default=1, help="how often each drill is repeated")
    parser.addoption(
        "--deployed", metavar="NAME",
        help="a machine that is up and deployed: used in place of a fresh one, and kept",
    )
    add_options(parser)


@pytest.fixture(scope="session")
def rng(request):
    """The drills' random numbers; the seed is printed so that a failure can be repeated."""
    seed = request.config.getoption("--seed")
    seed = int(time.time()) if seed is None else seed
    print(f"\ndrill seed: --seed={seed}", file=sys.stderr, flush=True)
    return random.Random(seed)  # noqa: S311  (no cryptography)


@pytest.fixture(scope="session")
def rounds(request):
    """How often a drill is repeated."""
    return request.config.getoption("--rounds")


@pytest.fixture(scope="session")
def first_deploy(new_machine, request):
    """A machine right after its first deploy, with what it then was."""
    if name := request.config.getoption("--deployed"):
        return find(name), provisioned(find(name))
    one = new_machine("e2e")
    outcome = deploy(one)
    assert outcome.code == 0, outcome.log
    assert outcome.changed
    return one, provisioned(one)


@pytest.fixture(scope="session")
def deployed(first_deploy):
    """The machine of the first deploy."""
    return first_deploy[0]


@pytest.fixture(scope="session")
def reference(first_deploy):
    """What an undisturbed deploy comes to."""
    return first_deploy[1]


__all__ = ["new_machine"]
