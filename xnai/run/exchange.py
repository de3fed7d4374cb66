"""Which host of a run builds an image, which wait for it, and which have it already."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from weakref import WeakKeyDictionary

from pyinfra.api.host import Host
from pyinfra.api.state import State


class ImageExchange:
    """The hosts of one run, by image.

    A host says for all that it lacks at once what it will build; one that comes later waits for
    what the earlier ones have said. So the waiting has no circle, in whatever order or number
    pyinfra lets hosts run.

    An image is one with what it was built from: of two hosts with bases of their own neither waits
    for the other. The ID of an image's base is known where the base was there when the run began;
    it is empty where the base is yet to come.
    """

    def __init__(self) -> None:
        """Nobody has or builds anything yet."""
        self._lock = threading.Lock()
        self._holders: dict[tuple[str, str], list[tuple[Host, str]]] = {}
        self._building: dict[tuple[str, str, str], tuple[Host, threading.Event]] = {}

    def has(self, host: Host, architecture: str, bases: Mapping[str, str]) -> None:
        """Say what a host has.

        Args:
            host: who.
            architecture: of its machine.
            bases: reference -> ID of the image that it was built from, empty where not known.
        """
        with self._lock:
            for reference, base in bases.items():
                self._holders.setdefault((reference, architecture), []).append((host, base))

    def holders(self, reference: str, architecture: str, base: str) -> Sequence[Host]:
        """Return who has an image that was built from `base`, or from any where that is empty."""
        with self._lock:
            return self._of(reference, architecture, base)

    def _of(self, reference: str, architecture: str, base: str) -> Sequence[Host]:
        found = self._holders.get((reference, architecture), ())
        return tuple(host for host, other in found if not base or other == base)

    def begin(self, host: Host, architecture: str, bases: Mapping[str, str]) -> set[str]:
        """Say that a host builds what nobody has or builds; `end` must follow.

        Args:
            host: who.
            architecture: of its machine.
            bases: all that it lacks -> ID of the image that it is built from, empty where that
                one is lacking too.

        Returns:
            What is the host's to build.
        """
        with self._lock:
            mine = {
                reference for reference, base in bases.items()
                if (reference, architecture, base) not in self._building
                and not self._of(reference, architecture, base)
            }
            for reference in mine:
                key = (reference, architecture, bases[reference])
                self._building[key] = (host, threading.Event())
            return mine

    def end(
        self, host: Host, architecture: str, bases: Mapping[str, str], mine: Collection[str],
        built: Collection[str],
    ) -> None:
        """Say which of its images the host has now, and let the others go on.

        Args:
            host: who built.
            architecture: of its machine.
            bases: as `begin` was told.
            mine: what `begin` returned.
            built: what is there.
        """
        self.has(host, architecture, {one: bases[one] for one in built})
        with self._lock:
            ended = [self._building.pop((one, architecture, bases[one])) for one in mine]
        for _, event in ended:
            event.set()

    def builder(self, reference: str, architecture: str, base: str) -> Host | None:
        """Return who builds an image just now."""
        with self._lock:
            found = self._building.get((reference, architecture, base))
        return found[0] if found else None

    def wait(self, reference: str, architecture: str, base: str) -> None:
        """Wait until nobody builds an image any more, well or not."""
        with self._lock:
            found = self._building.get((reference, architecture, base))
        if found is not None:
            found[1].wait()


_OF_RUNS: WeakKeyDictionary[State, ImageExchange] = WeakKeyDictionary()


def exchange_of(state: State) -> ImageExchange:
    """Return a run's exchange; the same object each time."""
    return _OF_RUNS.setdefault(state, ImageExchange())
