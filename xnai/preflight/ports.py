"""Whether the ports that the stack publishes on loopback are free, or held by the stack itself."""

from __future__ import annotations

from collections.abc import Mapping

from xnai.diagnostics.finding import Finding
from xnai.facts.machine.model import Listener

OURS = ("rootlessport", "pasta", "pasta.avx2", "conmon", "slirp4netns")
"""Programs that hold a rootless container's published port."""

_IN_THE_WAY = ("127.0.0.1", "0.0.0.0", "*")  # noqa: S104


def is_ours(listener: Listener, stack_user_uid: int | None) -> bool:
    """Return whether a socket belongs to a container of the stack's user."""
    if stack_user_uid is None or listener.uid != stack_user_uid:
        return False
    return listener.process is None or listener.process in OURS


def judge_ports(
    listeners: tuple[Listener, ...] | None,
    published: Mapping[int, str],
    stack_user_uid: int | None,
) -> list[Finding]:
    """Return an error for each published port that somebody else holds on 127.0.0.1.

    listeners: None when they could not be listed; published: TCP port -> service; stack_user_uid:
    None for a user that does not exist yet.
    """
    if listeners is None:
        needed = f"ports {', '.join(map(str, published))} free"
        return [Finding("port", "unknown", "ports", "could not tell", needed, "ss -ltnp")]
    found = []
    for listener in listeners:
        service = published.get(listener.port)
        address = listener.address.partition("%")[0]
        if not service or address not in _IN_THE_WAY or is_ours(listener, stack_user_uid):
            continue
        who = listener.process or "a process that could not be told"
        pid = f" (PID {listener.pid})" if listener.pid else ""
        uid = f" of UID {listener.uid}" if listener.uid is not None else ""
        text = f"{address}:{listener.port} is held by {who}{pid}{uid}"
        needed = f"127.0.0.1:{listener.port} free for {service}"
        remedy = f"Stop that process, or set {service}_port to a free one."
        found.append(Finding("port", "error", f"port {listener.port}", text, needed, remedy))
    return found
