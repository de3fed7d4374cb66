"""The library: one JSON file a page, on a volume that the curation worker reads."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from crawler.extract import Page
from crawler.urls import Url


def file_name(requested: Url) -> str:
    """Return a page's path in the library; it follows from the URL alone.

    Doing a job twice writes the same file twice.
    """
    digest = hashlib.sha256(str(requested).encode()).hexdigest()
    return f"crawled/{re.sub(r'[^a-z0-9.-]', '-', requested.host)}/{digest[:40]}.json"


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def document(requested: Url, final: Url, page: Page) -> dict[str, str]:
    """Return what is written about a page."""
    return {
        "url": str(final),
        "requested_url": str(requested),
        "title": page.title,
        "text": page.text,
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": text_digest(page.text),
    }


def save(directory: Path, name: str, content: dict[str, str]) -> None:
    """Write a document so that a reader, or a crash, finds the old or the new one, never half.

    Raises:
        OSError: the volume is full or not writable.
    """
    target = directory / name
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".new-", suffix=".tmp")
    try:
        # mkstemp makes it 0600; the curation worker may run as another user.
        os.fchmod(handle, 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    # The rename itself is durable with its directory, and a new directory with its own parent.
    for path in (target.parent, target.parent.parent, directory):
        entry = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(entry)
        finally:
            os.close(entry)


def remove_leftovers(directory: Path, older_than_s: float) -> None:
    """Remove half-written files of a crawler that was killed, and none that is being written."""
    oldest = time.time() - older_than_s
    for path in directory.glob("crawled/*/.new-*.tmp"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()
