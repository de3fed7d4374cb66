"""Elapsed seconds for every step that takes longer than a moment."""

from __future__ import annotations

import shutil
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

    Steps of several threads may run at once; a terminal's one line then shows them all.

    Args:
        stream: where to write; standard error by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.tty = self.stream.isatty()
        self._lock = threading.Lock()
        self._steps: dict[object, tuple[str, float]] = {}

    def say(self, text: str) -> None:
        """Print one line at once.

        Args:
            text: the line without its newline.
        """
        clear = "\r\033[K" if self.tty and self._steps else ""
        with self._lock:
            print(f"{clear}{text}", file=self.stream, flush=True)

    def _in_place(self) -> None:
        now = time.monotonic()
        with self._lock:
            told = "; ".join(
                f"{title} … {now - started:.0f} s" for title, started in list(self._steps.values())
            )
            width = shutil.get_terminal_size().columns - 3
            self.stream.write(f"\r\033[K  {told[:width]}")
            self.stream.flush()

    def _tick(self, title: str, started: float, done: threading.Event) -> None:
        wait = QUIET_SECONDS
        while not done.wait(wait):
            if self.tty:
                self._in_place()
            else:
                self.say(f"  {title} … {time.monotonic() - started:.0f} s")
            wait = 1.0 if self.tty else LINE_EVERY_SECONDS

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show a step while it runs, when it runs longer than a moment.

        Args:
            title: what is being done.
        """
        started = time.monotonic()
        done = threading.Event()
        me = object()
        self._steps[me] = (title, started)
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
                self.say(f"  {title}: {verdict} after {elapsed:.1f} s")
            del self._steps[me]
