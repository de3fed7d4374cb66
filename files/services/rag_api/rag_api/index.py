"""The index: documents in, the best passages for a question out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag_api.documents import Document, Found, Ingested, Listed
from rag_api.embedder import Embedder, Vectors
from rag_api.opening import Unusable
from rag_api.ranking import MEANING_WEIGHT, WORDS_WEIGHT, telling_words
from rag_api.store import Store

FILE = "index.sqlite3"
# How many passages a search takes by their words; by their vectors it takes all.
_MATCHES = 200
# Of what a passage's words can score at most; see rag_api.ranking.
_SURE_SHARE = 0.5


class Index:
    """A store with its vectors in memory; every method may be called from any thread.

    100,000 passages take 100 MB here, and a search of them some ten milliseconds.

    Raises:
        Unusable: from every method, where the file cannot be used.
    """

    def __init__(self, data_dir: Path, embedder: Embedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        # Held over a whole ingest, while searches go on during its embedding.
        self._writing = threading.Lock()
        self._file = data_dir / FILE
        self._store: Store | None = None
        self._problem = f"{self._file}: not opened yet"
        self._rows: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._vectors: Vectors = np.empty((0, embedder.dimension), np.float32)

    def open(self) -> None:
        """Open the file, made where it is missing; a second call after a failure tries again."""
        with self._lock:
            if self._store is not None:
                return
            try:
                store = Store(self._file, self._embedder.name, self._embedder.dimension)
                rows, self._vectors = store.vectors(self._embedder.dimension)
            except Unusable as error:
                self._problem = str(error)
                raise
            self._rows = np.array(rows, np.int64)
            self._store = store

    def close(self) -> None:
        """Let go of the file, after the ingest that is under way."""
        with self._writing, self._lock:
            if self._store is not None:
                self._store.close()
            self._store = None

    def _opened(self) -> Store:
        if self._store is None:
            raise Unusable(self._problem)
        return self._store

    def counts(self) -> tuple[int, int]:
        """Return the numbers of documents and passages."""
        with self._lock:
            return self._opened().counts()

    def ingest(self, documents: Sequence[Document]) -> Ingested:
        """Write documents, all or none. One with a known id replaces the former one."""
        with self._writing:
            # Of two with one id the later one counts.
            by_id = {document.id: document for document in documents}
            with self._lock:
                store = self._opened()
                changed = [
                    document
                    for document in by_id.values()
                    if store.sha256(document.id) != document.sha256()
                ]
            # The title says what a passage is about where the passage itself does not.
            texts = [f"{doc.title}\n{text}" for doc in changed for text in doc.passages]
            vectors = self._embedder.embed(texts)
            removed: list[int] = []
            added: list[int] = []
            with self._lock:
                store = self._opened()
                with store.transaction():
                    for document in changed:
                        removed += store.remove(document.id) or []
                        start = len(added)
                        end = start + len(document.passages)
                        added += store.add(document, vectors[start:end])
                self._follow(removed, added, vectors)
        return Ingested(len(changed), len(documents) - len(changed), len(added))

    def remove(self, document: str) -> bool:
        """Remove a document, and return whether it was there."""
        with self._writing, self._lock:
            store = self._opened()
            with store.transaction():
                removed = store.remove(document)
            self._follow(removed or [], [], self._vectors[:0])
        return removed is not None

    def _follow(self, removed: list[int], added: list[int], vectors: Vectors) -> None:
        """Make memory what the file is after a commit."""
        kept = ~np.isin(self._rows, removed)
        self._rows = np.concatenate([self._rows[kept], np.array(added, np.int64)])
        self._vectors = np.concatenate([self._vectors[kept], vectors])

    def search(self, question: str, top_k: int) -> tuple[list[Found], str]:
        """Return the best passages for a question, best first, and the index's generation."""
        (vector,) = self._embedder.embed([question])
        words = telling_words(question)
        with self._lock:
            store = self._opened()
            scores = MEANING_WEIGHT * np.maximum(self._vectors @ vector, 0)
            shares = store.word_shares(words, _MATCHES)
            # The rows ascend: SQLite numbers a new passage above all that are there.
            places = np.searchsorted(self._rows, list(shares))
            scores[places] += WORDS_WEIGHT * np.array(list(shares.values()), np.float32)
            # A stable order: of equal ones the older passage comes first.
            best = np.argsort(-scores, kind="stable")[:top_k]
            # One that has most of the question's rare words is never left out: a number or a name
            # that the embeddings blur.
            if shares and max(shares.values()) >= _SURE_SHARE:
                surest = np.searchsorted(self._rows, max(shares, key=lambda row: shares[row]))
                if surest not in best:
                    best = np.array([*best[:-1], surest])
            passages = store.passages(self._rows[best].tolist())
            generation = store.generation()
        return [
            Found(document, title, source, text, score, place)
            for (document, title, source, text, place), score in zip(
                passages, scores[best].tolist(), strict=True
            )
        ], generation

    def listed(self, after: str, limit: int) -> list[Listed]:
        """Return documents in the order of their ids; see rag_api.store."""
        with self._lock:
            return self._opened().listed(after, limit)

    def sample(self, count: int) -> list[Found]:
        """Return at most `count` passages from all over the index."""
        with self._lock:
            store = self._opened()
            step = max(1, len(self._rows) // max(count, 1))
            passages = store.passages(self._rows[::step][:count].tolist())
        return _unscored(passages)

    def generation(self) -> str:
        """Return a text that differs after every change of the index."""
        with self._lock:
            return self._opened().generation()

    def document(self, document: str) -> list[Found]:
        """Return all passages of a document in their order; none where there is none."""
        with self._lock:
            store = self._opened()
            passages = store.passages(store.rows_of(document))
        return _unscored(passages)


def _unscored(passages: Sequence[tuple[str, str, str, str, str]]) -> list[Found]:
    """Passages of the store that nobody has searched for."""
    return [Found(id_, title, source, text, 0.0, place)
            for id_, title, source, text, place in passages]
