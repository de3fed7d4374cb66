"""What a judgement consists of: findings, their evidence, and what could not be told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "unknown", "warning", "note"]
"""`error` stops the deploy before any change; `unknown` means that it could not be told."""

SEVERITIES: tuple[Severity, ...] = ("error", "unknown", "warning", "note")
"""All severities, the gravest first."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, what is needed, and what to do.

    Attributes:
        id: stable name of the check, such as `os` or `sysctl-rival`.
        severity: see `Severity`.
        subject: what it is about, such as `vm.swappiness` or a path.
        found: the state of the host.
        needed: what the settings or the stack ask for.
        remedy: what the user can do; may be empty for a note.
    """

    id: str
    severity: Severity
    subject: str
    found: str
    needed: str
    remedy: str = ""


@dataclass(frozen=True)
class Unknown:
    """Something that could not be judged; neither good nor bad.

    Attributes:
        subject: a path, or the name of a tool.
        why: what was found instead of an answer.
        remedy: what makes it judgeable.
    """

    subject: str
    why: str
    remedy: str


@dataclass(frozen=True)
class Evidence:
    """Something that was seen, and how to see it again.

    Attributes:
        text: what was seen, with its time where it has one.
        show: a command for the host that shows it again, or empty.
    """

    text: str
    show: str = ""


def blocks(findings: Iterable[Finding]) -> bool:
    """Return whether one of `findings` must stop the deploy."""
    return any(finding.severity == "error" for finding in findings)
