"""Files to a host's library, in batches: a few processes there for a thousand files."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from xnai.library.container import ServiceContainer, last_line
from xnai.library.files import FoundFile, LeftOut, sha256

# A batch: few at first, so that something is seen soon, then as many as take about this long.
_FIRST_FILES = 16
_MOST_FILES = 1024
_TAKES_S = 10.0
_MOST_BYTES = 8 << 20

Progress = Callable[[int, int], None]


@dataclass
class Ingested:
    """What became of the files on a host.

    Attributes:
        taken: sources that are in the library now.
        unchanged: sources that were there with this content.
        notices: what could not be read of files that were taken.
        failed: what was not taken, and why.
        passages: of those that were taken.
    """

    taken: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    notices: list[LeftOut] = field(default_factory=list)
    failed: list[LeftOut] = field(default_factory=list)
    passages: int = 0


def ingest_files(
    rag_api: ServiceContainer, files: Sequence[FoundFile], progress: Progress
) -> Ingested:
    """Bring files in that the library does not have with this content.

    A run that was killed left whole documents or nothing of them, and goes on from there when it
    is started again.

    Args:
        rag_api: the API's container.
        files: what is to be there.
        progress: is told how many of how many files are done.

    Raises:
        HostFailed: the API does not answer, or refuses.
    """
    done = Ingested()
    _, listed = rag_api.library("list")
    known = {one["source"]: one["file_sha256"] for one in listed if one["file_sha256"]}
    wanted = []
    for file in files:
        try:
            same = file.source in known and sha256(file.path) == known[file.source]
        except OSError as error:
            done.failed.append(LeftOut(file.source, f"it cannot be read: {error.strerror}"))
            continue
        if same:
            done.unchanged.append(file.source)
        else:
            wanted.append(file)
    sent = len(files) - len(wanted)
    for batch in _batches(wanted):
        archive, unread = _archive(batch)
        done.failed += unread
        gone = {one.source for one in unread}
        if kept := [file for file in batch if file.source not in gone]:
            _take(rag_api, archive, kept, done)
        sent += len(batch)
        progress(sent, len(files))
    return done


def _take(
    rag_api: ServiceContainer, archive: bytes, batch: Sequence[FoundFile], done: Ingested
) -> None:
    _, said = rag_api.library("ingest", "--base64", stdin=archive)
    told = {one["source"] for one in said}
    done.failed += [
        LeftOut(file.source, "nothing was said of it: the run there broke off")
        for file in batch if file.source not in told
    ]
    for one in said:
        if "failed" in one:
            done.failed.append(LeftOut(one["source"], one["failed"]))
            continue
        done.taken.append(one["source"])
        done.passages += one["passages"]
        if one["notice"]:
            done.notices.append(LeftOut(one["source"], one["notice"]))


def _batches(files: Sequence[FoundFile]) -> Iterator[list[FoundFile]]:
    """Yield the files in batches that grow while they are quick."""
    most, at = _FIRST_FILES, 0
    while at < len(files):
        batch: list[FoundFile] = []
        size = 0
        while at < len(files) and len(batch) < most and (
            not batch or size + files[at].size_bytes <= _MOST_BYTES
        ):
            batch.append(files[at])
            size += files[at].size_bytes
            at += 1
        started = time.monotonic()
        yield batch
        if time.monotonic() - started < _TAKES_S:
            most = min(most * 4, _MOST_FILES)


def _archive(batch: Sequence[FoundFile]) -> tuple[bytes, list[LeftOut]]:
    """Return a tar archive of a batch, and what could not be read any more."""
    out, unread = io.BytesIO(), []
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number, file in enumerate(batch):
            try:
                body = file.path.read_bytes()
            except OSError as error:
                unread.append(LeftOut(file.source, f"it cannot be read: {error.strerror}"))
                continue
            member = tarfile.TarInfo(str(number))
            member.size = len(body)
            member.pax_headers = {"xnai.source": file.source}
            archive.addfile(member, io.BytesIO(body))
    return out.getvalue(), unread


def ingest_urls(crawler: ServiceContainer, urls: Sequence[str]) -> Ingested:
    """Give the crawler addresses, which it fetches where its own settings allow that.

    Args:
        crawler: its container.
        urls: what is to be fetched.
    """
    done = Ingested()
    for url in urls:
        good, lines, errors = crawler.run("python", "-m", "crawler.add", url)
        if good:
            done.taken.append(url)
        else:
            why = last_line([*lines, *errors]).removeprefix("not added: ")
            done.failed.append(LeftOut(url, why))
    return done
