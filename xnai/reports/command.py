"""`xnai report`: the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from xnai.reports import machine
from xnai.reports import measure as measuring
from xnai.reports.documents import Names
from xnai.reports.render import told, wanted
from xnai.reports.write import NotWritten, write
from xnai.run import inspect as looking
from xnai.run.inspect import Where
from xnai.run.options import which_hosts
from xnai.triage.ask import triage


@click.command()
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@click.option("--repository", type=click.Path(path_type=Path, file_okay=False,
              exists=True), help="A git checkout; the reports go into it.")
@click.option("--machine", "machine_file", type=click.Path(path_type=Path, dir_okay=False),
              help="In place of reports: run tests/host, and write what that proves, masked.")
@click.option("--baselines", type=click.Path(path_type=Path), default=Path("baselines"),
              show_default=True, help="Where `xnai baseline` has written.")
@click.option("--measure/--no-measure", default=True, show_default=True,
              help="Ask the hosts (triage) and audit the repository; else from what is kept alone.")
@click.option("--names/--no-names", "with_names", default=False, show_default=True,
              help="Name hosts, users and addresses.")
@click.option("--phase", default=Names.phase, show_default=True)
@click.option("--progress", default=Names.progress, show_default=True)
@click.option("--meta", default=Names.meta, show_default=True)
@click.option("--diff", "only_diff", is_flag=True, help="Show what would be written, alone.")
@which_hosts
def report(
    hosts: tuple[str, ...], repository: Path | None, machine_file: Path | None, baselines: Path,
    measure: bool, with_names: bool, phase: str, progress: str, meta: str, only_diff: bool,
    inventory_file: str, group_data: tuple[str, ...], data: tuple[str, ...],
) -> None:
    """Render reports from what was measured, into the repository of your stack.

    Numbers come from files below _meta/xnai alone, and each links to its file; what was not
    measured is said to be missing. A region that you have changed stays, and ours is laid beside
    it. Nothing is committed: tasks/publish.py does that.

    Exit code 0: written, or nothing to write; 1: a region of yours was kept, a host did not answer,
    or one of its tests failed; 2: nothing was written.
    """
    where = Where(inventory_file, group_data, data)
    if machine_file:
        sys.exit(_machine(where, hosts, machine_file, baselines))
    if repository is None:
        raise looking.WrongCall("--repository (a git checkout) or --machine (a file) is needed")
    if not (repository / ".git").exists():
        raise looking.WrongCall(f"{repository} is no git checkout: the reports are to be reviewed")
    failed = False
    called = Names(phase, progress, meta)
    if measure and not only_diff:
        failed = _measure(where, hosts, repository, baselines, with_names, called)
    try:
        changes, unreadable = wanted(repository, called)
    except NotWritten as refused:
        click.echo(str(refused), err=True)
        sys.exit(2)
    if only_diff:
        click.echo("".join(one.diff for one in changes), nl=False)
    else:
        write(repository, changes)
    for line in told(changes, unreadable, only_diff):
        click.echo(line, err=only_diff)
    sys.exit(1 if failed or any(one.kept for one in changes) else 0)


def _measure(
    where: Where, hosts: tuple[str, ...], repository: Path, baselines: Path, with_names: bool,
    called: Names,
) -> bool:
    """Ask the hosts and audit; return whether somebody did not answer."""
    names = list(looking.known_hosts(where, hosts))
    shown = measuring.shown_names(names, masked=not with_names)
    answers = looking.ask_each(where, triage, frozenset(hosts) or None)
    measuring.kept(
        repository, measuring.now(), answers, shown, called, baselines, with_names
    )
    return any(one.value is None for one in answers)


def _machine(where: Where, hosts: tuple[str, ...], file: Path, baselines: Path) -> int:
    """Write what the machines prove; return the exit code."""
    known = looking.known_hosts(where, hosts)
    if where.inventory_file != "inventory.py":
        raise looking.WrongCall(
            "--machine runs tests/host, which know the checkout's inventory alone: name your hosts "
            "by XNAI_HOSTS=/path/to/hosts.py"
        )
    if not file.parent.is_dir():
        raise looking.WrongCall(f"--machine {file}: there is no directory {file.parent}")
    answers = looking.ask_each(where, machine.read, frozenset(hosts) or None)
    click.echo("tests/host: about a minute a host, three on a slow one", err=True)
    found = machine.bundle(answers, known, where, baselines, measuring.now())
    machine.write(found, file)
    for line in machine.told(found, file):
        click.echo(line)
    return 0 if machine.is_whole(found) else 1
