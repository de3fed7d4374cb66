"""Stops work that nobody waits for any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from service_common.guard import Send

T = TypeVar("T")


class ClosedStream(StreamingResponse):
    """A stream whose generator is closed at once when the client goes away.

    Starlette cancels what it awaits, but leaves a generator that waits between two pieces to the
    garbage collector.
    """

    def __init__(self, content: AsyncGenerator[str, None], media_type: str) -> None:
        super().__init__(content, media_type=media_type)
        self._content = content

    async def stream_response(self, send: Send) -> None:
        """Send the pieces, then close the generator whatever happened."""
        async with aclosing(self._content):
            await super().stream_response(send)


async def unless_gone(request: Request, work: Coroutine[None, None, T]) -> T | None:
    """Return what `work` returns; cancel it and return None where the client goes away first.

    Args:
        request: with its body already read, so that the next message is the client's leaving.
    """
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work)
        leaving = tasks.create_task(_gone(request))
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not working.done():
            working.cancel()
    return None if working.cancelled() else working.result()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
