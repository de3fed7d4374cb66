"""All pages of a repository from what lies in it, and what a person is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xnai.reports.documents import Names, documents
from xnai.reports.measurements import read
from xnai.reports.write import Change, changes


def wanted(repository: Path, called: Names) -> tuple[list[Change], list[str]]:
    """Return what is to be written, and what could not be read.

    Args:
        repository: the checkout.
        called: names of pages and phase.

    Raises:
        NotWritten: a page cannot be.
    """
    found = read(repository)
    return changes(repository, documents(repository, called, found)), found.unreadable


def told(
    written: Sequence[Change], unreadable: Sequence[str], only_diff: bool = False
) -> list[str]:
    """Return what a person is told at the end.

    Args:
        written: the files.
        unreadable: measurements that could not be read.
        only_diff: whether nothing was written yet.
    """
    verb = "would be written" if only_diff else "written"
    said = [f"{one.path}: {verb if one.after else 'no longer needed'}" for one in written]
    for one in written:
        said += [
            f"{one.path}: the region {name} was changed by hand and stays" for name in one.kept
        ]
    said += [f"could not be read: {one}" for one in unreadable]
    return list(dict.fromkeys(said)) or ["nothing to write"]
