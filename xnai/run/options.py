"""What every command that looks at hosts can be told about which ones, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from xnai.run.inspect import Answer

GOOD, FINDINGS, UNKNOWN = 0, 1, 2

F = TypeVar("F", bound=Callable[..., Any])

_WHICH = (
    click.option("--inventory", "inventory_file", default="inventory.py", show_default=True),
    click.option("--group-data", multiple=True, help="Further group_data directories."),
    click.option("--data", multiple=True, help="name=value, as pyinfra's --data."),
)
only_hosts = click.option(
    "--host", "hosts", multiple=True, metavar="NAME",
    help="This host of the inventory alone; may be repeated.",
)
"""Adds --host to a command."""

_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")


def which_hosts(command: F) -> F:
    """Add --inventory, --group-data and --data to a command."""
    for option in reversed(_WHICH):
        command = option(command)
    return command


def with_hosts(command: F) -> F:
    """Add the same and --json to a command."""
    return which_hosts(_JSON(command))


def print_errors(answers: Sequence[Answer[Any]]) -> None:
    """Print, on standard error, why a host has no answer."""
    for answer in answers:
        if answer.error:
            click.echo(f"[{answer.host}] could not tell: {answer.error}", err=True)
