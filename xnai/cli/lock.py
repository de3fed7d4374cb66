"""`xnai lock`: locks with hashes for services of the user's own tree."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import click

from xnai.images.locking import ARCHITECTURES, NotLocked, Origin, made, origin
from xnai.images.locks import python_of
from xnai.stack.catalogue import BUILT_IN, SCHEMA

_KNOWN = [one.name for one in BUILT_IN if one.has_own_tree]
_SOURCES = (".in", ".txt", ".toml")


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE[=FILE]]…")
@click.option("--into", default="group_data/locks", show_default=True, help="Where locks lie.")
@click.option("--python", help="Version of the image's Python.  [default: as base_image's default]")
@click.option(
    "--arch", "architectures", multiple=True, type=click.Choice(ARCHITECTURES),
    help="Of the hosts; may be repeated.  [default: x86_64]",
)
@click.option(
    "--with-sources/--wheels-only", "with_sources", default=None,
    help="Take packages that only come as source too.  [default: as before, else wheels only]",
)
@click.option(
    "--package", "packages", multiple=True, metavar="NAME==VERSION",
    help="In place of FILE, for one SERVICE; may be repeated.",
)
@click.option("--index-url", default="https://pypi.org/simple", show_default=True)
def lock(
    services: tuple[str, ...], into: str, python: str | None, architectures: tuple[str, ...],
    with_sources: bool | None, packages: tuple[str, ...], index_url: str,
) -> None:
    """Lock the packages of a service of your own tree, with hashes.

    FILE is a .in, .txt or pyproject.toml; its pins are kept. Without FILE, or without any SERVICE,
    locks are made again from what they were made from. Nothing is written into your checkout, and
    no configuration of uv's is read.
    """
    folder = Path(into)
    if packages:
        services = (_listed(services, folder, packages),)
    wanted = {
        name: one if with_sources is None else replace(one, with_sources=with_sources)
        for name, one in _wanted(services, folder, python, architectures).items()
    }
    failed = False
    for name, one in wanted.items():
        target = folder / f"{name}.txt"
        old = target.read_text("utf-8") if target.exists() else ""
        click.echo(f"{name}: resolving {one.source} for Python {one.python} …", err=True)
        try:
            found = made(one, index_url, old)
        except NotLocked as refused:
            click.echo(f"{name}: {refused}.", err=True)
            failed = True
            continue
        folder.mkdir(parents=True, exist_ok=True)
        new = target.with_suffix(".new")
        new.write_text(found.text, "utf-8")
        new.replace(target)
        click.echo(f"{name}: {found.text.count('==')} packages in {target}")
        click.echo(f'  "requirements": "{target.resolve()}",')
        if found.sources:
            listed = [f"{package.name}=={package.version}" for package in found.sources]
            click.echo(f'  "source_packages": {json.dumps(listed)},')
        if compiled := [package.name for package in found.sources if package.is_pure is False]:
            click.echo(
                f'  "build_apt_packages": ["gcc", "libc6-dev"],  # for {", ".join(compiled)}; and '
                "what else they need"
            )
    sys.exit(1 if failed else 0)


def _listed(services: tuple[str, ...], folder: Path, packages: tuple[str, ...]) -> str:
    """Write a list of packages beside the locks; return SERVICE=FILE."""
    if len(services) != 1 or "=" in services[0]:
        raise click.UsageError("--package is for one SERVICE, without a FILE")
    if services[0] not in _KNOWN:
        raise click.UsageError(f"services {', '.join(_KNOWN)}; not {services[0]!r}")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{services[0]}.in"
    file.write_text("".join(f"{one}\n" for one in packages), "utf-8")
    return f"{services[0]}={file}"


def _wanted(
    services: tuple[str, ...], folder: Path, python: str | None, architectures: tuple[str, ...]
) -> dict[str, Origin]:
    names = services or tuple(sorted(path.stem for path in folder.glob("*.txt")))
    if not names:
        raise click.UsageError(f"{folder} has no locks yet: xnai lock SERVICE=FILE")
    usual = python_of(str(SCHEMA.declarations["base_image"].default)) or "3.12"
    found = {}
    for word in names:
        name, has_file, file = word.partition("=")
        if name not in _KNOWN:
            raise click.UsageError(f"services {', '.join(_KNOWN)}; not {name!r}")
        target = folder / f"{name}.txt"
        before = origin(target.read_text("utf-8")) if target.exists() else None
        if has_file:
            source = Path(file).expanduser().resolve()
        elif before:
            source = before.source
        else:
            raise click.UsageError(f"{target} is no lock of ours: xnai lock {name}=FILE")
        if not source.is_file() or source.suffix not in _SOURCES:
            raise click.UsageError(f"{source}: no file that ends in {', '.join(_SOURCES)}")
        found[name] = Origin(
            source,
            python or (before.python if before else usual),
            architectures or (before.architectures if before else (ARCHITECTURES[0],)),
            before is not None and before.with_sources,
        )
    return found
