"""What the user can choose about an audit."""

from __future__ import annotations

from dataclasses import dataclass, field

from xnai.audit.image_contents import Contents, local


@dataclass(frozen=True)
class Options:
    """Choices that rules see.

    Attributes:
        exclude: globs of paths below the tree that are left out.
        tools: whether hadolint, shellcheck, the schema and compose-lint are asked too.
        online: whether requirements may be resolved against the package index.
        ram_mib: RAM of the machine that will run the compose files; None leaves sums unjudged.
        times: whether each make target is expanded by itself and timed.
        images: the store that images are looked up in.
        run: make targets that are really run, in a sandbox, for their time.
        cache: whether answers of earlier audits may be taken, and are kept.
        host_room_mib: what the audited host's RAM and compressed swap hold, if a host is audited.
    """

    exclude: tuple[str, ...] = ()
    tools: bool = True
    online: bool = False
    ram_mib: int | None = None
    times: bool = False
    images: Contents = field(default_factory=local, compare=False)
    host_room_mib: int | None = None
    cache: bool = True
    run: tuple[str, ...] = ()
