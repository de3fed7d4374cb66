"""Words that the reports share: links to the raw data, what is missing."""

from __future__ import annotations

import posixpath

from xnai.reports.measurements import Measured


def missing(what: str, how: str) -> str:
    """Return the sentence for something that was not measured.

    Args:
        what: that.
        how: the command that measures it.
    """
    return f"**Missing:** {what} was not measured. To measure it: `{how}`."


def source(page: str, *measured: Measured) -> str:
    """Return the line that says where a region's numbers are from.

    Args:
        page: path of the page, below the repository.
        measured: the measurements.
    """
    links = ", ".join(
        f"[{one.when}]({posixpath.relpath(one.path, posixpath.dirname(page) or '.')})"
        for one in measured
    )
    return f"Source: {links}."


def beside(page: str, path: str) -> str:
    """Return a path as it is reached from a page."""
    return posixpath.relpath(path, posixpath.dirname(page) or ".")
