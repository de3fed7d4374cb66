"""ASGI middleware that refuses long bodies before anything parses them."""

from __future__ import annotations

from collections.abc import Collection

from service_common.guard import App, Message, Receive, Scope, Send, refuse


class BodyLimit:
    """Answers 413 to a body of more than `limit` bytes, whether it says so or is just sent.

    Args:
        app: the application behind it; it gets the whole body in one message.
        limit: in bytes.
        setting: the environment variable that the limit came from, for the message.
        without: paths that see to their own limit, and get their body piece by piece.
    """

    def __init__(
        self, app: App, limit: int, setting: str, without: Collection[str] = ()
    ) -> None:
        self._app = app
        self._without = without
        self._limit = limit
        self._setting = setting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body, or answer it."""
        if scope["type"] != "http" or scope["path"] in self._without:
            await self._app(scope, receive, send)
            return
        body = bytearray()
        said = dict(scope["headers"]).get(b"content-length", b"0")
        more = True
        while more:
            # The server has checked that a length is a number.
            if int(said) > self._limit or len(body) > self._limit:
                await self._refuse(send)
                return
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if len(body) > self._limit:
            await self._refuse(send)
            return
        pending: list[Message] = [{"type": "http.request", "body": bytes(body)}]
        del body

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)

    async def _refuse(self, send: Send) -> None:
        detail = (
            f"the body is longer than {self._limit} bytes; send less at a time, "
            f"or set {self._setting}"
        )
        await refuse(send, 413, detail)
