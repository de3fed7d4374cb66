"""Whole steps without a host: facts as recorded, and what reaches pyinfra's connector as text.

Below every function of tasks/ and xnai/: how they are cut and named is no matter to these tests.
"""

from __future__ import annotations

import difflib
import importlib
import logging
import pkgutil
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fact_fixtures import fact_classes, output
from pyinfra.api import Config, Inventory, State
from pyinfra.api.operations import run_host_op
from pyinfra.connectors.util import CommandOutput
from pyinfra.context import ctx_config, ctx_host, ctx_inventory, ctx_state
from rendering import build_inputs

import tasks
from xnai.facts.machine.generator import GeneratorAnswer
from xnai.facts.machine.model import PreflightFacts, Reading
from xnai.run.known import known
from xnai.settings.model import Settings

EXPECTED = Path(__file__).parent / "expected"
# Of whatever a test does not say otherwise.
USUAL = {
    "AptLockHolder": None, "Which": "/usr/bin/it", "ZramGenerator": GeneratorAnswer("alone"),
}
# Fact -> a case of its fixtures, its value, or what makes one each time that it is asked.
Facts = Mapping[str, Any]
SEEN = PreflightFacts(
    complete=True, sysctl_files=(), zram_files=(), zram_algorithms=Reading("ok", "lz4 zstd"),
    before=Reading("absent"),
)


class Fact(str):
    """The name of a fixture's case."""


def answer(facts: Facts) -> Callable[..., Any]:
    """Return what stands in for `host.get_fact`."""

    def get_fact(fact: type, *_: Any, **arguments: Any) -> Any:
        name = fact.__name__
        if name not in facts and fact.__module__.startswith("pyinfra."):
            return fact.default()  # nothing is there yet
        if name not in facts:
            raise AssertionError(f"a fact that the test does not know: {name} {arguments}")
        value = facts[name]
        if isinstance(value, Fact):
            return fact_classes()[name]().process(output(name, value))
        return value(**arguments) if callable(value) else value

    return get_fact


# How xnai.remote.content writes, and xnai.operations.guard locks; both have tests of their own.
_WRITTEN = re.compile(
    r"umask 022; mkdir -p \S+ && umask 077 && rm -rf (\S+)\.xnai-new && "
    r"base64 -d > \1\.xnai-new && "
    r"(?:chown (\S+) \S+ && )?chmod (\d+) \1\.xnai-new && sync \1\.xnai-new && "
    r"mv -f -T \1\.xnai-new \1"
)
_LOCKED = re.compile(
    r"\[ -d /run/xnai \] .*? /run/xnai/lock sh -c (.*) \|\| \{ e=\$\?; .*", re.DOTALL
)


def in_words(command: str) -> str:
    """Return a command as it stands in the expected files, without what differs from run to run."""
    # A program that is not to lose the lock while it puts things right.
    to_its_end = "trap '' TERM; "
    if command.startswith(to_its_end):
        return "to its end: " + in_words(command.removeprefix(to_its_end))
    if match := _LOCKED.fullmatch(command):
        (inner,) = shlex.split(match[1])
        command = f"locked: {inner}"
    command = _WRITTEN.sub(lambda m: f"write {m[1]} {m[3]} {m[2] or 'root:root'}", command)
    return re.sub(r"-[0-9a-f]{16}\.(pyz|tar)", r"-HASH.\1", command)


@contextmanager
def a_host(settings: Settings, facts: Facts, seen: PreflightFacts = SEEN) -> Iterator[Any]:
    """A host of a real run of pyinfra, whose connector only writes down what it is told."""
    inventory = Inventory((["@local"], {}))
    state, config = State(check_for_changes=False), Config()
    state.init(inventory, config)
    host = next(iter(inventory))
    state.activate_host(host)
    host.told = []

    def run_shell_command(
        command: Any, print_output: bool = False, print_input: bool = False, **how: Any
    ) -> tuple[bool, CommandOutput]:
        host.told.append(in_words(str(command)))
        return True, CommandOutput([])

    host.connector.run_shell_command = run_shell_command
    host.connector.put_file = lambda *words, **how: pytest.fail("an upload")
    host.get_fact = answer(USUAL | dict(facts))
    known(host).machine, known(host).build_inputs = seen, build_inputs(settings)
    with (
        ctx_state.use(state), ctx_config.use(config), ctx_inventory.use(inventory),
        ctx_host.use(host),
    ):
        yield host


def told(
    monkeypatch: pytest.MonkeyPatch, step: Any, settings: Settings, facts: Facts,
    seen: PreflightFacts = SEEN,
) -> list[str]:
    """Prepare a step and execute it; return each operation's name and its commands, in order.

    Args:
        monkeypatch: pytest's.
        step: a module of tasks/.
        settings: the host's.
        facts: what the host is; for facts that are asked while operations run, a function.
        seen: by preflight.
    """
    logging.disable(logging.CRITICAL)
    try:
        with a_host(settings, facts, seen) as host:
            for module in modules():
                if hasattr(module, "current"):
                    monkeypatch.setattr(module, "current", lambda: settings)
            step()
            state = ctx_state.get()
            lines = []
            for op_hash in state.get_op_order():
                host.told.clear()
                lines.append("# " + ", ".join(sorted(state.op_meta[op_hash].names)))
                state.is_executing = True
                one_operation(state, host, op_hash)
                state.is_executing = False
                lines += host.told
            return lines
    finally:
        logging.disable(logging.NOTSET)


def one_operation(state: Any, host: Any, op_hash: str) -> None:
    """Execute one operation, which must succeed."""
    assert run_host_op(state, host, op_hash), state.op_meta[op_hash].names


def modules() -> list[Any]:
    """Every module of tasks/."""
    return [
        importlib.import_module(f"tasks.{entry.name}")
        for entry in pkgutil.iter_modules(tasks.__path__)
    ]


def compare(name: str, lines: list[str]) -> None:
    """Compare with the literal file of that name, line by line."""
    wanted = (EXPECTED / f"{name}.txt").read_text("utf-8").splitlines()
    found = [line for text in lines for line in text.splitlines()]
    if found != wanted:
        told = difflib.unified_diff(wanted, found, "expected", "reached the host", lineterm="")
        pytest.fail("\n".join([f"{name}:", *told]), pytrace=False)

