"""The mark of a restore that has begun to replace data and has not ended. Runs on the host."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from xnai.programs.backup.process import Failed
from xnai.programs.backup.whole_file import sync, write


@dataclass(frozen=True)
class Unfinished:
    """What a mark says.

    Attributes:
        archive: path of the archive that was being restored.
        kept: path of the archive of what was there before.
    """

    archive: str
    kept: str


class Mark:
    """The file; while it is there, nothing starts the stack, copies it or takes it for good."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Unfinished | None:
        """Return what it says, or None where there is none.

        Raises:
            Failed: it is there and cannot be read.
        """
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return None
        try:
            return Unfinished(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise Failed(f"{self.path} is damaged ({error}). Nothing was changed.") from None

    def set(self, archive: str, kept: str) -> None:
        """Write it, onto the disk, before the first of the data is replaced."""
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        write(self.path, json.dumps({"archive": archive, "kept": kept}) + "\n")

    def remove(self) -> None:
        """Take it away, when all data are of one archive again."""
        self.path.unlink(missing_ok=True)
        sync(self.path.parent)

    def refuse(self, what: str) -> None:
        """Refuse to do something over it.

        Args:
            what: which cannot be done, as `a backup`.

        Raises:
            Failed: it is there.
        """
        if found := self.read():
            raise Failed(
                f"a restore of {found.archive} was ended before it was done ({self.path}), so the "
                "data are neither those of before nor the archive's. Finish it: pyinfra "
                f"inventory.py tasks/restore.py --data restore_from={found.archive} — or go back "
                f"to what was there, with {found.kept} in its place. Until then {what} would take "
                "half of it for the whole. Nothing was changed."
            )
