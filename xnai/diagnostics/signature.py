"""Signatures of failures: data, a TOML file each, with texts that they must and must not match."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

SIGNATURES = Path(__file__).parents[1] / "triage" / "signatures"

Level = Literal["cause", "symptom", "choice"]
"""`cause`: something that can be mended where it is; `symptom`: it follows from something else;
`choice`: the host is as somebody wanted it, and it surprises all the same."""


@dataclass(frozen=True)
class Pattern:
    """What an observation must look like.

    Attributes:
        kind: of the observation, as log, state, answer, build.
        expression: a regular expression that is searched for in its text; its named groups fill
            the signature's sentences.
    """

    kind: str
    expression: re.Pattern[str]

    def match(self, kind: str, text: str) -> re.Match[str] | None:
        """Return the match in an observation of that kind, or None."""
        return self.expression.search(text) if kind == self.kind else None


@dataclass(frozen=True)
class Example:
    """A real text.

    Attributes:
        kind: of the observation.
        text: of it.
        also: what was seen besides, kind and text.
        source: where it was seen.
    """

    kind: str
    text: str
    also: tuple[tuple[str, str], ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Signature:
    """A failure that is known.

    Attributes:
        id: stable name.
        level: see `Level`.
        title: what is wrong, in a few words.
        cause: why, one sentence.
        remedy: what to do: a command, or a sentence.
        tried: whether a test ran the remedy on this failure; else it is shown as a question.
        repair: what of tasks/repair.py mends it, or empty.
        source: where it is known from.
        when: any of these patterns makes it.
        needs: all of these must be seen as well, of the same container or of the host.
        unless: none of these may be.
        until: what a container says when it is over: what was seen before that is history.
        follows: ids of what it follows from, on the same container, on one that it needs, or on the
            host; `*`: any cause of what it needs.
        replaces: ids that say less of the same thing, and are not told beside it.
        one_by: a group of its patterns: what has the same there is one failure, in however many
            containers it shows; `id`: it is always one. Empty: each container has its own.
        explains: `all` where every symptom of every container may follow from it.
        must: texts that it must match.
        near: texts that look like it and that it must not match.
    """

    id: str
    level: Level
    title: str
    cause: str
    remedy: str
    tried: bool
    repair: str
    source: str
    when: tuple[Pattern, ...]
    needs: tuple[Pattern, ...]
    unless: tuple[Pattern, ...]
    until: tuple[Pattern, ...]
    follows: tuple[str, ...]
    replaces: tuple[str, ...]
    explains: str
    one_by: str
    must: tuple[Example, ...]
    near: tuple[Example, ...]


_LEVELS = ("cause", "symptom", "choice")


def parse(text: str, name: str) -> Signature:
    """Return the signature in a TOML text.

    Args:
        text: of the file.
        name: of the file without .toml; the id, with `_` for `-`.

    Raises:
        ValueError: a key is missing, unknown or of the wrong kind.
    """
    data = tomllib.loads(text)
    known = set(Signature.__dataclass_fields__)
    if wrong := sorted(data.keys() - known):
        raise ValueError(f"{name}.toml: {', '.join(wrong)}: no such key of a signature")
    if missing := sorted({"id", "level", "title", "cause", "source", "when"} - data.keys()):
        raise ValueError(f"{name}.toml: {', '.join(missing)} missing")
    if data["id"].replace("-", "_") != name:
        raise ValueError(f"{name}.toml: id = {data['id']!r} is not the file's name")
    if data["level"] not in _LEVELS:
        raise ValueError(f"{name}.toml: level = {data['level']!r}: one of {', '.join(_LEVELS)}")
    return Signature(
        id=data["id"], level=data["level"], title=data["title"], cause=data["cause"],
        remedy=data.get("remedy", ""), tried=data.get("tried", False),
        repair=data.get("repair", ""), source=data["source"], when=_patterns(data, "when"),
        needs=_patterns(data, "needs"), unless=_patterns(data, "unless"),
        until=_patterns(data, "until"),
        follows=tuple(data.get("follows", ())), replaces=tuple(data.get("replaces", ())),
        explains=data.get("explains", ""), one_by=data.get("one_by", ""),
        must=_examples(data, "must"), near=_examples(data, "near"),
    )


def _patterns(data: Mapping[str, Any], key: str) -> tuple[Pattern, ...]:
    return tuple(
        Pattern(one["kind"], re.compile(one["pattern"])) for one in data.get(key, ())
    )


def _examples(data: Mapping[str, Any], key: str) -> tuple[Example, ...]:
    return tuple(
        Example(
            one["kind"], one["text"], tuple((a["kind"], a["text"]) for a in one.get("also", ())),
            one.get("source", ""),
        )
        for one in data.get(key, ())
    )


def load(directory: Path = SIGNATURES) -> tuple[Signature, ...]:
    """Return all signatures of a directory, by id.

    Raises:
        ValueError: one of them is wrong.
    """
    return tuple(
        parse(path.read_text("utf-8"), path.stem) for path in sorted(directory.glob("*.toml"))
    )


def of_kind(signatures: Iterable[Signature], kind: str) -> list[Signature]:
    """Return those that look at observations of a kind."""
    return [one for one in signatures if any(p.kind == kind for p in one.when)]
