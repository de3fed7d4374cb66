"""Debian's docker-registry as a mere program."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from xnai.lab import paths
from xnai.lab.apt import AptRoot, mirror
from xnai.lab.proc import run_logged
from xnai.lab.progress import Progress

NAME = "docker-registry"
# The oldest release of ours: its program runs on every newer libc.
SUITE = "bookworm"


def program(progress: Progress) -> Path:
    """Debian's docker-registry: the host's, else unpacked into the cache without installing it.

    Installed as a package it would run as a service on port 5000 of every address.

    Args:
        progress: where the download is told.

    Returns:
        The program.
    """
    installed = shutil.which(NAME)
    if installed:
        return Path(installed)
    target = paths.cache_dir() / NAME / SUITE
    found = target / "usr" / "bin" / NAME
    if not found.exists():
        with (
            progress.step("downloading docker-registry"),
            tempfile.TemporaryDirectory(prefix="apt-", dir=paths.private_dir(target)) as work,
        ):
            log = target / "download.log"
            root = AptRoot(Path(work), {SUITE: mirror()}, log)
            root.update()
            deb = root.download(NAME, root.versions(NAME)[NAME])
            run_logged(["dpkg-deb", "-x", str(deb), str(target)], log)
    return found
