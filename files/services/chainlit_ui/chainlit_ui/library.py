"""The RAG API's client for the library: what is in it, and files that come in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from chainlit_ui.rag_api import detail_of, problem
from chainlit_ui.settings import Settings

_CONNECT_S = 5.0
_ABOUT_S = 30.0
# Reading a large PDF on a busy machine.
_FILE_S = 900.0
_PIECE_BYTES = 1 << 16


@dataclass(frozen=True)
class About:
    """What there is to ask, and who answers.

    Attributes:
        model: whose text follows the quoted sentences; None: nobody's.
        model_is_up: whether its server answers.
        extract_s: how long the quoted sentences take, in seconds; None: not known yet.
        tokens_per_s: how fast the model writes; None: not known yet.
        examples: questions that the library answers.
    """

    documents: int
    passages: int
    model: str | None
    model_is_up: bool
    extract_s: float | None
    tokens_per_s: float | None
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Brought:
    """A file that is in the library now.

    Attributes:
        notice: what could not be read of it; empty: nothing was left out.
    """

    title: str
    passages: int
    unchanged: bool
    notice: str


class Refused(Exception):
    """Why a file was not taken; the text is for the person who brought it."""


async def about(settings: Settings) -> About | None:
    """Return what the library says of itself; None where the API is one that tells nothing.

    Raises:
        RagApiProblem: it is down, or its index cannot be used.
    """
    try:
        async with _client(_ABOUT_S) as client:
            answer = await client.get(f"{settings.rag_api_url}/about")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise problem(settings, detail_of(answer.content), "/about")
        said = answer.json()
        return About(
            int(said["documents"]), int(said["passages"]), said["model"],
            said["model_status"] == "up", said["extract_s"], said["tokens_per_s"],
            tuple(map(str, said["examples"])),
        )
    except httpx.HTTPError as error:
        raise problem(
            settings, f"The RAG API does not answer: {type(error).__name__}: {error}", "/about"
        ) from error
    except (ValueError, KeyError, TypeError):
        return None


async def bring(settings: Settings, name: str, file: Path) -> Brought:
    """Send a file to the library, under its name.

    Raises:
        Refused: it was not taken.
        RagApiProblem: the API is down.
    """
    if settings.ingest_token is None:
        raise Refused("this page has no secret ingest_token, so it cannot bring files in")
    headers = {
        "Authorization": f"Bearer {settings.ingest_token}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(file.stat().st_size),
    }
    try:
        async with _client(_FILE_S) as client:
            answer = await client.post(
                f"{settings.rag_api_url}/files", params={"source": name}, headers=headers,
                content=_pieces(file),
            )
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise Refused("the RAG API here takes no files")
        if not answer.is_success:
            raise Refused(detail_of(answer.content))
        said = answer.json()
        return Brought(
            str(said["title"]), int(said["passages"]), bool(said["unchanged"]), str(said["notice"])
        )
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise problem(
            settings, f"The RAG API did not take {name}: {type(error).__name__}: {error}", "/files"
        ) from error


def _client(seconds: float) -> httpx.AsyncClient:
    # No proxies of the environment: the RAG API is a neighbour.
    return httpx.AsyncClient(
        timeout=httpx.Timeout(seconds, connect=_CONNECT_S), trust_env=False
    )


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE_BYTES):
            yield piece
