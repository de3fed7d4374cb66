"""Which safe remedies mend what was found, in the order in which they must run: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from xnai.triage.ask import Looked
from xnai.triage.diagnosis import Diagnosis

Kind = Literal[
    "zram", "linger", "boot-unit", "files", "image-space", "network", "volume-owner",
    "role-password", "recreate", "restart", "dns",
]

ORDER: tuple[Kind, ...] = (
    "zram", "linger", "boot-unit", "files", "image-space", "network", "volume-owner",
    "role-password", "recreate", "restart", "dns",
)
"""What others need comes first."""

_VOLUME = re.compile(r"^(\S+) at \S+ owner=([\w ]+) user=(\d+)")


@dataclass(frozen=True)
class Repair:
    """One remedy.

    Attributes:
        kind: what is done.
        entity: the container that it is about, or `host`.
        why: the root cause in words, for the operation's name.
        containers: that are recreated or restarted.
        path: of the volume's directory on the host.
        owner: uid:gid inside containers.
    """

    kind: Kind
    entity: str
    why: str
    containers: tuple[str, ...] = ()
    path: str = ""
    owner: str = ""


def repairs(looked: Looked) -> tuple[list[Repair], list[str]]:
    """Return the remedies in their order, and what is left alone, in words.

    Args:
        looked: our own stack; of a project that we never deployed nothing is repaired.
    """
    found: list[Repair] = []
    left = []
    for root in looked.judgement.roots:
        mine = _of(root, looked) if looked.scope.is_ours and root.repair else []
        if not mine or root.confidence in ("possible", "unknown"):
            left.append(f"{root.entity}: {root.title} [{root.id}]: {_why_not(root, looked)}")
            continue
        found += [one for one in mine if one not in found]
    return sorted(found, key=lambda one: ORDER.index(one.kind)), left


def _why_not(root: Diagnosis, looked: Looked) -> str:
    if not looked.scope.is_ours:
        return "not deployed by us"
    if root.confidence in ("possible", "unknown"):
        return f"its cause is {root.confidence}"
    return root.remedy or "no safe remedy is known"


def _of(root: Diagnosis, looked: Looked) -> list[Repair]:
    containers = looked.scope.by_name()
    shared = [one.entity for one in root.consequences if one.id == root.id]
    entities = [root.entity, *shared]
    ordered = tuple(
        service.container_name for service in looked.scope.wanted
        if service.container_name in entities
    )
    if root.repair == "volume-owner":
        return [one for entity in entities for one in _volumes(entity, root, looked)]
    if root.repair == "network":
        # Those that were removed with it, and those that stand in it still.
        gone = tuple(
            service.container_name for service in looked.scope.wanted
            if service.container_name in entities or service.container_name not in containers
        )
        return [Repair("network", root.entity, root.title, gone)]
    kind = next(one for one in ORDER if one == root.repair)
    return [Repair(kind, root.entity, root.title, ordered)]


def _volumes(entity: str, root: Diagnosis, looked: Looked) -> list[Repair]:
    one: Mapping[str, object] = looked.scope.by_name().get(entity, {})
    users = {service.container_name: service.user for service in looked.scope.wanted}
    found = []
    for seen in looked.seen.of(entity, "volume"):
        match = _VOLUME.match(seen.text)
        mounts = one.get("mounts")
        if not match or not isinstance(mounts, Sequence):
            continue
        path = next((mount["source"] for mount in mounts if mount["name"] == match[1]), "")
        if path and "read-only mode" not in seen.text:
            why = f"{match[1]} owner {match[2]} -> {match[3]}"
            found.append(Repair("volume-owner", entity, why, (entity,), path, users[entity]))
    return found
