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


_YAML = re.compile(r"[\w.*?/{}$-]+\.ya?ml\b")


def patterns(texts: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return the files that programs and scripts put together by wildcards, a list a text.

    `for one in extensions/*/compose.yaml` and `Path("plugins").glob("*/compose.yml")` name no
    list that could be read; the patterns and the plain names of such a text belong together.
    """
    found: dict[tuple[str, ...], None] = {}
    for text in texts:
        if "*" not in text or "compose" not in text.lower():
            continue
        words = [re.sub(r"\$\{?\w+\}?", "*", word) for word in _YAML.findall(text)]
        if any("*" in word for word in words):
            found[tuple(dict.fromkeys(word.removeprefix("*/") for word in words))] = None
    return tuple(found)
