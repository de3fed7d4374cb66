"""Podman as a program on the host uses it."""

from __future__ import annotations

import gzip
import json
import shlex
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from xnai.programs.backup.process import (
    DATA_LIMIT_S,
    LIMIT_S,
    Failed,
    answers,
    combined,
    last_lines,
    run,
    tell,
)

_CHUNK = 1 << 20
_POLL_S = 1.0
_TELL_EVERY_S = 5.0

_EMPTY = "find . -mindepth 1 -delete"
_EXTRACT = "tar --extract --numeric-owner --same-permissions --same-owner"


def _own(owner: str, owner_then: str) -> str:
    """Shell code that gives a volume to its owner: its top folder, or all if it had another."""
    return f"chown {'-R -h ' if owner != owner_then else ''}{shlex.quote(owner)} ."


@dataclass(frozen=True)
class Made:
    """A container: its ID, and the image that it was made from, by ID and by name."""

    container: str
    image: str
    reference: str


class Podman:
    """The stack user's Podman."""

    def __init__(
        self, program: str, ready_urls: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._program = program
        self._ready_urls = ready_urls
        self._places: dict[str, Path] = {}

    def run(
        self, *words: str, doing: str, stdin: bytes | IO[bytes] | None = None,
        limit_s: int = LIMIT_S,
    ) -> str:
        """Run a command and return what it prints; see `run`."""
        said = run([self._program, *words], doing, stdin, limit_s=limit_s)
        return said.decode("utf-8", "replace")

    def succeeds(self, *words: str) -> bool:
        """Return whether a command ends well, and in time, which prints nothing."""
        try:
            done = subprocess.run(
                [self._program, *words], stdin=subprocess.DEVNULL, check=False,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def output_to(self, path: Path, *words: str, doing: str) -> None:
        """Run a command with its output in a new file."""
        with path.open("xb") as file:
            run([self._program, *words], doing, stdout=file, limit_s=DATA_LIMIT_S)

    def states(self, containers: Sequence[str]) -> dict[str, str]:
        """Return container -> Podman's word for its state; those that are missing are left out."""
        form = "{{.Names}} {{.State}}"
        found = self.run("ps", "--all", "--format", form, doing="listing the containers")
        states = dict(line.split(" ", 1) for line in found.splitlines() if " " in line)
        return {name: states[name] for name in containers if name in states}

    def users(self, volumes: Sequence[str]) -> set[str]:
        """Return the names of the containers that have one of the volumes."""
        filters = [f"--filter=volume={volume}" for volume in volumes]
        said = self.run(
            "ps", "--all", *filters, "--format", "{{.Names}}", doing="asking who has the volumes"
        )
        return set(said.split())

    def find(self, volumes: Sequence[str]) -> None:
        """Look where volumes are, by one call.

        Raises:
            Failed: one is missing.
        """
        said = self.run(
            "volume", "inspect", "--format", "{{.Name}} {{.Mountpoint}}", *volumes,
            doing="looking for the volumes",
        )
        self._places |= {
            name: Path(place) for name, place in (line.split(" ", 1) for line in said.splitlines())
        }

    def place(self, volume: str) -> Path:
        """Return the directory on the host of a volume that was found."""
        return self._places[volume]

    def export(self, volume: str, path: Path) -> int:
        """Write a volume's tar, compressed, into a new file; return its size uncompressed."""
        # Not `podman volume export`: it opens /dev/stdout anew, which is root's pipe here.
        words = [
            self._program, "unshare", "tar", "--create", "--numeric-owner",
            f"--directory={self.place(volume)}", ".",
        ]
        size = 0
        with tempfile.TemporaryFile() as errors, subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as child, gzip.open(path, "xb", compresslevel=1) as file:
            assert child.stdout is not None  # noqa: S101  (it was asked for)
            while part := child.stdout.read(_CHUNK):
                file.write(part)
                size += len(part)
            if child.wait():
                raise Failed(f"exporting the volume {volume} failed: {last_lines(errors)}")
        return size

    def fill(self, volume: str, path: Path, owner: str, owner_then: str) -> None:
        """Replace what is in a volume by what `export` wrote.

        Args:
            volume: its name; it exists, and no container that has it runs.
            path: the file.
            owner: uid:gid of its owner, as containers see it.
            owner_then: the same when it was exported.
        """
        words = self._in(volume, _EMPTY, _EXTRACT, _own(owner, owner_then))
        self._feed(words, path, f"filling the volume {volume}")

    def unpack(self, directory: Path, path: Path, owner: str, owner_then: str) -> None:
        """Write what `export` wrote into a new directory among the volumes, and onto the disk.

        Args:
            directory: absolute; what is there is removed.
            path: the file.
            owner: uid:gid of its owner, as containers see it.
            owner_then: the same when it was exported.
        """
        script = " && ".join((
            'rm -rf -- "$1"', 'mkdir -- "$1"', 'cd "$1"', _EXTRACT, _own(owner, owner_then),
            "sync --file-system .",
        ))
        words = [self._program, "unshare", "sh", "-c", script, "sh", str(directory)]
        self._feed(words, path, f"filling {directory}")

    def _feed(self, words: Sequence[str], path: Path, doing: str) -> None:
        """Run a command with a compressed file's content as its input."""
        with tempfile.TemporaryFile() as errors, subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors,
        ) as child, gzip.open(path, "rb") as file:
            assert child.stdin is not None  # noqa: S101
            try:
                while part := file.read(_CHUNK):
                    child.stdin.write(part)
                child.stdin.close()
            except BrokenPipeError:
                pass  # it ended; its exit code and words say why
            if child.wait():
                raise Failed(f"{doing} failed: {last_lines(errors)}")

    def rename(self, directory: Path, to: Path) -> None:
        """Rename a directory of the stack user's to a name that is free, or of an empty one.

        By rename(2) alone: it is done as a whole or not at all, and nothing is copied.
        """
        code = "import os, sys; os.rename(sys.argv[1], sys.argv[2])"
        run(
            [self._program, "unshare", "python3", "-I", "-c", code, str(directory), str(to)],
            f"renaming {directory} to {to}",
        )

    def read_file(self, path: Path) -> str:
        """Return what a file of the stack user's holds, read with that user's rights."""
        said = run([self._program, "unshare", "cat", "--", str(path)], f"reading {path}")
        return said.decode("utf-8", "replace")

    def made(self, containers: Sequence[str]) -> dict[str, Made]:
        """Return containers by name, as what they were made.

        Args:
            containers: names; they exist.
        """
        if not containers:
            return {}
        said = self.run(
            "container", "inspect", "--format", "{{.Name}} {{.Id}} {{.Image}} {{.ImageName}}",
            *containers, doing="asking what the containers were made from",
        )
        lines = (line.split(" ", 3) for line in said.splitlines())
        return {name: Made(id_, image, reference) for name, id_, image, reference in lines}

    def image_id(self, reference: str) -> str:
        """Return the ID of the image that a reference names, or an empty text."""
        if not self.succeeds("image", "exists", reference):
            return ""
        return self.run(
            "image", "inspect", "--format", "{{.Id}}", reference, doing=f"looking for {reference}"
        ).strip()

    def make_volume(self, stack: str, name: str, owner: str) -> None:
        """Make a volume of the stack's where there is none of that name."""
        uid, _, gid = owner.partition(":")
        self.run(
            "volume", "create", "--ignore", f"--label=io.xnai.stack={stack}",
            f"--opt=o=uid={uid},gid={gid}", name, doing=f"making the volume {name}",
        )

    def empty(self, volume: str, owner: str) -> None:
        """Remove what is in a volume."""
        run(
            self._in(volume, _EMPTY, _own(owner, owner)), f"emptying {volume}",
            limit_s=DATA_LIMIT_S,
        )

    def _in(self, volume: str, *commands: str) -> list[str]:
        """The argv that runs commands in a volume, with containers' UIDs; one start for all."""
        script = " && ".join(('cd "$1"', *commands))
        return [self._program, "unshare", "sh", "-c", script, "sh", str(self.place(volume))]

    def secrets(self, names: Sequence[str]) -> dict[str, str]:
        """Return the values of those of the secrets that exist."""
        listed = self.run("secret", "ls", "--format", "{{.Name}}", doing="listing the secrets")
        there = set(listed.split())
        if not (wanted := [name for name in names if name in there]):
            return {}
        said = self.run("secret", "inspect", "--showsecret", *wanted, doing="reading the secrets")
        return {item["Spec"]["Name"]: item["SecretData"] for item in json.loads(said)}

    def put_secrets(self, stack: str, values: Mapping[str, str]) -> None:
        """Make or replace secrets."""
        for name, value in values.items():
            # Podman 4.9 refuses it where there is nothing to replace (containers/podman 21952).
            replace = ["--replace"] if self.succeeds("secret", "exists", name) else []
            self.run(
                "secret", "create", *replace, f"--label=io.xnai.stack={stack}", name, "-",
                doing=f"storing the secret {name}", stdin=value.encode(),
            )

    def _is_up(self, container: str) -> bool:
        """Whether it is healthy, and answers where it has an address for that.

        In this order: a server may end when it is asked while its database is away.
        """
        if not self.succeeds("healthcheck", "run", container):
            return False
        url = self._ready_urls.get(container)
        return not url or answers(url)

    def wait(self, containers: Sequence[str], timeout_s: int) -> None:
        """Wait until containers are healthy and serve, saying which are awaited.

        Raises:
            Failed: one is not in time; with its last log lines.
        """
        started = time.monotonic()
        told_s = 0.0
        awaited = list(containers)
        while awaited := [n for n in awaited if not self._is_up(n)]:
            passed_s = time.monotonic() - started
            if passed_s >= timeout_s:
                logs = combined([self._program, "logs", "--tail", "8", awaited[0]])
                raise Failed(
                    f"{', '.join(awaited)}: not healthy after {passed_s:.0f} s (at most "
                    f"{timeout_s} s: stack_healthy_timeout_s); last lines of {awaited[0]}:\n{logs}"
                )
            if passed_s - told_s >= _TELL_EVERY_S:
                tell(f"waiting for {', '.join(awaited)} ({passed_s:.0f} s)")
                told_s = passed_s
            time.sleep(_POLL_S)
