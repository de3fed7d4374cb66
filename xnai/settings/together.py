"""Checks of settings that are right alone and must fit each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from xnai.settings import layers
from xnai.settings.declaration import Declaration, ServiceMemory


def misfits(
    sources: list[layers.Layer],
    checked: Mapping[str, Any],
    declarations: Collection[Declaration],
) -> list[str]:
    """Return a sentence for each pair of settings that do not fit.

    Args:
        sources: the layers, the strongest first, to say where a value was set.
        checked: every setting with its checked value.
        declarations: all of them.
    """
    found = []
    for one in declarations:
        value, other = checked[one.name], one.below or one.at_most
        if not other or value is None:
            continue
        limit = checked[other]
        # What is derived from the host is not known here: `derived_misfits`.
        if limit is None or value < limit or (one.at_most and value == limit):
            continue
        relation = "below" if one.below else "at most"
        where = layers.origin(sources, one.name)
        found.append(f"{one.name} = {value} ({where}): must be {relation} {other} = {limit}")
    for one in declarations:
        if one.instead_of and None not in (checked[one.name], checked[one.instead_of]):
            where = layers.origin(sources, one.name)
            found.append(
                f"{one.name} = {checked[one.name]} ({where}): {one.instead_of} = "
                f"{checked[one.instead_of]} ({layers.origin(sources, one.instead_of)}) is set too; "
                "set one of them to None"
            )
    taken: dict[int, str] = {}
    for one in declarations:
        if not one.name.endswith("_port") or (one.switch and not checked[one.switch]):
            continue
        port = checked[one.name]
        other = taken.setdefault(port, one.name)
        if other != one.name:
            where = layers.origin(sources, one.name)
            found.append(
                f"{one.name} = {port} ({where}): the port of {other} "
                f"({layers.origin(sources, other)}) too; choose another one"
            )
    return found


def derived_misfits(memory: Mapping[str, ServiceMemory]) -> list[str]:
    """Return a sentence for each reservation above a limit that was derived from the host.

    Args:
        memory: of each service.
    """
    return [
        f"{name}_memory_reservation_mib = {one.reservation_mib}: must be at most "
        f"{name}_memory_limit_mib, which on this host is {one.limit_mib}"
        for name, one in memory.items() if one.reservation_mib > one.limit_mib
    ]
