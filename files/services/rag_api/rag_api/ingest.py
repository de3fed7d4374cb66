"""Ingests files on the machine itself, without the computer that provisions it.

`python -m rag_api.ingest FILE…` in the service's container; `-` reads standard input:
`podman exec -i xnai_rag_api python -m rag_api.ingest --source rules.pdf - < rules.pdf`

What a document comes from is what it is: the same source again replaces it, and two sources with one
title are two documents.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import httpx
from service_common import env, secret

from rag_api import settings
from rag_api.documents import Document
from rag_api.reading.apart import read_apart
from rag_api.reading.parts import Unreadable

# An ingest embeds and writes before it answers.
_TIMEOUT_S = 120


def _document(name: str, title: str, source: str) -> Document:
    """Return a file, or standard input, as a document.

    Raises:
        Unreadable: it has no text for us, and why.
    """
    source = source or title if name == "-" else str(Path(name).resolve())
    if not source:
        raise Unreadable("what comes on standard input needs --source, a name or an address")
    try:
        body = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Unreadable(f"it cannot be read: {error.strerror}") from None
    document, notice = read_apart(source, body, settings.most_unpacked_bytes())
    if notice:
        print(f"{name}: {notice}", file=sys.stderr)
    return replace(document, title=title) if title else document


def main(arguments: Sequence[str] | None = None) -> int:
    """Post the files to the API, one request a file; return 0 when all were taken."""
    parser = argparse.ArgumentParser(prog="python -m rag_api.ingest", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE",
                        help="PDF, HTML, Markdown, text or Office; - for standard input")
    parser.add_argument("--title", default="", help="instead of the file's name and heading")
    parser.add_argument("--source", default="", help="where the text of - comes from")
    parser.add_argument("--url", default=env.text("RAG_URL", "http://127.0.0.1:8000"))
    given = parser.parse_args(arguments)
    token = secret.read("ingest_token")
    if token is None:
        raise SystemExit("no secret ingest_token here; run this in the service's container")
    failed = False
    with httpx.Client(
        headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S, trust_env=False
    ) as client:
        for name in given.files:
            try:
                document = _document(name, given.title, given.source)
                answer = client.post(
                    f"{given.url}/ingest", json={"documents": [asdict(document)]}
                )
            except Unreadable as error:
                failed = True
                print(f"{name}: {error}", file=sys.stderr)
                continue
            except httpx.HTTPError as error:
                raise SystemExit(f"{given.url}: {type(error).__name__}: {error}") from None
            if not answer.is_success:
                failed = True
                print(f"{name}: HTTP {answer.status_code}: {answer.text}", file=sys.stderr)
            elif answer.json()["unchanged"]:
                print(f"{name}: unchanged")
            else:
                print(f"{name}: {answer.json()['passages']} passages, {document.title!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
