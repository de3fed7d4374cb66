"""`xnai audit`: the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import click

from xnai.audit.model import RULE_SEVERITIES, Report, Shown
from xnai.audit.options import Options
from xnai.diagnostics.finding import Unknown

CLEAN, FINDINGS, UNKNOWN = 0, 1, 2
TOP = 20
INVENTORY = "inventory.py"


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path, readable=False))
@click.option("--host", help="Judge the stack directory of this host of the inventory instead.")
@click.option("--inventory", "inventory_file", default=INVENTORY, show_default=True)
@click.option("--format", "form", default="terminal", show_default=True,
              type=click.Choice(["terminal", "markdown", "json", "sarif", "html"]))
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the report to a file.")
@click.option("--fail-on", default="warning", show_default=True, type=click.Choice(RULE_SEVERITIES),
              help="The least grave finding that makes the exit code 1.")
@click.option("--baseline", type=click.Path(path_type=Path), help="Report only what is new.")
@click.option("--write-baseline", type=click.Path(path_type=Path),
              help="Write all findings as known, and report none.")
@click.option("--fix-preview", is_flag=True,
              help="Print a unified diff of the mechanical fixes instead of the report.")
@click.option("--exclude", multiple=True, help="Glob of paths below PATH to leave out.")
@click.option("--ram-mib", type=click.IntRange(min=1),
              help="RAM of the machine that will run the compose files.")
@click.option("--no-tools", is_flag=True, help="Only this project's own rules.")
@click.option("--online", is_flag=True, help="Resolve requirements at the package index too.")
@click.option("--run", "targets", multiple=True, metavar="TARGET",
              help="Really run this target of the top Makefile, on a copy in a sandbox, for its "
                   "time. Runs the tree's own code.")
@click.option("--no-cache", is_flag=True, help="Ask everything anew, and keep no answers.")
@click.option("--top", type=click.IntRange(min=1), metavar="N",
              help="Show the first N groups of findings (20 on a terminal).")
@click.option("--all", "everything", is_flag=True, help="Show every place of every finding.")
@click.option("--times", is_flag=True, help="Time each make target by itself.")
def audit(
    path: Path | None, host: str | None, inventory_file: str, form: str, as_json: bool,
    output: Path | None, fail_on: str, baseline: Path | None, write_baseline: Path | None,
    fix_preview: bool, exclude: tuple[str, ...], ram_mib: int | None, no_tools: bool,
    online: bool, times: bool, no_cache: bool, top: int | None, everything: bool,
    targets: tuple[str, ...],
) -> None:
    """Judge the Makefiles, Dockerfiles and compose files below PATH, and run none of them.

    Exit code 0: clean; 1: findings at or above --fail-on; 2: something could not be judged.
    """
    if (path is None) == (host is None):
        raise click.UsageError("Give a directory, or a host of the inventory: --host NAME.")
    if find_spec("dockerfile") is None:
        _stop("the packages that judge Dockerfiles and compose files are missing",
              "make setup, or pip install 'xnai[audit]'")
    options = Options(
        exclude, not no_tools, online, ram_mib, times, cache=not no_cache,
        run=targets,
    )
    from xnai.audit import baseline as known_findings
    from xnai.audit.engine import audit as run
    from xnai.audit.fixes import preview

    try:
        known = known_findings.read_baseline(baseline) if baseline else known_findings.Baseline()
    except known_findings.BaselineError as error:
        _stop(str(error))
    with _source(path, host, inventory_file, options) as (root, options):
        source = ("--host", host) if host else ()
        if host and inventory_file != INVENTORY:
            source = (*source, "--inventory", inventory_file)
        report = run(root, options, known, _progress, source)
        if write_baseline:
            count = known_findings.write_baseline(
                write_baseline, root, report.findings, report.unknown
            )
            click.echo(f"{count} findings are known now: {write_baseline}", err=True)
            for one in report.unknown:
                click.echo(f"  without {one.subject}: {one.why}; what it finds later is new",
                           err=True)
            sys.exit(CLEAN)
        text = preview(root, report.findings) if fix_preview else None
    if top is None and not everything and not output and sys.stdout.isatty():
        top = TOP
    _say(report, "json" if as_json else form, output, text, Shown(None if everything else top))
    sys.exit(exit_code(report, fail_on))


def exit_code(report: Report, fail_on: str) -> int:
    """Return 1 for findings as grave as `fail_on`, else 2 where something is unknown, else 0."""
    from xnai.audit.engine import at_or_above

    if at_or_above(report.findings, fail_on):
        return FINDINGS
    return UNKNOWN if report.unknown else CLEAN


def _say(
    report: Report, form: str, output: Path | None, diff: str | None, shown: Shown
) -> None:
    from xnai.audit.reports import FORMATS

    text = FORMATS[form](report, shown) if diff is None else diff
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if output:
        try:
            output.write_text(text if form != "terminal" else click.unstyle(text), "utf-8")
        except OSError as error:
            _stop(f"{output} cannot be written: {error.strerror}", "name another file: --output")
        click.echo(f"written: {output}", err=True)
    else:
        click.echo(text, nl=False)


@contextmanager
def _source(
    path: Path | None, host: str | None, inventory_file: str, options: Options
) -> Iterator[tuple[Path, Options]]:
    """The directory that is judged: the user's, or a copy of the host's with what it has."""
    if path is not None:
        if not path.is_dir():
            found = "a file" if path.exists() else "nothing"
            _stop(f"PATH must be a directory; {path} is {found}", "name the directory around it")
        if not os.access(path, os.R_OK | os.X_OK):
            _stop(f"{path} cannot be read by this user", "give this user read access")
        yield path, options
        return
    from xnai.audit.on_host import fetched

    with fetched(host or "", inventory_file) as stack:
        if isinstance(stack, Unknown):
            _stop(f"{stack.subject}: {stack.why}", stack.remedy)
        yield stack.root, replace(options, images=stack.images, host_room_mib=stack.room_mib)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"… {text}", err=True)


def _stop(what: str, remedy: str = "") -> NoReturn:
    click.echo(f"could not judge: {what}" + (f"\n  do: {remedy}" if remedy else ""), err=True)
    sys.exit(UNKNOWN)
