"""What a lock names, and whether the package index has it: asked before a build."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from xnai.templating.render import ROOT

_TIMEOUT_S = 120
# name==version, with extras and a marker: what a lock's line begins with.
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?\s*==\s*[^\s;*,]+(\s*;.*)?\s*\\?")
_NAME_AND_VERSION = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\]+)")
# What uv says when the index answered, and has no such package or version.
_ABSENT = re.compile(r"No solution found|was not found in the|no version of|no wheels?")


def python_of(base_image: str) -> str | None:
    """Return the Python version that a base image's name tells, or None."""
    path, _, tag = base_image.partition("@")[0].rpartition(":")
    match = re.match(r"3\.[0-9]+", tag)
    return match[0] if match and path.endswith("/python") else None


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a requirements file, continued ones as one, without comments: number, text."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        first = number
        joined = lines[number]
        while joined.endswith("\\") and number + 1 < len(lines):
            number += 1
            joined = joined[:-1] + lines[number]
        number += 1
        if line := re.sub(r"(^|\s)#.*", "", joined).strip():
            yield first + 1, line


def unlocked(path: Path, text: str) -> list[str]:
    """Return a sentence for each line of a requirements file that is not pinned with a hash.

    Args:
        path: of the file, for the messages.
        text: its content.
    """
    lock = f"lock it: xnai lock SERVICE={path} (docs/own-tree.md)"
    found = []
    for number, line in _entries(text):
        requirement = line.split(" --hash=")[0].strip()
        if line.startswith("-"):
            found.append(f"{path}:{number}: {line!r}: options are not followed; {lock}")
        elif not _PINNED.fullmatch(requirement):
            found.append(f"{path}:{number}: {requirement!r} is not pinned with ==; {lock}")
        elif "--hash=" not in line:
            found.append(f"{path}:{number}: {requirement!r} has no hash; {lock}")
    return found


def _named(line: str) -> str:
    """The name==version of a lock's line, as `source_packages` has it; empty where it has none."""
    match = _NAME_AND_VERSION.match(line)
    return f"{canonicalize_name(match[1])}=={match[2]}" if match else ""


def parted(text: str, sources: Sequence[str]) -> tuple[str, str]:
    """Return a lock in two: what is installed as wheels, and what is built from source before.

    Args:
        text: of the lock.
        sources: name==version of packages that only come as source.
    """
    of_source = {_named(one) for one in sources}
    parts: tuple[list[str], list[str]] = ([], [])
    for _, line in _entries(text):
        parts[_named(line) in of_source].append(" ".join(line.split()) + "\n")
    return "".join(parts[0]), "".join(parts[1])


def misfits_of_sources(
    path: Path, text: str, sources: Sequence[str], said: str
) -> list[str]:
    """Return a sentence for each package that is to be built from source and is not in the lock.

    Args:
        path: of the lock.
        text: its content.
        sources: name==version of packages that only come as source.
        said: where that is set.
    """
    locked = {_named(line) for _, line in _entries(text)}
    names = {one.partition("==")[0]: one for one in locked}
    found = []
    for one in sources:
        if _named(one) not in locked:
            name = canonicalize_name(one.partition("==")[0])
            have = f"it has {names[name]}" if name in names else f"it has no {name}"
            found.append(f"{said}: {one} is not in {path}: {have}; make the lock again: xnai lock")
    return found


def absent(
    lock: Path, python: str, index_url: str, elsewhere: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> list[str] | None:
    """Return a sentence for what the index does not have; None where that cannot be told.

    Nothing is downloaded but metadata, and nothing of the packages is run: wheels alone count.

    Args:
        lock: a requirements file with hashes.
        python: version that it is installed for, such as 3.12.
        index_url: of the package index.
        elsewhere: names of files that a wheelhouse has; their packages are not asked for.
        sources: name==version of packages that only come as source; they are not asked for.
    """
    there = [*sources, *filter(None, map(_of_wheel, elsewhere))]
    asked, _ = parted(lock.read_text("utf-8", "replace"), there)
    if not asked.strip():
        return []
    own = ROOT / ".tools/uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        return None
    try:
        done = subprocess.run(
            [
                uv, "pip", "compile", "--quiet", "--no-header", "--no-deps", "--no-config",
                "--only-binary", ":all:", "--python-version", python, "--python-platform", "linux",
                "--default-index", index_url, "-", "-o", os.devnull,
            ],
            capture_output=True, text=True, check=False, timeout=_TIMEOUT_S, input=asked,
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


def _of_wheel(file: str) -> str:
    """The name==version of a wheel's file; empty for other files."""
    try:
        name, version, _, _ = parse_wheel_filename(file)
    except InvalidWheelFilename:
        return ""
    return f"{name}=={version}"


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
