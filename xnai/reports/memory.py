"""What the baselines say, for the reports."""

from __future__ import annotations

import posixpath

from xnai.baseline.render import tables
from xnai.diagnostics.markdown_table import table
from xnai.reports.measurements import Measured, Measurements
from xnai.reports.words import beside, missing, source

HOW = "xnai baseline --cold --yes --into _meta/xnai/baselines"


def whole(page: str, found: Measurements) -> str:
    """Return the tables of each host's newest baseline, compared with the one before."""
    if not found.baselines:
        return missing("the memory baseline", HOW)
    parts = []
    for host, runs in found.baselines.items():
        now = runs[-1]
        parts.append(f"### {host}")
        picture = beside(page, posixpath.join(posixpath.dirname(now.path), "baseline.png"))
        parts.append(f"![The run: levels, swap traffic, pressure, requests]({picture})")
        shown = tables.tables(now.data)
        if len(runs) > 1:
            shown.insert(0, tables.compared(now.data, runs[-2].data, runs[-2].when))
        for one in shown:
            parts.append(f"**{one.title}**")
            if one.body:
                parts.append(table(one.head, one.body))
            if one.note:
                parts.append(one.note)
        parts.append(source(page, *runs[-2:]))
    return "\n\n".join(parts)


def in_short(page: str, found: Measurements) -> str:
    """Return the figures of each host's newest baseline that say most."""
    if not found.baselines:
        return missing("the memory baseline", HOW)
    rows = []
    for host, runs in found.baselines.items():
        now = runs[-1]
        for phase, figures in now.data["phases"].items():
            if figures:
                rows.append((
                    host, phase, tables.level(figures["ram_used_mib"]),
                    tables.level(figures["swap_used_mib"]), tables.level(figures["zram_ratio"]),
                    tables.number(figures["psi_memory_some_pct"], 2),
                    tables.number(figures["oom_kills"]),
                ))
    newest = [runs[-1] for runs in found.baselines.values()]
    head = ("host", "phase", "RAM used, MiB", "swap used, MiB", "zram: original / compressed",
            "memory pressure, some, % of the phase's time", "kills")
    return f"{table(head, rows)}\n\n{source(page, *newest)}"


def zram(page: str, found: Measurements) -> str:
    """Return what zram does on each host, in sentences that only say what was measured."""
    if not found.baselines:
        return missing("what zram does", HOW)
    lines = []
    for host, runs in found.baselines.items():
        lines += [f"- {sentence}" for sentence in _of_host(host, runs[-1])]
    newest = [runs[-1] for runs in found.baselines.values()]
    return "\n".join(lines) + f"\n\n{source(page, *newest)}"


def _of_host(host: str, run: Measured) -> list[str]:
    machine = run.data["machine"]
    if not machine["zram_mib"]:
        return [f"{host}: no zram0."]
    algorithm = machine["zram_algorithm"] or "algorithm not known"
    said = [
        f"{host}: zram0 of {tables.number(machine['zram_mib'])} MiB beside "
        f"{tables.number(machine['ram_mib'])} MiB of RAM, {algorithm}."
    ]
    phases = {name: one for name, one in run.data["phases"].items() if one}
    used = [one["zram_original_mib"]["most"] for one in phases.values()]
    most = max((one for one in used if one is not None), default=None)
    share = None if most is None else most / machine["zram_mib"] * 100
    if share is None:
        said.append(f"{host}: how full it gets is not known.")
    else:
        said.append(
            f"{host}: at most {tables.number(most)} MiB were in it, {share:.0f} % of its size."
        )
        if share < 1:
            said.append(f"{host}: it was idle in every phase.")
    kills = [one["oom_kills"] for one in phases.values()]
    if None in kills:
        said.append(f"{host}: how many kills for want of memory there were is not known.")
    else:
        said.append(f"{host}: {sum(kills):.0f} kills for want of memory in all phases.")
    return said
