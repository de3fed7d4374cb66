"""The tables of a baseline, as rows of words: one for Markdown, one for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xnai.baseline.model import PHASES
from xnai.baseline.summary import LEVELS, RATES

UNKNOWN = "not known"
NOT_MEASURED = "not measured"
_PSI = tuple(
    (f"psi_{what}_{kind}_pct", f"{what} pressure, {kind}, % of the phase's time")
    for what in ("memory", "io", "cpu") for kind in ("some", "full")
)


@dataclass(frozen=True)
class Rows:
    """A table.

    Attributes:
        title: of it.
        head: its columns.
        body: its rows.
        note: a sentence below it, or empty.
    """

    title: str
    head: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    note: str = ""


def number(value: float | None, digits: int = 1) -> str:
    """Return a number for people, or that it is not known."""
    if value is None:
        return UNKNOWN
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.{digits}f}"


def level(spread: Mapping[str, float | None] | None) -> str:
    """Return `median (least to most)`."""
    if spread is None or spread["median"] is None:
        return UNKNOWN
    if spread["least"] == spread["most"]:
        return number(spread["median"])
    return f"{number(spread['median'])} ({number(spread['least'])} to {number(spread['most'])})"


def tables(found: Mapping[str, Any]) -> list[Rows]:
    """Return the tables of a summary."""
    return [_machine(found), _phases(found), _containers(found), _requests(found)]


def _machine(found: Mapping[str, Any]) -> Rows:
    machine = found["machine"]
    sysctl = machine.get("sysctl") or {}
    swaps = machine.get("swaps")
    rows = [
        ("RAM", f"{number(machine['ram_mib'])} MiB"),
        ("swap, all devices", f"{number(machine['swap_mib'])} MiB"),
        ("zram0, disksize", f"{number(machine['zram_mib'])} MiB" if machine["zram_mib"]
         else "no zram0"),
        ("zram0, algorithm", str(machine["zram_algorithm"] or UNKNOWN)),
        ("kernel", f"{machine['kernel']} ({machine['architecture']}, {machine['cpus']} CPUs)"),
        ("swap devices", UNKNOWN if swaps is None else
         ", ".join(f"{one[0]} (priority {one[-1]})" for one in swaps) or "none"),
        *((name, value if value is not None else UNKNOWN) for name, value in sysctl.items()),
    ]
    return Rows("Machine", ("what", "value"), tuple((a, str(b)) for a, b in rows))


def _phases(found: Mapping[str, Any]) -> Rows:
    phases: Mapping[str, Any] = found["phases"]
    there = [phase for phase in PHASES if phases[phase]]
    rows = [("duration, s", *(number(phases[phase]["seconds"]) for phase in there))]
    rows += [
        (words, *(level(phases[phase][key]) for phase in there)) for key, words, *_ in LEVELS
    ]
    rows += [
        (words, *(number(phases[phase][key], 2) for phase in there))
        for key, words, *_ in (*RATES, *_PSI)
    ]
    missing = [phase for phase in PHASES if not phases[phase]]
    notes = [f"{', '.join(missing)}: {NOT_MEASURED}."] if missing else []
    if (after := found["healthy_after_s"]) is not None:
        notes.append(f"All containers were healthy {number(after)} s after the start.")
    if found["restarted"]:
        notes.append(f"Started anew meanwhile: {', '.join(found['restarted'])}.")
    if found["clock_jumps_s"]:
        jumps = ", ".join(f"{one:+} s" for one in found["clock_jumps_s"])
        notes.append(f"The clock was set meanwhile ({jumps}); durations are of the uptime.")
    notes.append("Levels: median (least to most) of a sample a second.")
    return Rows("Phases", ("", *there), tuple(rows), " ".join(notes))


def _containers(found: Mapping[str, Any]) -> Rows:
    last = next(
        (phase for phase in ("load", "steady state", "recovery") if found["phases"][phase]), None
    )
    if last is None:
        return Rows("Containers", ("",), (), f"{NOT_MEASURED}.")
    body = [
        (
            name, level(one["current_mib"]), number(one["peak_mib"]), level(one["swap_mib"]),
            number(one["zram_share_mib"]), number(one["psi_some_pct"], 2),
            number(one["at_limit"]), number(one["oom_kills"]),
        )
        for name, one in found["phases"][last]["containers"].items()
    ]
    return Rows(
        f"Containers, {last}",
        ("container", "memory, MiB", "peak since its start, MiB", "swapped, MiB",
         "its part of zram, MiB", "memory pressure, some, % of the phase's time",
         "times at its limit", "kills"),
        tuple(body),
        "The part of zram is an estimate: what zram holds, by the container's part of all that is "
        "swapped.",
    )


def _requests(found: Mapping[str, Any]) -> Rows:
    asked = found["requests"]
    if not asked["requests"]:
        return Rows("Requests to /query", ("",), (), f"{NOT_MEASURED}.")
    rows = (
        ("asked, one after the other", number(asked["requests"])),
        ("failed", number(asked["failed"])),
        ("median, s", number(asked["median_s"])), ("95th percentile, s", number(asked["p95_s"])),
        ("longest, s", number(asked["most_s"])),
    )
    note = "; ".join(asked["errors"])
    return Rows("Requests to /query", ("what", "value"), rows, note)


def compared(now: Mapping[str, Any], before: Mapping[str, Any], named: str) -> Rows:
    """Return what changed since an earlier run.

    Args:
        now: this run's summary.
        before: the earlier one's.
        named: what the earlier one is called.
    """
    rows = []
    for phase in PHASES:
        first, second = before["phases"].get(phase), now["phases"].get(phase)
        if not first or not second:
            continue
        for key, words, *_ in LEVELS[:5]:
            rows.append((
                f"{phase}: {words}", *_change(first[key]["median"], second[key]["median"]),
            ))
        key, words = _PSI[0]
        rows.append((f"{phase}: {words}", *_change(first.get(key), second.get(key))))
        rows.append((f"{phase}: {RATES[-1][1]}",
                     *_change(first.get("oom_kills"), second.get("oom_kills"))))
    rows.append(("requests: median, s", *_change(
        before["requests"]["median_s"], now["requests"]["median_s"]
    )))
    return Rows(
        "Compared with the run before", ("", named, "now", "change"), tuple(rows),
        "Medians; the change is of the earlier value.",
    )


def _change(before: float | None, now: float | None) -> tuple[str, str, str]:
    if before is None or now is None:
        return number(before, 2), number(now, 2), UNKNOWN
    if before == now:
        return number(before, 2), number(now, 2), "none"
    if not before:
        return number(before, 2), number(now, 2), f"{now - before:+.1f}"
    return number(before, 2), number(now, 2), f"{(now - before) / before * 100:+.0f} %"


def holders(found: Sequence[Mapping[str, Any]] | None, why: str) -> Rows:
    """Return the table of desktop programs and what they hold.

    Args:
        found: kind, name, processes, MiB; None where nobody looked.
        why: why not.
    """
    if found is None:
        return Rows("Editors and browsers", ("",), (), f"{NOT_MEASURED}: {why}.")
    body = tuple(
        (one["name"], one["kind"], number(one["processes"]), number(one["mib"])) for one in found
    )
    return Rows(
        "Editors and browsers", ("program", "kind", "processes", "private memory, MiB"), body,
        "" if body else "None runs.",
    )
