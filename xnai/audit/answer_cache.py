"""Answers of earlier audits, by what they were asked about: content and the asked program.

One SQLite file below $XDG_CACHE_HOME (~/.cache), 0600 in a directory 0700. It is used only where
nobody else could have written it: otherwise an audit would repeat whatever stands there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xnai.run import user_directories

MAX_BYTES = 64 * 1024 * 1024
_FORMAT = 1
_SECONDS = 5.0


def directory() -> Path:
    """Return where the cache lies, whether it is there or not."""
    return user_directories.cache()


def key_of(*parts: str) -> str:
    """Return the name of an answer: a hash over all that it depends on."""
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()


def is_ours(path: Path) -> bool:
    """Return whether nobody but this user, or root, can change what `path` names."""
    for one in (path, *path.parents):
        try:
            state = one.lstat()
        except OSError:
            return False
        shared = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        # In a sticky directory such as /tmp nobody can replace what is another's.
        if state.st_uid not in {os.geteuid(), 0} or stat.S_ISLNK(state.st_mode) or (
            shared and not (state.st_mode & stat.S_ISVTX and one != path)
        ):
            return False
    return True


def _opened() -> sqlite3.Connection | None:
    folder = directory()
    file = folder / "audit.sqlite"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.lstat().st_uid != os.geteuid() or not is_ours(folder):
            return None
        folder.chmod(0o700)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        if not is_ours(file) or file.lstat().st_uid != os.geteuid():
            return None
        file.chmod(0o600)
        return _prepared(file)
    except (OSError, RuntimeError, sqlite3.Error):
        return None


def _prepared(file: Path) -> sqlite3.Connection:
    found = sqlite3.connect(file, timeout=_SECONDS, isolation_level=None)
    try:
        (version,) = found.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        raise  # locked by another audit
    except sqlite3.DatabaseError:
        # Torn, or something else: nothing in it is worth more than the time to ask again.
        found.close()
        file.write_bytes(b"")
        found, version = sqlite3.connect(file, timeout=_SECONDS, isolation_level=None), 0
    if version != _FORMAT:
        found.execute("DROP TABLE IF EXISTS answers")
        found.execute(
            "CREATE TABLE answers (key TEXT PRIMARY KEY, value TEXT NOT NULL, used REAL)"
        )
        found.execute(f"PRAGMA user_version={_FORMAT:d}")
    return found


class AnswerCache:
    """The answers of earlier audits. One that cannot be opened, or is torn, has none."""

    def __init__(self, wanted: bool = True) -> None:
        """Open the cache, or be one that keeps nothing."""
        self._wanted = wanted

    def get(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the answers that are known, by key."""
        found: dict[str, Any] = {}
        with self._file() as file:
            if file is None:
                return {}
            now = time.time()
            for key in keys:
                row = file.execute("SELECT value FROM answers WHERE key=?", (key,)).fetchone()
                if row:
                    found[key] = json.loads(row[0])
            if found:
                file.execute("BEGIN")
                file.executemany(
                    "UPDATE answers SET used=? WHERE key=?", [(now, key) for key in found]
                )
                file.execute("COMMIT")
        return found

    def put(self, answers: Mapping[str, Any]) -> None:
        """Keep answers; beyond MAX_BYTES those go that were not asked for the longest."""
        if not answers:
            return
        with self._file() as file:
            if file is None:
                return
            now = time.time()
            rows = [(key, json.dumps(value), now) for key, value in answers.items()]
            file.execute("BEGIN")
            file.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", rows)
            (size,) = file.execute("SELECT total(length(value)) FROM answers").fetchone()
            if size > MAX_BYTES:
                file.execute(
                    "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY used "
                    "LIMIT (SELECT count(*) / 2 FROM answers))"
                )
            file.execute("COMMIT")

    @contextlib.contextmanager
    def _file(self) -> Any:
        file = _opened() if self._wanted else None
        try:
            yield file
        except (sqlite3.Error, ValueError):
            pass  # locked by another audit, full, or torn: then it is worked out again
        finally:
            if file is not None:
                file.close()
