"""The root file system of a stand-in that is one static program and nothing else."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath

from xnai.lab import bootstrap
from xnai.lab.proc import run_logged
from xnai.lab.standins.definitions import StandIn

# Debian's Go with Debian's libraries: no module is downloaded.
GO = (
    "env GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=/build/cache CGO_ENABLED=0 "
    "go build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' "
    "-o /build/program /build/main.go"
)


def compile_command(standin: StandIn, binary: Path) -> list[str]:
    """The mmdebstrap command line that builds the program in a chroot.

    Args:
        standin: a definition with a program.
        binary: where the result goes.

    Returns:
        Its words.
    """
    return bootstrap.command(
        standin.suite,
        "/dev/null",
        packages=standin.packages,
        hooks=(
            'mkdir "$1/build"',
            f'upload "{standin.source}" /build/main.go',
            f'chroot "$1" {GO}',
            f'download /build/program "{binary}"',
        ),
    )


def write_root(standin: StandIn, work: Path, log: Path, *, epoch: int) -> Path:
    """Build the program and write the root file system around it.

    Args:
        standin: a definition with a program.
        work: a folder for what is in between.
        log: file that the build's output is added to.
        epoch: the time of every file.

    Returns:
        The tar.
    """
    binary = work / "program"
    run_logged(compile_command(standin, binary), log)
    return pack(binary.read_bytes(), standin.place, work / "root.tar", epoch=epoch)


def pack(program: bytes, place: str, tar: Path, *, epoch: int) -> Path:
    """Write a root file system of one program and an open /tmp.

    Args:
        program: its content.
        place: its absolute path.
        tar: the file to write.
        epoch: the time of every entry.

    Returns:
        The tar.
    """
    path = PurePosixPath(place.lstrip("/"))
    folders = [(str(parent), 0o755) for parent in reversed(path.parents[:-1])]
    with tarfile.open(tar, "w") as archive:
        for name, mode in (*folders, ("tmp", 0o1777)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, mode, epoch
            archive.addfile(entry)
        entry = tarfile.TarInfo(str(path))
        entry.size, entry.mode, entry.mtime = len(program), 0o755, epoch
        archive.addfile(entry, io.BytesIO(program))
    return tar
