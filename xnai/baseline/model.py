"""A measurement as it was read back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

PHASES = ("cold start", "model initialisation", "steady state", "load", "recovery")
"""In their order; one that was not measured is missing in a run."""


class BrokenSamples(Exception):
    """The samples are none, or do not come to their end; the text says what there is."""


@dataclass(frozen=True)
class MeasuredRun:
    """All of one measurement.

    Attributes:
        samples: in their order, each with `phase`, `t_s` (seconds since the begin), `clock_s`.
        events: in their order: phases, requests, starts, clock changes.
        about: of the machine.
    """

    samples: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    about: dict[str, Any] = field(default_factory=dict)

    def of(self, phase: str) -> list[dict[str, Any]]:
        """Return a phase's samples."""
        return [one for one in self.samples if one["phase"] == phase]

    def told(self, what: str) -> list[dict[str, Any]]:
        """Return the events of a kind."""
        return [one for one in self.events if one["event"] == what]


def read(lines: Iterable[str]) -> MeasuredRun:
    """Return the run in lines of JSON.

    Raises:
        BrokenSamples: it does not come to its end.
    """
    samples: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            one = json.loads(line)
        except ValueError:
            raise BrokenSamples(f"line {number} is no JSON: {line[:60]!r}") from None
        (events if "event" in one else samples).append(one)
    if not samples or not any(one["event"] == "end" for one in events):
        raise BrokenSamples(f"{len(samples)} samples, and no end: it was cut off")
    about: dict[str, Any] = next((one for one in events if one["event"] == "machine"), {})
    return MeasuredRun(tuple(samples), tuple(events), about)
