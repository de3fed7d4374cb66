"""The command group ``xnai lab``."""

from __future__ import annotations

import functools
import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from xnai.lab import create, deps, machine, paths, prepare, registry, snapshots
from xnai.lab.backends.choose import likely
from xnai.lab.errors import LabError
from xnai.lab.progress import Lines
from xnai.lab.spec import BACKENDS, KERNELS, MachineSpec
from xnai.lab.standins import definitions as standins

F = TypeVar("F", bound=Callable[..., Any])
PROGRESS = Lines()


def told(function: F) -> F:
    """Turn a LabError into its message and its exit code."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except LabError as error:
            click.echo(f"xnai lab: {error}", err=True)
            sys.exit(error.exit_code)

    return wrapper  # type: ignore[return-value]


@click.group()
def lab() -> None:
    """Throw-away Debian machines to try this project on and to test it with.

    Machines listen on 127.0.0.1 only. Exit code 0 good, 1 problem, 2 could not tell.
    """


@lab.command()
@click.argument("name", default="try")
@click.option("--release", default="trixie", show_default=True, help="Debian's code name.")
@click.option("--memory-mib", default=4096, show_default=True, help="RAM of the guest in MiB.")
@click.option("--cpus", default=1, show_default=True, help="Processors of the guest.")
@click.option("--disk-gib", default=16, show_default=True, help="Disk of the guest in GiB.")
@click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True)
@click.option(
    "--kernel", type=click.Choice(KERNELS), default="plain", show_default=True,
    help="Of user-mode Linux: storage has dm-delay, dm-crypt, dm-log-writes, btrfs and xfs.",
)
@click.option("--from", "from_snapshot", metavar="SNAPSHOT", help="Start from a snapshot.")
@told
def up(name: str, **options: Any) -> None:
    """Make the machine NAME (default: try) and boot it; one that exists is booted."""
    found = machine.up(MachineSpec(name, **options), PROGRESS)
    click.echo(f"{found.config.host_name} is up ({found.backend})")
    click.echo(f"  get in:     {found.how_to_enter()}")
    click.echo(f"  inventory:  {found.hosts_file}")
    click.echo(f"  throw away: xnai lab down {found.name}")


@lab.command("try")
@click.argument("name", default="try")
@click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True)
@told
def try_command(name: str, backend: str) -> None:
    """Make NAME, run the deploy against it, run testinfra, and say how to get in."""
    # Only here: it loads pyinfra's inventory parts, which the other commands need not wait for.
    from xnai.lab import trial

    sys.exit(trial.run(name, backend, PROGRESS))


@lab.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", default="try")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--forward", type=click.IntRange(1, 65535), multiple=True, metavar="PORT",
              help="Let 127.0.0.1:PORT here lead to the machine's, as long as you are in.")
@told
def ssh(name: str, command: tuple[str, ...], forward: tuple[int, ...]) -> None:
    """Log in to NAME as root, or run COMMAND there."""
    found = machine.find(name)
    if not found.running:
        raise LabError(f"{name} does not run", todo=f"boot it: xnai lab up {name}")
    # One word is a piece of shell, several are words to be kept apart.
    text = None if not command else command[0] if len(command) == 1 else shlex.join(command)
    argv = found.ssh_argv(text, tty=text is None)
    argv[1:1] = [word for port in forward
                 for word in ("-L", f"127.0.0.1:{port}:127.0.0.1:{port}")]
    sys.stdout.flush()
    os.execvp(argv[0], argv)  # noqa: S606  (words, no shell)


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@told
def status(as_json: bool) -> None:
    """Show every machine and snapshot."""
    machines = [machine.find(name) for name in machine.names()]
    rows = [
        {
            "name": found.name,
            "state": "running" if found.running else "stopped",
            "backend": found.backend,
            "release": found.config.release,
            "memory_mib": found.config.memory_mib,
            "cpus": found.config.cpus,
            "ssh_port": found.ssh_port,
            "disk_used_mib": _mib_on_disk(found.disk),
            "directory": str(found.directory),
        }
        for found in machines
    ]
    if as_json:
        click.echo(json.dumps({"machines": rows, "snapshots": snapshots.names()}, indent=2))
        return
    for row in rows:
        click.echo(
            "{name:<16} {state:<8} {backend:<4} {release:<9} {memory_mib:>6} MiB "
            "{cpus} cpu  127.0.0.1:{ssh_port}  {disk_used_mib} MiB on disk".format(**row)
        )
    if not rows:
        click.echo("no machines")
    if snapshots.names():
        click.echo(f"snapshots: {' '.join(snapshots.names())}")


def _mib_on_disk(path: Path) -> int:
    """What a disk takes; nothing before the first boot of one that only records changes."""
    return path.stat().st_blocks * 512 // 1024**2 if path.exists() else 0


@lab.command()
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Every machine.")
@told
def down(name: str | None, everything: bool) -> None:
    """End the machine NAME, or --all, and remove it; snapshots and the cache stay."""
    if bool(name) == everything:
        raise LabError("name a machine or say --all", found=f"machines: {machine.names()}")
    create.clean_half_made(PROGRESS)
    for each in machine.names() if everything else [str(name)]:
        machine.find(each).down()
        click.echo(f"{each} is gone")


@lab.command()
@click.argument("name")
@click.argument("snapshot")
@told
def snapshot(name: str, snapshot: str) -> None:
    """Keep the disk of NAME as SNAPSHOT (a running machine is shut down and booted again)."""
    machine.find(name).snapshot(snapshot, PROGRESS)
    click.echo(f"use it: xnai lab up NAME --from {snapshot}")


@lab.command()
@click.option("--release", default="trixie", show_default=True, help="Debian's code name.")
@click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True)
@click.option("--refresh", is_flag=True, help="Take what is new in Debian by now.")
@told
def build(release: str, backend: str, refresh: bool) -> None:
    """Bring kernel, image and stand-ins into the cache, and start the registry; no machine."""
    timings = prepare.Timings()
    spec = MachineSpec("build", release=release, backend=backend)
    prepare.prepare(spec, standins.ALL, PROGRESS, timings, refresh=refresh)
    told = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in timings.parts_s.items())
    click.echo(f"all is in {paths.cache_dir()} ({told})")


@lab.command("deps")
@click.option("--install", "do_install", is_flag=True, help="Install them with apt.")
@click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True)
@click.option("--machines-only", is_flag=True, help="Not what the tests need besides.")
@told
def deps_command(do_install: bool, backend: str, machines_only: bool) -> None:
    """Print the Debian packages that this controller lacks, and the command that installs them."""
    lacking = deps.missing([likely(backend)], registry=True, tests=not machines_only)
    if not lacking:
        click.echo("nothing is missing")
        return
    click.echo(f"missing: {' '.join(lacking)}")
    click.echo(f"command: {shlex.join(deps.apt_command(lacking))}")
    if not do_install:
        sys.exit(1)
    deps.install(lacking)


@lab.group("registry")
def registry_group() -> None:
    """An image registry on 127.0.0.1 with stand-ins for official images."""


@registry_group.command("up")
@told
def registry_up() -> None:
    """Build the stand-ins, start the registry and put them into it."""
    _show_registry(registry.up(PROGRESS))


@registry_group.command("down")
@told
def registry_down() -> None:
    """Stop the registry; its images stay in the cache."""
    click.echo("stopped" if registry.down() else "it did not run")


@registry_group.command("status")
@told
def registry_status() -> None:
    """Show whether the registry runs, where, and what it serves."""
    found = registry.status()
    _show_registry(found)
    if not found.running:
        sys.exit(1)


def _show_registry(found: registry.RegistryStatus) -> None:
    if not found.running:
        click.echo("the registry does not run    (start it: xnai lab registry up)")
        return
    guest = f"{registry.HOST_AS_SEEN_BY_GUESTS}:{found.port}"
    click.echo(f"registry on 127.0.0.1:{found.port}, seen by guests as {guest}")
    for reference in found.images:
        click.echo(f"  docker.io/{reference}    (a stand-in, not the official image)")
