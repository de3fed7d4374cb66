"""What every backend offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from xnai.lab.disk import GuestFile
from xnai.lab.progress import Progress
from xnai.lab.spec import Config

# The small second disk, in the machine's folder (`xnai.lab.disk.write_identity`).
IDENTITY = "identity.tar"


@dataclass(frozen=True)
class Launch:
    """How a machine's process is started.

    Args:
        argv: the command.
        env: variables set over the present environment.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """One way to run a machine."""

    name: str
    # Seconds within which a boot must have reached ssh.
    boot_timeout_s: float
    # Whether Debian's own kernel has to be on the disk.
    needs_kernel_on_disk: bool
    # Whether a machine's disk can be a record of what differs from a read-only base.
    copies_on_write: bool
    # Whether a machine is kept on as many of this host's processors as it has itself.
    pinned: bool

    def missing(self) -> list[str]:
        """Debian packages that are needed and not installed on this host."""

    def build(self, progress: Progress, kernel_name: str = "plain", *, refresh: bool) -> None:
        """Bring what does not belong to the image (a kernel) into the cache."""

    def prepare(self, directory: Path, config: Config, image_dir: Path) -> list[GuestFile]:
        """Put into the machine's folder what it boots with; what the guest needs is returned.

        ``image_dir`` is the folder of the image or snapshot that the disk was copied from.
        """

    def launch(self, directory: Path, config: Config) -> Launch:
        """The command that boots the machine."""

    def helpers(self, directory: Path, config: Config) -> dict[str, Launch]:
        """Processes that must run beside the machine, by name, started before it."""

    def set_link(self, directory: Path, up: bool) -> None:
        """Cut or restore the guest's network from outside; raise LabError if it cannot."""
