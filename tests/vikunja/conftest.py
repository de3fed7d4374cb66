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
    rng,
)
from tests.vikunja.build import VERSIONS
from tests.vikunja.image import serve

RESULT = Path(__file__).parent / "result.md"


@pytest.fixture(scope="session")
def images(progress) -> dict[str, str]:
    """Version -> reference in the lab's registry."""
    return {version: serve(version, progress) for version in VERSIONS}


@pytest.fixture
def told(request):
    """Keep a line of the result: what was tried, what was seen; of a test that passed alone."""
    rows: list[tuple[str, str]] = []
    yield lambda what, seen: rows.append((what, seen))
    if getattr(request.node, "passed", False):
        write(rows)


def write(rows: list[tuple[str, str]]) -> None:
    """Put lines into the result, in place of those that said what came of the same."""
    said = RESULT.read_text().splitlines() if RESULT.exists() else []
    kept = {line.split(" | ")[0]: line for line in said if line.startswith("| ")}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True,
    ).stdout.strip()
    when = f"{datetime.datetime.now(datetime.UTC).date()}, {commit}"
    kept |= {f"| {what}": f"| {what} | {seen} | {when} |" for what, seen in rows}
    kept.pop("| what", None)
    RESULT.write_text("\n".join([
        "# The real Vikunja on a lab machine", "",
        f"What `make test-vikunja` saw last: Vikunja {' and '.join(VERSIONS)}, built from their "
        "source, by this project's own deploy, with the stand-ins of PostgreSQL 17 and Redis 8.0.",
        "", "| what | seen | when, with which tree |", "|---|---|---|", *kept.values(), "",
    ]))


__all__ = [
    "base", "deployed", "new_machine", "progress", "pytest_addoption", "pytest_runtest_makereport",
    "rng",
]
