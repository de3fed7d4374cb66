"""What happens when a person sends a message.

Each question stands alone: the RAG API keeps no conversation.
"""

from __future__ import annotations

import hmac

import chainlit as cl

from chainlit_ui import wording
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


def register(settings: Settings, password: str | None) -> None:
    """Tell Chainlit what to do.

    Args:
        settings: checked settings.
        password: what the page asks for before it opens, with the user name `owner`; None: it
            asks for nothing. The page is reachable from this machine alone, so that is the
            default.
    """

    @cl.on_message
    async def answer(message: cl.Message) -> None:
        await _answer(settings, message.content)

    if password is not None:

        @cl.password_auth_callback
        async def check(user: str, given: str) -> cl.User | None:
            is_right = hmac.compare_digest(given.encode(), password.encode())
            return cl.User(identifier=USER) if is_right and user == USER else None


async def _answer(settings: Settings, question: str) -> None:
    message = cl.Message("")
    sources: tuple[Source, ...] = ()
    notices: list[str] = []
    problem: RagApiProblem | None = None
    label = ""
    try:
        async for event in ask(settings, question):
            match event:
                case Sources():
                    sources = event.sources
                case Extract():
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
        message.content += wording.ending(sources, notices)
        await message.send()
    if problem is not None:
        await cl.ErrorMessage(str(problem)).send()
