"""The RAG API's client: one question, its answer as it comes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from chainlit_ui.settings import Settings

_CONNECT_S = 5.0
_SHOWN_CHARACTERS = 500


@dataclass(frozen=True)
class Source:
    """A passage that an answer rests on."""

    number: int
    title: str
    source: str
    text: str
    place: str = ""


@dataclass(frozen=True)
class Sources:
    """The passages; they come first."""

    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Quote:
    """A sentence of a passage, word for word, and the passage's number."""

    number: int
    text: str


@dataclass(frozen=True)
class Extract:
    """The sentences that answer best; they come after the passages."""

    quotes: tuple[Quote, ...]


@dataclass(frozen=True)
class Model:
    """Whose text follows."""

    name: str


@dataclass(frozen=True)
class Token:
    """A piece of the model's text."""

    text: str


@dataclass(frozen=True)
class Notice:
    """What the person should know about the answer, e.g. that no model is up."""

    text: str


class RagApiProblem(Exception):
    """Why there is no answer, or only half of one; the text is for the person who asked."""


def problem(settings: Settings, what: str, path: str = "/query") -> RagApiProblem:
    """Return what is told where the API does not do as it should.

    Args:
        what: it did.
        path: that was asked.
    """
    return RagApiProblem(
        f"{what}\n\n"
        f"Asked: {settings.rag_api_url}{path}\n\n"
        "On the machine, `xnai status` tells what is up, and "
        f"`sudo xnai-podman logs {settings.rag_api_container}` tells why it is not."
    )


Event = Sources | Extract | Model | Token | Notice


def _event(line: str) -> Event | None:
    """Return what a line says; None for the last one and for kinds that are newer than this.

    Raises:
        ValueError: it is not what the RAG API says.
    """
    content = json.loads(line)
    if not isinstance(content, dict):
        raise ValueError(f"not an object: {line[:100]}")
    kind = content.get("type")
    if kind == "token":
        return Token(str(content["text"]))
    if kind == "notice":
        return Notice(str(content["text"]))
    if kind == "model":
        return Model(str(content["name"]))
    if kind == "extract":
        return Extract(tuple(
            Quote(int(entry["n"]), str(entry["text"])) for entry in content["quotes"]
        ))
    if kind == "sources":
        return Sources(tuple(
            Source(
                int(entry["n"]), str(entry.get("title") or ""), str(entry.get("source") or ""),
                str(entry.get("text") or ""), str(entry.get("place") or ""),
            )
            for entry in content["sources"]
        ))
    return None


def detail_of(body: bytes) -> str:
    """Return what an error answer says."""
    text = body.decode("utf-8", "replace")
    try:
        detail = json.loads(text)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = text
    shown = detail if isinstance(detail, str) else json.dumps(detail)
    return shown.strip()[:_SHOWN_CHARACTERS] or "no reason given"


async def ask(settings: Settings, question: str) -> AsyncIterator[Event]:
    """Ask, and yield what comes.

    Raises:
        RagApiProblem: it is down, silent, refuses, or breaks off.
    """
    url = f"{settings.rag_api_url}/query"
    body = {"question": question, "top_k": settings.top_k, "stream": True}
    timeout = httpx.Timeout(settings.timeout_s, connect=_CONNECT_S)
    try:
        # No proxies of the environment: the RAG API is a neighbour.
        async with (
            httpx.AsyncClient(timeout=timeout, trust_env=False) as client,
            client.stream("POST", url, json=body) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                detail = detail_of(await answer.aread())
                raise problem(
                    settings, f"The RAG API refused (HTTP {answer.status_code}): {detail}"
                )
            async for line in answer.aiter_lines():
                if not line.strip():
                    continue
                if (event := _event(line)) is not None:
                    yield event
                elif json.loads(line).get("type") == "done":
                    return
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise problem(settings, f"The RAG API does not answer: {error or 'no route'}") from error
    except httpx.TimeoutException as error:
        raise problem(
            settings,
            f"The RAG API said nothing for {settings.timeout_s} s. A large model on a busy "
            "machine can need longer: UI_TIMEOUT_S in this service's environment.",
        ) from error
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise problem(
            settings, f"The RAG API's answer broke off: {type(error).__name__}: {error}"
        ) from error
    raise problem(settings, "The RAG API's answer broke off before its end.")
