"""`xnai sources`: settings to start from, out of a checkout's own files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from xnai.sources.read import NoCompose, read
from xnai.sources.render import rendered


@click.command()
@click.argument("checkout", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--compose", default="", help="The compose file below it, where there are several.")
def sources(checkout: Path, compose: str) -> None:
    """Print a group_data file to start from, read out of a checkout's compose file and Dockerfiles.

    Each thing that cannot be taken stands there with its file, line and reason. No value that
    sounds secret is read on, nothing is run, and nothing is written into the checkout.
    """
    try:
        reading = read(checkout, compose)
    except NoCompose as none:
        click.echo(f"{none}", err=True)
        sys.exit(2)
    click.echo(rendered(reading), nl=False)
    left = sum(len(one.not_taken) for one in reading.proposals)
    click.echo(
        f"{len(reading.proposals)} services taken, {len(reading.others)} are none of ours, {left} "
        "things to look at (comments)", err=True,
    )
    sys.exit(0 if reading.proposals else 1)
