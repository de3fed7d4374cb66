"""A registry from which images are copied."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pyinfra.api.host import Host

from xnai.images.offer import Offer
from xnai.images.plan import Build
from xnai.operations import image_commands, network
from xnai.operations.image_source import Offered, architecture_of, arrived_on, recorded, run_on
from xnai.run.context import current
from xnai.run.image_record import ImageRecord


class RegistrySource:
    """A registry that the hosts reach; what it has is believed by the digest that was recorded."""

    lasting = True

    def __init__(self, source: str, record: ImageRecord) -> None:
        """Take the registry.

        Args:
            source: as image_source names it.
            record: which images in it are believed.
        """
        self.name = source
        self._record = record
        self._one_at_a_time = threading.Lock()

    def offers(self, references: Sequence[str], architecture: str) -> Offered:
        """Return what is recorded; whether it is still there turns out when it is pulled."""
        return recorded(self._record, references, architecture)

    def bring(self, holder: Host, references: Sequence[str], over: bool = False) -> None:
        """Let the holder's Podman push, and record the digests."""
        settings = current(holder)
        architecture = architecture_of(holder)
        with self._one_at_a_time:
            there, _ = self.offers(references, architecture)
            wanted = [one for one in references if over or one not in there]
            if not wanted:
                return
            lines: list[str] = []
            for command in image_commands.push(
                settings.stack_user, self.name, wanted, architecture, network.of(settings)
            ):
                lines = run_on(holder, command)
            self._record.keep(image_commands.pushed(wanted, lines))

    def install(self, host: Host, taken: Sequence[tuple[Build, Offer]]) -> set[str]:
        """Let the host's Podman pull by digest; what the registry has not any more is forgotten."""
        *first, last = image_commands.pull(self.name, taken, network.of(current(host)))
        found: set[str] = set()
        try:
            for command in first:
                run_on(host, command)
            found = arrived_on(host, last)
        finally:
            gone = {offer.reference for _, offer in taken} - found
            self._record.forget(gone, architecture_of(host))
        return found
