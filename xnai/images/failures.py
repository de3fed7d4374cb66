"""Known causes of a failed build, by what is in its log: the signatures that look at builds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from xnai.diagnostics.signature import load, of_kind


@dataclass(frozen=True)
class Cause:
    """A cause: an extended regular expression for grep -E, what it means, what to do."""

    pattern: str
    meaning: str
    remedy: str


@cache
def causes() -> tuple[Cause, ...]:
    """Return what `build.sh` looks for in the log of a build that failed."""
    return tuple(
        Cause(pattern.expression.pattern, one.cause, one.remedy)
        for one in of_kind(load(), "build") if one.level == "cause"
        # grep knows no named groups; what has one is no failure of a build's own.
        for pattern in one.when if pattern.kind == "build" and not pattern.expression.groupindex
    )

