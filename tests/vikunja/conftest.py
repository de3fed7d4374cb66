"""A deployed lab machine whose Vikunja is the real one, and where results are kept."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest

from tests.lab.conftest import (
    base,
    deployed,
    new_machine,
    progress,
    pytest_addoption,
    pytest_runtest_makereport,
)
from tests.vikunja.build import VERSIONS
from tests.vikunja.image import serve

RESULT = Path(__file__).parent / "result.md"
_rows: list[tuple[str, str]] = []


@pytest.fixture(scope="session")
def images(progress) -> dict[str, str]:
    """Version -> reference in the lab's registry."""
    return {version: serve(version, progress) for version in VERSIONS}


@pytest.fixture
def told():
    """Keep a line of the result: what was tried, what was seen."""
    return lambda what, seen: _rows.append((what, seen))


def pytest_sessionfinish(session, exitstatus):
    """Write the result down where all of it passed."""
    if exitstatus or not _rows:
        return
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True,
    ).stdout.strip()
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        "# The real Vikunja on a lab machine", "",
        f"{today}, tree {commit}, Vikunja {' and '.join(VERSIONS)} built from their source.", "",
        "| what | seen |", "|---|---|", *(f"| {what} | {seen} |" for what, seen in _rows), "",
    ]
    RESULT.write_text("\n".join(lines))


__all__ = [
    "base", "deployed", "new_machine", "progress", "pytest_addoption", "pytest_runtest_makereport",
]
