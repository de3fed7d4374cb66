"""Which compose files are handed to compose together, told by commands and documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NAMED = re.compile(r"(?:\s|^)(?:-f|--file)[ =]?[\"']?([^\s\"';|&]+\.ya?ml)\b")
_LISTED = re.compile(r"COMPOSE_FILE\s*[:?]?[=:]\s*[\"']?(\S+\.ya?ml)")
_VARIABLE = re.compile(r"^(\$[({]?\w+[)}]?/|\$\(pwd\)/|\./)+")


def merges(texts: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return the lists of files that shell texts and documents hand to compose together."""
    return tuple(dict.fromkeys(found for text in texts for found in _lists(text)))


def _lists(text: str) -> Iterator[tuple[str, ...]]:
    for line in text.replace("\\\n", " ").split("\n"):
        if "compose" not in line.lower():
            continue
        for words in (_NAMED.findall(line), *(one.split(":") for one in _LISTED.findall(line))):
            if len(words) > 1:
                yield tuple(_VARIABLE.sub("", word) for word in words)
