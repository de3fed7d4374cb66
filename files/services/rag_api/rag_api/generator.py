"""Generation by an OpenAI-compatible endpoint, as a stream."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict

import httpx

from rag_api.prompt import Message
from rag_api.settings import Settings

_CONNECT_S = 3
_STATUS_S = 2
_SHOWN_CHARACTERS = 200


class ModelFailed(Exception):
    """The model gave no answer, or not the whole of it; the text says why."""


class Generator:
    """The endpoint in the settings. Closing an answer's stream ends its generation there."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.llm_url
        self.model = settings.llm_model
        self._answer_tokens = settings.llm_answer_tokens
        self._silence_s = settings.llm_silence_s
        self._total_s = settings.llm_total_s
        key = settings.llm_api_key
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(settings.llm_silence_s, connect=_CONNECT_S),
            # Podman hands the host's proxy variables on; the endpoint is a neighbour by name.
            trust_env=False,
        )

    @property
    def configured(self) -> bool:
        """Whether there is an endpoint at all."""
        return bool(self._url)

    async def status(self) -> str:
        """Return "up", "down" or "none"."""
        if not self.configured:
            return "none"
        try:
            answer = await self._client.get(f"{self._url}/models", timeout=_STATUS_S)
        except (httpx.HTTPError, httpx.InvalidURL):
            return "down"
        return "up" if answer.is_success else "down"

    async def answer(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        """Yield the pieces of the model's answer.

        Raises:
            ModelFailed: after the pieces that came.
        """
        try:
            async with aclosing(self._pieces(messages)) as pieces:
                async for piece in pieces:
                    yield piece
        except httpx.ConnectError:
            raise ModelFailed(f"nothing answers at {self._url}") from None
        except httpx.TimeoutException:
            raise ModelFailed(f"it was silent for {self._silence_s} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelFailed(f"the connection broke ({type(error).__name__})") from None

    async def _pieces(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        body = {
            "model": self.model,
            "messages": [asdict(message) for message in messages],
            "max_tokens": self._answer_tokens,
            # The likeliest answer, and the same one when it is asked again.
            "temperature": 0,
            "stream": True,
        }
        deadline = time.monotonic() + self._total_s
        async with self._client.stream(
            "POST", f"{self._url}/chat/completions", json=body
        ) as response:
            if not response.is_success:
                said = " ".join((await response.aread()).decode(errors="replace").split())
                raise ModelFailed(
                    f"it answered HTTP {response.status_code}: {said[:_SHOWN_CHARACTERS]}"
                )
            finished = False
            async for line in response.aiter_lines():
                # Between lines, comments included: silence has its own limit.
                if time.monotonic() > deadline:
                    raise ModelFailed(f"it took longer than {self._total_s} s")
                # Server-sent events; a line with a colon in front is a comment.
                name, _, data = line.partition(":")
                if name != "data":
                    continue
                if data.strip() == "[DONE]":
                    break
                piece, reason = _parse(data)
                if piece:
                    yield piece
                if reason == "length":
                    raise ModelFailed(f"its answer was cut off after {self._answer_tokens} tokens")
                finished = finished or reason is not None
        if not finished:
            raise ModelFailed("its answer broke off")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _parse(data: str) -> tuple[str, str | None]:
    """Return an event's piece of text and the reason why the answer ends with it, if it does.

    Raises:
        ModelFailed: it reports an error, or is none of OpenAI's events.
    """
    try:
        event = json.loads(data)
        if "error" in event:
            raise ModelFailed(f"it reported an error: {str(event['error'])[:_SHOWN_CHARACTERS]}")
        if not event["choices"]:  # the final count of tokens
            return "", None
        choice = event["choices"][0]
        piece = choice["delta"].get("content") or ""
        if not isinstance(piece, str):
            raise TypeError
        return piece, choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ModelFailed("it sent what no OpenAI-compatible server sends") from None
