"""Chainlit's page without the internet.

The packaged page takes a font from Google and a style sheet from a CDN. This one does not, and a
Content-Security-Policy keeps the browser from asking anybody else: a passage of a crawled page
could hold an image address that tells its owner who reads it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from service_common.guard import App, Message, Receive, Scope, Send, refuse

_EXTERNAL_LINK = re.compile(r'<link\b[^>]*\bhref="https?://[^>]*>', re.S)
_EXTERNAL = re.compile(r'\b(?:src|href)="(?:https?:)?//[^"]*"')
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.S)


def offline_build(packaged: Path, target: Path) -> None:
    """Make a copy of the page's directory: the same files, an index.html without the internet.

    Raises:
        RuntimeError: something of the internet is left; a new Chainlit brought it.
    """
    html = _EXTERNAL_LINK.sub("", (packaged / "index.html").read_text("utf-8"))
    if left := _EXTERNAL.findall(html):
        raise RuntimeError(f"{packaged}/index.html asks the internet for {', '.join(left)}")
    target.mkdir()
    for path in packaged.iterdir():
        if path.name != "index.html":
            (target / path.name).symlink_to(path)
    (target / "index.html").write_text(html, "utf-8")


def policy(html: str) -> str:
    """Return the Content-Security-Policy for a page: this server alone, and its own scripts."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(html)
    )
    return "; ".join([
        "default-src 'self'",
        f"script-src 'self' {hashes}",
        "style-src 'self' 'unsafe-inline'",  # the page's components set styles as they go
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ])


class Headers:
    """ASGI middleware that adds headers to every HTTP answer."""

    def __init__(self, app: App, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add to what comes back."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, sending)


class UploadLimit:
    """ASGI middleware that refuses a long body before it is taken: Chainlit writes it to /tmp first.

    Args:
        app: the application behind it.
        most_bytes: of a file; what a form has around it comes on top.
    """

    _AROUND_BYTES = 1 << 20

    def __init__(self, app: App, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes + self._AROUND_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the refusal."""
        if scope["type"] == "http" and (refusal := self._refusal(dict(scope["headers"]))):
            await refuse(send, *refusal)
            return
        await self._app(scope, receive, send)

    def _refusal(self, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        if b"transfer-encoding" in headers:
            return 411, "send a Content-Length"
        # The server has checked that a length is a number.
        if int(headers.get(b"content-length", b"0")) > self._most_bytes:
            return 413, (
                f"longer than {(self._most_bytes - self._AROUND_BYTES) >> 20} MiB "
                "(UI_MAX_FILE_MIB)"
            )
        return None
