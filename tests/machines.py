"""Fixtures that make lab machines; imported by the conftest of each folder that needs them."""

from __future__ import annotations

import pytest

from xnai.lab import machine, registry, ssh
from xnai.lab.progress import Lines
from xnai.lab.spec import MachineSpec


@pytest.fixture(scope="session")
def progress():
    """Where the lab tells what it does."""
    return Lines()


@pytest.fixture(scope="session")
def new_machine(request, progress):
    """A function that makes a machine: new_machine("e2e", release="bookworm").

    Every machine is thrown away at the end, unless --keep was given.
    """
    registry.up(progress)
    made = []

    def make(name: str, **options):
        for old in machine.names():
            if old == name:
                machine.find(name).down()
        wanted = {"backend": request.config.getoption("--backend"), **options}
        one = machine.up(MachineSpec(name=name, **wanted), progress)
        made.append(one)
        return one

    yield make
    for one in made:
        if died := ssh.panic(one.directory / "console.log"):
            progress.say(f"{one.name}: {died}")
    if not request.config.getoption("--keep"):
        for one in made:
            if one.directory.exists():
                one.down()


def add_options(parser):
    """Add the options of the machine fixtures to pytest's parser."""
    parser.addoption("--backend", default="auto", help="as `xnai lab up --backend`")
    parser.addoption("--keep", action="store_true", help="leave the machines for a look")
