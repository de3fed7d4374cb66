"""Keeps web pages of other sites out of a service that listens on loopback.

A page can make its visitor's browser send requests to 127.0.0.1. Two headers give it away, and
neither can be forged by a page: `Host` names the page's own domain where DNS was rebound to
loopback, and `Origin` names the site that asks.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

# The ASGI specification leaves the values open.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_WITH_BODY = ("POST", "PUT", "PATCH")
# A page must ask before it sends these to another site (CORS), and here nobody says yes.
_NOT_SIMPLE = ("application/json", "application/octet-stream")
_CLOSE_REASON_BYTES = 123  # RFC 6455, 5.5


class Guard:
    """ASGI middleware that refuses requests by their Host, Origin and content type.

    Args:
        app: the application behind it.
        hosts: allowed Host headers; `name` allows every port, `name:port` that one alone.
        origins: allowed Origin headers, each as `scheme://host[:port]`. A request without the
            header is not from a foreign page and passes.
        json_only: refuse bodies that are neither JSON nor a plain file. A page can send the types
            of a form to any site without asking it first (CORS's "simple requests").
        hosts_setting: the environment variable that `hosts` came from, for the message.
        origins_setting: the same for `origins`.
    """

    def __init__(
        self,
        app: App,
        hosts: Collection[str],
        origins: Collection[str],
        *,
        json_only: bool = False,
        hosts_setting: str = "ALLOWED_HOSTS",
        origins_setting: str = "ALLOWED_ORIGINS",
    ) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._json_only = json_only
        self._hosts_setting = hosts_setting
        self._origins_setting = origins_setting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the connection on, or answer it with the refusal."""
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            # Before the handshake is accepted, servers turn this into HTTP 403.
            reason = refusal[1].encode()[:_CLOSE_REASON_BYTES].decode(errors="ignore")
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            await refuse(send, *refusal)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return the HTTP status and the sentence for a connection that must not pass."""
        hosts = _header(scope, b"host")
        if len(hosts) != 1 or not self._host_is_allowed(hosts[0].lower()):
            found = ", ".join(map(repr, hosts)) or "none"
            return 421, f"Host {found} is not allowed here; set in {self._hosts_setting}"
        for origin in _header(scope, b"origin"):
            if origin.lower() not in self._origins:
                return 403, f"Origin {origin!r} is not allowed here; set in {self._origins_setting}"
        if self._json_only and scope["type"] == "http" and scope["method"] in _WITH_BODY:
            return _refused_content_type(scope)
        return None

    def _host_is_allowed(self, host: str) -> bool:
        # The name ends at the last colon outside an IPv6 address's brackets.
        name, colon, port = host.rpartition(":")
        without_port = name if colon and port.isdigit() else host
        return host in self._hosts or without_port in self._hosts


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _refused_content_type(scope: Scope) -> tuple[int, str] | None:
    has_body = _header(scope, b"transfer-encoding") or _header(scope, b"content-length") not in (
        [], ["0"],
    )
    types = _header(scope, b"content-type")
    if not has_body or (
        len(types) == 1 and types[0].split(";")[0].strip().lower() in _NOT_SIMPLE
    ):
        return None
    found = ", ".join(map(repr, types)) or "none"
    return 415, (
        f"Content-Type {found} is not allowed here; send application/json, or a file as "
        "application/octet-stream"
    )


async def refuse(send: Send, status: int, detail: str) -> None:
    """Answer a request whose body nobody reads.

    Args:
        send: of the request.
        status: HTTP's.
        detail: why, as the services' APIs tell it.
    """
    body = json.dumps({"detail": detail}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # The request's body was not read, so the connection cannot carry another request.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
