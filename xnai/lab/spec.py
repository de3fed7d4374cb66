"""What a machine was asked to be and what became of it, kept as JSON in its folder."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from xnai.lab.errors import LabError

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
BACKENDS = ("auto", "kvm", "uml", "tcg")
# Of user-mode Linux; what each has is in xnai/lab/kernel/build.py.
KERNELS = ("plain", "storage")


@dataclass(frozen=True)
class MachineSpec:
    """What a new machine shall be.

    Args:
        name: its name; the guest's host name is ``lab-NAME``.
        release: Debian's code name.
        memory_mib: RAM of the guest in MiB.
        cpus: processors of the guest.
        disk_gib: size of the guest's disk in GiB (sparse on the host).
        backend: one of `BACKENDS`.
        kernel: which of the lab's own kernels it boots, one of `KERNELS`;
            without a meaning where Debian's own is booted.
        from_snapshot: a snapshot to start from instead of a bare image.
        from_base: the folder of a read-only base (`xnai.lab.bases`) to start from instead.
    """

    name: str
    release: str = "trixie"
    memory_mib: int = 4096
    cpus: int = 1
    disk_gib: int = 16
    backend: str = "auto"
    kernel: str = "plain"
    from_snapshot: str | None = None
    from_base: Path | None = None

    def on(self, base: Path) -> MachineSpec:
        """The same machine, started from a base.

        Args:
            base: the base's folder.
        """
        return replace(self, from_base=base)

    def check(self) -> None:
        """Refuse values that cannot work.

        Raises:
            LabError: with the first value that is out of range.
        """
        check_name(self.name, "machine")
        ranges = (
            ("memory_mib", self.memory_mib, 512, 65536),
            ("cpus", self.cpus, 1, 8),
            ("disk_gib", self.disk_gib, 4, 512),
        )
        for field, value, low, high in ranges:
            if not low <= value <= high:
                raise LabError(
                    f"{field} is out of range", found=f"{value}", needed=f"{low} to {high}"
                )
        for what, word, known in (
            ("backend", self.backend, BACKENDS), ("kernel", self.kernel, KERNELS),
        ):
            if word not in known:
                raise LabError(f"no such {what}", found=word, needed=", ".join(known))


def check_name(name: str, what: str) -> None:
    """Refuse a name that would not do as a host name and a folder name.

    Args:
        name: the name.
        what: what it names, for the message.

    Raises:
        LabError: the name is not allowed.
    """
    if not NAME.fullmatch(name):
        raise LabError(
            f"not a good name for a {what}",
            found=name,
            needed="a small letter, then small letters, digits and hyphens, at most 31 in all",
        )


@dataclass(frozen=True)
class Config:
    """What a machine is.

    Args:
        name: its name.
        release: Debian's code name of its disk.
        memory_mib: RAM in MiB.
        cpus: processors.
        disk_gib: disk size in GiB.
        backend: kvm, uml or tcg.
        ssh_port: port on the host's 127.0.0.1 that leads to the guest's port 22.
        has_kernel: whether Debian's kernel is on the disk.
        kernel: which of the lab's own kernels it boots.
        base: the read-only disk that the machine's own only records changes of; empty for a
            disk that is whole.
    """

    name: str
    release: str
    memory_mib: int
    cpus: int
    disk_gib: int
    backend: str
    ssh_port: int
    has_kernel: bool = False
    kernel: str = "plain"
    base: str = ""

    @property
    def disk_name(self) -> str:
        """The name of the disk's file in the machine's or snapshot's folder."""
        return "disk.cow" if self.base else "disk.ext4"

    @property
    def host_name(self) -> str:
        """The guest's host name, also its name for ssh and pyinfra."""
        return f"lab-{self.name}"

    def save(self, path: Path) -> None:
        """Write it down; the file appears whole or not at all.

        Args:
            path: the JSON file.
        """
        save_json(path, asdict(self))

    @staticmethod
    def load(path: Path) -> Config | None:
        """Read it back.

        Args:
            path: the JSON file.

        Returns:
            The configuration, or None when the file is absent or not whole.
        """
        data = load_json(path)
        try:
            return None if data is None else Config(**data)
        except TypeError:
            return None


def save_json(path: Path, data: dict[str, Any]) -> None:
    """Write JSON so that a reader never sees half of it.

    Args:
        path: the file.
        data: what to write.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(data, indent=2) + "\n")
    part.replace(path)


def load_json(path: Path) -> dict[str, Any] | None:
    """Read a JSON object.

    Args:
        path: the file.

    Returns:
        The object, or None when the file is absent or not whole.
    """
    try:
        data = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return data if isinstance(data, dict) else None
