"""Asks the package index, before a build, whether it has what a lock names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from xnai.templating.render import ROOT

_TIMEOUT_S = 120
# What uv says when the index answered, and has no such package or version.
_ABSENT = re.compile(r"No solution found|was not found in the|no version of|no wheels?")


def python_of(base_image: str) -> str | None:
    """Return the Python version that a base image's name tells, or None."""
    path, _, tag = base_image.partition("@")[0].rpartition(":")
    match = re.match(r"3\.[0-9]+", tag)
    return match[0] if match and path.endswith("/python") else None


def absent(lock: Path, python: str, index_url: str) -> list[str] | None:
    """Return a sentence for what the index does not have; None where that cannot be told.

    Nothing is downloaded but metadata, and nothing of the packages is run: wheels alone count.

    Args:
        lock: a requirements file with hashes.
        python: version that it is installed for, such as 3.12.
        index_url: of the package index.
    """
    own = ROOT / ".tools/uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        return None
    try:
        done = subprocess.run(
            [
                uv, "pip", "compile", "--quiet", "--no-header", "--no-deps", "--no-config",
                "--only-binary", ":all:", "--python-version", python, "--python-platform", "linux",
                "--default-index", index_url, str(lock), "-o", os.devnull,
            ],
            capture_output=True, text=True, check=False, timeout=_TIMEOUT_S,
            # Behind an inspecting proxy the system's store knows its authority.
            env={**_environment(), "UV_SYSTEM_CERTS": "1", "UV_HTTP_RETRIES": "1", "NO_COLOR": "1"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode == 0:
        return []
    if not _ABSENT.search(done.stderr):
        return None
    said = " ".join(done.stderr.split()).removeprefix("error: ")
    return [f"{place(lock, said)}: {said} (asked: {index_url}, for Python {python})"]


def _environment() -> dict[str, str]:
    """This process's environment without what would point uv at other indexes."""
    return {name: text for name, text in os.environ.items() if not name.startswith("UV_")}


def place(lock: Path, said: str) -> str:
    """Return the lock's path with the line of the first requirement that `said` names."""
    for number, line in enumerate(lock.read_text("utf-8", "replace").splitlines(), 1):
        match = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", line)
        if match and re.search(rf"\b{re.escape(match[1])}==?{re.escape(match[2])}", said):
            return f"{lock}:{number}"
    return str(lock)
