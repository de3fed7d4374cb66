"""Questions asked from inside a container's network, as a neighbour would ask them.

Nothing is started in the container: a child of ours enters its network namespace, gives its
rights up, and asks. So it works without Podman, and without a client program in the image.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from xnai.triage.collect import wire
from xnai.triage.collect.bounded import plain

_NOBODY = 65534
_CLONE_NEWNET = 0x40000000
_AT_ONCE = 6
# Two rounds of those that nobody answers, a retrieval in one of them.
_ALL_WITHIN_S = 2 * wire.CONNECT_S + wire.ANSWER_S + wire.RETRIEVAL_S

Question = dict[str, Any]

_KINDS: dict[str, Callable[..., dict[str, Any]]] = {
    "redis": wire.redis, "postgresql": wire.postgresql, "page": wire.page,
    "name": wire.resolve,
}


@dataclass(frozen=True)
class From:
    """Who asks, and what.

    Attributes:
        pid: a process of the container's; 0 asks from the host itself.
        container: its ID, which must be that process's.
        questions: each with `key`, `kind` and the words of that kind in `words`.
    """

    pid: int
    container: str
    questions: Sequence[Question]


def ask(askers: Sequence[From]) -> dict[str, dict[str, Any]]:
    """Return key -> answer of all questions, asked at once; called while no thread runs.

    Args:
        askers: a process is made for each that has questions.
    """
    found: dict[str, dict[str, Any]] = {}
    pipes: dict[int, bytearray] = {}
    children = []
    ends = time.monotonic() + _ALL_WITHIN_S
    for one in askers:
        if not one.questions:
            continue
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            _child(one, writable)
        os.close(writable)
        pipes[readable] = bytearray()
        children.append(child)
    with selectors.DefaultSelector() as ready:
        for handle in pipes:
            ready.register(handle, selectors.EVENT_READ)
        while ready.get_map() and (left := ends - time.monotonic()) > 0:
            for key, _ in ready.select(left):
                said = os.read(key.fd, 1 << 16)
                pipes[key.fd] += said
                if not said:
                    ready.unregister(key.fd)
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for handle, data in pipes.items():
        os.close(handle)
        for line in data.splitlines():
            with suppress(ValueError):
                found.update(json.loads(line))
    for one in askers:
        for question in one.questions:
            found.setdefault(question["key"], {"error": "no answer in time", "ms": None})
    return found


def _child(one: From, writable: int) -> None:
    """Ask, write each answer as a line, and end; never returns."""
    try:
        error = _enter(one.pid, one.container) if one.pid else ""
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)

        def answer(question: Question) -> None:
            # Whoever cannot ask learns nothing of what was to be asked.
            said = {"skipped": error} if error else _answered(question)
            os.write(writable, json.dumps({question["key"]: said}).encode() + b"\n")

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(answer, one.questions))
    finally:
        os._exit(0)


def _answered(question: Question) -> dict[str, Any]:
    if question["kind"] == "port":
        return wire.timed(_connect, **question["words"])
    return wire.timed(_KINDS[question["kind"]], **question["words"])


def _connect(address: str, port: int) -> dict[str, Any]:
    import socket

    socket.create_connection((address, port), wire.CONNECT_S).close()
    return {"connects": True}


def _enter(pid: int, container: str) -> str:
    """Enter a process's network namespace; return why that cannot be done."""
    if container not in (plain(f"/proc/{pid}/cgroup") or ""):
        return "the container's process is gone"
    try:
        handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        return f"its network cannot be entered: {error.strerror}"
    # os.setns came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(handle, _CLONE_NEWNET):
        return f"its network cannot be entered: {os.strerror(ctypes.get_errno())}"
    os.close(handle)
    return ""


def keyed(key: str, kind: str, **words: object) -> Question:
    """Return a question."""
    return {"key": key, "kind": kind, "words": dict(words)}


def answered(found: Mapping[str, Mapping[str, Any]], key: str) -> bool:
    """Return whether a question has an answer that is no error."""
    return key in found and not {"error", "skipped"} & set(found[key])
