"""How triage's judgements compare with the truth; and which pairs of faults are independent."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

Fault = Mapping[str, Any]


def fits(root: Mapping[str, Any], wanted: str) -> bool:
    """Return whether a root is what the truth says: `id@entity` or `id`, alternatives with |."""
    for one in wanted.split("|"):
        id_, _, entity = one.partition("@")
        if root["id"] == id_ and entity in ("", root["entity"]):
            return True
    return False


def scored(
    said: Mapping[str, Any], wanted: Sequence[str], symptoms: Sequence[str]
) -> dict[str, Any]:
    """Return how a judgement compares with the truth.

    Args:
        said: triage's JSON of one stack.
        wanted: the true roots.
        symptoms: containers that must be told as following.
    """
    roots = said["roots"]
    found = [any(fits(root, one) for root in roots) for one in wanted]
    extra = [f"{r['id']}@{r['entity']}" for r in roots if not any(fits(r, w) for w in wanted)]
    told = {one["entity"] for root in roots for one in root["consequences"]}
    told |= {root["entity"] for root in roots}
    return {
        "roots": [f"{root['id']}@{root['entity']}" for root in roots],
        "at_1": bool(roots) and any(fits(roots[0], one) for one in wanted) if wanted else not roots,
        "at_3": any(fits(root, one) for root in roots[:3] for one in wanted) if wanted else True,
        "exact": all(found) and not extra,
        "extra": extra,
        "symptoms": [name in told for name in symptoms],
    }


def independent(a: Fault, b: Fault) -> bool:
    """Return whether two faults touch nothing in common, by what their commands and roots name."""
    def touched(fault: Fault) -> set[str]:
        words = {root.partition("@")[2] or fault["id"] for one in fault["roots"]
                 for root in one.split("|")}
        # Two edits of the same compose file are one failure.
        words |= {"compose file"} if "/stack/docker-compose" in fault["break"] else set()
        return words | set(fault.get("symptoms", ())) | ({"host:" + fault["id"].split("-")[0]})
    return not (touched(a) - {"host"}) & (touched(b) - {"host"})


def pairs(all_: Sequence[Fault], number: int, seed: int) -> list[tuple[Fault, Fault]]:
    """Return pairs of independent single faults, drawn by a seed."""
    drawn = random.Random(seed)  # noqa: S311  (no cryptography)
    # What takes the whole store, disk or session away leaves nothing independent of it.
    alone = {"disk-full", "session-ended", "store-locked", "userns-forbidden", "subuid-removed"}
    singles = [f for f in all_ if f["kind"] in ("single", "chain")
               and f["id"] not in alone and "project" not in f]
    found = [
        (a, b) for i, a in enumerate(singles) for b in singles[i + 1 :]
        if independent(a, b) and "single" in (a["kind"], b["kind"])
    ]
    drawn.shuffle(found)
    return found[:number]


def summary(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the score of all that was measured, with its counts."""
    def of(*kinds: str) -> list[Mapping[str, Any]]:
        return [one for one in results.values() if one["kind"] in kinds]

    def share(found: Sequence[bool]) -> float | None:
        return round(sum(found) / len(found), 3) if found else None

    singles, both, quiet = of("single", "chain"), of("pair"), of("noise", "healthy")
    tried = [one["repair"]["good"] for one in results.values() if "repair" in one]
    seconds = sorted(one["seconds"] for one in results.values())
    return {
        "ac_at_1": share([one["at_1"] for one in singles]),
        "ac_at_3": share([one["at_3"] for one in singles]),
        "singles_exact": share([one["exact"] for one in singles]),
        "singles_n": len(singles),
        "pairs_exact": share([one["exact"] for one in both]), "pairs_n": len(both),
        "chains_n": len(of("chain")),
        "chain_recall": share([ok for one in of("chain") for ok in one["symptoms"]]),
        "unknown_never_named": share([one["exact"] for one in of("unknown")]),
        "unknown_n": len(of("unknown")),
        "false_alarms": sum(bool(one["roots"]) for one in quiet), "quiet_n": len(quiet),
        "repaired": share(tried), "repaired_n": len(tried),
        "seconds_median": seconds[len(seconds) // 2] if seconds else None,
    }
