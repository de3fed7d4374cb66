"""The `xnai` command: it looks at hosts and changes nothing on them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import click
from pyinfra.api.host import Host

from xnai.audit.command import audit
from xnai.baseline.command import baseline
from xnai.cli.lock import lock
from xnai.cli.render import render
from xnai.cli.sources import sources
from xnai.diagnostics.table import aligned
from xnai.facts.oom import OomKills
from xnai.facts.podman_call import PodmanUnknown
from xnai.lab.cli import lab
from xnai.reports.command import report
from xnai.run import inspect as looking
from xnai.run.context import current
from xnai.run.differences import below_the_stack, of_stack
from xnai.run.inspect import Answer, Where
from xnai.run.store import read_store
from xnai.settings import layers
from xnai.stack.catalogue import SCHEMA, services
from xnai.stack.status import all_healthy, killed, rows, unpublished, unread_cgroups
from xnai.triage.command import triage

GOOD, FINDINGS, UNKNOWN = 0, 1, 2


@dataclass(frozen=True)
class HostStatus:
    """What `xnai status` tells of a host.

    Attributes:
        deployed: whether a deploy has set Podman up there.
        services: a row each.
        healthy: None where Podman did not answer.
        unpublished: a line for each service that the host does not reach.
        killed: a line for each kill for want of memory.
        waiting: what was deferred.
        differences: what a deploy would change, where it was asked for.
    """

    deployed: bool
    services: list[dict[str, str]]
    healthy: bool | None
    unpublished: list[str]
    killed: list[str]
    waiting: list[dict[str, str]]
    differences: list[str] | None = None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xnai")
def main() -> None:
    """Look at the hosts that `pyinfra inventory.py deploy.py` provisions.

    Exit code 0: good; 1: findings; 2: could not tell.
    """


main.add_command(audit)
main.add_command(baseline)
main.add_command(lab)
main.add_command(lock)
main.add_command(render)
main.add_command(report)
main.add_command(sources)
main.add_command(triage)

_hosts = [
    click.option("--inventory", "inventory_file", default="inventory.py", show_default=True),
    click.option("--group-data", multiple=True, help="Further group_data directories."),
    click.option("--data", multiple=True, help="name=value, as pyinfra's --data."),
    click.option("--json", "as_json", is_flag=True, help="For machines."),
]


def _with_hosts(command: Any) -> Any:
    for option in reversed(_hosts):
        command = option(command)
    return command


def _print_errors(answers: list[Answer[Any]]) -> None:
    for answer in answers:
        if answer.error:
            click.echo(f"[{answer.host}] could not tell: {answer.error}", err=True)


@main.command()
@_with_hosts
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
        _print_errors(answers)
    sys.exit(UNKNOWN if any(answer.error for answer in answers) else GOOD)


def _raw(sources: list[layers.Layer], name: str) -> object:
    default = SCHEMA.declarations[name].default
    return next((layer.values[name] for layer in sources if name in layer.values), default)


@main.command()
@click.option("--diff", is_flag=True, help="Also what a deploy would change, in words.")
@_with_hosts
def status(
    inventory_file: str, group_data: tuple[str, ...], data: tuple[str, ...], as_json: bool,
    diff: bool,
) -> None:
    """Print one table a host: services, health, memory, where they answer; kills; what waits.

    With --diff a machine that a deploy would change has findings (exit code 1).
    """

    def question(host: Host) -> HostStatus:
        effective = current(host)
        wanted = services(effective)
        store = read_store(host, effective)
        if not store.set_up and not diff:
            return HostStatus(False, [], False, [], [], [])
        below = below_the_stack(host, effective)
        differences = [str(one) for one in below if not one.waits]
        if diff:
            differences += map(str, of_stack(host, effective))
        if not store.set_up:
            return HostStatus(False, [], False, [], [], [], differences)
        found = store.containers
        healthy = None if isinstance(found, PodmanUnknown) else all_healthy(wanted, found)
        return HostStatus(
            deployed=True,
            services=rows(wanted, found),
            healthy=healthy,
            unpublished=[*unpublished(wanted, found), *unread_cgroups(wanted, found)],
            killed=killed(wanted, found, host.get_fact(OomKills)),
            waiting=[
                {"component": one.component, "reason": one.waits}
                for one in below if one.waits
            ],
            differences=differences if diff else None,
        )

    answers = looking.ask_each(Where(inventory_file, group_data, data), question)
    if as_json:
        shown = {a.host: asdict(a.value) if a.value else {"error": a.error} for a in answers}
        click.echo(json.dumps(shown, indent=2))
    else:
        for answer in answers:
            if answer.value:
                click.echo(f"[{answer.host}]")
                click.echo("\n".join(f"  {line}" for line in _in_lines(answer.value)))
        _print_errors(answers)
    verdicts = [_is_good(answer.value) if answer.value else None for answer in answers]
    sys.exit(UNKNOWN if None in verdicts else GOOD if all(verdicts) else FINDINGS)


def _is_good(status: HostStatus) -> bool | None:
    """Whether all is healthy and, where that was asked, as the settings want it."""
    return False if status.differences else status.healthy


def _in_lines(status: HostStatus) -> list[str]:
    lines = [*aligned(status.services), *status.unpublished, *status.killed]
    if not status.deployed:
        lines = ["nothing was deployed here yet: pyinfra inventory.py deploy.py"]
    lines += [f"waiting: {note['component']}: {note['reason']}" for note in status.waiting]
    if status.differences:
        lines += ["a deploy would change:", *(f"  {line}" for line in status.differences)]
    elif status.differences is not None:
        lines.append("a deploy would change nothing")
    return lines
