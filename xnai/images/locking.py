"""Locks for a service of the user's own tree: resolved by uv, for wheels of one Python alone.

uv writes what it resolved as pylock.toml (PEP 751), which lists the wheels and the source of each
package; so all packages that only come as source are known at once, and not one a build.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
import urllib.request
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from xnai.templating.render import ROOT

ARCHITECTURES = ("x86_64", "aarch64")
_TIMEOUT_S = 600
_MOST_SOURCE_BYTES = 64 << 20
# The C library of Debian 12, on which python:3.11 and later stand; newer images read older wheels.
_GLIBC_MINOR = 36
_COMPILED = re.compile(r".*\.(c|cc|cpp|cxx|pyx|pxd|rs|f|f90|go|cu)", re.IGNORECASE)
_FROM = re.compile(
    r"^# xnai lock: from (.+), for Python (\S+) on (\S+?)(, with sources)?$", re.MULTILINE
)


class NotLocked(Exception):
    """No lock could be made; nothing was written. The text says what was found and what to do."""


@dataclass(frozen=True)
class SourceOnly:
    """A package that has no wheel for the image.

    Attributes:
        name: as the index has it.
        version: that was resolved.
        is_pure: whether its source has Python alone; None where that could not be told.
    """

    name: str
    version: str
    is_pure: bool | None

    def __str__(self) -> str:
        """Return it in words."""
        kind = {
            True: "pure Python",
            False: "needs a compiler",
            None: "could not be looked into",
        }[self.is_pure]
        return f"{self.name}=={self.version} ({kind})"


@dataclass(frozen=True)
class Origin:
    """What a lock says that it was made from.

    Attributes:
        source: absolute path.
        python: version, such as 3.12.
        architectures: of the hosts.
        with_sources: whether it holds packages that only come as source.
    """

    source: Path
    python: str
    architectures: tuple[str, ...]
    with_sources: bool = False

    def __str__(self) -> str:
        """Return it as a lock says it."""
        more = ", with sources" if self.with_sources else ""
        return f"from {self.source}, for Python {self.python} on " \
            f"{'+'.join(self.architectures)}{more}"


@dataclass(frozen=True)
class MadeLock:
    """A lock that was made.

    Attributes:
        text: of its file.
        sources: what in it only comes as source.
    """

    text: str
    sources: tuple[SourceOnly, ...]


def origin(lock: str) -> Origin | None:
    """Return what the text of a lock says that it was made from; None where it is none of ours."""
    match = _FROM.search(lock)
    if match is None:
        return None
    return Origin(Path(match[1]), match[2], tuple(match[3].split("+")), bool(match[4]))


def made(wanted: Origin, index_url: str, old: str = "") -> MadeLock:
    """Return a lock.

    Args:
        wanted: from what, for which Python and architectures.
        index_url: of the package index.
        old: the lock's present text, whose versions are kept where they still fit.

    Raises:
        NotLocked: it cannot be resolved, or some packages have no wheel and sources are not
            wanted, or not even that.
    """
    found: dict[str, tuple[str, set[str]]] = {}
    sources: dict[str, SourceOnly] = {}
    for architecture in wanted.architectures:
        for package in _resolved(wanted, architecture, index_url, old):
            name, version = str(package["name"]), str(package["version"])
            digests = fitting(package, wanted.python, architecture)
            if not digests:
                sdist = package.get("sdist") or {}
                sources[name] = SourceOnly(name, version, _is_pure(sdist))
                digests = [str(one) for one in [sdist.get("hashes", {}).get("sha256")] if one]
                if not digests:
                    raise NotLocked(f"{sources[name]}: the index has neither a wheel nor a source "
                                    "with a sha256. Nothing was written")
            known = found.setdefault(name, (version, set()))
            if known[0] != version:
                raise NotLocked(
                    f"{name} is {known[0]} on {wanted.architectures[0]} and {version} on "
                    f"{architecture}: pin one version of it in {wanted.source}. Nothing was written"
                )
            known[1].update(digests)
    if sources and not wanted.with_sources:
        listed = "\n  ".join(str(one) for _, one in sorted(sources.items()))
        have = "packages have" if len(sources) > 1 else "package has"
        raise NotLocked(
            f"{wanted.source}: {len(sources)} {have} no wheel for Python {wanted.python} on "
            f"{', '.join(wanted.architectures)}, and images have no compiler:\n  {listed}\n"
            "Take versions that have one; or have them built from source, before the image and "
            "without a network: xnai lock --with-sources (docs/own-tree.md). Nothing was written"
        )
    lines = [f"# xnai lock: {wanted}"]
    for name, (version, hashes) in sorted(found.items()):
        lines.append(" \\\n    ".join(
            [f"{name}=={version}", *(f"--hash=sha256:{one}" for one in sorted(hashes))]
        ))
    return MadeLock("\n".join(lines) + "\n", tuple(one for _, one in sorted(sources.items())))


def _resolved(
    wanted: Origin, architecture: str, index_url: str, old: str
) -> list[dict[str, Any]]:
    own = ROOT / ".tools/uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        raise NotLocked("uv is not there: make setup")
    environment = {name: text for name, text in os.environ.items() if not name.startswith("UV_")}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "pylock.toml"
        constraints = Path(folder) / "kept.txt"
        constraints.write_text("".join(
            f"{match[0]}\n" for match in re.finditer(r"^[A-Za-z0-9._-]+==\S+", old, re.MULTILINE)
        ))
        for kept in ([True, False] if constraints.stat().st_size else [False]):
            done = subprocess.run(
                [
                    # Neither the checkout's configuration nor this user's.
                    uv, "pip", "compile", "--quiet", "--no-config", "--format", "pylock.toml",
                    "--python-version", wanted.python,
                    "--python-platform", f"{architecture}-manylinux_2_{_GLIBC_MINOR}",
                    "--default-index", index_url, str(wanted.source), "-o", str(target),
                    *(["--constraints", str(constraints)] if kept else []),
                ],
                capture_output=True, text=True, check=False, timeout=_TIMEOUT_S, cwd=folder,
                env=environment | {"UV_SYSTEM_CERTS": "1", "NO_COLOR": "1"},
            )
            if done.returncode == 0:
                found: list[dict[str, Any]] = tomllib.loads(target.read_text())["packages"]
                return found
    said = " ".join(done.stderr.split()).removeprefix("error: ")
    raise NotLocked(f"{wanted.source}: {said} (asked: {index_url}). Nothing was written")


def tags(python: str, architecture: str) -> frozenset[Tag]:
    """Return the tags of wheels that an image takes.

    Args:
        python: version, such as 3.12.
        architecture: such as x86_64.
    """
    version = tuple(map(int, python.split(".")[:2]))
    platforms = [f"manylinux_2_{minor}_{architecture}" for minor in range(_GLIBC_MINOR, 4, -1)]
    # Names of before PEP 600.
    platforms += [f"manylinux{name}_{architecture}" for name in ("2014", "2010", "1")]
    platforms.append(f"linux_{architecture}")
    return frozenset((
        *cpython_tags(version, platforms=platforms),
        *compatible_tags(version, interpreter=f"cp{version[0]}{version[1]}", platforms=platforms),
    ))


def fitting(package: Mapping[str, Any], python: str, architecture: str) -> list[str]:
    """Return the sha256 of the wheels of a package that an image takes; empty if there is none.

    Args:
        package: an entry of pylock.toml.
        python: version, such as 3.12.
        architecture: such as x86_64.
    """
    wanted = tags(python, architecture)
    found = []
    for wheel in package.get("wheels", ()):
        name = wheel.get("name") or str(wheel.get("url", "")).rpartition("/")[2]
        try:
            _, _, _, of_wheel = parse_wheel_filename(name)
        except InvalidWheelFilename:
            continue
        if of_wheel & wanted and (digest := wheel.get("hashes", {}).get("sha256")):
            found.append(str(digest))
    return found


def _is_pure(sdist: Mapping[str, Any] | None) -> bool | None:
    """Whether a source distribution has Python alone; nothing of it is unpacked or run."""
    if not sdist or not (url := str(sdist.get("url", ""))).startswith("https://"):
        return None
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310  (https, see above)
            data = answer.read(_MOST_SOURCE_BYTES + 1)
    except OSError:
        return None
    if len(data) > _MOST_SOURCE_BYTES or (
        hashlib.sha256(data).hexdigest() != sdist.get("hashes", {}).get("sha256")
    ):
        return None
    return has_python_alone(data, url)


def has_python_alone(data: bytes, name: str) -> bool | None:
    """Return whether an archive has nothing that a compiler would read; None: it is no archive.

    Args:
        data: of a source distribution.
        name: of its file.
    """
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = archive.namelist()
        else:
            with tarfile.open(fileobj=io.BytesIO(data)) as packed:
                names = packed.getnames()
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError):
        return None
    return not any(
        _COMPILED.fullmatch(one) and not re.search(r"/(tests?|docs?|examples?)/", one)
        for one in names
    )
