"""Lab machines for the end-to-end tests; every one is thrown away at the end."""

from __future__ import annotations

import hashlib
import os
import random
import sys
import time

import pytest

from tests.lab import clones
from tests.machines import add_options, new_machine, progress
from xnai.lab.machine import find

# Set by `tests/run.py`, which throws the copies away when all its processes are done.
SHARED = "XNAI_TEST_COPIES_ARE_SHARED"


def pytest_addoption(parser):
    """Add the drills' options."""
    parser.addoption("--seed", type=int, default=None, help="seed of the drills' random points")
    parser.addoption("--rounds", type=int, default=1, help="how often each drill is repeated")
    parser.addoption(
        "--deployed", metavar="NAME",
        help="a machine that is up and deployed: used in place of copies, and kept",
    )
    parser.addoption(
        "--drawn-by", metavar="TEXT",
        help="of each family of drills run the one that this text draws, such as a commit's hash",
    )
    add_options(parser)


def pytest_collection_modifyitems(config, items):
    """Of each family of drills keep the one that --drawn-by draws, and say which."""
    text = config.getoption("--drawn-by")
    if text is None:
        return
    families = {}
    for item in items:
        if mark := item.get_closest_marker("family"):
            families.setdefault(mark.args[0], []).append(item)
    left_out = set()
    for name, members in families.items():
        number = int(hashlib.sha256(f"{text} {name}".encode()).hexdigest(), 16) % len(members)
        config.get_terminal_writer().line(
            f"drawn: {name}: {members[number].name} ({len(members)} in the family)"
        )
        left_out.update(item for item in members if item is not members[number])
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let a fixture see whether its test passed."""
    report = yield
    if report.when == "call":
        item.passed = report.passed
    return report


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
def base(request, progress):
    """The deployed machine, kept as a disk, that copies stand on."""
    yield clones.ensure_base(request.config.getoption("--backend"), progress)
    if SHARED not in os.environ and not request.config.getoption("--keep"):
        clones.end_all()


@pytest.fixture
def deployed(request, progress):
    """A machine that is what the first deploy made, for this test alone."""
    if name := request.config.getoption("--deployed"):
        yield find(name)
        return
    base = request.getfixturevalue("base")
    one = clones.lend(base, request.config.getoption("--backend"), progress)
    yield one
    if getattr(request.node, "passed", False):
        clones.give_back(one, base)
    elif not request.config.getoption("--keep"):
        one.down()


@pytest.fixture(scope="session")
def reference(base):
    """What an undisturbed first deploy comes to."""
    return clones.reference(base)


__all__ = ["new_machine", "progress"]
