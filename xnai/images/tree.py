"""Which files of a tree on the controller go into an image, and which trees are refused."""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from xnai.images.locks import misfits_of_sources, unlocked
from xnai.images.model import CopiedPath
from xnai.settings.checks_sources import Source
from xnai.settings.model import Settings
from xnai.templating.render import ROOT

# Files that are credentials by their name, whatever git thinks of them.
_SECRET_NAMES = re.compile(
    r"\.envrc|.*\.env|\.env\..*|\.netrc|\.pypirc|\.git-credentials|credentials(\.json)?|"
    r"id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx)",
    re.IGNORECASE,
)
# Examples hold no secrets by their name, and readers want them.
_EXAMPLES = re.compile(r".*\.(example|sample|template|dist)", re.IGNORECASE)
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----")


_OWN = ROOT / "files"


class TreeRefused(ValueError):
    """A tree cannot be built from; the text has a line for each thing wrong."""


@cache
def _tracked(root: Path) -> frozenset[str] | None:
    """The paths below `root` that git tracks, or None where there is no checkout."""
    if _OWN in root.parents:
        # The services' own folders by one question: a process costs more than the search.
        below = f"{root.relative_to(_OWN)}/"
        own = _tracked(_OWN)
        return own and frozenset(n.removeprefix(below) for n in own if n.startswith(below))
    listed = _git(root, "ls-files", "-z", "--cached", "--recurse-submodules")
    if listed is None:
        return None
    return frozenset(os.fsdecode(name) for name in listed.split(b"\0") if name)


def _git(root: Path, *words: str) -> bytes | None:
    """What git prints for a tree, or None: no checkout, or no git on this machine."""
    # A hook's variables would make git read another repository.
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            # Root in somebody's checkout runs that person's code already; git need not refuse.
            ["git", "-c", "safe.directory=*", "-C", str(root), *words],
            capture_output=True, check=False, env=environment,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def files_of(root: Path) -> list[str]:
    """Return the paths of the files below `root` that may go into an image, sorted.

    In a git checkout what git tracks and is still there, links too; elsewhere (an unpacked
    release) every file but bytecode.
    """
    tracked = _tracked(root)
    if tracked is not None:
        return sorted(name for name in tracked if os.path.lexists(root / name))
    return sorted(
        str(path.relative_to(root)) for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    )


def copied_files(copies: Iterable[CopiedPath]) -> dict[str, Path]:
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


def _selected(copy: CopiedPath) -> dict[str, Path]:
    source = PurePosixPath(copy.source)
    if not copy.is_tracked:
        file = copy.root / copy.source
        return {copy.destination: file} if file.is_file() else {}
    found: dict[str, Path] = {}
    for name in files_of(copy.root):
        path = PurePosixPath(name)
        if _excluded(path, copy.exclude):
            continue
        if path == source:
            place = PurePosixPath(copy.destination)
        elif source in path.parents or copy.source == ".":
            place = PurePosixPath(copy.destination) / path.relative_to(source)
        else:
            continue
        found |= _followed(copy.root, name, place)
    return found


def _followed(root: Path, name: str, place: PurePosixPath) -> dict[str, Path]:
    """A file, or what a link to something that git tracks in the same tree stands for.

    Other links stay what they are, and are refused by whoever asks.
    """
    file = root / name
    if not file.is_symlink():
        return {str(place): file}
    try:
        target = PurePosixPath(file.resolve(strict=True).relative_to(root.resolve()))
    except (OSError, ValueError, RuntimeError):  # nothing there, outside, a circle
        return {str(place): file}
    plain = [one for one in files_of(root) if not (root / one).is_symlink()]
    if str(target) in plain:
        return {str(place): root / target}
    below = {
        str(place / PurePosixPath(one).relative_to(target)): root / one
        for one in plain if target in PurePosixPath(one).parents
    }
    return below or {str(place): file}


def _excluded(path: PurePosixPath, patterns: tuple[str, ...]) -> bool:
    """Whether a path, or a directory that it is in, matches one of the patterns."""
    return any(
        fnmatch.fnmatchcase(str(one), pattern)
        for pattern in patterns for one in (path, *path.parents)
    )


