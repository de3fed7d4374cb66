"""What the program on the host is told; nothing in it is secret."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from xnai.programs.backup import spec as backup_spec


@dataclass(frozen=True)
class RollbackSpec:
    """One change of stateful images.

    Attributes:
        backup: the stack, and where copies are.
        services: those whose data are copied first, in dependency order.
        anew: the containers that are recreated, in dependency order.
        record: path of the file that says which copies belong to the last healthy generation.
    """

    backup: backup_spec.BackupSpec
    services: tuple[str, ...]
    anew: tuple[str, ...]
    record: str

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(dataclasses.asdict(self))


def parse(text: str) -> RollbackSpec:
    """Return what RollbackSpec.text() wrote."""
    values: dict[str, Any] = json.loads(text)
    return RollbackSpec(
        backup=backup_spec.parse(json.dumps(values["backup"])),
        services=tuple(values["services"]), anew=tuple(values["anew"]), record=values["record"],
    )


def containers(text: str) -> list[str]:
    """Return the containers that were recreated since a record was begun."""
    found: list[str] = json.loads(text)["containers"]
    return found
