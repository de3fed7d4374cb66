"""Files that come in over HTTP: kept on the disk while they come, read in another process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from starlette.concurrency import run_in_threadpool

from rag_api.documents import Document
from rag_api.reading.apart import document_and_notice
from rag_api.reading.parts import Unreadable

# Of the clock, for a machine where everything waits.
_READ_WITHIN_S = 600


class TooLong(Exception):
    """A file is longer than it may be."""


class Uploads:
    """Reads one file at a time: each may take a few hundred megabytes of memory.

    Args:
        directory: where a file is kept while it is read, under no name.
        most_bytes: what a file may have.
    """

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._one_at_a_time = asyncio.Lock()

    async def document(self, source: str, pieces: AsyncIterator[bytes]) -> tuple[Document, str]:
        """Return a file as a document, and what could not be read of it.

        Args:
            source: name or address that it comes from.
            pieces: of the file, as they come.

        Raises:
            TooLong: the rest of it was not taken.
            Unreadable: it has no text for us, and why.
        """
        with tempfile.TemporaryFile(dir=self._directory) as file:
            size = 0
            async for piece in pieces:
                size += len(piece)
                if size > self._most_bytes:
                    raise TooLong
                file.write(piece)
            file.seek(0)
            async with self._one_at_a_time:
                return await run_in_threadpool(_read, source, file)


def _read(source: str, file: IO[bytes]) -> tuple[Document, str]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rag_api.reading", source], stdin=file, capture_output=True,
            timeout=_READ_WITHIN_S, check=True,
        )
        return document_and_notice(json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError):
        raise Unreadable("it could not be read within its limits of time and memory") from None
