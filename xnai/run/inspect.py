"""How `xnai` looks at hosts: pyinfra's own inventory loader and facts, and no operation."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import click
from pyinfra.api.config import Config
from pyinfra.api.connect import connect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.host import Host
from pyinfra.api.inventory import Inventory
from pyinfra.api.state import State, StateStage
from pyinfra.context import ctx_config, ctx_host, ctx_inventory, ctx_state
from pyinfra_cli.inventory import make_inventory_from_files  # type: ignore[import-untyped]
from pyinfra_cli.util import parse_cli_arg  # type: ignore[import-untyped]

from xnai.remote.limit import limit
from xnai.run.pyinfra import without_delay

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What one host answered, or why it did not."""

    host: str
    value: T | None
    error: str


@dataclass(frozen=True)
class Where:
    """Which hosts, as pyinfra's command line would say it.

    Attributes:
        inventory_file: path of the inventory.
        group_data: further directories, as --group-data.
        data: name=value overrides, as --data.
    """

    inventory_file: str = "inventory.py"
    group_data: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


class WrongCall(click.ClickException):
    """The command line cannot be what was meant; click prints it, and ends with this exit code."""

    exit_code = 2


@contextmanager
def loaded(where: Where) -> Iterator[tuple[Inventory, State]]:
    """Load the inventory as pyinfra would, and connect to nobody."""
    logging.getLogger("pyinfra").setLevel(logging.CRITICAL)
    state = State(check_for_changes=False)
    state.cwd = str(Path.cwd())
    if state.cwd not in sys.path:  # as pyinfra's own command line does, for tasks/
        sys.path.append(state.cwd)
    if wrong := [item for item in where.data if "=" not in item]:
        raise WrongCall(
            f"--data {wrong[0]}: name=value is needed, as --data zram_size_pct_of_ram=150"
        )
    if where.inventory_file.endswith(".py") and not Path(where.inventory_file).is_file():
        raise WrongCall(
            f"no {where.inventory_file} here ({Path.cwd()}): run it in the checkout, or name one "
            "with --inventory"
        )
    override = {
        name: parse_cli_arg(value) for name, value in (item.split("=", 1) for item in where.data)
    }
    config = Config()
    with ctx_config.use(config), ctx_state.use(state):
        hosts = make_inventory_from_files(
            where.inventory_file, override, state.cwd, list(where.group_data)
        )
        with ctx_inventory.use(hosts):
            state.init(hosts, config)
            yield hosts, state


def refuse_unknown(where: Where, names: Collection[str]) -> None:
    """Refuse names of hosts that the inventory does not have; it is not loaded for none.

    Raises:
        WrongCall: it has not one of them.
    """
    if names:
        known_hosts(where, names)


def known_hosts(where: Where, names: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return each host of the inventory with what that says of it.

    Args:
        where: which inventory.
        names: of hosts that it must have.

    Raises:
        WrongCall: it has not one of them.
    """
    with loaded(where) as (inventory, _):
        known = {host.name: dict(host.data.dict()) for host in inventory}
    if unknown := [name for name in names if name not in known]:
        raise WrongCall(f"no host {unknown[0]!r}; the inventory has {', '.join(known)}")
    return known


@contextmanager
def _connected(
    where: Where, names: Collection[str] | None
) -> Iterator[tuple[Inventory, State]]:
    """The inventory, and a pyinfra state with every reachable host connected, or the named ones."""
    with loaded(where) as (hosts, state):
        if names is not None:
            state.limit_hosts = [host for host in hosts if host.name in names]
        state.set_stage(StateStage.Connect)
        # Where no host answers pyinfra raises; each host's own answer says so below.
        with suppress(PyinfraError):
            connect_all(state)
        state.set_stage(StateStage.Prepare)
        try:
            yield hosts, state
        finally:
            for host in list(state.active_hosts):
                host.disconnect()


def ask_each(
    where: Where, question: Callable[[Host], T], names: Collection[str] | None = None
) -> list[Answer[T]]:
    """Return each host's answer to a question, or the reason why there is none.

    Args:
        where: which hosts there are.
        question: what is asked of each.
        names: those that are asked alone; None: all.
    """
    answers: list[Answer[T]] = []
    with _connected(where, names) as (hosts, state):
        for host in hosts:
            if names is not None and host.name not in names:
                continue
            if host not in state.active_hosts:
                answers.append(Answer(host.name, None, f"not reachable: {_target(host)}"))
                continue
            without_delay(host)
            limit(host)
            with ctx_host.use(host):
                try:
                    answers.append(Answer(host.name, question(host), ""))
                except PyinfraError as error:
                    answers.append(Answer(host.name, None, str(error)))
                except Exception as error:
                    # One host's strange answer is no reason to keep the others' back.
                    said = f"a fault of xnai's: {type(error).__name__}: {error}"
                    answers.append(Answer(host.name, None, said))
    return answers


def ask_named(
    where: Where, hosts: Collection[str], question: Callable[[Host], T]
) -> list[Answer[T]]:
    """Return the answers of the hosts that are named, or of all where none is.

    Args:
        where: which hosts there are.
        hosts: names of some.
        question: what is asked of each.

    Raises:
        WrongCall: the inventory does not have one of them.
    """
    refuse_unknown(where, hosts)
    return ask_each(where, question, frozenset(hosts) or None)


def _target(host: Host) -> str:
    data: Any = host.data
    name = data.get("ssh_hostname") or host.name
    return f"{data.get('ssh_user') or 'current user'}@{name}:{data.get('ssh_port') or 22}"
