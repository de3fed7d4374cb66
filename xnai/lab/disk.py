"""A machine's disk: copied, grown and given its identity, all without root."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xnai.lab.access import HOST_KEY, USER_KEY
from xnai.lab.errors import LabError
from xnai.lab.proc import run_logged, tool_env


@dataclass(frozen=True)
class GuestFile:
    """One file or folder to be put into a guest's file system.

    Args:
        path: absolute path in the guest.
        source: the file on the host, None for a folder.
        mode: permissions, such as 0o600.
    """

    path: str
    source: Path | None
    mode: int


def copy_sparse(source: Path, target: Path, log: Path) -> None:
    """Copy a disk, as a copy-on-write clone where the host's file system can.

    Args:
        source: the disk to copy.
        target: the new file.
        log: file that the tool's output is added to.
    """
    run_logged(["cp", "--sparse=always", "--reflink=auto", str(source), str(target)], log)


def grow(disk: Path, gib: int, log: Path) -> None:
    """Check the file system and grow it to the size wanted.

    Args:
        disk: the ext4 file.
        gib: its new size in GiB; a larger file stays as it is.
        log: file that the tools' output is added to.

    Raises:
        LabError: the file system is beyond what e2fsck repairs by itself.
    """
    with disk.open("r+b") as handle:
        size = max(gib * 1024**3, handle.seek(0, 2))
        handle.truncate(size)
    # 1 means "repaired", which is what a disk copied after a power cut needs.
    code = _tool(["e2fsck", "-f", "-y", str(disk)], log)
    if code not in (0, 1):
        raise LabError(f"e2fsck could not repair {disk}", found=f"exit code {code}", todo=str(log))
    run_logged(["resize2fs", str(disk)], log)


def _tool(argv: Sequence[str], log: Path) -> int:
    with log.open("ab") as out:
        return subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=tool_env(),
            check=False,
        ).returncode


def identity_files(directory: Path, host_name: str) -> list[GuestFile]:
    """The files that make a copy of an image a machine of its own.

    Args:
        directory: the machine's folder with its keys; two small files are written there.
        host_name: the guest's host name.

    Returns:
        What the guest shall have.
    """
    (directory / "hostname").write_text(f"{host_name}\n")
    (directory / "hosts").write_text(
        f"127.0.0.1 localhost\n127.0.1.1 {host_name}\n::1 localhost ip6-localhost ip6-loopback\n"
    )
    return [
        GuestFile("/etc/hostname", directory / "hostname", 0o644),
        GuestFile("/etc/hosts", directory / "hosts", 0o644),
        GuestFile("/etc/ssh/ssh_host_ed25519_key", directory / HOST_KEY, 0o600),
        GuestFile("/etc/ssh/ssh_host_ed25519_key.pub", directory / f"{HOST_KEY}.pub", 0o644),
        GuestFile("/root/.ssh", None, 0o700),
        GuestFile("/root/.ssh/authorized_keys", directory / f"{USER_KEY}.pub", 0o600),
    ]


def write_identity(archive: Path, files: Sequence[GuestFile]) -> None:
    """Write the small second disk that makes a machine one of its own.

    It is a plain tar; the guest unpacks it over its root early in each boot
    (``lab-identity.service``), so that the first disk needs no change and can be shared.

    Args:
        archive: the file to write.
        files: what goes where.
    """
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as tar:
        for file in files:
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.mode = file.mode
            if file.source is None:
                entry.type = tarfile.DIRTYPE
                tar.addfile(entry)
                continue
            content = file.source.read_bytes()
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    archive.chmod(0o600)
