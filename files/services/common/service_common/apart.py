"""A function in a process of its own, within limits.

What reads other people's files may take minutes and more memory than the container has, and the
parsers are C code. In a child none of it ends or stops the service, and its memory is given back.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

# Time on the clock for each second of processor time: on a machine where everything waits.
_WALL_FACTOR = 3
_CHUNK_BYTES = 65536


@dataclass(frozen=True)
class Limits:
    """What one call may take.

    Attributes:
        cpu_s: processor time, in seconds.
        more_mib: memory on top of what the process has anyway, in MiB.
    """

    cpu_s: int
    more_mib: int


class TooMuch(Exception):
    """It needs more time or memory than it may have, or the parser crashed."""


def call_apart(limits: Limits, function: Callable[[], Any]) -> Any:
    """Return what a function returns, called in a child; only for a process with one thread.

    Args:
        limits: of the child.
        function: returns what JSON can hold.

    Raises:
        TooMuch: there is no answer.
    """
    reader, writer = os.pipe()
    # With one thread a fork is safe, and 50 times faster than a new interpreter.
    child = os.fork()
    if child == 0:
        os.close(reader)
        _in_child(limits, writer, function)
    os.close(writer)
    try:
        answer = _all_of(reader, limits.cpu_s * _WALL_FACTOR)
    finally:
        os.close(reader)
        # It has said all it had to, or is given up; also when SIGTERM ends the service here.
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    try:
        return json.loads(answer)
    except ValueError:
        raise TooMuch from None


def _all_of(reader: int, wall_s: float) -> bytes:
    """Return what comes until the other side closes; nothing where that takes too long."""
    deadline = time.monotonic() + wall_s
    parts = []
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([reader], [], [], left)[0]:
            break
        part = os.read(reader, _CHUNK_BYTES)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return b""


def _in_child(limits: Limits, writer: int, function: Callable[[], Any]) -> NoReturn:
    """Call, say the result, and end without any of the parent's clean-up."""
    try:
        # The parent's handlers would act for the parent here.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _apply(limits)
        said = json.dumps(function()).encode()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(said)
    finally:
        # Also for MemoryError: an answer that is missing is an answer.
        os._exit(0)


def _apply(limits: Limits) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    space = pages * resource.getpagesize() + limits.more_mib * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Where the container's own limit is reached first, this process goes and not the service.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
