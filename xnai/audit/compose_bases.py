"""Which directory a compose file's paths count from, and which files it is merged with.

Its own, unless -f names another file first, or --project-directory another directory. The latter is
rarely told where the file lies; then what its paths name tells it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

from xnai.audit.compose import ComposeFile
from xnai.audit.tree import Tree


@dataclass(frozen=True)
class _Merge:
    """Words that name files handed over together, and those of the tree that each may name."""

    words: tuple[str, ...]
    files: tuple[tuple[ComposeFile, ...], ...]


@dataclass(frozen=True)
class _Places:
    """The tree's compose files by directory, and the merges that each stands in."""

    by_folder: Mapping[str, tuple[ComposeFile, ...]]
    without_services: tuple[ComposeFile, ...]
    merges: Mapping[str, tuple[_Merge, ...]]


def _places(tree: Tree) -> _Places:
    return tree.once("compose places", lambda: _worked_out(tree))


def _worked_out(tree: Tree) -> _Places:
    by_folder: dict[str, list[ComposeFile]] = {}
    by_name: dict[str, list[ComposeFile]] = {}
    for one in tree.composes:
        by_folder.setdefault(one.directory, []).append(one)
        by_name.setdefault(posixpath.basename(one.path), []).append(one)
    merges: dict[str, list[_Merge]] = {}
    for words in tree.merges:
        files = tuple(tuple(_named(tree, by_name, word)) for word in words)
        merge = _Merge(words, files)
        for path in dict.fromkeys(one.path for group in files for one in group):
            merges.setdefault(path, []).append(merge)
    return _Places(
        {name: tuple(files) for name, files in by_folder.items()},
        tuple(one for one in tree.composes if not one.services),
        {path: tuple(found) for path, found in merges.items()},
    )


def _named(
    tree: Tree, by_name: Mapping[str, list[ComposeFile]], word: str
) -> Iterator[ComposeFile]:
    """The files that a word may name; what runs compose may stand in any directory."""
    clean = re.sub(r"^(\.\./)+", "", posixpath.normpath(word))
    if re.search(r"[*?]", clean):
        yield from (one for one in tree.composes
                    if fnmatch(one.path, clean) or fnmatch(one.path, f"*/{clean}"))
        return
    for one in by_name.get(posixpath.basename(clean), ()):
        if one.path == clean or one.path.endswith(f"/{clean}"):
            yield one


def bases(tree: Tree, file: ComposeFile) -> list[str]:
    """Return the directories that the paths of `file` may count from, its own first."""
    found = [file.directory, *_read_from(tree, file.directory)]
    for merge in _places(tree).merges.get(file.path, ()):
        if any(file is one for group in merge.files[1:] for one in group):
            found.append(posixpath.dirname(posixpath.normpath(merge.words[0])))
            found += [one.directory for one in merge.files[0]]
    return list(dict.fromkeys(found))


def partners(tree: Tree, file: ComposeFile) -> list[ComposeFile] | None:
    """Return the files that `file` may be merged with; None where the tree lacks one of them."""
    places = _places(tree)
    found = [
        *(one for folder in bases(tree, file) for one in places.by_folder.get(folder, ())),
        # What has no services is there to be merged with what lies below it.
        *(one for one in places.without_services
          if f"{file.directory}/".startswith(f"{one.directory}/".lstrip("/"))),
    ]
    for merge in places.merges.get(file.path, ()):
        for word, files in zip(merge.words, merge.files, strict=True):
            if not files and not re.search(r"[*?]", word) and len(merge.words) > 1 \
                    and not _by_pattern(merge):
                return None
            found += files
    return list({one.path: one for one in found}.values())


def _by_pattern(merge: _Merge) -> bool:
    return any(re.search(r"[*?]", word) for word in merge.words)


def _read_from(tree: Tree, folder: str) -> list[str]:
    """The directory above from which more of the paths of files there are in the tree, if any."""
    return tree.once(f"read from {folder}", lambda: _best(tree, folder))


def _best(tree: Tree, folder: str) -> list[str]:
    paths = {
        path for one in _places(tree).by_folder.get(folder, ()) for path in _relative_paths(one)
    }
    best, most = "", _there(tree, folder, paths)
    above = folder
    while above:
        above = posixpath.dirname(above)
        # Or from some directory in there: what begins with .. shows only how deep.
        for base in (above, posixpath.join(above, "_")):
            count = _there(tree, base, paths)
            if count > most:
                best, most = base or ".", count
    return [posixpath.normpath(best)] if best else []


def _there(tree: Tree, base: str, paths: Iterable[str]) -> int:
    """How many of the paths are in the tree; what lies outside tells nothing."""
    found = [posixpath.normpath(posixpath.join(base, path)) for path in paths]
    return sum(not path.startswith("..") and path != "." and tree.has(path) for path in found)


def _relative_paths(file: ComposeFile) -> Iterator[str]:
    """The paths of a file's mounts and builds that name something below where they count from."""
    for service in file.services:
        for mount in service.mounts:
            if mount.is_bind:
                yield from _plain(mount.source)
        if service.build is not None:
            context = service.build.get("context", ".")
            yield from _plain(context)
            yield from _plain(posixpath.join(context, service.build.get("dockerfile", ".")))


def _plain(path: str) -> Iterator[str]:
    clean = posixpath.normpath(path)
    if "$" not in path and clean.strip("./") and not clean.startswith(("/", "~")):
        yield clean
