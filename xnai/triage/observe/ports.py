"""A container's ports: not published, or held by somebody else while it is down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xnai.triage.collect.questions import published, role
from xnai.triage.observation import Observation
from xnai.triage.observe.scope import Scope

Container = Mapping[str, Any]


def observed(
    scope: Scope, one: Container, listeners: Sequence[Mapping[str, Any]]
) -> Iterator[Observation]:
    """Yield what is wrong with a container's ports: unpublished, or held while it is down.

    Args:
        scope: what is looked at.
        one: the container.
        listeners: all sockets of the host that listen.
    """
    mine = published(one)
    if not mine and one["status"] == "running" and role(one) in ("redis", "postgresql"):
        port = 6379 if role(one) == "redis" else 5432
        yield Observation("port", one["name"], f"unpublished {port}", f"{scope.podman} port "
                          f"{one['name']}")
    if one["status"] in ("running", "paused"):
        return
    for address, port, _ in mine:
        for other in listeners:
            if (
                other["port"] == port and other["address"] in (address, "0.0.0.0", "::")  # noqa: S104
                and not _is_left_over(scope, one, other)
            ):
                who = (f"taken {address}:{port} by {other['command'] or 'a process'} "
                       f"pid={other['pid']} uid={other['uid']}")
                yield Observation("port", one["name"], who, f"sudo ss -ltnp 'sport = :{port}'")


def _is_left_over(scope: Scope, one: Container, listener: Mapping[str, Any]) -> bool:
    """Whether a listener is what Podman had for this container itself, about to end.

    Between an end and the next start its rootlessport still holds the port. That of another
    container is told by that one, which runs and publishes the same.
    """
    if listener["command"] != "rootlessport" or listener["uid"] != scope.store["uid"]:
        return False
    return not any(
        port == listener["port"] for other in scope.store["containers"]
        if other["name"] != one["name"] and other["status"] == "running"
        for _, port, _ in published(other)
    )
