"""Checks of settings that are right alone and must fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xnai.settings import layers
from xnai.settings.spec import LOWEST_LIMIT_MIB

# Setting of a published port -> the setting that switches its service or publishing on.
_PORTS = {
    "redis_port": "redis_publish_loopback",
    "rag_api_port": "",
    "chainlit_ui_port": "",
    "docs_port": "",
    "vikunja_port": "vikunja",
}


def misfits(sources: list[layers.Layer], checked: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each pair of settings that do not fit.

    Args:
        sources: the layers, the strongest first, to say where a value was set.
        checked: every setting with its checked value.
    """
    pairs = [("vm_dirty_background_ratio_pct", "below", "vm_dirty_ratio_pct")]
    pairs += [
        (f"{name}_memory_reservation_mib", "at most", f"{name}_memory_limit_mib")
        for name in LOWEST_LIMIT_MIB
    ]
    found = []
    for name, relation, other in pairs:
        value, limit = checked[name], checked[other]
        if value is None or value < limit or (relation == "at most" and value == limit):
            continue
        where = layers.origin(sources, name)
        found.append(f"{name} = {value} ({where}): must be {relation} {other} = {limit}")
    taken: dict[int, str] = {}
    for name, switch in _PORTS.items():
        if switch and not checked[switch]:
            continue
        other = taken.setdefault(checked[name], name)
        if other != name:
            where = layers.origin(sources, name)
            found.append(
                f"{name} = {checked[name]} ({where}): the port of {other} "
                f"({layers.origin(sources, other)}) too; choose another one"
            )
    return found
