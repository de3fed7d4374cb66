"""What the program on the host is told; nothing in it is secret."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from xnai.programs.backup.spec import Database


@dataclass(frozen=True)
class RotationSpec:
    """One rotation.

    Attributes:
        stack: the stack's name.
        podman: the program that is Podman as the stack's user.
        kept: path of the file with the old values while it lasts; in memory, root's alone.
        marker: path of the file that says that a rotation has begun; on disk, without values.
        values: for each new value its Podman secrets: name -> text with one %s for it.
        database: the database, where the password of its role is among them, or None.
        container: of the database, or empty where the stack has none.
        sessions_of: the database, where everybody's session with Vikunja is to be ended, or None.
        settled: whether the stack is healthy with the secrets that there are.
    """

    stack: str
    podman: str
    kept: str
    marker: str
    values: tuple[dict[str, str], ...]
    database: Database | None
    container: str
    sessions_of: Database | None
    settled: bool

    @property
    def names(self) -> list[str]:
        """The Podman secrets that it replaces."""
        return [name for forms in self.values for name in forms]

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(dataclasses.asdict(self))


def parse(text: str) -> RotationSpec:
    """Return what RotationSpec.text() wrote."""
    values: dict[str, Any] = json.loads(text)
    found = {
        name: Database(**values[name]) if values[name] else None
        for name in ("database", "sessions_of")
    }
    return RotationSpec(**(values | found | {"values": tuple(values["values"])}))
