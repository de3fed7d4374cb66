"""The library from the command line: `python -m rag_api.library COMMAND`, in the container.

ingest  reads a tar archive of files from standard input, each under the path or address that it
        comes from.
list    prints all documents.
show    prints the passages of one.
remove  removes some.
ask     reads a question from standard input and prints the answer.

With --base64, standard input comes in lines of that, as it passes through any shell.
What is printed is JSON, an object a line. Exit code 1: some of it failed, and its lines say why.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import IO, Any
from urllib.parse import quote

import httpx
from service_common import env, secret

from rag_api import settings
from rag_api.documents import Document
from rag_api.reading.apart import read_apart
from rag_api.reading.parts import Unreadable

# An ingest embeds and writes before it answers; on a small machine a batch takes a while.
_TIMEOUT_S = 600
# What goes into one request: below RAG_MAX_BODY_KIB's default, and few enough for a progress line.
_BATCH_DOCUMENTS = 64
_BATCH_BYTES = 1 << 20
_LONGEST_IN_A_REQUEST = 3 << 20


class Failed(Exception):
    """The API does not do what it should; the text says what it answered."""


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def _checked(answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json()
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.text[:500]
    raise Failed(f"HTTP {answer.status_code}: {detail}")


class _Decoded(io.RawIOBase):
    """The bytes behind lines of base64."""

    def __init__(self, lines: IO[bytes]) -> None:
        self._lines = lines
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            line = self._lines.readline()
            if not line:
                return 0
            self._rest = base64.b64decode(line)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _files(stream: IO[bytes]) -> Iterator[tuple[str, bytes | None]]:
    """Yield each file's source and content; None for one that is longer than it may be."""
    most = settings.max_file_bytes()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if not member.isreg():
                continue
            source = member.pax_headers.get("xnai.source", member.name)
            if member.size > most:
                yield source, None
            elif (file := archive.extractfile(member)) is not None:
                yield source, file.read()


class _Batch:
    """Documents that go to the API in one request; each is told when it is in the index."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._waiting: list[tuple[Document, str]] = []
        self._bytes = 0
        self.failed = False

    def add(self, document: Document, notice: str) -> None:
        size = sum(map(len, document.passages))
        self._waiting.append((document, notice))
        self._bytes += size
        if len(self._waiting) >= _BATCH_DOCUMENTS or self._bytes >= _BATCH_BYTES:
            self.send()

    def send(self) -> None:
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if waiting:
            self._send(waiting)

    def _send(self, some: Sequence[tuple[Document, str]]) -> None:
        documents = [asdict(document) for document, _ in some]
        try:
            _checked(self._client.post("/ingest", json={"documents": documents}))
            for document, notice in some:
                _say(source=document.source, title=document.title,
                     passages=len(document.passages), notice=notice)
        except Failed as error:
            if len(some) > 1:
                # One that is refused takes no other along.
                for one in some:
                    self._send([one])
            else:
                self._fail(some, error)
        except httpx.HTTPError as error:
            self._fail(some, error)

    def _fail(self, some: Sequence[tuple[Document, str]], error: Exception) -> None:
        self.failed = True
        for document, _ in some:
            _say(source=document.source, failed=str(error) or type(error).__name__)


def _ingest(client: httpx.Client, stream: IO[bytes]) -> int:
    batch = _Batch(client)
    failed = False
    try:
        for source, body in _files(stream):
            try:
                _bring(client, batch, source, body)
            except (Unreadable, Failed, httpx.HTTPError) as error:
                failed = True
                _say(source=source, failed=str(error) or type(error).__name__)
    finally:
        # Also where the archive breaks off: what came is kept.
        batch.send()
    return int(failed or batch.failed)


def _bring(client: httpx.Client, batch: _Batch, source: str, body: bytes | None) -> None:
    if body is None:
        raise Unreadable(
            f"it is longer than {settings.max_file_bytes() >> 20} MiB ({settings.FILE_SETTING})"
        )
    document, notice = read_apart(source, body, settings.most_unpacked_bytes())
    if sum(map(len, document.passages)) <= _LONGEST_IN_A_REQUEST:
        batch.add(document, notice)
        return
    said = _checked(client.post(
        "/files", params={"source": source}, content=body,
        headers={"Content-Type": "application/octet-stream"},
    ))
    _say(source=source, title=said["title"], passages=said["passages"], notice=said["notice"])


def listed(client: httpx.Client) -> Iterator[dict[str, Any]]:
    """Yield all documents, as the API tells them."""
    after = ""
    while True:
        documents = _checked(client.get("/library", params={"after": after}))["documents"]
        if not documents:
            return
        yield from documents
        after = documents[-1]["id"]


def _list(client: httpx.Client) -> int:
    for one in listed(client):
        _say(**one)
    return 0


def _show(client: httpx.Client, document: str) -> int:
    for one in _checked(client.get(f"/library/{quote(document, safe='')}")):
        _say(**one)
    return 0


def _remove(client: httpx.Client, documents: Sequence[str]) -> int:
    failed = False
    for document in documents:
        answer = client.delete(f"/ingest/{quote(document, safe='')}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            failed = True
            _say(id=document, failed="there is no such document")
        else:
            _checked(answer)
            _say(id=document)
    return int(failed)


def _ask(client: httpx.Client, question: str, top_k: int) -> int:
    said = _checked(client.post(
        "/query", json={"question": question, "top_k": top_k, "stream": False}
    ))
    _say(**said)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m rag_api.library", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", default=env.text("RAG_URL", "http://127.0.0.1:8000"))
    commands = parser.add_subparsers(dest="command", required=True)
    ingest = commands.add_parser("ingest")
    ingest.add_argument("--base64", action="store_true")
    commands.add_parser("list")
    commands.add_parser("show").add_argument("id")
    commands.add_parser("remove").add_argument("id", nargs="+")
    ask = commands.add_parser("ask")
    ask.add_argument("--top-k", type=int, default=4)
    ask.add_argument("--base64", action="store_true")
    given = parser.parse_args(arguments)
    token = secret.read("ingest_token") or ""
    with httpx.Client(
        base_url=given.url, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S,
        trust_env=False,
    ) as client:
        try:
            stream: Any = sys.stdin.buffer
            if getattr(given, "base64", False):
                stream = io.BufferedReader(_Decoded(stream))
            match given.command:
                case "ingest":
                    return _ingest(client, stream)
                case "list":
                    return _list(client)
                case "show":
                    return _show(client, given.id)
                case "remove":
                    return _remove(client, given.id)
                case _:
                    return _ask(client, stream.read().decode("utf-8", "replace"), given.top_k)
        except Failed as error:
            _say(failed=str(error))
        except httpx.HTTPError as error:
            _say(failed=f"{given.url}: {type(error).__name__}: {error}")
        except tarfile.TarError as error:
            _say(failed=f"the archive broke off: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
