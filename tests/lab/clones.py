"""Copies of one deployed machine, lent to one test at a time.

A test gets a machine that is what the first deploy made. One that a test left so serves the next
test, of this process or of another; any other is thrown away.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.lab.state_of import provisioned
from xnai.lab import bases, create, machine, registry
from xnai.lab.backends.choose import choose
from xnai.lab.deploying import deploy
from xnai.lab.errors import LabError
from xnai.lab.health import states, until_healthy, until_started
from xnai.lab.machine import Machine
from xnai.lab.paths import private_dir, state_dir
from xnai.lab.proc import ProcessId
from xnai.lab.progress import Progress
from xnai.lab.spec import MachineSpec, load_json, save_json

REFERENCE = "provisioned.json"
PREFIX = "clone"
BORROWER = "borrower.json"
# All nine start at once on one processor.
HEALTHY_WITHIN_S = 300


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """Hold a lock that every process of the tests on this host respects; the folder of all."""
    root = private_dir(state_dir() / "tests")
    with (root / f"{name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield root


def spec(backend: str, name: str = "first") -> MachineSpec:
    """What the deployed machine and its copies are."""
    return MachineSpec(name=name, backend=backend)


def key(backend: str, progress: Progress) -> str:
    """The key of the base for this tree."""
    # With every stand-in: the registry's port is part of what a deploy makes.
    registry.up(progress)
    one = spec(backend)
    return bases.key(one, choose(backend, progress).name)


def reference(base: Path) -> dict[str, object]:
    """What the first deploy came to."""
    return json.loads((base / REFERENCE).read_text())


def keep(one: Machine, name: str, progress: Progress) -> Path:
    """Keep a machine that was just deployed as the base, with what it is."""
    assert key(one.backend, progress) == name, "the checkout was changed during the deploy"
    state = provisioned(one)
    base = bases.keep(one, name, progress)
    (base / REFERENCE).write_text(json.dumps(state))
    return base


def found(name: str, progress: Progress) -> bases.FoundBase:
    """The base for a key where it can be used, with what the first deploy came to."""
    kept = bases.find(name, progress)
    if kept.directory and not (kept.directory / REFERENCE).exists():
        return bases.FoundBase(None, "the one kept was made by `make try`")
    return kept


def ensure_base(backend: str, progress: Progress) -> Path:
    """The base for this tree; deployed from nothing where none is kept."""
    with locked("base"):
        name = key(backend, progress)
        kept = found(name, progress)
        if kept.directory:
            return kept.directory
        progress.say(f"  deploying a machine to copy ({kept.why})")
        if "base" in machine.names():
            # What a run left that did not come this far.
            machine.find("base").down()
        one = machine.up(spec(backend, "base"), progress)
        try:
            outcome = deploy(one)
            assert outcome.code == 0, outcome.log
            return keep(one, name, progress)
        finally:
            one.down()


def _new(base: Path, backend: str, progress: Progress) -> Machine:
    # The pool's own: a copy that nobody has written down yet would be collected.
    with locked("pool"):
        taken = machine.names()
        name = next(n for i in range(99) if (n := f"{PREFIX}-{i}") not in taken)
        one = create.make(spec(backend, name).on(base), progress)
        _borrowed(one)
    try:
        one.start(progress)
        until_started(one)
        _wait(one, progress)
    except BaseException:
        one.down()
        raise
    return one


def _wait(one: Machine, progress: Progress) -> None:
    with progress.step(f"waiting for the stack of {one.config.host_name}"):
        assert until_healthy(one, HEALTHY_WITHIN_S), states(one)


def _borrowed(one: Machine) -> None:
    """Write down that this process has a copy, so that one which nobody has is found."""
    me = ProcessId.of(os.getpid())
    assert me is not None
    save_json(one.directory / BORROWER, asdict(me))


def _collect(root: Path) -> None:
    """Throw away the copies of processes that were killed."""
    free = {path.stem for path in _free(root)}
    for name in machine.names():
        if name.startswith(f"{PREFIX}-") and name not in free:
            one = machine.find(name)
            data = load_json(one.directory / BORROWER)
            if data is None or not ProcessId(**data).alive():
                one.down()


def _free(root: Path) -> list[Path]:
    return sorted(root.glob(f"{PREFIX}-*.free"))


def lend(base: Path, backend: str, progress: Progress) -> Machine:
    """A running copy of the base that is as the first deploy made it."""
    while True:
        with locked("pool") as root:
            _collect(root)
            mine = next(iter(_free(root)), None)
            if mine is None:
                break
            stands_on = mine.read_text()
            if mine.stem in machine.names():
                _borrowed(machine.find(mine.stem))
            mine.unlink()
        if mine.stem not in machine.names():
            continue
        one = machine.find(mine.stem)
        one.pin()
        if stands_on == str(base) and one.running:
            try:
                _wait(one, progress)
            except (AssertionError, LabError):
                one.down()
                continue
            return one
        one.down()
    return _new(base, backend, progress)


def _as_lent(one: Machine, wanted: dict[str, object]) -> bool:
    """Whether a copy is as it was lent, without the images that a test has added."""
    found = provisioned(one)
    differs = [name for name in wanted if found[name] != wanted[name]]
    if differs != ["images"]:
        return not differs
    added = set(found["images"].split()) - set(str(wanted["images"]).split())
    one.run(f"xnai-podman rmi {shlex.join(sorted(added))}" if added else "false", check=False)
    return provisioned(one, ["images"])["images"] == wanted["images"]


def give_back(one: Machine, base: Path) -> None:
    """Take a copy back: kept for the next test where it is as it was lent, else thrown away."""
    try:
        as_lent = one.running and _as_lent(one, reference(base))
    except (AssertionError, LabError):
        as_lent = False
    if as_lent:
        one.unpin()
        with locked("pool") as root:
            (root / f"{one.name}.free").write_text(str(base))
    else:
        one.down()


def end_all() -> None:
    """Throw every free copy away."""
    with locked("pool") as root:
        for mine in _free(root):
            mine.unlink()
            if mine.stem in machine.names():
                machine.find(mine.stem).down()
        _collect(root)


