"""Limits that add up to more than the machine has."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.audit.model import Hit, Rule
from xnai.audit.rules.compose_redis_maxmemory import limit_of
from xnai.audit.tree import Tree


class ComposeLimitsSum(Rule):
    """The sum of a file's memory limits against --ram-mib."""

    id = "compose_limits_sum"
    severity = "warning"
    title = "limits add up to more than the RAM"
    remedy = "Lower limits, or put services that are seldom used into a profile."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield one hit a file, at its largest limit; without --ram-mib nothing is judged."""
        if tree.options.ram_mib is None:
            return
        for file in tree.composes:
            limits = [
                (*found, service.name) for service in file.services
                if "profiles" not in service.data for found in [limit_of(service)] if found
            ]
            total = sum(amount for amount, _, _ in limits) // 1024**2
            if total > tree.options.ram_mib:
                _, line, name = max(limits)
                yield Hit(
                    file.path, line,
                    f"{total} MiB of limits on {tree.options.ram_mib} MiB of RAM; the largest is "
                    f"{name}'s.",
                )
