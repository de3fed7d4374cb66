"""How a program on the host ends before it is done: by a signal, or with a reason."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress

from xnai.programs.backup.process import Failed

# What says that a run shall end and lets it put things right first.
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Ended(Failed):
    """A signal says that the run shall end; nothing that goes on without may hide it."""


def fail_on_signals() -> None:
    """Let the first of SIGNALS raise Ended, and the others have no effect after it."""

    def end(number: int, _: object) -> None:
        # What is put right from here on must not be cut off as well.
        ignore_signals()
        raise Ended(f"ended by signal {number}")

    for number in SIGNALS:
        signal.signal(number, end)


def ignore_signals() -> None:
    """Let SIGNALS have no effect from here on."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def report(failed: Failed) -> None:
    """Print a reason; whoever reads it may be gone by now."""
    lines = re.sub(r"\n(?!$)", "\n  ", str(failed))
    with suppress(OSError):
        os.write(2, f"{lines}\n".encode())
