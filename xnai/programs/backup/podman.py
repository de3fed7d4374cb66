"""Podman as a program on the host uses it. Values go through pipes alone."""

from __future__ import annotations

import gzip
import json
import shlex
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

_CHUNK = 1 << 20
_POLL_S = 1.0
_TELL_EVERY_S = 5.0
_ANSWER_WITHIN_S = 8.0
# Podman that hangs waits for a lock of its store for ever. Data may be many: they have a day.
LIMIT_S = 900
DATA_LIMIT_S = 23 * 3600


class Failed(Exception):
    """The run cannot go on; the text says what was found and what to do."""


def tell(text: str) -> None:
    """Print a line of progress; whoever reads it may be gone by now."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        pass


def run(
    words: Sequence[str], doing: str,
    stdin: bytes | IO[bytes] | None = None, stdout: IO[bytes] | None = None,
    limit_s: int = LIMIT_S,
) -> bytes:
    """Run a program and return what it prints, unless that goes to `stdout`.

    Args:
        words: its argv; no value of a secret is among them.
        doing: what it is for, for the error.
        stdin: its input: bytes, an open file, or nothing.
        stdout: where its output goes instead.
        limit_s: how long it may take, in seconds.

    Raises:
        Failed: it failed, or took too long; with its last lines.
    """
    given: dict[str, Any] = (
        {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin or subprocess.DEVNULL}
    )
    with tempfile.TemporaryFile() as errors:
        try:
            done = subprocess.run(
                words, stdout=stdout or subprocess.PIPE, stderr=errors, check=False,
                timeout=limit_s, **given,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"{doing}: no end after {limit_s} s. {_last(errors)}") from None
        if done.returncode:
            raise Failed(f"{doing} failed: {_last(errors) or f'exit code {done.returncode}'}")
    return done.stdout or b""


def _last(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return "\n  ".join(lines[-5:])


def _combined(words: Sequence[str]) -> str:
    """What a command prints, errors among it; as much of it as comes within a minute."""
    try:
        said = subprocess.run(
            words, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60,
        ).stdout
    except subprocess.TimeoutExpired as expired:
        said = expired.stdout or b""
    return said.decode("utf-8", "replace")


def _answers(url: str) -> bool:
    """Whether a URL of this machine answers with 200, past any proxy."""
    # A literal of ours with a port of the settings.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_ANSWER_WITHIN_S) as answer:
            return int(answer.status) == HTTPStatus.OK
    # A server that ends in the middle of its answer is HTTPException.
    except (OSError, HTTPException):
        return False


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
                raise Failed(f"exporting the volume {volume} failed: {_last(errors)}")
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
                raise Failed(f"{doing} failed: {_last(errors)}")

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
            self.run(
                "secret", "create", "--replace", f"--label=io.xnai.stack={stack}", name, "-",
                doing=f"storing the secret {name}", stdin=value.encode(),
            )

    def _is_up(self, container: str) -> bool:
        """Whether it is healthy, and answers where it has an address for that.

        In this order: a server may end when it is asked while its database is away.
        """
        if not self.succeeds("healthcheck", "run", container):
            return False
        url = self._ready_urls.get(container)
        return not url or _answers(url)

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
                logs = _combined([self._program, "logs", "--tail", "8", awaited[0]])
                raise Failed(
                    f"{', '.join(awaited)}: not healthy after {passed_s:.0f} s (at most "
                    f"{timeout_s} s: stack_healthy_timeout_s); last lines of {awaited[0]}:\n{logs}"
                )
            if passed_s - told_s >= _TELL_EVERY_S:
                tell(f"waiting for {', '.join(awaited)} ({passed_s:.0f} s)")
                told_s = passed_s
            time.sleep(_POLL_S)
