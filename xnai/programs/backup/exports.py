"""What goes into an archive: files of a directory, and secrets that are in memory alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from xnai.programs.backup import archive
from xnai.programs.backup.podman import Podman


def free_stamp(is_taken: Callable[[str], bool]) -> str:
    """Return this second in UTC, or the next one whose name nobody has used."""
    while is_taken(stamp := time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())):
        time.sleep(0.1)
    return stamp


class Exports:
    """Members that lie as files in a directory, and secrets that are in memory alone."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        self.directory = directory
        self.members: list[archive.Member] = []
        self.contents: dict[str, Path | bytes] = {}

    def add(self, name: str, kind: str, of: str, unpacked: int = 0, owner: str = "") -> None:
        path = self.directory / Path(name).name
        size = path.stat().st_size
        self.members.append(
            archive.Member(
                name, kind, of, size, archive.digest(path), unpacked or size, owner
            )
        )
        self.contents[name] = path

    def volume(self, podman: Podman, volume: str, owner: str) -> None:
        name = f"volumes/{volume}.tar.gz"
        unpacked = podman.export(volume, self.directory / Path(name).name)
        self.add(name, archive.VOLUME, volume, unpacked, owner)

    def secrets(self, values: dict[str, str]) -> None:
        content = archive.secrets_text(values)
        self.members.append(archive.secrets_member(content))
        self.contents[archive.SECRETS_FILE] = content


def used(directory: Path) -> int:
    """Return the bytes that the files below a directory take; what vanishes meanwhile is none."""
    found = 0
    for folder, _, files in os.walk(directory):
        for name in files:
            with suppress(OSError):
                status = os.lstat(Path(folder) / name)
                found += max(status.st_size, status.st_blocks * 512)
    return found
