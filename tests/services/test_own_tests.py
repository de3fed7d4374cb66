"""Each reference service's own tests, in an environment made of its lock.

A service whose tests run other services names them in its file tests/needs, one a line. Each of
those has an environment of its own, as it has an image of its own; the tests find its Python in
the environment variable PYTHON_OF_<NAME>. One with a file tests/without-lock is tested without its
packages, because of their size; its tests say what that leaves out.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ROOT / "files/services"
ENVIRONMENTS = ROOT / ".venv-services"


def environment(name: str) -> Path:
    """Return the Python of a service's environment, made when one of its locks changed."""
    service = SERVICES / name
    locks = [] if (service / "tests/without-lock").exists() else service.glob("requirements*.txt")
    locks = sorted(locks)
    pytest_version = importlib.metadata.version("pytest")
    made_from = hashlib.sha256(
        b"\0".join([pytest_version.encode(), *(lock.read_bytes() for lock in locks)])
    ).hexdigest()
    path = ENVIRONMENTS / name
    mark = path / "made-from"
    python = path / "bin/python"
    if mark.exists() and mark.read_text() == made_from:
        return python
    uv = [str(ROOT / ".tools/uv"), "--quiet"]
    subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(path)], check=True)
    for lock in locks:
        subprocess.run(
            [
                *uv, "pip", "install", "--python", str(python), "--require-hashes", "--no-deps",
                "--only-binary", ":all:", "-r", str(lock),
            ],
            check=True,
        )
    subprocess.run(
        [*uv, "pip", "install", "--python", str(python), f"pytest=={pytest_version}"], check=True
    )
    mark.write_text(made_from)
    return python


def needed(name: str) -> dict[str, str]:
    """Return the environment variables that name the Pythons of the services in tests/needs."""
    needs = SERVICES / name / "tests/needs"
    others = needs.read_text().split() if needs.exists() else []
    return {f"PYTHON_OF_{other.upper()}": str(environment(other)) for other in others}


@pytest.mark.parametrize(
    "name", sorted(path.parent.name for path in SERVICES.glob("*/tests"))
)
def test_own_tests(name, capfd):
    """Runs whole, and everything passes; what is skipped or left out shows in its output."""
    python, others = environment(name), needed(name)
    with capfd.disabled():  # also where it passes
        ended = subprocess.run(
            [str(python), "-m", "pytest", "-q", str(SERVICES / name / "tests")],
            cwd=ROOT, check=False, env={**os.environ, **others},
        )
    assert ended.returncode == 0, f"make test-services ARGS='-k {name}'"
