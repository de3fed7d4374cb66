"""What the user can choose about an audit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Choices that rules see.

    Attributes:
        exclude: globs of paths below the tree that are left out.
        tools: whether hadolint, shellcheck, the schema and compose-lint are asked too.
        online: whether requirements may be resolved against the package index.
        ram_mib: RAM of the machine that will run the compose files; None leaves sums unjudged.
        times: whether each make target is expanded by itself and timed.
    """

    exclude: tuple[str, ...] = ()
    tools: bool = True
    online: bool = False
    ram_mib: int | None = None
    times: bool = False
