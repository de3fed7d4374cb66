"""A run as one figure: SVG for the page, PNG beside it."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xnai.baseline.model import MeasuredRun
from xnai.baseline.summary import MIB, Number, ram_used, swap_used, value_of, zram

_COLOURS = ("#1f5fa8", "#c4511d", "#2f7d4f", "#7a4ba3")
_Line = tuple[str, Callable[[dict[str, Any]], Number]]


def _in_mib(read: Callable[[dict[str, Any]], Number]) -> Callable[[dict[str, Any]], Number]:
    return lambda one: None if (found := read(one)) is None else found / MIB


_LEVELS: tuple[tuple[str, tuple[_Line, ...]], ...] = (
    ("MiB", (("RAM used", _in_mib(ram_used)), ("swap used", _in_mib(swap_used)))),
    ("MiB", (
        ("zram: original data", _in_mib(zram("orig_data_size"))),
        ("zram: memory that it holds", _in_mib(zram("mem_used_total"))),
    )),
)


def _rate(samples: Sequence[dict[str, Any]], *keys: str) -> list[Number]:
    """A counter's growth by second between each sample and the one before."""
    found: list[Number] = [None]
    for before, after in itertools.pairwise(samples):
        values = [value_of(one, *keys) for one in (before, after)]
        passed = after["t_s"] - before["t_s"]
        known = None not in values and passed > 0 and values[1] >= values[0]
        found.append((values[1] - values[0]) / passed if known else None)
    return found


def figure(run: MeasuredRun) -> Figure:
    """Return the figure: levels, zram, swap traffic, pressure, requests, the phases marked."""
    times = [one["t_s"] for one in run.samples]
    made = Figure(figsize=(10, 12), layout="constrained")
    axes = list(made.subplots(5, 1, sharex=True))
    for place, (unit, lines) in zip(axes, _LEVELS, strict=False):
        for colour, (label, read) in zip(_COLOURS, lines, strict=False):
            _draw(place, times, [read(one) for one in run.samples], label, colour)
        place.set_ylabel(unit)
    page = run.about.get("page_size") or 0
    for colour, (label, line) in zip(
        _COLOURS, (("swapped in", "pswpin"), ("swapped out", "pswpout")), strict=False
    ):
        rates = [
            None if one is None else one * page / MIB
            for one in _rate(run.samples, "vmstat", line)
        ]
        _draw(axes[2], times, rates, label, colour)
    axes[2].set_ylabel("MiB/s")
    for colour, kind in zip(_COLOURS, ("some", "full"), strict=False):
        pct = [
            None if one is None else one / 1e4
            for one in _rate(run.samples, "pressure", "memory", kind)
        ]
        _draw(axes[3], times, pct, f"memory pressure, {kind}", colour)
    axes[3].set_ylabel("% of time")
    asked = run.told("request")
    axes[4].plot(
        [one["started_s"] + one["seconds"] for one in asked if not one["error"]],
        [one["seconds"] for one in asked if not one["error"]],
        "o", color=_COLOURS[0], label="a request to /query, at its end", markersize=4,
    )
    axes[4].set_ylabel("s")
    axes[4].set_xlabel("seconds since the begin")
    for place in axes:
        _phases(place, run)
        place.legend(loc="upper left", frameon=False, fontsize=8)
        # Room above the lines for what they are called.
        place.set_ylim(0, place.get_ylim()[1] * 1.35)
        place.grid(alpha=0.25)
    return made


def _draw(
    place: Axes, times: Sequence[float], values: Sequence[Number], label: str, colour: str
) -> None:
    """A line with a gap where nothing is known."""
    known = [float("nan") if one is None else one for one in values]
    if all(one is None for one in values):
        label = f"{label}: not known"
    place.plot(times, known, color=colour, label=label, linewidth=1.4)


def _phases(place: Axes, run: MeasuredRun) -> None:
    for number, one in enumerate(run.told("phase")):
        place.axvline(one["t_s"], color="#888888", linewidth=0.8, linestyle=":")
        place.annotate(
            one["phase"], (one["t_s"], 0), xycoords=("data", "axes fraction"),
            xytext=(3, 3 + 9 * (number % 2)), textcoords="offset points", fontsize=7,
            color="#666666",
        )
    for one in run.told("restarted"):
        place.axvline(one["t_s"], color="#b00020", linewidth=0.8)


def svg(run: MeasuredRun) -> str:
    """Return the figure as SVG, the same text for the same run; its letters are the reader's."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "xnai"}):
        text = io.StringIO()
        figure(run).savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def png(run: MeasuredRun) -> bytes:
    """Return the figure as PNG."""
    data = io.BytesIO()
    figure(run).savefig(data, format="png", dpi=110, metadata={"Software": None})
    return data.getvalue()
