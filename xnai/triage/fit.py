"""Which signatures fit what was seen: now, or only what is history; each failure once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from xnai.diagnostics.signature import Signature
from xnai.triage.observation import HOST, Observation, Seen


@dataclass
class Fit:
    """A signature that fits something that was seen of an entity.

    Attributes:
        signature: which.
        entity: a container, or the host.
        groups: what its patterns' named groups found.
        seen: what it was found in, the newest last.
        more: what signatures that say less were found in.
        others: containers in which the same failure shows.
    """

    signature: Signature
    entity: str
    groups: dict[str, str]
    seen: list[Observation]
    more: list[Observation] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def is_cause(self) -> bool:
        """Whether it is something that can be mended where it is."""
        return self.signature.level == "cause"


def hits(seen: Seen, signatures: Sequence[Signature]) -> tuple[list[Fit], list[Fit]]:
    """Return the signatures that fit now, and those that fit only what is history.

    Args:
        seen: all that was seen.
        signatures: what is known.
    """
    now: list[Fit] = []
    old: list[Fit] = []
    entities = list(dict.fromkeys(one.entity for one in seen.observations))
    for entity in entities:
        mine = seen.of(entity)
        around = [*mine, *(seen.of(HOST) if entity != HOST else ())]
        well = is_well(mine)
        for signature in signatures:
            found = [
                (one, match) for one in mine for pattern in signature.when
                if (match := pattern.match(one.kind, one.text))
            ]
            if not found or not _conditions(signature, around):
                continue
            # What a container said that is well by all that was asked says nothing of now.
            over = _over(signature, mine)
            current = [
                (one, match) for one, match in found
                if not one.is_history and not (well and one.kind in ("log", "health"))
                and (one.time is None or one.time > over)
            ]
            chosen = current or found
            groups = {k: v for _, match in chosen for k, v in match.groupdict().items() if v}
            hit = Fit(signature, entity, groups, [one for one, _ in found])
            (now if current else old).append(hit)
    return now, old


def _over(signature: Signature, mine: Sequence[Observation]) -> float:
    """When a container last said that it is over, seconds since 1970; 0: never."""
    return max(
        (one.time or 0 for one in mine for p in signature.until if p.match(one.kind, one.text)),
        default=0,
    )


def is_well(mine: Sequence[Observation]) -> bool:
    """Return whether a container runs, is healthy, and answered all that it was asked."""
    states = [one.text for one in mine if one.kind == "state"]
    bad = any(
        one.kind == "answer" and re.search(r" (error|status=[45]\d\d|MISCONF|NOAUTH)|bgsave err"
                                           r"|auth (?!OK)|ping BUSY", one.text)
        for one in mine
    )
    return bool(states) and states[0].startswith(("running healthy", "running no-health")) and (
        not bad
    )


def _conditions(signature: Signature, around: Sequence[Observation]) -> bool:
    current = [one for one in around if not one.is_history]
    return all(
        any(pattern.match(one.kind, one.text) for one in current) for pattern in signature.needs
    ) and not any(
        pattern.match(one.kind, one.text) for one in current for pattern in signature.unless
    )


def without_replaced(found: Sequence[Fit]) -> list[Fit]:
    """Return the hits without those that say less of the same thing; their evidence is kept."""
    kept = []
    for hit in found:
        better = next(
            (one for one in found if one is not hit and hit.signature.id in one.signature.replaces
             and one.entity in (hit.entity, HOST)), None,
        )
        if better is None:
            kept.append(hit)
        else:
            better.more += hit.seen
    return kept


def once(found: Sequence[Fit]) -> list[Fit]:
    """Return the hits, each failure once: one may show in several containers."""
    kept: dict[tuple[str, ...], Fit] = {}
    for hit in found:
        by = hit.signature.one_by
        what = hit.entity if not by else "" if by == "id" else hit.groups.get(by, "")
        key = (hit.signature.id, what)
        if key in kept:
            kept[key].others.append(hit.entity)
            kept[key].more += hit.seen
        else:
            kept[key] = hit
    return list(kept.values())
