"""The index's file: SQLite with the passages, their vectors and their words.

One transaction an ingest, so a killed service leaves the whole ingest or none of it. The journal
is SQLite's default, not WAL: one process uses the file, reads do not wait for writes (vectors
are searched in memory), and at rest it is a single file that can be copied. synchronous=FULL:
what was acknowledged survives a power cut too. The file is locked for this process, because
another one's vectors in memory would not follow its writes.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rag_api.documents import Document, Listed
from rag_api.embedder import Vectors
from rag_api.opening import Unusable, explained, meta, opened, transaction
from rag_api.ranking import highest_bm25


class Store:
    """The file, opened. Not for several threads at once: the index locks around it.

    Raises:
        Unusable: from the constructor and every method.
    """

    def __init__(self, file: Path, embedder: str, dimension: int) -> None:
        self._file = file
        self._db: sqlite3.Connection = opened(file, embedder, dimension)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everything inside, or nothing of it."""
        with explained(self._file), transaction(self._db):
            yield

    def generation(self) -> str:
        """Return a text that differs after every change of the index."""
        with explained(self._file):
            return f"{meta(self._db, 'identity')}:{meta(self._db, 'generation')}"

    def counts(self) -> tuple[int, int]:
        """Return the numbers of documents and passages."""
        with explained(self._file):
            documents, passages = self._db.execute(
                "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
            ).fetchone()
            return documents, passages

    def sha256(self, document: str) -> str | None:
        """Return the hash of a document's content, None for one that is not there."""
        with explained(self._file):
            row = self._db.execute(
                "SELECT sha256 FROM documents WHERE id = ?", (document,)
            ).fetchone()
            return row[0] if row else None

    def vectors(self, dimension: int) -> tuple[list[int], Vectors]:
        """Return the passages' numbers, and their vectors in the same order."""
        with explained(self._file):
            rows = self._db.execute("SELECT rowid, vector FROM passages ORDER BY rowid").fetchall()
        if any(len(vector) != 4 * dimension for _, vector in rows):
            raise Unusable(f"{self._file}: a vector has not {dimension} numbers. Ingest again.")
        data = b"".join(vector for _, vector in rows)
        return [row[0] for row in rows], np.frombuffer(data, "<f4").reshape(-1, dimension)

    def add(self, document: Document, vectors: Vectors) -> list[int]:
        """Write a document that is not there; inside a transaction.

        Returns:
            The numbers of its passages, in their order.
        """
        self._db.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?)",
            (document.id, document.title, document.source, document.sha256()),
        )
        rows: list[int] = []
        for text, vector in zip(document.passages, vectors, strict=True):
            row = self._db.execute(
                "INSERT INTO passages (document, title, text, vector) VALUES (?, ?, ?, ?)"
                " RETURNING rowid",
                (document.id, document.title, text, vector.astype("<f4").tobytes()),
            ).fetchone()[0]
            self._db.execute(
                "INSERT INTO words (rowid, title, text) VALUES (?, ?, ?)",
                (row, document.title, text),
            )
            rows.append(row)
        now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
        self._db.execute(
            "INSERT OR REPLACE INTO origins VALUES (?, ?, ?, ?, ?)",
            (document.id, document.sha256(), document.file_sha256, now,
             json.dumps(document.places)),
        )
        self._db.execute("UPDATE meta SET value = value + 1 WHERE name = 'generation'")
        return rows

    def remove(self, document: str) -> list[int] | None:
        """Remove a document; inside a transaction.

        Returns:
            The numbers that its passages had; None where there is no such document.
        """
        if self.sha256(document) is None:
            return None
        rows = self._db.execute(
            "SELECT rowid, title, text FROM passages WHERE document = ?", (document,)
        ).fetchall()
        # How FTS5 forgets words whose texts are kept elsewhere: it must be told them once more.
        self._db.executemany(
            "INSERT INTO words (words, rowid, title, text) VALUES ('delete', ?, ?, ?)", rows
        )
        self._db.execute("DELETE FROM passages WHERE document = ?", (document,))
        self._db.execute("DELETE FROM documents WHERE id = ?", (document,))
        self._db.execute("DELETE FROM origins WHERE document = ?", (document,))
        self._db.execute("UPDATE meta SET value = value + 1 WHERE name = 'generation'")
        return [row[0] for row in rows]

    def word_shares(self, words: Sequence[str], limit: int) -> dict[int, float]:
        """Return the best `limit` passages by BM25, each with its share of the highest score.

        Args:
            words: the telling words of the question.
            limit: how many passages at most.
        """
        if not words:
            return {}
        # In quotes a word is no operator of FTS5's language.
        quoted = [f'"{word}"' for word in words]
        with explained(self._file):
            with_word = [
                self._db.execute(
                    "SELECT count(*) FROM words WHERE words MATCH ?", (word,)
                ).fetchone()[0]
                for word in quoted
            ]
            # FTS5's scores are negative, so that an ascending order has the best first.
            rows = self._db.execute(
                "SELECT rowid, -rank FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT ?",
                (" OR ".join(quoted), limit),
            ).fetchall()
        highest = highest_bm25(self.counts()[1], with_word)
        return {row: score / highest for row, score in rows}

    def passages(self, rows: Sequence[int]) -> list[tuple[str, str, str, str, str]]:
        """Return (document, title, source, text, place) of passages, in the order asked."""
        with explained(self._file):
            return [self._passage(row) for row in rows]

    def _passage(self, row: int) -> tuple[str, str, str, str, str]:
        document, title, source, text, places = self._db.execute(
            "SELECT d.id, d.title, d.source, p.text, o.places FROM passages p"
            " JOIN documents d ON d.id = p.document"
            " LEFT JOIN origins o ON o.document = d.id AND o.content = d.sha256"
            " WHERE p.rowid = ?", (row,),
        ).fetchone()
        of_all = json.loads(places or "[]")
        before = self._db.execute(
            "SELECT count(*) FROM passages WHERE document = ? AND rowid < ?", (document, row)
        ).fetchone()[0] if of_all else 0
        return document, title, source, text, of_all[before] if of_all else ""

    def listed(self, after: str, limit: int) -> list[Listed]:
        """Return documents in the order of their ids.

        Args:
            after: an id, from which on; the empty text for the first ones.
            limit: how many at most.
        """
        with explained(self._file):
            rows = self._db.execute(
                "SELECT d.id, d.title, d.source,"
                " (SELECT count(*) FROM passages p WHERE p.document = d.id),"
                " coalesce(o.file_sha256, ''), coalesce(o.added, '') FROM documents d"
                " LEFT JOIN origins o ON o.document = d.id AND o.content = d.sha256"
                " WHERE d.id > ? ORDER BY d.id LIMIT ?", (after, limit),
            ).fetchall()
        return [Listed(*row) for row in rows]

    def rows_of(self, document: str) -> list[int]:
        """Return the numbers of a document's passages, in their order."""
        with explained(self._file):
            return [row[0] for row in self._db.execute(
                "SELECT rowid FROM passages WHERE document = ? ORDER BY rowid", (document,)
            )]

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
