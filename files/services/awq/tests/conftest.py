"""Puts the service on sys.path, and says what these tests leave out."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def pytest_terminal_summary(terminalreporter) -> None:
    """Say it where nobody overlooks it."""
    terminalreporter.write_line(
        "NOT RUN HERE: awq's quantisation itself. Its packages weigh 3 GB (torch with CUDA) and "
        "are not installed for tests; arguments, refusals and the atomic write are tested."
    )
