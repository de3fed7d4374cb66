"""`xnai status`: what is up, and where; what a deploy would change."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass

import click
from pyinfra.api.host import Host

from xnai.diagnostics.table import aligned
from xnai.facts.oom import OomKills
from xnai.facts.podman_call import PodmanUnknown
from xnai.run import inspect as looking
from xnai.run.context import current
from xnai.run.differences import below_the_stack, of_stack
from xnai.run.inspect import Where
from xnai.run.options import FINDINGS, GOOD, UNKNOWN, print_errors, with_hosts
from xnai.run.reading import read_containers, survey
from xnai.run.store import read_store
from xnai.settings.model import Settings
from xnai.stack.catalogue import services
from xnai.stack.status import all_healthy, killed, rows, unpublished, unread_cgroups


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
        sampler: what the memory sampler says; None where the settings want none.
    """

    deployed: bool
    services: list[dict[str, str]]
    healthy: bool | None
    unpublished: list[str]
    killed: list[str]
    waiting: list[dict[str, str]]
    differences: list[str] | None = None
    sampler: str | None = None


@click.command()
@click.option("--diff", is_flag=True, help="Also what a deploy would change, in words.")
@with_hosts
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
        survey(host, effective, to_deploy=False)
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
            sampler=_said_by_sampler(host, effective),
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
        print_errors(answers)
    verdicts = [_is_good(answer.value) if answer.value else None for answer in answers]
    sys.exit(UNKNOWN if None in verdicts else GOOD if all(verdicts) else FINDINGS)


def _is_good(status: HostStatus) -> bool | None:
    """Whether all is healthy and, where that was asked, as the settings want it."""
    return False if status.differences else status.healthy


def _said_by_sampler(host: Host, settings: Settings) -> str | None:
    """What the memory sampler says of the machine, in words."""
    if not settings.memory_sampler:
        return None
    unit = read_containers(host, settings).sampler
    if unit is None or not unit.active:
        return "not running: pyinfra inventory.py tasks/sampler.py"
    return unit.says or "no sample yet"


def _in_lines(status: HostStatus) -> list[str]:
    lines = [*aligned(status.services), *status.unpublished, *status.killed]
    if not status.deployed:
        lines = ["nothing was deployed here yet: pyinfra inventory.py deploy.py"]
    if status.sampler is not None:
        lines.append(f"memory sampler: {status.sampler}")
    lines += [f"waiting: {note['component']}: {note['reason']}" for note in status.waiting]
    if status.differences:
        lines += ["a deploy would change:", *(f"  {line}" for line in status.differences)]
    elif status.differences is not None:
        lines.append("a deploy would change nothing")
    return lines
