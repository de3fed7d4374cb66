"""What was read of a checkout: per service what can be taken, and what cannot, with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class NotTaken:
    """Something of the checkout that is not in the settings that were made.

    Attributes:
        path: of its file, below the checkout.
        line: counted from 1.
        what: the key, or the instruction.
        reason: why, and what to do.
    """

    path: str
    line: int
    what: str
    reason: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.path}:{self.line}: {self.what}: {self.reason}"


@dataclass
class Proposal:
    """A service of the checkout that can stand in for one of ours.

    Attributes:
        service: ours.
        theirs: its name in the checkout's compose file.
        source: its entry of service_sources.
        settings: further settings, such as its memory limit.
        not_taken: what of it is left out.
        packages: name==version of Python packages that stand in its Dockerfile alone.
    """

    service: str
    theirs: str
    source: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    not_taken: list[NotTaken] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CheckoutReading:
    """All that was read.

    Attributes:
        root: the checkout, absolute.
        compose: the compose file, below it.
        proposals: in its order.
        others: its services that are none of ours, each with what stands in its place, or nothing.
    """

    root: str
    compose: str
    proposals: tuple[Proposal, ...]
    others: tuple[tuple[str, int, str], ...]
