"""Waiting for something to become true."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], *, timeout_s: float, every_s: float = 0.1) -> bool:
    """Ask again and again.

    Args:
        condition: what is asked.
        timeout_s: seconds after which the answer is no.
        every_s: seconds between two questions.

    Returns:
        Whether it became true in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True
