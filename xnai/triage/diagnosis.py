"""What a judgement says: root causes with what follows from them, and all that was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xnai.diagnostics.finding import Evidence, Unknown

Confidence = Literal["certain", "likely", "possible", "unknown"]
"""`certain`: the host itself shows it now; `likely`: a log says so; `possible`: what would tell
could not be looked at; `unknown`: something is wrong, and no signature fits."""

CONFIDENCES: tuple[Confidence, ...] = ("certain", "likely", "possible", "unknown")

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Consequence:
    """Something that follows from a root cause.

    Attributes:
        id: of its signature.
        entity: the container.
        title: what is seen.
    """

    id: str
    entity: str
    title: str


@dataclass(frozen=True)
class Diagnosis:
    """A root cause.

    Attributes:
        id: of its signature, or `unknown`.
        entity: the container that it is in, or `host`.
        title: what is wrong, in a few words.
        cause: why.
        confidence: see `Confidence`.
        evidence: the strongest first.
        consequences: what follows from it.
        remedy: a command, or a sentence.
        tried: whether a test ran the remedy on this failure.
        repair: what of tasks/repair.py mends it, or empty.
    """

    id: str
    entity: str
    title: str
    cause: str
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    consequences: tuple[Consequence, ...]
    remedy: str
    tried: bool
    repair: str


@dataclass(frozen=True)
class Judgement:
    """All that is said of one stack or project of a host.

    Attributes:
        scope: what was looked at.
        roots: the root causes, the worst first.
        choices: what is as somebody wanted it and surprises all the same.
        history: what was wrong before the last moment at which its container was well.
        blind: what could not be looked at.
        well: what was looked at and is well.
    """

    scope: str
    roots: tuple[Diagnosis, ...]
    choices: tuple[Diagnosis, ...]
    history: tuple[str, ...]
    blind: tuple[Unknown, ...]
    well: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong, as far as could be seen."""
        return not self.roots


def worst(judgements: Sequence[Judgement], could_tell: bool) -> int:
    """Return the exit code: 0 well, 1 findings, 2 could not tell.

    Args:
        judgements: of all that was looked at.
        could_tell: whether every host answered and there was something to look at.
    """
    if not could_tell:
        return 2
    if any(one.roots for one in judgements):
        # Where nothing but doubt was found nothing was found out.
        known = any(root.confidence != UNKNOWN for one in judgements for root in one.roots)
        return 1 if known or any(one.roots for one in judgements) else 2
    return 0
