"""Redis that may take more than its container."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xnai.audit.compose import ComposeService
from xnai.audit.model import Hit
from xnai.audit.rule import Rule
from xnai.audit.sizes import compose_bytes, redis_bytes
from xnai.audit.tree import Tree


def limit_of(service: ComposeService) -> tuple[int, int] | None:
    """Return a service's memory limit in bytes and its line."""
    own = service.text("mem_limit")
    deploy = service.data.get("deploy")
    parts: object = deploy
    for key in ("resources", "limits", "memory"):
        parts = parts.get(key) if isinstance(parts, dict) else None
    for text, keys in ((own, ("mem_limit",)),
                       (str(parts or ""), ("deploy", "resources", "limits", "memory"))):
        amount = compose_bytes(text) if text else None
        if amount:
            return amount, service.line(*keys)
    return None


class ComposeRedisMaxmemory(Rule):
    """--maxmemory that is not below the memory limit."""

    id = "compose_redis_maxmemory"
    severity = "error"
    title = "maxmemory reaches the container's limit"
    remedy = "Leave a third for copies and clients: maxmemory at most 2/3 of the limit."

    def check(self, tree: Tree) -> Iterator[Hit]:
        """Yield services whose command sets more than the limit allows."""
        for file in tree.composes:
            for service in file.services:
                value = service.data.get("command")
                command = " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
                match = re.search(r"--maxmemory[\s=]+[\"']?(\d+\w*)", command)
                limit = limit_of(service)
                amount = redis_bytes(match[1]) if match else None
                if match and amount and limit and amount >= limit[0]:
                    yield Hit(
                        file.path, service.line("command"),
                        f"{service.name}: maxmemory {match[1]}, limit {limit[0] // 1024**2} MiB: "
                        "the kernel kills it before it evicts anything.",
                    )
