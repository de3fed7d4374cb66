"""What is asked of our own services: read-only, and nothing that would load a model or migrate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from xnai.stack.model import Service
from xnai.triage.collect.wire import RETRIEVAL_S

Check = dict[str, Any]

# What a browser sends to open Chainlit's socket (RFC 6455); the key is of no importance.
_UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "eG5haS10cmlhZ2UteG5haQ==",
}
_SOCKET_PATH = "/ws/socket.io/?EIO=4&transport=websocket"


def _page(key: str, port: int, path: str, **words: object) -> Check:
    asked = {"port": port, "path": path, "host": f"127.0.0.1:{port}", **words}
    return {"key": key, "kind": "page", "words": asked}


def _rag_api(port: int) -> list[Check]:
    # The first line has the passages; what hangs up after it has started no answer to keep.
    body = {"question": "Is anything known?", "top_k": 1, "stream": True}
    return [_page(
        "retrieval", port, "/query", method="POST", body=body, first_line=True,
        answer_s=RETRIEVAL_S,
    )]


def _chainlit_ui(port: int) -> list[Check]:
    return [
        _page("page", port, "/"),
        _page("socket", port, _SOCKET_PATH, headers=_UPGRADE, first_line=True),
    ]


def _llm(port: int) -> list[Check]:
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, "temperature": 0}
    return [_page("completion", port, "/v1/chat/completions", method="POST", body=body)]


# The model of our own server is loaded from its start on.
_FURTHER: dict[str, Callable[[int], list[Check]]] = {
    "rag_api": _rag_api, "chainlit_ui": _chainlit_ui, "llm": _llm,
}


def checks(services: Sequence[Service]) -> dict[str, list[Check]]:
    """Return what to ask each container inside its network, besides Redis and PostgreSQL.

    Args:
        services: of the stack, in dependency order.
    """
    databases = {s.name: s.container_name for s in services if s.store == "postgresql"}
    found: dict[str, list[Check]] = {}
    for service in services:
        mine: list[Check] = []
        if service.port is None:
            continue
        last = service.health_command[-1]
        if last.startswith("http://"):
            mine.append(_page("health", service.port, urlsplit(last).path or "/"))
        elif service.ready_path:
            mine.append(_page("health", service.port, service.ready_path))
        if further := _FURTHER.get(service.name):
            mine += further(service.port)
        # Vikunja ends when it is asked while its database is away.
        before = next((databases[n] for n in service.depends_on if n in databases), "")
        found[service.container_name] = [
            {**check, "after": before} if before else check for check in mine
        ]
    return found
