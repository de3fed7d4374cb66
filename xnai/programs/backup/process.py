"""Programs and pages as a program on the host asks them. Values go through pipes alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPException
from typing import IO, Any

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
            raise Failed(f"{doing}: no end after {limit_s} s. {last_lines(errors)}") from None
        if done.returncode:
            raise Failed(f"{doing} failed: {last_lines(errors) or f'exit code {done.returncode}'}")
    return done.stdout or b""


def last_lines(errors: IO[bytes]) -> str:
    """Return the last lines of what was written into a file."""
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return "\n  ".join(lines[-5:])


def combined(words: Sequence[str]) -> str:
    """Return what a command prints, errors among it; as much as comes within a minute."""
    try:
        said = subprocess.run(
            words, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60,
        ).stdout
    except subprocess.TimeoutExpired as expired:
        said = expired.stdout or b""
    return said.decode("utf-8", "replace")


def answers(url: str) -> bool:
    """Return whether a URL of this machine answers with 200, past any proxy."""
    # A literal of ours with a port of the settings.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_ANSWER_WITHIN_S) as answer:
            return int(answer.status) == HTTPStatus.OK
    # A server that ends in the middle of its answer is HTTPException.
    except (OSError, HTTPException):
        return False
