"""Rows of words as aligned lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def aligned(table: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the rows as lines whose columns stand below each other, the heads first.

    Args:
        table: a row each, all with the same heads; nothing comes of an empty one.
    """
    heads = list(table[0]) if table else []
    widths = [max(len(head), *(len(row[head]) for row in table)) for head in heads]
    return [
        "  ".join(word.ljust(width) for word, width in zip(words, widths, strict=True)).rstrip()
        for words in [heads, *([row[head] for head in heads] for row in table)]
    ] if table else []
