"""A table in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a table.

    Args:
        head: its columns.
        rows: of texts; none of them ends a cell.
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def cell(text: object) -> str:
    """Return a text that ends no cell."""
    return str(text).replace("|", "\\|").replace("\n", " ")
