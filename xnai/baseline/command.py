"""`xnai baseline`: the command line."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import click
from pyinfra.api.output import set_echo

from xnai.baseline.bundle import PhasePlan
from xnai.baseline.render import tables
from xnai.baseline.run import Written, measure
from xnai.run import inspect as looking
from xnai.run.inspect import Answer, Where
from xnai.run.options import with_hosts


@click.command()
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@click.option("--cold", is_flag=True, help="Start the stack anew first; needs --yes.")
@click.option("--yes", is_flag=True, help="The stack may be away for a minute or more.")
@click.option("--steady-s", type=click.IntRange(5, 3600), default=60, show_default=True)
@click.option("--requests", type=click.IntRange(0, 1000), default=15, show_default=True,
              help="To POST /query, one after the other.")
@click.option("--recovery-s", type=click.IntRange(5, 3600), default=60, show_default=True)
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=Path("baselines"),
              show_default=True, help="A folder a host and run.")
@with_hosts
def baseline(
    hosts: tuple[str, ...], cold: bool, yes: bool, steady_s: int, requests: int, recovery_s: int,
    into: Path, inventory_file: str, group_data: tuple[str, ...], data: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure what the stack does with a host's memory, and write it down.

    Phases: a cold start and the model's initialisation (--cold alone), steady state, load,
    recovery. A folder gets the raw samples, the figures, a report in Markdown, a page, and a
    picture; the report compares them with the run before. Nothing of the host's configuration is
    changed.

    Exit code 0: measured; 2: could not.
    """
    # What the host says while it measures; pyinfra shows nothing unless its own command runs.
    set_echo(click.echo)
    if cold and not yes:
        raise looking.WrongCall("--cold starts the stack anew: say --yes as well")
    where = Where(inventory_file, group_data, data)
    wanted = PhasePlan(cold, steady_s, requests, recovery_s)
    answers = looking.ask_named(
        where, hosts, lambda host: measure(host, wanted, into, version("xnai"))
    )
    if as_json:
        click.echo(json.dumps(
            {one.host: one.value.summary if one.value else {"error": one.error}
             for one in answers}, indent=2,
        ))
    else:
        for one in answers:
            click.echo("\n".join(_lines(one)), err=one.value is None)
    sys.exit(0 if all(one.value for one in answers) else 2)


def _lines(one: Answer[Written]) -> list[str]:
    """What a person is told at the end."""
    if one.value is None:
        return [f"[{one.host}] not measured: {one.error}"]
    found = one.value.summary
    said = [f"[{one.host}] measured:"]
    for phase, figures in found["phases"].items():
        if figures:
            said.append(
                f"  {phase}: RAM used {tables.level(figures['ram_used_mib'])} MiB, swap "
                f"{tables.level(figures['swap_used_mib'])} MiB, memory pressure "
                f"{tables.number(figures['psi_memory_some_pct'], 2)} %, kills "
                f"{tables.number(figures['oom_kills'])}"
            )
    asked = found["requests"]
    if asked["requests"]:
        said.append(
            f"  requests: {asked['requests']}, failed {asked['failed']}, median "
            f"{tables.number(asked['median_s'])} s"
        )
    return [*said, f"  {one.value.folder / 'baseline.md'}, .html, .png"]
