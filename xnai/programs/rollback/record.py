"""The record of an upgrade that is neither healthy nor undone."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xnai.programs.backup.whole_file import write


@dataclass
class DataCopy:
    """One service's data, as the last healthy generation has left them.

    Attributes:
        archive: path of the copy.
        container: ID of the container that wrote them, or empty where there was none.
        image: ID of its image, or empty.
        reference: the image's name, or empty.
        moving: volumes being swapped: volume -> the name that its present content gets, and the
            inode of the directory that holds it.
    """

    archive: str
    container: str
    image: str
    reference: str
    moving: dict[str, tuple[str, int]] = field(default_factory=dict)


@dataclass
class UpgradeRecord:
    """What has begun and is neither healthy nor put back.

    Attributes:
        containers: those that were to be recreated since, in dependency order.
        copies: service -> its data.
    """

    containers: list[str]
    copies: dict[str, DataCopy]


def read(path: Path) -> UpgradeRecord:
    """Return the record at `path`, an empty one where there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return UpgradeRecord([], {})
    copies = {
        name: DataCopy(**(copy | {"moving": {v: tuple(m) for v, m in copy["moving"].items()}}))
        for name, copy in found["copies"].items()
    }
    return UpgradeRecord(found["containers"], copies)


def save(path: Path, record: UpgradeRecord) -> None:
    """Write the record, where there is a generation that it can be of."""
    if path.parent.is_dir():
        write(path, json.dumps(dataclasses.asdict(record), indent=1) + "\n")
