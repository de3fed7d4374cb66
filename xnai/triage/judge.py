"""From observations to root causes: which signatures fit, what follows from what, and what is
history.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from xnai.diagnostics.signature import Signature
from xnai.triage import fit
from xnai.triage.diagnosis import (
    CONFIDENCES,
    UNKNOWN,
    Confidence,
    Consequence,
    Diagnosis,
    Judgement,
)
from xnai.triage.fit import Fit
from xnai.triage.observation import HOST, Observation, Seen

# In a signature's `follows`: from any cause of what its container needs.
ANY = "*"
_MOST_EVIDENCE = 4
_MOST_HISTORY = 6
_SAID = ("log", "health", "build")
# What tells most of something that no signature knows comes first.
_STRENGTH = ("store", "state", "answer", "health", "need", "port", "log")
_LOOKS_WRONG = re.compile(
    r"(?i)\b(error|fatal|panic|exception|traceback|denied|failed|cannot|could not|refused|killed)\b"
)


def judge(seen: Seen, signatures: Sequence[Signature]) -> Judgement:
    """Return what is wrong, why, and what follows from what.

    Args:
        seen: all that was seen.
        signatures: what is known.
    """
    fitting, old = fit.hits(seen, signatures)
    hits = fit.once(fit.without_replaced(fitting))
    causes = [hit for hit in hits if hit.is_cause]
    symptoms = [hit for hit in hits if hit.signature.level == "symptom"]
    parents = {id(one): _explained_by(one, causes, seen) for one in causes}
    roots = [one for one in causes if not parents[id(one)]]
    following: dict[int, list[Fit]] = {id(one): [] for one in roots}

    def top(one: Fit) -> Fit:
        above = parents[id(one)]
        return top(above) if above else one

    for cause in causes:
        if parents[id(cause)]:
            following[id(top(cause))].append(cause)
    unexplained: dict[str, list[Fit]] = {}
    for symptom in symptoms:
        found = _causes_of(symptom, causes, seen)
        for cause in {id(top(one)): top(one) for one in found}.values():
            following[id(cause)].append(symptom)
        if not found:
            unexplained.setdefault(symptom.entity, []).append(symptom)
    diagnoses = [_diagnosis(one, following[id(one)], seen) for one in roots]
    diagnoses += _unknown(unexplained, seen)
    choices = [_diagnosis(h, [], seen) for h in hits if h.signature.level == "choice"]
    return Judgement(
        scope=seen.scope, roots=tuple(sorted(diagnoses, key=_badness)), choices=tuple(choices),
        history=tuple(_history(old)), blind=tuple(seen.blind), well=tuple(seen.well),
    )


def _explained_by(hit: Fit, causes: Sequence[Fit], seen: Seen) -> Fit | None:
    """Return the cause that explains this one according to its signature's `follows`, or None."""
    near = {hit.entity, HOST} | seen.reaches(hit.entity)
    for one in causes:
        follows = one.signature.id in hit.signature.follows or (
            ANY in hit.signature.follows and one.signature.id != hit.signature.id
            and hit.entity not in (one.entity, *one.others)
        )
        if one is not hit and follows and near & {one.entity, *one.others}:
            return one
    return None


def _causes_of(symptom: Fit, causes: Sequence[Fit], seen: Seen) -> list[Fit]:
    """Return the causes that explain a symptom.

    Those that its signature names in `follows`, in its own container or host-wide; otherwise the
    first of these that has any: host-wide causes that explain everything, causes in its own
    container, causes in containers that it needs.
    """
    named = [one for one in causes if one.signature.id in symptom.signature.follows]
    here = [one for one in causes if symptom.entity in (one.entity, *one.others)]
    needed = seen.reaches(symptom.entity)
    above = [one for one in causes if needed & {one.entity, *one.others}]
    everywhere = [one for one in causes if one.entity == HOST and one.signature.explains == "all"]
    if chosen := [one for one in named if one in here or one in everywhere]:
        return chosen
    return everywhere or here or above


