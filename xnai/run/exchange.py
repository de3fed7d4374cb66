"""Which host of a run builds an image, which wait for it, and which have it already."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from weakref import WeakKeyDictionary

from pyinfra.api.host import Host
from pyinfra.api.state import State

# While a build goes on; whoever waits looks again, lest the builder's run was ended.
_LOOK_EVERY_S = 5.0


class ImageExchange:
    """The hosts of one run, by image.

    A host says for all that it lacks at once what it will build; one that comes later waits for
    what the earlier ones have said. So the waiting has no circle, in whatever order or number
    pyinfra lets hosts run.
    """

    def __init__(self) -> None:
        """Nobody has or builds anything yet."""
        self._lock = threading.Lock()
        self._holders: dict[tuple[str, str], list[Host]] = {}
        self._building: dict[tuple[str, str], threading.Event] = {}

    def has(self, host: Host, architecture: str, references: Iterable[str]) -> None:
        """Say what a host has."""
        with self._lock:
            for reference in references:
                self._holders.setdefault((reference, architecture), []).append(host)

    def holders(self, reference: str, architecture: str) -> Sequence[Host]:
        """Return who has an image."""
        with self._lock:
            return tuple(self._holders.get((reference, architecture), ()))

    def begin(self, architecture: str, references: Iterable[str]) -> set[str]:
        """Say that the caller builds what nobody has or builds; `end` must follow.

        Args:
            architecture: of its machine.
            references: all that it lacks.

        Returns:
            What is the caller's to build.
        """
        with self._lock:
            mine = {
                reference for reference in references
                if (reference, architecture) not in self._building
                and not self._holders.get((reference, architecture))
            }
            for reference in mine:
                self._building[reference, architecture] = threading.Event()
            return mine

    def end(
        self, host: Host, architecture: str, mine: Collection[str], built: Collection[str]
    ) -> None:
        """Say which of its images the host has now, and let the others go on.

        Args:
            host: who built.
            architecture: of its machine.
            mine: what `begin` returned.
            built: what is there.
        """
        self.has(host, architecture, built)
        with self._lock:
            ended = [self._building.pop((reference, architecture)) for reference in mine]
        for event in ended:
            event.set()

    def wait(self, reference: str, architecture: str) -> None:
        """Wait until nobody builds an image any more, well or not."""
        with self._lock:
            event = self._building.get((reference, architecture))
        while event is not None and not event.wait(_LOOK_EVERY_S):
            pass


_OF_RUNS: WeakKeyDictionary[State, ImageExchange] = WeakKeyDictionary()


def exchange_of(state: State) -> ImageExchange:
    """Return a run's exchange; the same object each time."""
    return _OF_RUNS.setdefault(state, ImageExchange())
