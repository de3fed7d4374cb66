"""Disks kept under a name, to start machines from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from xnai.lab import disk, paths
from xnai.lab.errors import LabError
from xnai.lab.progress import Progress
from xnai.lab.spec import Config, check_name, load_json

CONFIG = "snapshot.json"
BOOT_FILES = ("vmlinuz", "initrd.img")


@dataclass(frozen=True)
class Snapshot:
    """A disk kept under a name.

    Args:
        config: the machine that it was taken from.
        directory: its folder.
    """

    config: Config
    directory: Path

    @property
    def disk(self) -> Path:
        """The disk's file."""
        return self.directory / self.config.disk_name


def names() -> list[str]:
    """Every snapshot.

    Returns:
        Names, sorted.
    """
    return sorted(path.parent.name for path in paths.snapshots_dir().glob(f"*/{CONFIG}"))


def find(name: str) -> Snapshot:
    """A snapshot by name.

    Args:
        name: its name.

    Returns:
        The snapshot.

    Raises:
        LabError: there is none of that name.
    """
    check_name(name, "snapshot")
    directory = paths.snapshots_dir() / name
    if not (directory / CONFIG).exists():
        raise LabError(
            f"there is no snapshot {name!r}",
            found=", ".join(names()) or "no snapshot at all",
            todo=f"take it: xnai lab snapshot MACHINE {name}",
        )
    return load(directory)


def load(directory: Path) -> Snapshot:
    """The snapshot in a folder.

    Args:
        directory: the folder.

    Returns:
        The snapshot.

    Raises:
        LabError: there is none, or not a whole one.
    """
    config = Config.load(directory / CONFIG)
    if config is None:
        raise LabError(
            f"there is no whole snapshot in {directory}", todo="remove the folder, and try again"
        )
    if "base" not in (load_json(directory / CONFIG) or {}):
        raise LabError(
            f"{directory.name} was taken by an older version of the lab",
            found="a disk that has its name and keys written into it",
            todo=f"remove {directory}, and take it again",
        )
    return Snapshot(config, directory)


def take(name: str, config: Config, machine_dir: Path, progress: Progress) -> Path:
    """Copy the disk of a stopped machine; it appears whole or not at all.

    Args:
        name: the snapshot's name; an older one of that name is replaced.
        config: the machine.
        machine_dir: its folder.
        progress: where the step is told.

    Returns:
        The snapshot's folder.
    """
    check_name(name, "snapshot")
    target = paths.snapshots_dir() / name
    # A leading point keeps a half copied one out of every listing.
    part = paths.snapshots_dir() / f".{name}"
    shutil.rmtree(part, ignore_errors=True)
    paths.private_dir(part)
    with progress.step(f"copying the disk of {config.name} to snapshot {name}"):
        name_of_disk = config.disk_name
        disk.copy_sparse(machine_dir / name_of_disk, part / name_of_disk, part / "copy.log")
    for file in BOOT_FILES:
        if (machine_dir / file).exists():
            shutil.copy2(machine_dir / file, part / file)
    config.save(part / CONFIG)
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    return target


def remove(name: str) -> None:
    """Delete a snapshot; machines that were started from it stay.

    Args:
        name: the snapshot's name.

    Raises:
        LabError: there is none of that name.
    """
    shutil.rmtree(find(name).directory)
