"""Lab machines for the end-to-end tests; every one is thrown away at the end."""

from __future__ import annotations

import random
import sys
import time

import pytest

from tests.lab.state_of import provisioned
from xnai.lab import machine, registry
from xnai.lab.deploying import deploy
from xnai.lab.progress import Lines
from xnai.lab.spec import MachineSpec


def pytest_addoption(parser):
    """Add the drills' options."""
    parser.addoption("--seed", type=int, default=None, help="seed of the drills' random points")
    parser.addoption("--rounds", type=int, default=1, help="how often each drill is repeated")
    parser.addoption("--backend", default="auto", help="as `xnai lab up --backend`")
    parser.addoption("--keep", action="store_true", help="leave the machines for a look")


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
def new_machine(request):
    """A function that makes a fresh machine: new_machine("e2e", release="bookworm")."""
    progress = Lines()
    registry.up(progress)
    made = []
    backend = request.config.getoption("--backend")

    def make(name: str, **options):
        for old in machine.names():
            if old == name:
                machine.find(name).down()
        one = machine.up(MachineSpec(name=name, backend=backend, **options), progress)
        made.append(one)
        return one

    yield make
    if not request.config.getoption("--keep"):
        for one in made:
            one.down()


@pytest.fixture(scope="session")
def first_deploy(new_machine):
    """A machine right after its first deploy, with what it then was."""
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
