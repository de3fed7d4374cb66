"""How a host differs from what the settings want, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Something on a host that is not as the settings want it.

    Attributes:
        component: memory, containers, sampler, images, secrets or stack: the step that would
            change it.
        words: what it is, what was found and what is wanted.
        waits: why a deploy leaves it for later, with what to do; empty where it would change it.
    """

    component: str
    words: str
    waits: str = ""

    def __str__(self) -> str:
        """Return it as an operation's name has it."""
        return f"{self.component}: {self.words}"


@dataclass(frozen=True)
class FileDifference:
    """A file of ours that is not on the host as it should be.

    Attributes:
        path: absolute.
        words: how it differs.
        text: what it should hold.
        mode: as 0644.
    """

    path: str
    words: str
    text: str
    mode: str = "0644"

    def __str__(self) -> str:
        """Return its path and how it differs."""
        return f"{self.path} ({self.words})"
