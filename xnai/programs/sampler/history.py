"""A history of samples on disk that never grows past its bound."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

FILE = "history.jsonl"
OLDER = "history.1.jsonl"

_OF_CONTAINER = ("memory.current", "memory.peak", "memory.swap.current")


def line(sample: Mapping[str, Any], when_s: float) -> str:
    """Return what is kept of a sample.

    Args:
        sample: a reading of the machine, with its `containers` and `warnings`.
        when_s: seconds since 1970.
    """
    containers = {
        name: None if one is None else {
            **{key: one.get(key) for key in _OF_CONTAINER},
            "oom_kill": one["events"].get("oom_kill"), "waited_us": one["pressure"]["some"],
        }
        for name, one in sample["containers"].items()
    }
    return json.dumps({"clock_s": round(when_s, 1), **sample, "containers": containers},
                      separators=(",", ":"))


class History:
    """Two files of lines of JSON: when the newer one is half of the bound, it becomes the older."""

    def __init__(self, directory: Path, most_bytes: int) -> None:
        """Make it.

        Args:
            directory: where they are.
            most_bytes: of both together.
        """
        self._file, self._older = directory / FILE, directory / OLDER
        self._most = most_bytes // 2
        for file in (self._file, self._older):
            # The bound was larger before.
            with suppress(OSError):
                if file.stat().st_size > self._most:
                    file.unlink()

    def add(self, text: str) -> None:
        """Add a line.

        Raises:
            OSError: it could not be written; what is there is still read line by line.
        """
        whole = text.encode() + b"\n"
        with self._file.open("ab+") as file:
            size = file.seek(0, 2)
            if size:
                file.seek(size - 1)
                # A line that was cut off, as by a power cut, must not spoil this one.
                whole = (b"" if file.read(1) == b"\n" else b"\n") + whole
            if size + len(whole) <= self._most:
                file.write(whole)
                return
        self._file.replace(self._older)
        self._file.write_bytes(whole.lstrip(b"\n"))
