"""Answers that were generated before, in Redis: on a CPU a generation takes many seconds."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from rag_api.prompt import Message
from rag_api.settings import Settings

_LOG = logging.getLogger(__name__)
# A question waits for it twice where Redis hangs.
_TIMEOUT_S = 1
_FAILURES = (RedisError, OSError)


def key(generation: str, model: str, messages: Sequence[Message]) -> str:
    """Return an answer's key.

    Args:
        generation: of the index, so that an ingest makes every former answer unreachable; its
            time to live removes it.
        model: that generates.
        messages: the whole prompt: it has the question, and changes with our wording.
    """
    content = json.dumps([generation, model, [asdict(message) for message in messages]])
    return f"rag:answer:{hashlib.sha256(content.encode()).hexdigest()}"


class AnswerCache:
    """The cache. Without Redis it has nothing and keeps nothing, and says so in the log."""

    def __init__(self, settings: Settings) -> None:
        self._ttl_s = settings.cache_ttl_s
        self._redis = Redis(
            host=settings.redis_host,
            port=settings.redis_port,
            password=settings.redis_password,
            socket_connect_timeout=_TIMEOUT_S,
            socket_timeout=_TIMEOUT_S,
            # Once more at once, for a connection that Redis' restart closed; not after silence.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            decode_responses=True,
        )

    async def ping(self) -> str:
        """Return "PONG", or why Redis cannot be used."""
        try:
            await self._redis.ping()
        except _FAILURES as error:
            return f"{type(error).__name__}: {error}"
        return "PONG"

    async def get(self, name: str) -> str | None:
        """Return the answer that is kept under a key."""
        if not self._ttl_s:
            return None
        try:
            answer: str | None = await self._redis.get(name)
        except _FAILURES as error:
            _LOG.warning("no cache of answers: %s: %s", type(error).__name__, error)
            return None
        return answer

    async def put(self, name: str, answer: str) -> None:
        """Keep a whole answer for RAG_CACHE_TTL_S."""
        if not self._ttl_s:
            return
        try:
            await self._redis.set(name, answer, ex=self._ttl_s)
        except _FAILURES as error:
            _LOG.warning("answer not cached: %s: %s", type(error).__name__, error)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
