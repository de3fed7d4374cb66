"""Opens the index's file: makes it, or checks that it is ours and whole."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

APPLICATION_ID = 0x786E6169  # "xnai": tells our file from anybody else's.
VERSION = 1

_SCHEMA = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    "CREATE TABLE documents (id TEXT PRIMARY KEY, title TEXT NOT NULL, source TEXT NOT NULL,"
    " sha256 TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE passages (rowid INTEGER PRIMARY KEY, document TEXT NOT NULL,"
    " title TEXT NOT NULL, text TEXT NOT NULL, vector BLOB NOT NULL)",
    "CREATE INDEX passages_document ON passages (document)",
    # The texts stay in `passages`; this table has their words, English ones by their stems.
    "CREATE VIRTUAL TABLE words USING fts5"
    " (title, text, content='passages', tokenize='porter unicode61')",
)

# Beside the file's version, so that the service before this one can still use the file. What it
# writes has another `content` than the row here, which then counts for nothing.
_ORIGINS = (
    "CREATE TABLE IF NOT EXISTS origins (document TEXT PRIMARY KEY, content TEXT NOT NULL,"
    " file_sha256 TEXT NOT NULL, added TEXT NOT NULL, places TEXT NOT NULL) WITHOUT ROWID"
)


class Unusable(Exception):
    """The index's file cannot be used; the text says which, why, and what to do."""


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn SQLite's errors into Unusable."""
    try:
        yield
    except sqlite3.Error as error:
        advice = {
            "SQLITE_BUSY": "Another process uses it; stop that one.",
            "SQLITE_FULL": "Make space; nothing of this request was kept.",
            "SQLITE_CANTOPEN": "RAG_DATA_DIR must be a directory that this user may write.",
            "SQLITE_READONLY": "RAG_DATA_DIR must be a directory that this user may write.",
        }.get(
            getattr(error, "sqlite_errorname", ""),
            "It was left as it is. Restore it from a backup, or move it away and ingest again.",
        )
        raise Unusable(f"{file}: {error}. {advice}") from error


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Keep everything inside, or nothing of it."""
    db.execute("BEGIN EXCLUSIVE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself where the disk is full.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def opened(file: Path, embedder: str, dimension: int) -> sqlite3.Connection:
    """Return a connection to a file that is ours, whole, and made with this embedder.

    Raises:
        Unusable: it is not, or another process has it.
    """
    with explained(file):
        db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=2.0)
        try:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA synchronous = FULL")
            with transaction(db):
                if db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                    _make(db, embedder, dimension)
            _check(db, file, embedder, dimension)
            db.execute(_ORIGINS)
        except BaseException:
            db.close()
            raise
        return db


def _make(db: sqlite3.Connection, embedder: str, dimension: int) -> None:
    for statement in _SCHEMA:
        db.execute(statement)
    db.executemany(
        "INSERT INTO meta VALUES (?, ?)",
        [
            ("embedder", embedder),
            ("dimension", dimension),
            # A new file counts its generations from 0 again; this tells them apart.
            ("identity", secrets.token_hex(8)),
            ("generation", 0),
        ],
    )


def _check(db: sqlite3.Connection, file: Path, embedder: str, dimension: int) -> None:
    """Refuse a file that is not ours, of another version or model, or damaged."""
    found = _pragma(db, "application_id"), _pragma(db, "user_version")
    if found != (APPLICATION_ID, VERSION):
        raise Unusable(
            f"{file} is not an index of this service (application id and version "
            f"{found}, wanted {(APPLICATION_ID, VERSION)}). It was left as it is. Move it "
            "away and ingest again, or set RAG_DATA_DIR to another directory."
        )
    damage = _pragma(db, "quick_check")
    if damage != "ok":
        raise sqlite3.DatabaseError(damage)
    made_with = meta(db, "embedder"), meta(db, "dimension")
    if made_with != (embedder, dimension):
        raise Unusable(
            f"{file} was made with the embedding model {made_with[0]!r} "
            f"({made_with[1]} dimensions), this service has {embedder!r} ({dimension}). "
            "Vectors of two models do not compare. It was left as it is. Move it away and "
            "ingest again, or go back to the service that made it."
        )


def _pragma(db: sqlite3.Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def meta(db: sqlite3.Connection, name: str) -> object:
    """Return what the file says about itself."""
    return db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0]
