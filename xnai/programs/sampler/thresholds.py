"""When a machine's memory is worth a warning: thresholds, over a minute, with a way back."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

MIB = 1 << 20
WINDOW_S = 60.0
# Kills are told for so long after the last one.
KILLS_TOLD_S = 3600.0
# A warning ends where its value is so far on the good side of the threshold: no flapping.
_BACK = 0.8
# The ratio of a few pages says nothing.
_RATIO_FROM_BYTES = 256 * MIB

Sample = Mapping[str, Any]


# No dataclasses here: their module takes 3 MB of a program that is to stay small.
class WarningChange:
    """A warning that began, or ended.

    Attributes:
        kind: of the warning.
        began: whether it began.
        words: what a person reads.
    """

    def __init__(self, kind: str, began: bool, words: str) -> None:
        """Make it."""
        self.kind, self.began, self.words = kind, began, words


class Watch:
    """The last minute's samples, and what is warned of.

    Attributes:
        raised: kind -> words of what is warned of now.
        state: kind -> whether it is warned of; None: not known.
    """

    def __init__(self, limits: Mapping[str, float], page_size_bytes: int) -> None:
        """Make it.

        Args:
            limits: name of the setting -> its value.
            page_size_bytes: of the kernel.
        """
        self._limits, self._page = limits, page_size_bytes
        self._window: deque[tuple[float, Sample]] = deque()
        self._since: dict[str, float] = {}
        self._killed_at_s: float | None = None
        self._kills = 0
        self.raised: dict[str, str] = {}
        self.state: dict[str, bool | None] = {}

    def look(self, sample: Sample, now_s: float) -> list[WarningChange]:
        """Judge one more sample; return what changed.

        Args:
            sample: a reading of the machine, with its `containers`.
            now_s: when it was taken, by a clock that is never set.
        """
        self._window.append((now_s, sample))
        while len(self._window) > 2 and now_s - self._window[1][0] >= WINDOW_S:
            self._window.popleft()
        changes = self._kills_of(now_s)
        for kind, (limit, judge) in _JUDGED.items():
            changes += self._judge(kind, limit, judge(self), now_s)
        return changes

    def _judge(
        self, kind: str, name: str, value: float | None, now_s: float
    ) -> list[WarningChange]:
        """Whether one value begins or ends a warning."""
        limit = self._limits[name]
        low_is_bad = kind == "zram_ratio"
        is_raised = kind in self.raised
        edge = limit * ((1 / _BACK if low_is_bad else _BACK) if is_raised else 1.0)
        self.state[kind] = None
        if value is None:
            # Not known any more is no reason to say that all is well.
            return []
        bad = value < edge if low_is_bad else value > edge
        self.state[kind] = bad
        if bad:
            self.raised[kind] = f"{_WORDS[kind](value)} (warns {_BOUND[low_is_bad]} {limit:g}: "\
                f"{name})"
            if not is_raised:
                self._since[kind] = now_s
                return [WarningChange(kind, True, self.raised[kind])]
        elif is_raised:
            del self.raised[kind]
            since = now_s - self._since.pop(kind)
            return [WarningChange(
                kind, False, f"no longer: {_WORDS[kind](value)}, after {since:.0f} s"
            )]
        return []

    def _kills_of(self, now_s: float) -> list[WarningChange]:
        """Whether the kernel killed for want of memory since the sample before."""
        self.state["oom_kill"] = None
        changes = []
        if len(self._window) > 1:
            (_, before), (_, now) = self._window[-2], self._window[-1]
            new = _difference(before["vmstat"].get("oom_kill"), now["vmstat"].get("oom_kill"))
            if new:
                self._kills += new
                self._killed_at_s = now_s
                where = _killed_in(before["containers"], now["containers"])
                self.raised["oom_kill"] = f"{self._kills} kills for want of memory"
                changes.append(WarningChange(
                    "oom_kill", True, f"kills for want of memory: {new}{where} (sudo dmesg)",
                ))
        if self._killed_at_s is not None and now_s - self._killed_at_s > KILLS_TOLD_S:
            del self.raised["oom_kill"]
            self._killed_at_s, self._kills = None, 0
            changes.append(WarningChange("oom_kill", False, "no more kills for want of memory"))
        if self._window[-1][1]["vmstat"].get("oom_kill") is not None:
            self.state["oom_kill"] = "oom_kill" in self.raised
        return changes

    def _rate(self, read: Callable[[Sample], int | None]) -> float | None:
        """Growth per second of a counter over the window; None before there is one."""
        (then_s, then), (now_s, now) = self._window[0], self._window[-1]
        # Half of it at least: a burst of one interval is not yet a minute.
        if now_s - then_s < WINDOW_S / 2:
            return None
        grown = _difference(read(then), read(now))
        return None if grown is None else grown / (now_s - then_s)

    def _fill(self) -> float | None:
        zram = self._window[-1][1]["zram"]
        if zram is None:
            return 0.0  # there is none: what was warned of is over
        if zram["orig_data_size"] is None or zram["disksize"] is None:
            return None
        # A device that was reset has no size.
        return float(100 * zram["orig_data_size"] / (zram["disksize"] or math.inf))

    def _ratio(self) -> float | None:
        zram = self._window[-1][1]["zram"]
        original, packed = (zram["orig_data_size"], zram["compr_data_size"]) if zram else (0, 0)
        if original is None or packed is None:
            return None
        return original / packed if original >= _RATIO_FROM_BYTES and packed else math.inf

    def _swap_in(self) -> float | None:
        return _mib(self._rate(lambda one: one["vmstat"].get("pswpin")), self._page)

    def _refaults(self) -> float | None:
        rate = self._rate(lambda one: one["vmstat"].get("workingset_refault_file"))
        return _mib(rate, self._page)

    def _pressure(self) -> float | None:
        rate = self._rate(lambda one: one["pressure"]["memory"]["some"])
        # Microseconds a second, as percent.
        return None if rate is None else rate / 1e4


def _mib(rate: float | None, page: int) -> float | None:
    return None if rate is None else rate * page / MIB


def _difference(then: int | None, now: int | None) -> int | None:
    """How much a counter grew; None where it is not known, or began anew."""
    return None if then is None or now is None or now < then else now - then


def _killed_in(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """In which containers, as far as their control groups tell.

    That of a container whose first process was killed is gone, or began anew with its restart.
    """
    inside, ended = [], []
    for name, before in then.items():
        after = now.get(name)
        if before is None:
            continue
        if after is None or (after["memory.peak"] or 0) < (before["memory.peak"] or 0):
            ended.append(name)
        elif _difference(before["events"]["oom_kill"], after["events"]["oom_kill"]):
            inside.append(name)
    return (f" in {', '.join(inside)}" if inside else "") + (
        f"; ended meanwhile: {', '.join(ended)}" if ended else ""
    )


_JUDGED: dict[str, tuple[str, Callable[[Watch], float | None]]] = {
    "zram_fill": ("memory_warn_zram_fill_pct", Watch._fill),
    "zram_ratio": ("memory_warn_zram_ratio", Watch._ratio),
    "swap_in": ("memory_warn_swap_in_mib_per_s", Watch._swap_in),
    "pressure": ("memory_warn_pressure_pct", Watch._pressure),
    "refaults": ("memory_warn_refault_mib_per_s", Watch._refaults),
}
_WORDS: dict[str, Callable[[float], str]] = {
    "zram_fill": lambda value: f"zram0 is {value:.0f} % full of its disksize",
    "zram_ratio": lambda value: (
        f"zram0 compresses {value:.1f} : 1" if math.isfinite(value) else "zram0 is all but empty"
    ),
    "swap_in": lambda value: f"{value:.0f} MiB/s come back from swap",
    "pressure": lambda value: f"processes waited for memory in {value:.0f} % of the last minute",
    "refaults": lambda value: f"{value:.0f} MiB/s of file pages are read again, such as a model's",
}
_BOUND = {True: "below", False: "above"}
