"""How a program on the host ends before it is done: by a signal, or with a reason."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable
from contextlib import suppress

from xnai.backup.podman import Failed


class Ended(Failed):
    """A signal says that the run shall end; nothing that goes on without may hide it."""


def fail_on(signals: Iterable[signal.Signals]) -> None:
    """Let the first of the signals raise Ended, and the others have no effect after it."""
    numbers = tuple(signals)

    def end(number: int, _: object) -> None:
        # What is put right from here on must not be cut off as well.
        ignore(numbers)
        raise Ended(f"ended by signal {number}")

    for number in numbers:
        signal.signal(number, end)


def ignore(signals: Iterable[signal.Signals]) -> None:
    """Let signals have no effect from here on."""
    for number in signals:
        signal.signal(number, signal.SIG_IGN)


def report(failed: Failed) -> None:
    """Print a reason; whoever reads it may be gone by now."""
    lines = re.sub(r"\n(?!$)", "\n  ", str(failed))
    with suppress(OSError):
        os.write(2, f"{lines}\n".encode())
