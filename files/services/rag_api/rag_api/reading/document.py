"""From a file to a document of the index."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from service_common.passages import split

from rag_api.documents import PASSAGE_CHARACTERS, Document
from rag_api.reading.parts import Content, Unreadable

_TITLE_LONGEST = 300
# What the index takes as an identity (schema.DocumentIn); a path may be longer.
_ID_LONGEST = 512
# A long novel has 3,000. The service writes a document in one go, and nobody else meanwhile.
_MOST_PASSAGES = 5000


def document_id(source: str) -> str:
    """Return the identity of what comes from a path or an address; a long one ends with its hash."""
    named = source if source.startswith(("http://", "https://")) else f"file:{source}"
    if len(named) <= _ID_LONGEST:
        return named
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{named[: _ID_LONGEST - len(digest) - 1]}#{digest}"


def title_of(source: str, heading: str) -> str:
    """Return the title: the file's name, and its heading where that says something else."""
    name = PurePosixPath(source).name or source
    said = " ".join(heading.split())
    if not said or said.casefold() in (name.casefold(), PurePosixPath(name).stem.casefold()):
        return name[:_TITLE_LONGEST]
    return f"{name}: {said}"[:_TITLE_LONGEST]


def document_of(source: str, body: bytes, content: Content) -> Document:
    """Return the document of a file.

    Args:
        source: path or address that it comes from; its identity.
        body: the file.
        content: what was read of it.

    Raises:
        Unreadable: no passage comes of it.
    """
    passages, places = [], []
    for part in content.parts:
        for passage in split(part.text):
            # One endless line.
            for at in range(0, len(passage), PASSAGE_CHARACTERS):
                if piece := passage[at : at + PASSAGE_CHARACTERS].strip():
                    passages.append(piece)
                    places.append(part.place)
    if not passages:
        raise Unreadable("there is no text in it")
    if len(passages) > _MOST_PASSAGES:
        raise Unreadable(
            f"it has {len(passages)} passages; allowed are {_MOST_PASSAGES}, which is a book of 3,000 "
            "pages: cut it into several files"
        )
    return Document(
        document_id(source), title_of(source, content.heading), source, tuple(passages),
        tuple(places) if any(places) else (), hashlib.sha256(body).hexdigest(),
    )
