"""Which files of a tree on the controller go into an image, and which trees are refused."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from xnai.catalogue import Copy
from xnai.render import ROOT
from xnai.settings.model import Settings, Source

# Files that are credentials by their name, whatever git thinks of them.
_SECRET_NAMES = re.compile(
    r"\.env(\..*)?|\.netrc|\.pypirc|\.git-credentials|credentials(\.json)?|"
    r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx)",
    re.IGNORECASE,
)
# Examples hold no secrets, and readers want them.
_EXAMPLES = re.compile(r".*\.(example|sample|template|dist)", re.IGNORECASE)
_KEY_BEGINS = b"-----BEGIN"
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")

# name==version, with extras and a marker: what a lock's line begins with.
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[^\]]*\])?==[^\s;*,]+(\s*;.*)?\s*\\?")


class TreeRefused(ValueError):
    """A tree cannot be built from; the text has a line for each thing wrong."""


@cache
def _tracked(root: Path) -> frozenset[str] | None:
    """The paths below `root` that git tracks, or None where there is no checkout."""
    listed = subprocess.run(
        # Root in somebody's checkout runs that person's code already; git need not refuse to list.
        ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "--cached"],
        capture_output=True, check=False,
    )
    if listed.returncode != 0:
        return None
    return frozenset(os.fsdecode(name) for name in listed.stdout.split(b"\0"))


def files_of(root: Path) -> list[str]:
    """Return the paths of the files below `root` that may go into an image, sorted.

    In a git checkout what git tracks and is still there; elsewhere (an unpacked release) every
    file but bytecode.
    """
    tracked = _tracked(root)
    if tracked is not None:
        return sorted(name for name in tracked if name and (root / name).is_file())
    return sorted(
        str(path.relative_to(root)) for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    )


def copied_files(copies: Iterable[Copy]) -> dict[str, Path]:
    """Return the files that `copies` select: path below the build context -> file.

    Raises:
        TreeRefused: a copy selects nothing.
    """
    found: dict[str, Path] = {}
    for copy in copies:
        selected = _selected(copy)
        if not selected:
            raise TreeRefused(f"{copy.root / copy.source}: no such file, or none that git tracks")
        found |= selected
    return found


def _selected(copy: Copy) -> dict[str, Path]:
    source = PurePosixPath(copy.source)
    found = {}
    for name in files_of(copy.root):
        path = PurePosixPath(name)
        if path == source:
            found[copy.destination] = copy.root / name
        elif source in path.parents or copy.source == ".":
            found[str(PurePosixPath(copy.destination) / path.relative_to(source))] = (
                copy.root / name
            )
    return found


def untracked(copies: Iterable[Copy]) -> list[str]:
    """Return the files that `copies` would select if git tracked them; ignored ones are left out.

    A new module that was not yet added is missed by whoever imports it.
    """
    found = []
    for root in sorted({copy.root for copy in copies}):
        listed = subprocess.run(
            [
                "git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z", "--others",
                "--exclude-standard", "--", *(copy.source for copy in copies if copy.root == root),
            ],
            capture_output=True, check=False,
        )
        found += [
            str(root / os.fsdecode(name)) for name in listed.stdout.split(b"\0")
            if name and listed.returncode == 0
        ]
    return found


def refusals(settings: Settings, where: str) -> list[str]:
    """Return a sentence for each thing that keeps one of the user's own trees from being built.

    Args:
        settings: whose service_sources are judged.
        where: file and line of service_sources, for the messages.
    """
    return [
        sentence
        for name, source in settings.service_sources.items()
        for sentence in _refusals(f"service_sources[{name!r}]", source, where, settings)
    ]


def _refusals(said: str, source: Source, where: str, settings: Settings) -> list[str]:
    if not source.context.is_dir():
        return [f"{said}['context'] = {str(source.context)!r} ({where}): no such directory"]
    if _tracked(source.context) is None:
        return [
            f"{said}['context'] = {str(source.context)!r} ({where}): no git checkout; only what "
            "git tracks is sent, so that nothing gets in by accident. git init, git add"
        ]
    found = []
    for path, _ in source.copy:
        selected = _selected(Copy(source.context, path, path))
        if not selected:
            known = (source.context / path).exists()
            what = "exists, but git tracks nothing of it: git add" if known else "does not exist"
            found.append(f"{said}['copy'] names {path!r} ({where}): {what}")
        found += _unfit(said, where, selected, settings.context_max_mib)
    lock = source.context / source.requirements
    if source.requirements not in files_of(source.context):
        found.append(
            f"{said}['requirements'] = {source.requirements!r} ({where}): no file that git tracks "
            f"in {source.context}"
        )
    else:
        found += unlocked(lock, lock.read_text("utf-8", "replace"))
    return found


def _unfit(said: str, where: str, selected: Mapping[str, Path], most_mib: int) -> list[str]:
    """Sentences for files that may not leave the controller."""
    found = []
    for file in selected.values():
        size = file.stat().st_size
        if file.is_symlink():
            found.append(f"{file}: a symbolic link; name what it points at in 'copy' ({where})")
        elif _is_secret(file):
            found.append(
                f"{file}: looks like a secret and is among what {said} copies ({where}). Leave it "
                "out of 'copy' (name the directories that are needed), or git rm --cached it"
            )
        elif size > most_mib * 2**20:
            found.append(
                f"{file}: {size / 2**20:.1f} MiB, and context_max_mib = {most_mib}. Data belongs "
                "into a volume; or raise context_max_mib"
            )
    return found


def _is_secret(file: Path) -> bool:
    if _EXAMPLES.fullmatch(file.name):
        return False
    if _SECRET_NAMES.fullmatch(file.name):
        return True
    with file.open("rb") as opened:
        start = opened.read(4096)
    return _KEY_BEGINS in start and _KEY.search(start) is not None


def unlocked(path: Path, text: str) -> list[str]:
    """Return a sentence for each line of a requirements file that is not pinned with a hash.

    Args:
        path: of the file, for the messages.
        text: its content.
    """
    lock = (
        f"lock it: uv pip compile --universal --generate-hashes {path.with_suffix('.in').name} "
        f"-o {path.name}"
    )
    found = []
    number = 0
    lines = text.splitlines()
    while number < len(lines):
        first = number
        joined = lines[number]
        while joined.endswith("\\") and number + 1 < len(lines):
            number += 1
            joined = joined[:-1] + lines[number]
        number += 1
        line = re.sub(r"(^|\s)#.*", "", joined).strip()
        if not line:
            continue
        requirement = line.split(" --hash=")[0].strip()
        if line.startswith("-"):
            found.append(f"{path}:{first + 1}: {line!r}: options are not followed; {lock}")
        elif not _PINNED.fullmatch(requirement):
            found.append(f"{path}:{first + 1}: {requirement!r} is not pinned with ==; {lock}")
        elif "--hash=" not in line:
            found.append(f"{path}:{first + 1}: {requirement!r} has no hash; {lock}")
    return found


def revision(root: Path = ROOT) -> str:
    """Return the commit that a tree is at, or 'unknown' where git does not tell."""
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", str(root), "rev-parse", "HEAD"],
        capture_output=True, text=True, check=False,
    )
    return done.stdout.strip() or "unknown"