def _unknown(unexplained: Mapping[str, list[Fit]], seen: Seen) -> list[Diagnosis]:
    """Return a diagnosis `unknown` for each container whose symptoms no cause explains."""
    found = []
    roots = []
    for entity in unexplained:
        needed = seen.reaches(entity) & unexplained.keys()
        # Of those that need each other the first alone.
        in_circle = all(entity in seen.reaches(other) for other in needed)
        if not needed or (in_circle and entity == min({entity, *needed})):
            roots.append(entity)
    for entity in roots:
        mine = [one for one in seen.of(entity) if not one.is_history and _tells(one)]
        mine.sort(key=lambda one: (_STRENGTH.index(one.kind), -(one.time or 0)))
        strongest: dict[str, Observation] = {}
        for one in mine:
            strongest.setdefault(one.text, one)
        following = [
            hit for other, hits in unexplained.items() for hit in hits
            if other == entity or entity in seen.reaches(other)
        ]
        name = seen.services.get(entity, entity)
        found.append(Diagnosis(
            UNKNOWN, entity, f"{name} is not well, and what causes it is not known",
            "no signature fits; the three strongest pieces of evidence are below", "unknown",
            tuple(one.evidence for one in list(strongest.values())[:3]),
            _consequences(following, entity),
            f"{seen.podman} logs --tail 100 {entity}", False, "",
        ))
    return found


def _tells(one: Observation) -> bool:
    if one.kind not in _STRENGTH:
        return False
    if one.kind == "state":
        return not one.text.startswith("running healthy")
    if one.kind == "log":
        return bool(_LOOKS_WRONG.search(one.text))
    if one.kind in ("answer", "need", "port"):
        return bool(re.search(r"error|status=[45]\d\d|not known|MISCONF", one.text))
    return True


def _diagnosis(hit: Fit, following: Sequence[Fit], seen: Seen) -> Diagnosis:
    signature = hit.signature
    words = _Words(hit.groups | {
        "entity": hit.entity, "podman": seen.podman,
        "service": seen.services.get(hit.entity, hit.entity),
    })
    ordered = sorted(
        [*hit.seen, *hit.more],
        key=lambda one: (one.is_history, one.kind in _SAID, -(one.time or 0)),
    )
    unique = list({one.text: one for one in ordered}.values())
    return Diagnosis(
        id=signature.id, entity=hit.entity, title=signature.title,
        cause=signature.cause.format_map(words), confidence=_confidence(hit, seen),
        evidence=tuple(one.evidence for one in unique[:_MOST_EVIDENCE]),
        consequences=_consequences(following, "") + tuple(
            Consequence(signature.id, other, signature.title) for other in hit.others
        ),
        remedy=signature.remedy.format_map(words),
        tried=signature.tried, repair=signature.repair,
    )


class _Words(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "(not told)"


def _confidence(hit: Fit, seen: Seen) -> Confidence:
    blind = {spot.subject for spot in seen.blind}
    if "the kernel's log" in blind and any(one.kind == "kill" for one in hit.signature.unless):
        return "possible"
    if any(spot.startswith("containers of") for spot in blind) and hit.entity != HOST:
        return "possible"
    current = [one for one in (*hit.seen, *hit.more) if not one.is_history]
    return "likely" if all(one.kind in _SAID for one in current) else "certain"


def _consequences(hits: Sequence[Fit], without: str) -> tuple[Consequence, ...]:
    found = {
        (hit.entity, hit.signature.id): Consequence(
            hit.signature.id, hit.entity, hit.signature.title
        ) for hit in hits if hit.entity != without
    }
    return tuple(sorted(found.values(), key=lambda one: (one.entity, one.id)))


def _badness(one: Diagnosis) -> tuple[int, int, str, str]:
    touched = {consequence.entity for consequence in one.consequences}
    return -len(touched), CONFIDENCES.index(one.confidence), one.entity, one.id


def _history(old: Sequence[Fit]) -> list[str]:
    lines = []
    for hit in old:
        last = max(hit.seen, key=lambda one: one.time or 0)
        lines.append(f"{hit.entity}: {hit.signature.title} ({last.words[:160]})")
    return lines[:_MOST_HISTORY]
