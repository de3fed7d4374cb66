"""What the shipped model says to 200 questions, and what of it would be shown; JSON lines.

Run by the Python of the RAG API's environment, with the model's own in PYTHON_OF_LLM; see
benchmarks.answers.__main__. The questions are the 60 of questions.toml, one about each text, and 80
that ask whether a sentence of a text is true. With a file of earlier rows as argument the model is
not asked again: what it said then is judged by the rules of now.
"""

# The service's modules are not in this environment.
# mypy: ignore-errors

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ask import HERE, SERVICES, TOP_K, index_of
from rag_api import prompt, support
from rag_api.embedder import WordLlamaEmbedder
from rag_api.encoder import MiniLmEncoder
from rag_api.extract import LOOKED_AT_PASSAGES, Extractor, cited_first, sentences
from rag_api.generator import Generator, ModelFailed
from rag_api.support import Support

ABOUT = "What should I know about this: {title}?"
IS_IT_TRUE = "Is it true that {sentence}?"
IS_IT_TRUE_QUESTIONS = 80
# The service lets it go on for 256; by half of that nearly all have been ended or have ended.
CONTEXT_TOKENS, ANSWER_TOKENS = 2048, 128


def questions() -> list[dict[str, str]]:
    """Return all 200, each with its corpus."""
    asked = tomllib.loads((HERE / "questions.toml").read_text("utf-8"))["question"]
    found = [{"id": one["id"], "corpus": one["corpus"], "text": one["text"]} for one in asked]
    told = []
    for path in sorted((HERE / "corpora").glob("*/*.md")):
        text = path.read_text("utf-8")
        title = next(line[2:] for line in text.splitlines() if line.startswith("# "))
        found.append({"id": f"about-{path.stem}", "corpus": path.parent.name,
                      "text": ABOUT.format(title=title)})
        for number, sentence in enumerate(sentences(text)):
            plain = sentence.rstrip(".")
            told.append({
                "id": f"true-{path.stem}-{number}", "corpus": path.parent.name,
                "text": IS_IT_TRUE.format(sentence=plain[:1].lower() + plain[1:]),
            })
    step = len(told) // IS_IT_TRUE_QUESTIONS
    return found + told[::step][:IS_IT_TRUE_QUESTIONS]


def shown_of(text: str, judge: Support) -> tuple[list[str], str]:
    """Return the sentences of a model's text that would be shown, and why it ends there."""
    whole, _ = support.cut(text, ended=True)
    shown = []
    for sentence in whole:
        if problem := judge.problem(sentence):
            return shown, problem
        if problem is not None:
            shown.append(sentence)
    return shown, ""


class Asked:
    """The corpora's indexes, and what is asked of them."""

    def __init__(self, root: Path) -> None:
        embedder = WordLlamaEmbedder()
        self.extractor = Extractor(embedder, MiniLmEncoder())
        self._indexes = {}
        for path in (HERE / "corpora").iterdir():
            folder = root / path.name
            folder.mkdir()
            self._indexes[path.name] = index_of(path, embedder, folder)

    def found(self, question: dict[str, str]) -> list[Any]:
        """Return the passages of a question, those that are quoted first."""
        near, _ = self._indexes[question["corpus"]].search(question["text"], LOOKED_AT_PASSAGES)
        return cited_first(near, self.extractor.extract(question["text"], near), TOP_K)[0]

    def judged(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with what of it would be shown."""
        judge = Support(self.found(row), row["text"], self.extractor.near)
        shown, why = shown_of(row["said"], judge)
        return row | {"shown": shown, "ended_because": why}


async def said(
    generator: Generator, messages: list[prompt.Message]
) -> tuple[str, float, float]:
    """Return what the model says, and the seconds to its first piece and to its last."""
    pieces: list[str] = []
    started = time.perf_counter()
    first = None
    # One that is cut off, or goes on too long, has said what it has said.
    with contextlib.suppress(ModelFailed):
        async for piece in generator.answer(messages):
            first = first or time.perf_counter()
            pieces.append(piece)
    ended = time.perf_counter()
    return "".join(pieces), (first or ended) - started, ended - started


async def answered(question: dict[str, str], asked: Asked, generator: Generator) -> dict[str, Any]:
    """Ask, and return what the model said, how fast, and what of it would be shown."""
    started = time.perf_counter()
    found = asked.found(question)
    extract_s = time.perf_counter() - started
    messages = prompt.messages(question["text"], found, CONTEXT_TOKENS - ANSWER_TOKENS)
    text, first_s, whole_s = await said(generator, messages)
    return asked.judged({
        **question, "said": text, "extract_s": round(extract_s, 3),
        "first_token_s": round(first_s, 3), "whole_s": round(whole_s, 3),
    })


@contextlib.contextmanager
def serving(answer_tokens: int) -> Iterator[tuple[Generator, int]]:
    """Yield a client of the shipped model, and the process that serves it meanwhile."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"], "LLM_HOST": "127.0.0.1", "LLM_PORT": str(port),
        "PYTHONPATH": f"{SERVICES / 'llm'}:{SERVICES / 'common'}",
    }
    model = subprocess.Popen([os.environ["PYTHON_OF_LLM"], "-m", "llm"], env=environment, cwd="/",
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            time.sleep(0.2)
            with contextlib.suppress(OSError), urllib.request.urlopen(
                f"http://127.0.0.1:{port}/health", timeout=5
            ):
                break
        yield Generator(SimpleNamespace(
            llm_url=f"http://127.0.0.1:{port}/v1", llm_model="local", llm_api_key=None,
            llm_answer_tokens=answer_tokens, llm_silence_s=120, llm_total_s=600,
        )), model.pid
    finally:
        model.terminate()
        model.wait()


async def main() -> None:
    """Judge earlier rows, or start the model and ask it everything; print the rows as they come."""
    with tempfile.TemporaryDirectory(prefix="xnai-answers-") as root:
        asked = Asked(Path(root))
        if len(sys.argv) > 1:
            for row in json.loads(Path(sys.argv[1]).read_text("utf-8"))["rows"]:
                print(json.dumps(asked.judged(row)), flush=True)
            return
        with serving(ANSWER_TOKENS) as (generator, _):
            for one in questions():
                print(json.dumps(await answered(one, asked, generator)), flush=True)
            await generator.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
