"""Turns a case folder into the lines that the probe would have printed on such a host.

root/      files of the host: os-release, meminfo, swaps, sysctl, tmpfiles, udev, zram-generator
blobs/     output of commands: ss, tcp, units, packages, kconfig, candidate, zramasked,
           containers-<uid>
records    one plain record a line: kind state field|field
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

KINDS = {
    "/etc/os-release": "os-release",
    "/proc/meminfo": "meminfo",
    "/proc/swaps": "swaps",
    "/etc/sysctl.conf": "sysctl",
}


def frame(kind: str, state: str, *fields: bytes) -> str:
    """Return one record with base64 payload."""
    payload = base64.b64encode(b"\0".join(fields)).decode()
    return f"xnai1\t{kind}\t{state}\tb\t{payload}"


def plain(kind: str, state: str, *fields: str) -> str:
    """Return one record with plain payload."""
    return "\t".join(("xnai1", kind, state, "p", *fields))


def kind_of(path: str) -> str:
    if path in KINDS:
        return KINDS[path]
    if "tmpfiles.d" in path or "udev/rules.d" in path:
        return "elsewhere"
    return "zramconf" if "zram-generator" in path else "sysctl"


def lines(folder: Path) -> list[str]:
    """Return the probe's output for a case folder."""
    out = []
    for line in (folder / "records").read_text().splitlines():
        kind, state, *rest = line.split(" ", 2)
        out.append(plain(kind, state, *(rest[0].split("|") if rest else ())))
    root = folder / "root"
    for file in sorted(root.rglob("*")):
        path = "/" + str(file.relative_to(root))
        if file.is_symlink():
            target = os.path.normpath(file.parent / file.readlink())
            target = "/dev/null" if target == "/dev/null" else target.removeprefix(str(root))
            text = b"" if target == "/dev/null" else file.read_bytes()
            out.append(frame(kind_of(path), "ok", path.encode(), target.encode(), text))
        elif file.is_file():
            out.append(frame(kind_of(path), "ok", path.encode(), path.encode(), file.read_bytes()))
    for file in sorted((folder / "blobs").glob("*")):
        if file.name.startswith("containers-"):
            kind = "containers:" + file.name.removeprefix("containers-")
            out.append(frame(kind, "ok", b"store", b"store", file.read_bytes()))
        else:
            out.append(frame(file.name, "ok", file.read_bytes()))
    # What the probe says where no other file has anything to say of zram.
    if out and not (folder / "blobs" / "zramasked").exists():
        out.append(frame("zramasked", "ok", b'{"state": "alone"}'))
    return out
