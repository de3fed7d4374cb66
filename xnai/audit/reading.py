"""Reading files that may be anything: bounded, and with a reason where there is no text."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from xnai.diagnostics.finding import Unknown

MAX_BYTES = 2 * 1024 * 1024
"""A larger Makefile, Dockerfile or compose file is no text that a person wrote."""

MAX_LINE = 100_000
"""Patterns are matched against whole lines; a longer one costs time and says nothing."""


_read: dict[str, str] | None = None


@contextlib.contextmanager
def recorded(root: Path) -> Iterator[dict[str, str]]:
    """Note each file below `root` that is read meanwhile: its path below it -> its digest."""
    global _read
    _read, before = {}, _read
    found = _read
    try:
        yield found
    finally:
        _read = before
        base = f"{root}/"
        for path in list(found):
            value = found.pop(path)
            if path.startswith(base):
                found[path.removeprefix(base)] = value


def digest(path: Path) -> str:
    """Return a hash over a file's content, or over why it has none."""
    data = _bytes(path, "")
    return hashlib.sha256(data if isinstance(data, bytes) else data.why.encode()).hexdigest()


def shown(name: str) -> str:
    """Return a file's name for reports: one line, and valid UTF-8 whatever bytes it has."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read(path: Path, name: str) -> str | Unknown:
    """Return the text of a file with its line ends as \\n, or why there is none.

    Args:
        path: the file; a link that leads elsewhere was left out by the caller.
        name: what the report calls it.
    """
    data = _bytes(path, name)
    if _read is not None:
        content = data if isinstance(data, bytes) else data.why.encode()
        _read[str(path)] = hashlib.sha256(content).hexdigest()
    return data if isinstance(data, Unknown) else _text(data, name)


def read_raw(path: Path, name: str) -> str | Unknown:
    """Return the text of a file with its line ends and its byte order mark as they are."""
    data = _bytes(path, name)
    if isinstance(data, Unknown):
        return data
    text = _text(data, name)
    return text if isinstance(text, Unknown) else data.decode("utf-8")


def _bytes(path: Path, name: str) -> bytes | Unknown:
    try:
        # O_NONBLOCK: a FIFO must not hold the audit up.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return Unknown(name, f"cannot be read: {error.strerror}", "give this user read access")
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            return Unknown(name, "is no regular file", "exclude it: --exclude")
        if state.st_size > MAX_BYTES:
            return Unknown(
                name, f"is {state.st_size:,} bytes long, {MAX_BYTES:,} are read at most",
                "split it, or exclude it: --exclude",
            )
        return file.read(MAX_BYTES + 1)


def _text(data: bytes, name: str) -> str | Unknown:
    if b"\0" in data:
        where = data.index(b"\0")
        return Unknown(name, f"is binary (NUL at byte {where})", "exclude it: --exclude")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        return Unknown(
            name, f"is not UTF-8 (byte {error.start}: 0x{data[error.start]:02x})",
            "convert it: iconv -t UTF-8, or exclude it: --exclude",
        )
    longest = max(map(len, text.split("\n")))
    if longest > MAX_LINE:
        return Unknown(
            name, f"has a line of {longest:,} characters, {MAX_LINE:,} are read at most",
            "break the line, or exclude the file: --exclude",
        )
    return text
