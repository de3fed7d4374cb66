"""Deferred changes: what is configured but waits for a reboot, a login or free memory.

They are the third state beside changed and unchanged: listed at the end of every run with the
reason, counted as no change, and a failure only with `strict = True`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from pyinfra.api.host import Host
from pyinfra.context import ctx_host

_KEY = "xnai_deferred"


@dataclass(frozen=True)
class Deferred:
    """A change that waits: its component, and why, with what to do."""

    component: str
    reason: str


def defer(component: str, reason: str) -> None:
    """Note a deferred change of the current host; one a component, the latest."""
    notes = ctx_host.get().connector_data.setdefault(_KEY, {})
    notes[component] = Deferred(component, reason)


def deferred(host: Host) -> list[Deferred]:
    """Return what was deferred on `host` in this run, by component."""
    notes = cast(dict[str, Deferred], host.connector_data.get(_KEY, {}))
    return [notes[component] for component in sorted(notes)]