def untracked(copies: Iterable[CopiedPath]) -> list[str]:
    """Return the files that `copies` would select if git tracked them; ignored ones are left out.

    A new module that was not yet added is missed by whoever imports it.
    """
    found = []
    for root in sorted({copy.root for copy in copies}):
        listed = _git(
            root, "ls-files", "-z", "--others", "--exclude-standard", "--",
            *(copy.source for copy in copies if copy.root == root),
        )
        found += [str(root / os.fsdecode(name)) for name in (listed or b"").split(b"\0") if name]
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
    found = _colliding(said, where, source)
    for path, place in source.copy:
        selected = _selected(CopiedPath(source.context, path, path, source.exclude))
        if not selected:
            known = (source.context / path).exists()
            what = "exists, but git tracks nothing of it: git add" if known else "does not exist"
            found.append(f"{said}['copy'] names {path!r} ({where}): {what}")
        elif place == "." and path in files_of(source.context):
            found.append(f"{said}['copy'] puts the file {path!r} at '.' ({where}): name its place")
        found += _unfit(said, where, source.context, selected, settings.context_max_mib)
    lock = source.lock
    if Path(source.requirements).is_absolute():
        if not lock.is_file():
            found.append(
                f"{said}['requirements'] = {source.requirements!r} ({where}): no such file"
            )
        else:
            found += _unlocked(said, where, source)
    elif source.requirements not in files_of(source.context):
        found.append(
            f"{said}['requirements'] = {source.requirements!r} ({where}): no file that git tracks "
            f"in {source.context}"
        )
    elif unfit := _unfit(
        said, where, source.context, {"": lock}, settings.context_max_mib
    ):
        found += unfit
    else:
        found += _unlocked(said, where, source)
    return found


def _unlocked(said: str, where: str, source: Source) -> list[str]:
    """Sentences for what is wrong with the lock, and with what is built of it from source."""
    text = source.lock.read_text("utf-8", "replace")
    return unlocked(source.lock, text) + misfits_of_sources(
        source.lock, text, source.source_packages, f"{said}['source_packages'] ({where})"
    )


def _colliding(said: str, where: str, source: Source) -> list[str]:
    """Sentences for two files that would get one place in the image."""
    taken: dict[str, Path] = {}
    found = []
    for path, place in source.copy:
        for target, file in _selected(
            CopiedPath(source.context, path, place, source.exclude)
        ).items():
            if taken.setdefault(target, file) != file:
                found.append(
                    f"{said}['copy'] puts {file} and {taken[target]} at the same place ({where})"
                )
    return found


def _unfit(
    said: str, where: str, root: Path, selected: Mapping[str, Path], most_mib: int
) -> list[str]:
    """Sentences for files that may not leave the controller, or cannot."""
    found = []
    for file in selected.values():
        try:
            str(file).encode()
            size = file.stat().st_size
            outside = file.resolve() != root.resolve() / file.relative_to(root)
        except (OSError, UnicodeEncodeError) as error:
            found.append(f"{file!r}: cannot be sent: {error} ({where})")
            continue
        if outside or not file.is_file():
            found.append(
                f"{file}: a symbolic link, or behind one, or no file; name what it points at in "
                f"'copy', or leave it out by 'exclude' ({where})"
            )
        elif size > most_mib * 2**20:
            found.append(
                f"{file}: {size / 2**20:.1f} MiB, and context_max_mib = {most_mib}. Data belongs "
                "into a volume; or raise context_max_mib"
            )
        elif _is_secret(file):
            found.append(
                f"{file}: looks like a secret and is among what {said} copies ({where}). Leave it "
                "out ('exclude', or name in 'copy' what is needed), or git rm --cached it"
            )
    return found


def _is_secret(file: Path) -> bool:
    if _SECRET_NAMES.fullmatch(file.name) and not _EXAMPLES.fullmatch(file.name):
        return True
    return _KEY.search(file.read_bytes()) is not None


def revision(root: Path = ROOT) -> str:
    """Return the commit that a tree is at, with -dirty where files differ, or 'unknown'."""
    commit = (_git(root, "rev-parse", "--verify", "--quiet", "HEAD") or b"").decode().strip()
    if not commit:
        return "unknown"
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return f"{commit}-dirty" if changed else commit
