"""One entry's way: library, ledger, RAG API."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from curation_worker import library
from curation_worker.api import Api, Unavailable
from curation_worker.ledger import Ledger
from curation_worker.library import Page, Poison, Rewritten
from curation_worker.streams import Entry, Results

T = TypeVar("T")

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 15.0
# Deliveries count up with every restart, too. An entry that was handed out so many times more
# than a bad one needs, without an end, ends the worker each time (memory?).
_CRASHES = 10


class Stopped(Exception):
    """SIGTERM came while an entry waited for the API; the entry stays pending."""


class Worker:
    """Brings entries into the index.

    Args:
        directory: of the library.
        pause: waits for so many seconds, keeps the heartbeat, and raises Stopped on SIGTERM.
        log: takes one line an event.
    """

    def __init__(
        self,
        directory: Path,
        results: Results,
        ledger: Ledger,
        api: Api,
        max_deliveries: int,
        pause: Callable[[float], None],
        log: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._results = results
        self._ledger = ledger
        self._api = api
        self._max_deliveries = max_deliveries
        self._pause = pause
        self._log = log

    def do(self, entry: Entry) -> None:
        """Bring an entry to its end, or leave it pending for another time.

        Raises:
            Stopped: it is left pending.
        """
        if entry.deliveries > self._max_deliveries * _CRASHES:
            self._give_up(entry, f"the worker ended {entry.deliveries - 1} times over it")
            return
        try:
            self._bring_in(entry, library.read(self._directory, entry.file, entry.sha256))
        except Poison as poison:
            if isinstance(poison, Rewritten) and self._results.newer(entry):
                self._results.done(entry)
                self._log(f"passed over {entry.url!r}: it was crawled again, with a later entry")
            elif entry.deliveries >= self._max_deliveries:
                self._give_up(entry, str(poison))
            else:
                # It is handed out again when it has been idle for long enough.
                self._log(
                    f"failed {entry.url!r}, delivery {entry.deliveries} of "
                    f"{self._max_deliveries}: {poison}"
                )

    def _give_up(self, entry: Entry, reason: str) -> None:
        self._results.failed(entry, reason)
        self._log(f"gave up {entry.url!r}: {reason}")

    def _bring_in(self, entry: Entry, page: Page) -> None:
        """Ingest a page or record it as a duplicate, whichever holds when it is recorded."""
        while True:
            owner = self._ledger.owner(page.content_hash)
            if owner in (None, page.id):
                passages = self._patiently(entry, lambda: self._api.ingest(page))
                if self._ledger.ingested(entry, page):
                    self._log(f"ingested {page.url!r}, {passages} passages written")
                    return
            else:
                # What the URL had before, or what a race for the same text left there.
                self._patiently(entry, lambda: self._api.remove(page.id))
                if self._ledger.duplicate(entry, page):
                    self._log(f"duplicate {page.url!r}: the text is there as {owner}")
                    return

    def _patiently(self, entry: Entry, ask: Callable[[], T]) -> T:
        """Return what the API answers, however long that takes."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return ask()
            except Unavailable as error:
                self._log(f"waiting {pause_s:g} s: {error}")
            until = time.monotonic() + pause_s
            while (left := until - time.monotonic()) > 0:
                self._pause(min(left, _FIRST_PAUSE_S))
                self._results.keep(entry)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
