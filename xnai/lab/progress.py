"""Elapsed seconds for every step that takes longer than a moment."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

QUIET_SECONDS = 3.0
LINE_EVERY_SECONDS = 30.0


class Progress(Protocol):
    """What the lab tells its steps to."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """Announce a step; leaving the context ends it."""

    def say(self, text: str) -> None:
        """Print one line."""


class Silent:
    """Progress that prints nothing."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Do nothing around a step.

        Args:
            title: not used.
        """
        yield

    def say(self, text: str) -> None:
        """Print nothing.

        Args:
            text: not used.
        """


class Lines:
    """Progress as lines of text, rewritten in place on a terminal only.

    Args:
        stream: where to write; standard error by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.tty = self.stream.isatty()

    def say(self, text: str) -> None:
        """Print one line at once.

        Args:
            text: the line without its newline.
        """
        print(text, file=self.stream, flush=True)

    def _tick(self, title: str, started: float, done: threading.Event) -> None:
        wait = QUIET_SECONDS
        while not done.wait(wait):
            elapsed = time.monotonic() - started
            if self.tty:
                self.stream.write(f"\r\033[K  {title} … {elapsed:.0f} s")
                self.stream.flush()
            else:
                self.say(f"  {title} … {elapsed:.0f} s")
            wait = 1.0 if self.tty else LINE_EVERY_SECONDS

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show a step while it runs, when it runs longer than a moment.

        Args:
            title: what is being done.
        """
        started = time.monotonic()
        done = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(title, started, done), daemon=True)
        ticker.start()
        verdict = "failed"
        try:
            yield
            verdict = "done"
        finally:
            done.set()
            ticker.join()
            elapsed = time.monotonic() - started
            if elapsed >= QUIET_SECONDS or verdict == "failed":
                clear = "\r\033[K" if self.tty else ""
                self.say(f"{clear}  {title}: {verdict} after {elapsed:.1f} s")
