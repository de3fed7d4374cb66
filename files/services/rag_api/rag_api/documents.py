"""What is ingested, and what a search finds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

# A passage is about 200 words; the limit keeps one long line from taking the memory.
PASSAGE_CHARACTERS = 8000


@dataclass(frozen=True)
class Document:
    """A document in passages, as it goes into the index.

    Attributes:
        id: what comes with the same id replaces it.
        title: what a person calls it.
        source: path or address that it comes from; may be empty.
        passages: its text.
        places: where each passage stands in the file, as `page 3`; empty: it has no such places.
        file_sha256: of the file that it was read from; empty: of none.
    """

    id: str
    title: str
    source: str
    passages: tuple[str, ...]
    places: tuple[str, ...] = ()
    file_sha256: str = ""

    def sha256(self) -> str:
        """Return a hash of everything but the id: equal for what need not be ingested again."""
        content: list[object] = [self.title, self.source, self.passages]
        if self.places or self.file_sha256:
            content += [self.places, self.file_sha256]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True)
class Ingested:
    """What an ingest did: documents written, documents left as they were, passages written."""

    ingested: int
    unchanged: int
    passages: int


@dataclass(frozen=True)
class Listed:
    """A document of the index as a list shows it.

    Attributes:
        passages: how many.
        file_sha256: of the file that it was read from; empty: of none, or not known.
        added: when, as 2026-11-30T12:00:00Z; empty: not known.
    """

    id: str
    title: str
    source: str
    passages: int
    file_sha256: str
    added: str


@dataclass(frozen=True)
class Found:
    """A passage that answers a question, with its document.

    Attributes:
        score: from 0 to 1; see rag_api.ranking.
        place: where it stands in the document, as `page 3`; may be empty.
    """

    document: str
    title: str
    source: str
    text: str
    score: float
    place: str = ""
