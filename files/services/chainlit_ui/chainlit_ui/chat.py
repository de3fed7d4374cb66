"""What happens when a person sends a message.

Each question stands alone: the RAG API keeps no conversation.
"""

from __future__ import annotations

import contextlib
import hmac
import os
from pathlib import Path

import chainlit as cl

from chainlit_ui import library, wording
from chainlit_ui.rag_api import (
    Extract,
    Model,
    Notice,
    RagApiProblem,
    Source,
    Sources,
    Token,
    ask,
)
from chainlit_ui.settings import Settings

USER = "owner"
_ASK = "ask"
_WAS_ASKED = "was_asked"


def register(settings: Settings, password: str | None) -> None:
    """Tell Chainlit what to do.

    Args:
        settings: checked settings.
        password: what the page asks for before it opens, with the user name `owner`; None: it
            asks for nothing. The page is reachable from this machine alone, so that is the
            default.
    """

    @cl.on_chat_start
    async def start() -> None:
        await _welcome(settings)

    @cl.on_message
    async def answer(message: cl.Message) -> None:
        cl.user_session.set(_WAS_ASKED, True)
        for element in message.elements:
            if element.path:
                await _bring(settings, str(element.name), Path(element.path))
                # Its preview, which would only say that it cannot be shown any more.
                await element.remove()
        if message.content.strip():
            await _answer(settings, message.content)

    @cl.action_callback(_ASK)
    async def example(action: cl.Action) -> None:
        question = str(action.payload.get("question"))
        await cl.Message(question, type="user_message").send()
        await _answer(settings, question)

    if password is not None:

        @cl.password_auth_callback
        async def check(user: str, given: str) -> cl.User | None:
            is_right = hmac.compare_digest(given.encode(), password.encode())
            return cl.User(identifier=USER) if is_right and user == USER else None


async def _welcome(settings: Settings) -> None:
    try:
        about = await library.about(settings)
    except RagApiProblem as error:
        await cl.ErrorMessage(str(error)).send()
        return
    if about is None or cl.user_session.get(_WAS_ASKED):
        # Who has begun needs no welcome, least of all below an answer.
        return
    await cl.Message(
        wording.welcome(about, settings.max_file_mib, settings.ingest_token is not None),
        actions=[
            cl.Action(name=_ASK, payload={"question": question}, label=question)
            for question in about.examples
        ],
    ).send()


async def _bring(settings: Settings, name: str, file: Path) -> None:
    try:
        said = wording.brought(name, await library.bring(settings, name, file))
    except library.Refused as error:
        said = wording.not_brought(name, str(error))
    except RagApiProblem as error:
        await cl.ErrorMessage(str(error)).send()
        return
    finally:
        # What was read is in the library; here it would only take memory. It is emptied and not
        # removed: the page may just be asking for it.
        with contextlib.suppress(OSError):
            os.truncate(file, 0)
    await cl.Message(said).send()


async def _answer(settings: Settings, question: str) -> None:
    message = cl.Message("")
    sources: tuple[Source, ...] = ()
    quoted: frozenset[int] = frozenset()
    notices: list[str] = []
    problem: RagApiProblem | None = None
    label = ""
    try:
        async for event in ask(settings, question):
            match event:
                case Sources():
                    sources = event.sources
                case Extract():
                    quoted = frozenset(quote.number for quote in event.quotes)
                    await message.stream_token(wording.extract(event.quotes))
                case Model():
                    label = wording.by_model(event.name)
                case Token():
                    # Not before there is something to say whose it is.
                    await message.stream_token(label + event.text)
                    label = ""
                case Notice():
                    notices.append(event.text)
    except RagApiProblem as error:
        problem = error
    if problem is None or message.content:
        message.content += wording.ending(sources, notices, quoted)
        await message.send()
    if problem is not None:
        await cl.ErrorMessage(str(problem)).send()
