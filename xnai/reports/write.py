"""The pages into the repository: only our regions, whole or not at all."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xnai.reports.documents import Document
from xnai.reports.regions import BrokenPage, updated

PROPOSAL = ".xnai-proposal.md"
"""What is appended to a page's name for what a person has changed and we would write otherwise."""


class NotWritten(Exception):
    """No page was written; the text says which cannot be."""


@dataclass(frozen=True)
class Change:
    """A file that is to be written.

    Attributes:
        path: below the repository.
        before: its text, or empty.
        after: the new one; empty: it goes.
        kept: names of regions that a person has changed.
    """

    path: str
    before: str
    after: str
    kept: tuple[str, ...] = ()

    @property
    def diff(self) -> str:
        """Return it as a unified diff."""
        return "".join(difflib.unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True),
            f"a/{self.path}" if self.before else "/dev/null",
            f"b/{self.path}" if self.after else "/dev/null",
        ))


def changes(repository: Path, documents: Sequence[Document]) -> list[Change]:
    """Return what is to be written; nothing for pages that are as they should be.

    Raises:
        NotWritten: a page is no plain text file of the repository, or a region of it is broken.
    """
    found = []
    for one in documents:
        text = _read(repository, one.path)
        try:
            new = updated(text, one.title, {region.name: region for region in one.regions})
        except BrokenPage as broken:
            raise NotWritten(
                f"{one.path}: {broken}. Mend it, or take the lines of that region out; nothing was "
                "written"
            ) from None
        if new.text != text:
            found.append(Change(one.path, text, new.text, tuple(new.proposals)))
        beside = one.path.removesuffix(".md") + PROPOSAL
        before = _read(repository, beside)
        after = "".join(
            f"# {one.path}: {name}\n\nThis region was changed by hand and stays. What would stand "
            f"there:\n\n{text}\n\n" for name, text in new.proposals.items()
        ).rstrip() + "\n" if new.proposals else ""
        if before != after:
            found.append(Change(beside, before, after, tuple(new.proposals)))
    return found


def _read(repository: Path, path: str) -> str:
    file = repository / path
    if not file.resolve().is_relative_to(repository.resolve()):
        raise NotWritten(f"{path}: leads out of {repository}; nothing was written")
    if not file.exists() and not file.is_symlink():
        return ""
    if not file.is_file():
        raise NotWritten(f"{path}: no plain file; nothing was written")
    try:
        # Its line ends stay as they are.
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotWritten(f"{path}: {error}; nothing was written") from None


def write(repository: Path, wanted: Sequence[Change]) -> None:
    """Write the files, each beside its place and renamed."""
    try:
        for one in wanted:
            file = repository / one.path
            if not one.after:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_name(f".{file.name}.xnai-new")
            new.write_bytes(one.after.encode())
            os.replace(new, file)  # noqa: PTH105  (over what is there)
    except OSError as error:
        raise NotWritten(f"{error.filename}: {error.strerror}") from None
