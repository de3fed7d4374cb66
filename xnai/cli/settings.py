"""`xnai settings`: every effective setting, and where it comes from."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from pyinfra.api.host import Host

from xnai.run import inspect as looking
from xnai.run.context import current
from xnai.run.inspect import Where
from xnai.run.options import GOOD, UNKNOWN, print_errors, with_hosts
from xnai.settings import layers
from xnai.stack.catalogue import SCHEMA


@click.command()
@with_hosts
def settings(
    inventory_file: str, group_data: tuple[str, ...], data: tuple[str, ...], as_json: bool
) -> None:
    """Print every effective setting, where it was set, and what was derived from the RAM."""

    declared = SCHEMA.declarations

    def question(host: Host) -> list[dict[str, Any]]:
        effective = current(host).by_name()
        sources = layers.layers(host)
        return [
            {
                "name": name,
                "value": value,
                "set in": layers.origin(sources, name) if name in declared else "derived",
                "derived": name not in declared or _raw(sources, name) is None is not value,
            }
            for name, value in effective.items()
        ]

    answers = looking.ask_each(Where(inventory_file, group_data, data), question)
    if as_json:
        click.echo(json.dumps({a.host: a.value or {"error": a.error} for a in answers}, indent=2))
    else:
        for answer in answers:
            click.echo(f"[{answer.host}]" if answer.value else "", nl=bool(answer.value))
            for row in answer.value or ():
                derived = row["derived"] and row["name"] in declared
                mark = " (derived from the host)" if derived else ""
                click.echo(f"  {row['name']} = {row['value']!r}{mark}  # {row['set in']}")
        print_errors(answers)
    sys.exit(UNKNOWN if any(answer.error for answer in answers) else GOOD)


def _raw(sources: list[layers.Layer], name: str) -> object:
    default = SCHEMA.declarations[name].default
    return next((layer.values[name] for layer in sources if name in layer.values), default)
