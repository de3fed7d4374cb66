"""Whether the file systems have room for images, build cache and temporary files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xnai.diagnostics.finding import Finding, Severity
from xnai.facts.machine.model import Space

INODES_PER_MIB = 60
"""Files in an unpacked image for each MiB: python:3.13-slim has some 6,000 in 100 MiB."""


_NO_OVERLAY = {
    "9p", "ceph", "cifs", "ecryptfs", "encfs", "exfat", "fuse.cephfs", "fuse.encfs",
    "fuse.gocryptfs", "fuse.sshfs", "glusterfs", "lustre", "msdos", "nfs", "nfs4", "ntfs", "ntfs3",
    "smb3", "vboxsf", "vfat",
}
"""File systems on which overlayfs has no upper directory: they lack what it needs (kernel,
Documentation/filesystems/overlayfs.rst: d_type, extended attributes, RENAME_WHITEOUT), or belong
to another machine.
"""


def judge_kinds(spaces: Iterable[Space], storage: str) -> list[Finding]:
    """Return an error where Podman's storage would lie on a file system that cannot hold it.

    spaces: what was measured; storage: the path of Podman's storage among them.
    """
    return [
        Finding(
            "storage-kind", "error", space.mounted_on,
            f"{space.existing} is on {space.kind}",
            "a local file system for Podman's storage (ext4, XFS, btrfs): overlayfs does not work "
            "above this one",
            "Give the stack's user a home on a local disk, or set stack_user to one who has that.",
        )
        for space in spaces if space.path == storage and space.kind in _NO_OVERLAY
    ]


def judge_space(
    spaces: Iterable[Space], needs_mib: Mapping[str, int], fresh: bool
) -> list[Finding]:
    """Return findings on free room; needs on one file system are summed.

    spaces: what was measured; needs_mib: absolute path -> MiB; fresh: no stack yet. On a machine
    with a stack too little room is a warning, since a run that changes nothing needs none.
    """
    measured = {space.path: space for space in spaces}
    together: dict[str, list[str]] = {}
    found = []
    for path in needs_mib:
        if path in measured:
            together.setdefault(measured[path].filesystem, []).append(path)
        else:
            needed = f"{needs_mib[path]} MiB free"
            found.append(
                Finding("space", "unknown", path, "could not tell", needed, f"df -h {path}")
            )
    severity: Severity = "error" if fresh else "warning"
    for paths in together.values():
        space = measured[paths[0]]
        total = sum(needs_mib[path] for path in paths)
        terms = " + ".join(f"{path} {needs_mib[path]}" for path in paths)
        needed = f"{terms} = {total} MiB on one file system"
        free = space.free_bytes // 2**20
        remedy = f"Free {total - free} MiB (apt-get clean; journalctl --vacuum-size=200M)."
        if free < total:
            text = f"{free} MiB free on {space.mounted_on}"
            found.append(Finding("space", severity, space.mounted_on, text, needed, remedy))
        inodes = total * INODES_PER_MIB
        if space.free_inodes is not None and space.free_inodes < inodes:
            text = f"{space.free_inodes} inodes free on {space.mounted_on}"
            needed = f"some {inodes} ({INODES_PER_MIB} files for each of {total} MiB)"
            remedy = "Remove many small files, or use a file system with more inodes (df -i)."
            found.append(Finding("inodes", severity, space.mounted_on, text, needed, remedy))
    return found
