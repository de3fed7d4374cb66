"""A question's way: search, cache, generation; as the lines that go out."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.concurrency import run_in_threadpool

from rag_api import cache, prompt
from rag_api.cache import AnswerCache
from rag_api.documents import Found
from rag_api.generator import Generator, ModelFailed
from rag_api.index import Index
from rag_api.schema import Answer, Done, Line, Notice, Source, Sources, Token

_LOG = logging.getLogger(__name__)


class Answers:
    """Answers questions with an index, a cache and a generator.

    Args:
        prompt_tokens: what a prompt may take.
    """

    def __init__(
        self, index: Index, answers: AnswerCache, generator: Generator, prompt_tokens: int
    ) -> None:
        self._index = index
        self._cache = answers
        self._generator = generator
        self._prompt_tokens = prompt_tokens

    async def search(self, question: str, top_k: int) -> tuple[list[Found], str]:
        """Return the passages for a question, and the index's generation.

        Raises:
            Unusable: the index cannot be used.
        """
        return await run_in_threadpool(self._index.search, question, top_k)

    async def lines(
        self, question: str, found: list[Found], generation: str
    ) -> AsyncGenerator[Line, None]:
        """Yield the lines of an answer; whatever the model does, the last one is Done."""
        yield Sources(
            sources=[
                Source(
                    n=number,
                    document=passage.document,
                    title=passage.title,
                    source=passage.source,
                    text=passage.text,
                    score=round(passage.score, 4),
                )
                for number, passage in enumerate(found, 1)
            ]
        )
        if not found:
            yield Notice(text="Nothing has been ingested yet, so there is nothing to answer from.")
        elif not self._generator.configured:
            yield Notice(text="No model is set up (LLM_URL): these are the best passages.")
        else:
            async with aclosing(self._generated(question, found, generation)) as lines:
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
        name = cache.key(generation, self._generator.model, messages)
        known = await self._cache.get(name)
        if known is not None:
            _LOG.info("query: %d passages, the answer was in the cache", len(found))
            yield Token(text=known)
            return
        pieces: list[str] = []
        started = time.monotonic()
        end = "the client went away"
        try:
            async with aclosing(self._generator.answer(messages)) as answer:
                async for piece in answer:
                    pieces.append(piece)
                    yield Token(text=piece)
            end = "answered"
            # Only whole answers.
            await self._cache.put(name, "".join(pieces))
        except ModelFailed as failure:
            end = f"the model failed: {failure}"
            rest = "this is what came until then" if pieces else "these are the best passages"
            yield Notice(text=f"The model did not finish: {failure}; {rest}.")
        finally:
            _LOG.info(
                "query: %d passages, %d pieces in %.1f s, %s",
                len(found), len(pieces), time.monotonic() - started, end,
            )

    async def whole(self, question: str, found: list[Found], generation: str) -> Answer:
        """Return an answer as one object."""
        answer = Answer(answer="", sources=[], notice=None)
        async with aclosing(self.lines(question, found, generation)) as lines:
            async for line in lines:
                match line:
                    case Sources():
                        answer.sources = line.sources
                    case Token():
                        answer.answer += line.text
                    case Notice():
                        answer.notice = line.text
        return answer
