"""Answer each question from its corpus by the RAG API's own code; print JSON lines.

Run by the Python of the service's environment, see benchmarks.answers.__main__.
"""

# The service's modules are not in this environment.
# mypy: ignore-errors

from __future__ import annotations

import json
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SERVICES = HERE.parents[1] / "files/services"
sys.path[:0] = [str(SERVICES / "rag_api"), str(SERVICES / "common")]

from rag_api.embedder import WordLlamaEmbedder  # noqa: E402
from rag_api.encoder import MiniLmEncoder  # noqa: E402
from rag_api.extract import LOOKED_AT_PASSAGES, Extractor, cited_first  # noqa: E402
from rag_api.index import Index  # noqa: E402
from rag_api.reading.kinds import first_heading  # noqa: E402
from rag_api.schema import DocumentIn  # noqa: E402

TOP_K = 4


def index_of(corpus: Path, embedder: WordLlamaEmbedder, folder: Path) -> Index:
    """Return an index of a corpus' files in an empty folder, as an ingest makes it."""
    index = Index(folder, embedder)
    index.open()
    documents = []
    for path in sorted(corpus.glob("*.md")):
        text = path.read_text("utf-8")
        title = first_heading(text) or path.stem
        documents.append(
            DocumentIn(id=path.name, title=title, source=path.name, text=text).document()
        )
    index.ingest(documents)
    return index


def answered(
    question: dict[str, Any], index: Index, extractor: Extractor
) -> dict[str, Any]:
    """Return what a question was answered with, and whether that is right."""
    started = time.perf_counter()
    near, _ = index.search(question["text"], LOOKED_AT_PASSAGES)
    searched = time.perf_counter()
    found, quotes = cited_first(near, extractor.extract(question["text"], near), TOP_K)
    ended = time.perf_counter()
    said = " ".join(quote.text for quote in quotes)
    has = [quote for quote in quotes
           if any(fact.lower() in quote.text.lower() for fact in question["fact"])]
    return {
        "id": question["id"], "shares_words": question["shares_words"],
        "right": bool(has),
        "cited": any(found[one.number - 1].document == question["document"] for one in has),
        "passage_found": any(one.document == question["document"] for one in found),
        "sentences": len(quotes), "words": len(said.split()),
        "search_s": round(searched - started, 4), "extract_s": round(ended - searched, 4),
    }


def main() -> None:
    """Ask each question, and print the rows, one a line."""
    embedder = WordLlamaEmbedder()
    extractor = Extractor(embedder, MiniLmEncoder())
    with tempfile.TemporaryDirectory(prefix="xnai-answers-") as root:
        indexes = {}
        for path in (HERE / "corpora").iterdir():
            folder = Path(root) / path.name
            folder.mkdir()
            indexes[path.name] = index_of(path, embedder, folder)
        for question in tomllib.loads((HERE / "questions.toml").read_text("utf-8"))["question"]:
            row = answered(question, indexes[question["corpus"]], extractor)
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
