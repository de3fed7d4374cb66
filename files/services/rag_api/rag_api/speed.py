"""How fast answers were, for whoever is about to ask."""

from __future__ import annotations

import statistics
from collections import deque

_KEPT = 50


class Speed:
    """The last answers' times, since the service started."""

    def __init__(self) -> None:
        self._extract_s: deque[float] = deque(maxlen=_KEPT)
        self._pieces_per_s: deque[float] = deque(maxlen=_KEPT)

    def extracted(self, seconds: float) -> None:
        """Note how long the search and the choice of sentences took, in seconds."""
        self._extract_s.append(seconds)

    def generated(self, pieces: int, seconds: float) -> None:
        """Note how many pieces a model's text came in, and in how many seconds."""
        if pieces > 1 and seconds > 0:
            self._pieces_per_s.append(pieces / seconds)

    @property
    def extract_s(self) -> float | None:
        """The median of search and choice of sentences, in seconds; None: nobody has asked yet."""
        return statistics.median(self._extract_s) if self._extract_s else None

    @property
    def pieces_per_s(self) -> float | None:
        """The median of a model's pieces (about a token each) a second; None: none has answered."""
        return statistics.median(self._pieces_per_s) if self._pieces_per_s else None
