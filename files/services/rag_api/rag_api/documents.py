"""What is ingested, and what a search finds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """A document in passages, as it goes into the index."""

    id: str
    title: str
    source: str
    passages: tuple[str, ...]

    def sha256(self) -> str:
        """Return a hash of everything but the id: equal for what need not be ingested again."""
        content = [self.title, self.source, self.passages]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True)
class Ingested:
    """What an ingest did: documents written, documents left as they were, passages written."""

    ingested: int
    unchanged: int
    passages: int


@dataclass(frozen=True)
class Found:
    """A passage that answers a question, with its document.

    Attributes:
        score: from 0 to 1; see rag_api.ranking.
    """

    document: str
    title: str
    source: str
    text: str
    score: float
