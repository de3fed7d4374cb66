"""Deferred changes: what is configured but waits for a reboot, a login or free memory.

They are the third state beside changed and unchanged: listed at the end of every run with the
reason, counted as no change, and a failure only with `strict = True`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api.host import Host
from pyinfra.context import ctx_host

from xnai.run.known import known


@dataclass(frozen=True)
class Deferred:
    """A change that waits: its component, and why, with what to do."""

    component: str
    reason: str


def defer(component: str, reason: str) -> None:
    """Note a deferred change of the current host; one a component, the latest."""
    known(ctx_host.get()).waiting[component] = reason


def deferred(host: Host) -> list[Deferred]:
    """Return what was deferred on `host` in this run, by component."""
    return [Deferred(*note) for note in sorted(known(host).waiting.items())]
