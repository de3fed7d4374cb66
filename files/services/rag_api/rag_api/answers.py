"""A question's way: search, the sentences that answer it, and what a model adds; as lines.

What stands in the passages comes first, word for word. A model's text follows where that is wanted,
sentence by sentence, and only as long as the passages support it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from rag_api import cache, prompt, support
from rag_api.cache import AnswerCache
from rag_api.documents import Found
from rag_api.extract import LOOKED_AT_PASSAGES, Extractor, Quote, cited_first
from rag_api.generator import Generator, ModelFailed
from rag_api.index import Index
from rag_api.prompt import Message
from rag_api.schema import (
    Answer,
    Done,
    Extract,
    Line,
    Model,
    Notice,
    Quoted,
    Source,
    Sources,
    Token,
)
from rag_api.speed import Speed
from rag_api.support import Support

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Looked:
    """What was found for a question.

    Attributes:
        found: the passages, those that are quoted first.
        quotes: the sentences that answer best.
        generation: of the index.
    """

    found: list[Found]
    quotes: list[Quote]
    generation: str


class Answers:
    """Answers questions with an index, a cache and a generator.

    Args:
        extractor: chooses sentences of the passages.
        prompt_tokens: what a prompt may take.
        with_model: whether the model is asked, after the passages' own sentences.
    """

    def __init__(
        self, index: Index, extractor: Extractor, answers: AnswerCache, generator: Generator,
        prompt_tokens: int, with_model: bool = True,
    ) -> None:
        self._index = index
        self._extractor = extractor
        self._cache = answers
        self._generator = generator
        self._prompt_tokens = prompt_tokens
        self._with_model = with_model
        self.speed = Speed()

    async def search(self, question: str, top_k: int) -> Looked:
        """Return the passages for a question, and their sentences that answer it best.

        Raises:
            Unusable: the index cannot be used.
        """
        started = time.monotonic()
        looked = await run_in_threadpool(self._look, question, top_k)
        if looked.found:
            self.speed.extracted(time.monotonic() - started)
        return looked

    def _look(self, question: str, top_k: int) -> Looked:
        near, generation = self._index.search(question, max(top_k, LOOKED_AT_PASSAGES))
        found, quotes = cited_first(near, self._extractor.extract(question, near), top_k)
        return Looked(found, quotes, generation)

    async def lines(self, question: str, looked: Looked) -> AsyncGenerator[Line, None]:
        """Yield the lines of an answer; whatever the model does, the last one is Done."""
        found = looked.found
        yield Sources(
            sources=[
                Source(
                    n=number,
                    document=passage.document,
                    title=passage.title,
                    source=passage.source,
                    text=passage.text,
                    score=round(passage.score, 4),
                    place=passage.place,
                )
                for number, passage in enumerate(found, 1)
            ]
        )
        if not found:
            yield Notice(text="Nothing has been ingested yet, so there is nothing to answer from.")
            yield Done()
            return
        yield Extract(quotes=[Quoted(n=quote.number, text=quote.text) for quote in looked.quotes])
        if self._with_model and not self._generator.configured:
            yield Notice(text="No model is set up (LLM_URL): this is what the passages say.")
        elif self._with_model:
            async with aclosing(self._generated(question, found, looked.generation)) as lines:
                async for line in lines:
                    yield line
        yield Done()

    async def _generated(
        self, question: str, found: list[Found], generation: str
    ) -> AsyncGenerator[Line, None]:
        messages = prompt.messages(question, found, self._prompt_tokens)
        if not messages:
            yield Notice(text="The question leaves no room for passages in the model's context.")
            return
        judge = Support(found, question, self._extractor.near)
        yield Model(name=self._generator.model)
        rest, shown = "", False
        try:
            async with aclosing(self._pieces(messages, generation, len(found))) as pieces:
                async for piece, ended in pieces:
                    whole, rest = support.cut(rest + piece, ended)
                    for sentence in whole:
                        problem = await run_in_threadpool(judge.problem, sentence)
                        if problem is None:
                            continue
                        if problem:
                            yield Notice(
                                text=f"The model {problem}; the rest of its text is not shown."
                            )
                            return
                        shown = True
                        yield Token(text=sentence)
        except ModelFailed as failure:
            what = "this is what came until then" if shown else "there is none of its text"
            yield Notice(text=f"The model did not finish: {failure}; {what}.")
        else:
            if not shown:
                yield Notice(text="The model said nothing beyond the question.")

    async def _pieces(
        self, messages: list[Message], generation: str, passages: int
    ) -> AsyncGenerator[tuple[str, bool], None]:
        """Yield the pieces of the model's text, or the kept text whole; with whether it ends."""
        name = cache.key(generation, self._generator.model, messages)
        known = await self._cache.get(name)
        if known is not None:
            _LOG.info("query: %d passages, the answer was in the cache", passages)
            yield known, True
            return
        pieces: list[str] = []
        started = time.monotonic()
        end = "the client went away, or its text was not supported"
        try:
            async with aclosing(self._generator.answer(messages)) as answer:
                async for piece in answer:
                    pieces.append(piece)
                    yield piece, False
            end = "answered"
            self.speed.generated(len(pieces), time.monotonic() - started)
            # Only whole answers.
            await self._cache.put(name, "".join(pieces))
            yield "", True
        except ModelFailed as failure:
            end = f"the model failed: {failure}"
            raise
        finally:
            _LOG.info(
                "query: %d passages, %d pieces in %.1f s, %s",
                passages, len(pieces), time.monotonic() - started, end,
            )

    async def whole(self, question: str, looked: Looked) -> Answer:
        """Return an answer as one object."""
        answer = Answer(answer="", model=None, extract=[], sources=[], notice=None)
        async with aclosing(self.lines(question, looked)) as lines:
            async for line in lines:
                match line:
                    case Sources():
                        answer.sources = line.sources
                    case Extract():
                        answer.extract = line.quotes
                    case Token():
                        answer.answer += line.text
                        answer.model = self._generator.model
                    case Notice():
                        answer.notice = line.text
        if answer.model is None:
            answer.answer = " ".join(f"{quote.text} [{quote.n}]" for quote in answer.extract)
        return answer
