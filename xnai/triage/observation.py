"""What was seen of a host, one short text each: what signatures are compared with."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from xnai.diagnostics.finding import Evidence, Unknown

HOST = "host"


@dataclass(frozen=True)
class Observation:
    """One thing that was seen.

    Attributes:
        kind: state, health, log, answer, need, port, volume, secret, network, image, file, kill,
            unit, space, memory, account, kernel, clock or store: what signatures name.
        entity: the container that it was seen of, or `host`.
        text: what was seen, on one line.
        show: a command that shows it again, on the host.
        time: when, seconds since 1970; None is now.
        is_history: whether it is older than the last moment at which its container was well.
    """

    kind: str
    entity: str
    text: str
    show: str = ""
    time: float | None = None
    is_history: bool = False

    @property
    def words(self) -> str:
        """It with its time, for a person."""
        if self.time is None:
            return self.text
        when = datetime.datetime.fromtimestamp(self.time, datetime.UTC)
        return f"{when:%Y-%m-%d %H:%M:%S}Z {self.text}"

    @property
    def evidence(self) -> Evidence:
        """It as evidence of a finding."""
        return Evidence(self.words, self.show)


@dataclass
class Seen:
    """All that was seen of one host.

    Attributes:
        observations: in no order.
        blind: what could not be looked at.
        needs: container -> containers that it needs, directly.
        services: container -> its service's name.
        well: what was looked at and is well, in words.
        podman: how Podman is called on that host: `sudo xnai-podman`, or as a login user.
        scope: what was looked at: `stack xnai`, `project chat of anna`.
        time: the host's clock then, seconds since 1970.
    """

    observations: list[Observation] = field(default_factory=list)
    blind: list[Unknown] = field(default_factory=list)
    needs: dict[str, set[str]] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    well: list[str] = field(default_factory=list)
    podman: str = "sudo xnai-podman"
    scope: str = ""
    time: float = 0.0

    def of(self, entity: str, *kinds: str) -> Sequence[Observation]:
        """Return what was seen of an entity, of these kinds or of all."""
        return [
            one for one in self.observations
            if one.entity == entity and (not kinds or one.kind in kinds)
        ]

    def reaches(self, entity: str) -> set[str]:
        """Return all that a container needs, directly or not."""
        found: set[str] = set()
        waiting = set(self.needs.get(entity, ()))
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting |= self.needs.get(one, set())
        return found - {entity}
