"""Answer each question from its corpus by the RAG API's own code; print JSON.

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

HERE = Path(__file__).parent
SERVICES = HERE.parents[1] / "files/services"
sys.path[:0] = [str(SERVICES / "rag_api"), str(SERVICES / "common")]

from rag_api.embedder import WordLlamaEmbedder  # noqa: E402
from rag_api.extract import extract  # noqa: E402
from rag_api.index import Index  # noqa: E402
from rag_api.schema import DocumentIn  # noqa: E402

TOP_K = 4


def index_of(corpus: Path, embedder: WordLlamaEmbedder) -> Index:
    """Return an index of a corpus' files, as an ingest makes it."""
    index = Index(Path(tempfile.mkdtemp(prefix="xnai-answers-")), embedder)
    index.open()
    documents = []
    for path in sorted(corpus.glob("*.md")):
        text = path.read_text("utf-8")
        lines = text.splitlines()
        title = next((line[2:] for line in lines if line.startswith("# ")), path.stem)
        documents.append(
            DocumentIn(id=path.name, title=title, source=path.name, text=text).document()
        )
    index.ingest(documents)
    return index


def main() -> None:
    """Print what each question was answered with, and whether that is right."""
    embedder = WordLlamaEmbedder()
    indexes = {path.name: index_of(path, embedder) for path in (HERE / "corpora").iterdir()}
    rows = []
    for question in tomllib.loads((HERE / "questions.toml").read_text("utf-8"))["question"]:
        started = time.perf_counter()
        found, _ = indexes[question["corpus"]].search(question["text"], TOP_K)
        searched = time.perf_counter()
        quotes = extract(question["text"], found, embedder)
        ended = time.perf_counter()
        said = " ".join(quote.text for quote in quotes)
        has = [quote for quote in quotes
               if any(fact.lower() in quote.text.lower() for fact in question["fact"])]
        rows.append({
            "id": question["id"], "shares_words": question["shares_words"],
            "right": bool(has),
            "cited": any(found[one.number - 1].document == question["document"] for one in has),
            "passage_found": any(one.document == question["document"] for one in found),
            "sentences": len(quotes), "words": len(said.split()),
            "search_s": round(searched - started, 4), "extract_s": round(ended - searched, 4),
        })
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
