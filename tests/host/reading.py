"""What a host is, read by one command, and asked for by the checks."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("collector.py").read_text("utf-8")


@dataclass(frozen=True)
class File:
    """A path that exists on the host."""

    mode: int
    user: str
    uid: int
    group: str
    gid: int
    content: str | None = field(repr=False)

    @property
    def text(self) -> str:
        """What is in it."""
        assert self.content is not None, "no regular file"
        return base64.b64decode(self.content, validate=True).decode("utf-8")


class Reading:
    """The answers to one set of questions."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.processes: list[dict[str, Any]] = found["processes"]
        self.requests: dict[str, tuple[int, str]] = {
            name: tuple(answer) for name, answer in found["requests"].items()
        }
        self.places: list[list[Any]] = found["places"]
        self._files = found["files"]
        self._commands = found["commands"]

    def exists(self, path: str) -> bool:
        """Whether a path that was asked for is there."""
        return self._files[path] is not None

    def file(self, path: str) -> File:
        """A path that was asked for and must be there."""
        assert self._files[path] is not None, f"{path} does not exist"
        return File(**self._files[path])

    def out(self, name: str) -> str:
        """What a command that must succeed printed, without the last newline."""
        done = self._commands[name]
        assert done["code"] == 0, f"{name}: exit code {done['code']}: {done['err']}"
        return done["out"].rstrip("\n")


def read(
    host,
    *,
    files: Sequence[str] = (),
    owners: Sequence[str] = (),
    commands: Mapping[str, str] | None = None,
    requests: Mapping[str, tuple[int, str, str, Mapping[str, str], str]] | None = None,
    places: Sequence[tuple[str, int]] = (),
    processes: bool = False,
) -> Reading:
    """Ask a host everything at once.

    Args:
        host: testinfra's.
        files: paths of which the content is read too.
        owners: paths whose content stays on the host.
        commands: text for the host's shell by name.
        requests: port, method, path, headers and body of an HTTP request to 127.0.0.1, by name.
        places: addresses and ports to connect to.
        processes: whether to read every process.
    """
    wanted = json.dumps({
        "files": list(files), "owners": list(owners),
        "commands": dict(commands or {}), "requests": dict(requests or {}),
        "places": list(places), "processes": processes,
    })
    return Reading(json.loads(host.check_output(
        f"python3 -c {shlex.quote(PROGRAM)} {shlex.quote(wanted)}"
    )))
