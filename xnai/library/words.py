"""What a person reads of a library, and how they name a document of it."""

from __future__ import annotations

import difflib
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from xnai.library.container import Said
from xnai.run.pyinfra import HostFailed

_WIDTH = 100
_NAMED = 10


def _plain(text: str) -> str:
    """A text of other people's on a terminal: without what moves its cursor."""
    return "".join(one if one.isprintable() or one in "\n\t" else "�" for one in text)


def _line(text: str) -> str:
    """The same on one line: a title may have several."""
    return _plain(text.replace("\n", "�").replace("\t", " "))


def answer(said: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of an answer: sentences, a model's text, sources.

    Args:
        said: as POST /query answers.
    """
    for quote in said["extract"]:
        yield from _wrapped(f"{quote['text']} [{quote['n']}]")
    if said["model"]:
        yield ""
        yield from _wrapped(f"{said['model']} says, within what the passages say:")
        yield from _wrapped(said["answer"].strip())
    if said["notice"]:
        yield ""
        yield from _wrapped(said["notice"])
    yield ""
    for source in said["sources"]:
        place = f", {source['place']}" if source.get("place") else ""
        where = f" ({source['source']})" if source["source"] else ""
        yield _line(f"  [{source['n']}] {source['title']}{place}{where}")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(_plain(text), _WIDTH, initial_indent="  ", subsequent_indent="  ")


def listing(documents: Said) -> Iterator[str]:
    """Yield a line for each document, and their number."""
    for one in documents:
        yield _line(
            f"  {one['added'] or '(not known)':20}  {one['passages']:>6}  {one['title']}  "
            f"{one['source']}".rstrip()
        )
    passages = sum(one["passages"] for one in documents)
    yield f"  {len(documents)} documents, {passages} passages"


def passages(some: Said) -> Iterator[str]:
    """Yield a document's passages, each with its place."""
    for one in some:
        if one["place"]:
            yield f"  -- {_plain(one['place'])} --"
        yield from (f"  {line}".rstrip() for line in _plain(one["text"]).splitlines())
        yield ""


def several(names: Iterable[str]) -> str:
    """Return names in a line: the first ten, and how many more there are."""
    some = list(names)
    rest = f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
    return _line(", ".join(some[:_NAMED])) + rest


def id_of(name: str, documents: Said) -> str:
    """Return the id of the document that a person means.

    Args:
        name: its id, path, address or title.
        documents: all that there are.

    Raises:
        HostFailed: there is none, or there are several.
    """
    path = os.path.abspath(name)  # noqa: PTH100
    ways: list[Callable[[dict[str, Any]], bool]] = [
        lambda one: one["id"] == name,
        lambda one: one["id"] == f"file:{name}",
        lambda one: one["source"] == path,
        lambda one: name in (one["source"], one["title"]),
    ]
    for fits in ways:
        fitting = [str(one["id"]) for one in documents if fits(one)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise HostFailed(f"{name!r} names several documents: {several(fitting)}")
    known = [*(str(one["id"]) for one in documents), *(one["source"] for one in documents)]
    near = difflib.get_close_matches(name, known, 1, 0.4)
    meant = f"; the nearest is {near[0]!r}" if near else ""
    raise HostFailed(f"no document {name!r} in the library{meant}. All: xnai library list")


def ids_of(name: str, documents: Said) -> list[str]:
    """Return the ids of the document that a person means, or of all that came from a directory.

    Args:
        name: as `id_of` takes it, or the path of a directory.
        documents: all that there are.

    Raises:
        HostFailed: there is none, or the name fits several that are in no directory of this name.
    """
    folder = os.path.join(os.path.abspath(name), "")  # noqa: PTH100, PTH118
    below = [str(one["id"]) for one in documents if one["source"].startswith(folder)]
    return below or [id_of(name, documents)]
