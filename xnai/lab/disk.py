"""A machine's disk: copied, grown and given its identity, all without root."""

from __future__ import annotations

import subprocess
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
        path: absolute path in the guest; its folder must exist.
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
        What is to be injected.
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


def inject_script(files: Sequence[GuestFile]) -> str:
    """Commands for debugfs that put files into an unmounted file system.

    Args:
        files: what to put where.

    Returns:
        One command per line.
    """
    lines = []
    for file in files:
        folder, _, name = file.path.rpartition("/")
        lines.append(f"cd {folder}")
        if file.source is None:
            # For one that exists debugfs complains and goes on, which is what we want.
            lines += [f"mkdir {name}", f"set_inode_field {name} mode 040{file.mode:o}"]
            continue
        lines += [
            f"rm {name}",
            f'write "{file.source}" {name}',
            f"set_inode_field {name} mode 0100{file.mode:o}",
            f"set_inode_field {name} uid 0",
            f"set_inode_field {name} gid 0",
        ]
    return "\n".join(lines) + "\n"


def inject(disk: Path, files: Sequence[GuestFile], script: Path, log: Path) -> None:
    """Put files into an unmounted file system and read one back.

    Args:
        disk: the ext4 file.
        files: what to put where.
        script: where the commands for debugfs are written.
        log: file that the tool's output is added to.

    Raises:
        LabError: a file did not arrive (debugfs itself always returns 0).
    """
    script.write_text(inject_script(files))
    run_logged(["debugfs", "-w", "-f", str(script), str(disk)], log)
    for file in files:
        if file.source is None:
            continue
        back = subprocess.run(
            ["debugfs", "-R", f"cat {file.path}", str(disk)],
            capture_output=True,
            env=tool_env(),
            check=False,
        ).stdout
        if back != file.source.read_bytes():
            raise LabError(
                f"{file.path} could not be written into {disk}", todo=f"read the log: {log}"
            )
