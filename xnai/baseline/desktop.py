"""Which editors and browsers run on this machine, and what memory they hold."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import psutil

_KINDS = {
    "editor": (
        "code", "code-oss", "codium", "cursor", "windsurf", "zed", "sublime_text", "pycharm",
        "idea", "clion", "goland", "webstorm", "rider", "eclipse", "emacs", "nvim", "vim", "gvim",
        "kate", "geany", "antigravity",
    ),
    "browser": (
        "firefox", "firefox-esr", "chrome", "chromium", "brave", "opera", "vivaldi-bin", "msedge",
        "librewolf", "epiphany", "falkon", "qutebrowser",
    ),
}
_KNOWN = {name: kind for kind, names in _KINDS.items() for name in names}
MIB = 1 << 20


def known(name: str) -> tuple[str, str] | None:
    """Return (program, kind) of a process' name, or None where it is neither."""
    plain = name.lower().removesuffix(".bin").removesuffix("64")
    return (plain, _KNOWN[plain]) if plain in _KNOWN else None


def holders() -> list[dict[str, Any]]:
    """Return the programs that run here, the largest first.

    Memory is what each process has for itself (USS); where that may not be read, its resident
    memory less what it shares.
    """
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for process in psutil.process_iter(["name"]):
        if found := known(process.info["name"] or ""):
            try:
                held = _own(process)
            except psutil.NoSuchProcess:
                continue
            sums[found][0] += 1
            sums[found][1] += held / MIB
    ordered = sorted(sums.items(), key=lambda item: -item[1][1])
    return [
        {"name": name, "kind": kind, "processes": int(count), "mib": round(mib, 1)}
        for (name, kind), (count, mib) in ordered
    ]


def _own(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().uss)
    except psutil.AccessDenied:
        held = process.memory_info()
        return float(max(0, held.rss - held.shared))
