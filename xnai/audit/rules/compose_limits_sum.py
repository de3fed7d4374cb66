"""Limits that add up to more than the machine has."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.rules.compose_redis_maxmemory import limit_of
from xnai.audit.tree import Tree


class ComposeLimitsSum(Rule):
    """The sum of a file's memory limits against --ram-mib."""

    id = "compose_limits_sum"
    severity = "warning"
    title = "limits add up to more than the RAM"
    remedy = "Lower limits, or put services that are seldom used into a profile."

    def not_judged(self, tree: Tree) -> str:
        """Return why nothing was judged: nobody said what the machine has."""
        if tree.options.ram_mib or tree.options.host_room_mib or not tree.composes:
            return ""
        return "no --ram-mib"

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield one hit a file, at its largest limit; a host runs all its files at once.

        Without --ram-mib or a host nothing is judged.
        """
        room = tree.options.ram_mib or tree.options.host_room_mib
        if room is None:
            return
        together = [tree.composes] if tree.options.host_room_mib else [(f,) for f in tree.composes]
        for files in together:
            limits = [
                (*found, service.name, file.path) for file in files for service in file.services
                if "profiles" not in service.data for found in [limit_of(service)] if found
            ]
            total = sum(limit[0] for limit in limits) // 1024**2
            if total > room:
                _, line, name, path = max(limits)
                yield Hit(
                    path, line,
                    f"{total} MiB of limits on {room} MiB of RAM; the largest is {name}'s.",
                )
