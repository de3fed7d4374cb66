"""Ingests text and markdown files by hand.

`python -m rag_api.ingest FILE…` in the service's container; `-` reads standard input:
`podman exec -i xnai_rag_api python -m rag_api.ingest --source rules.md - < rules.md`

What a document comes from is what it is: the same source again replaces it, and two sources with one
title are two documents.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import httpx
from service_common import env, secret

# An ingest embeds and writes before it answers.
_TIMEOUT_S = 120


def title_of(text: str, fallback: str) -> str:
    """Return a markdown text's first heading, else the fallback."""
    for line in text.splitlines():
        if line.startswith("# "):
            return line[2:].strip() or fallback
    return fallback


def _document(name: str, title: str | None, source: str) -> dict[str, str]:
    """Return what /ingest takes for a file, or for standard input.

    Raises:
        SystemExit: it cannot be read, or has no text.
    """
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"{name}: cannot be read as UTF-8 text: {error}") from None
    if not text.strip():
        raise SystemExit(f"{name}: there is no text in it")
    if name == "-":
        title = title or title_of(text, Path(source).stem)
        if not title:
            raise SystemExit("-: a text without a heading `# …` needs --title or --source")
        return {"id": f"stdin:{source or title}", "title": title, "source": source, "text": text}
    path = str(Path(name).resolve())
    # The path is the id, so the same file replaces its former content.
    return {
        "id": f"file:{path}",
        "title": title or title_of(text, Path(name).stem),
        "source": path,
        "text": text,
    }


def main(arguments: list[str] | None = None) -> int:
    """Post the files to the API, one request a file; return 0 when all were taken."""
    parser = argparse.ArgumentParser(prog="python -m rag_api.ingest", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="text or markdown; - for stdin")
    parser.add_argument("--title", help="instead of the first heading or the file's name")
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
            document = _document(name, given.title, given.source)
            try:
                answer = client.post(f"{given.url}/ingest", json={"documents": [document]})
            except httpx.HTTPError as error:
                raise SystemExit(f"{given.url}: {type(error).__name__}: {error}") from None
            if not answer.is_success:
                failed = True
                print(f"{name}: HTTP {answer.status_code}: {answer.text}", file=sys.stderr)
            elif answer.json()["unchanged"]:
                print(f"{name}: unchanged")
            else:
                print(f"{name}: {answer.json()['passages']} passages, {document['title']!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
