"""Extraction in a process of its own, within limits.

A page of a few hundred thousand elements takes the extraction minutes and more memory than the
container has, and the parsers are C code. In a child none of it ends or stops the crawler, and its
memory is given back page by page.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from crawler.extract import Page, extract
from crawler.fetch import NotFetched
from crawler.urls import Url

# Time on the clock for each second of processor time: on a machine where everything waits.
_WALL_FACTOR = 3
_CHUNK_BYTES = 65536


@dataclass(frozen=True)
class Limits:
    """What one page may take.

    A real page of 2 MB takes 1 s and 35 MiB more than the crawler has anyway, which is 50 MiB.

    Attributes:
        cpu_s: processor time, s.
        more_mib: memory on top of the crawler's own, MiB.
    """

    cpu_s: int
    more_mib: int


def extract_apart(
    limits: Limits, url: Url, content_type: str, charset: str | None, body: bytes
) -> Page:
    """Return what `extract` does.

    Raises:
        NotFetched: as `extract`; or the page needs too much time or memory.
    """
    reader, writer = os.pipe()
    # The crawler has one thread, so a fork is safe, and 50 times faster than a new interpreter.
    child = os.fork()
    if child == 0:
        os.close(reader)
        _in_child(limits, writer, url, content_type, charset, body)
    os.close(writer)
    try:
        answer = _all_of(reader, limits.cpu_s * _WALL_FACTOR)
    finally:
        os.close(reader)
        # It has said all it had to, or is given up; also when SIGTERM ends the crawler here.
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    try:
        said = json.loads(answer)
    except ValueError:
        raise NotFetched(
            f"the page needs more than {limits.cpu_s} s (CRAWLER_PAGE_CPU_S) or "
            f"{limits.more_mib} MiB (CRAWLER_PAGE_MIB) to be read"
        ) from None
    if "failed" in said:
        raise NotFetched(said["failed"])
    return Page(said["title"], said["text"])


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


def _in_child(
    limits: Limits, writer: int, url: Url, content_type: str, charset: str | None, body: bytes
) -> NoReturn:
    """Extract, say the result, and end without any of the parent's clean-up."""
    try:
        # The parent's handlers would act for the parent here.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _apply(limits)
        try:
            page = extract(url, content_type, charset, body)
            said = {"title": page.title, "text": page.text}
        except NotFetched as error:
            said = {"failed": str(error)}
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps(said).encode())
    finally:
        # Also for MemoryError: an answer that is missing is an answer.
        os._exit(0)


def _apply(limits: Limits) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    space = pages * resource.getpagesize() + limits.more_mib * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
