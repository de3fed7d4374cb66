"""Which directory a compose file's paths count from, and which files it is merged with.

Its own, unless -f names another file first, or --project-directory another directory. The latter is
rarely told where the file lies; then what its paths name tells it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from xnai.audit.compose import ComposeFile
from xnai.audit.tree import Tree


def _is(file: ComposeFile, word: str) -> bool:
    """Whether a word may name a file: what runs compose may stand in any directory."""
    clean = re.sub(r"^(\.\./)+", "", posixpath.normpath(word))
    return file.path == clean or file.path.endswith(f"/{clean}")


def bases(tree: Tree, file: ComposeFile) -> list[str]:
    """Return the directories that the paths of `file` may count from, its own first."""
    found = [file.directory, *_read_from(tree, file)]
    for words in tree.merges:
        if any(_is(file, word) for word in words[1:]):
            found.append(posixpath.dirname(posixpath.normpath(words[0])))
            found += [one.directory for one in tree.composes if _is(one, words[0])]
    return list(dict.fromkeys(found))


def partners(tree: Tree, file: ComposeFile) -> list[ComposeFile] | None:
    """Return the files that `file` may be merged with; None where the tree lacks one of them."""
    beside = bases(tree, file)
    found = [
        one for one in tree.composes
        # What has no services is there to be merged with what lies below it.
        if one.directory in beside or (
            not one.services and f"{file.directory}/".startswith(f"{one.directory}/".lstrip("/"))
        )
    ]
    for words in tree.merges:
        if any(_is(file, word) for word in words):
            for word in words:
                known = [one for one in tree.composes if _is(one, word)]
                if not known:
                    return None
                found += known
    return found


def _read_from(tree: Tree, file: ComposeFile) -> list[str]:
    """The directory above from which more of the paths of files beside are there, if one is."""
    paths = {
        path for one in tree.composes if one.directory == file.directory
        for path in _relative_paths(one)
    }
    best, most = "", _there(tree, file.directory, paths)
    above = file.directory
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
