"""Questions asked of a service over a socket, without a client program: read-only ones alone."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from typing import Any

CONNECT_S = 2.0
ANSWER_S = 10.0
# A retrieval reads passages with a transformer: more than 10 s were seen on two processors that
# two machines kept busy, beside a health page that answered.
RETRIEVAL_S = 30.0


def redis(address: str, port: int, password: str) -> dict[str, Any]:
    """PING and INFO, after AUTH where there is a password; nothing is written.

    Args:
        address: of the server.
        port: its TCP port.
        password: of its default user, or empty.
    """
    with socket.create_connection((address, port), CONNECT_S) as link:
        link.settimeout(ANSWER_S)
        reader = link.makefile("rb")
        said = {}
        if password:
            said["auth"] = _command(link, reader, "AUTH", password)
            _refuse_full(said["auth"])
        said["ping"] = _command(link, reader, "PING")
        _refuse_full(said["ping"])
        info = _command(link, reader, "INFO")
    pairs = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    kept = (
        "redis_version", "loading", "rdb_last_bgsave_status", "rdb_last_save_time",
        "rdb_changes_since_last_save", "aof_last_write_status", "aof_enabled",
        "used_memory", "maxmemory", "maxmemory_policy", "connected_clients", "maxclients",
        "uptime_in_seconds", "rejected_connections", "blocked_clients",
    )
    return {**said, "info": {name: pairs[name] for name in kept if name in pairs}}


def _refuse_full(reply: str) -> None:
    """Raise where the server says that it takes no more clients; then it hangs up."""
    if "max number of clients" in reply:
        raise ConnectionAbortedError(reply)


def _command(link: socket.socket, reader: Any, *words: str) -> str:
    """One command in Redis' own protocol (RESP2), and its answer as text."""
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        raw = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
    link.sendall(b"".join(parts))
    line: bytes = reader.readline(4096)
    if not line:
        raise ConnectionResetError("closed without an answer")
    if line[:1] == b"$":
        size = int(line[1:])
        return "" if size < 0 else bytes(reader.read(size + 2)[:-2]).decode("utf-8", "replace")
    return line[1:].strip().decode("utf-8", "replace")


def postgresql(address: str, port: int, user: str, database: str) -> dict[str, Any]:
    """How the server answers a client's first message; no password is sent.

    Args:
        address: of the server.
        port: its TCP port.
        user: role.
        database: its name.
    """
    words = f"user\0{user}\0database\0{database}\0\0".encode()
    with socket.create_connection((address, port), CONNECT_S) as link:
        link.settimeout(ANSWER_S)
        link.sendall(struct.pack("!II", len(words) + 8, 196608) + words)
        head = link.recv(5)
        if len(head) < 5:
            raise ConnectionResetError("closed without an answer")
        kind, size = head[:1], struct.unpack("!I", head[1:])[0]
        body = link.recv(min(size, 4096))
    if kind == b"R":
        return {"answer": "asks for authentication"}
    fields = [one.decode("utf-8", "replace") for one in body.split(b"\0") if one]
    return {"answer": " ".join(one[1:] for one in fields if one[:1] in "SCM")}


def page(
    address: str, port: int, path: str, host: str, method: str = "GET",
    body: object = None, headers: dict[str, str] | None = None, first_line: bool = False,
    answer_s: float = ANSWER_S,
) -> dict[str, Any]:
    """Ask a web server, past any proxy, and show how its answer begins.

    Args:
        address: of the server.
        port: its TCP port.
        path: with its query.
        host: what it is asked as; pages of ours answer to listed names alone.
        method: GET or POST.
        body: what is sent as JSON, or None.
        headers: further ones.
        first_line: whether to hang up after the answer's first line.
        answer_s: how long is waited for each part of the answer.
    """
    link = http.client.HTTPConnection(address, port, timeout=CONNECT_S)
    try:
        link.connect()
        link.sock.settimeout(answer_s)
        sent = {"Host": host, "User-Agent": "xnai-triage", **(headers or {})}
        data = None
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body), "application/json"
        link.request(method, path, data, sent)
        answer = link.getresponse()
        text = answer.readline(4096) if first_line else answer.read(2048)
        return {"status": answer.status, "body": text.decode("utf-8", "replace")[:1000]}
    finally:
        link.close()


def resolve(server: str, name: str) -> dict[str, Any]:
    """Ask a name server for a name's IPv4 addresses.

    Args:
        server: its address.
        name: without a trailing dot.
    """
    labels = b"".join(bytes([len(one)]) + one.encode() for one in name.split("."))
    query = struct.pack("!6H", 0x786E, 0x0100, 1, 0, 0, 0) + labels + b"\0" + b"\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(CONNECT_S)
        link.connect((server, 53))
        link.send(query)
        said = link.recv(4096)
    code, count = said[3] & 15, struct.unpack("!H", said[6:8])[0]
    found, at = [], len(query)
    for _ in range(count):
        # A name here is a pointer of two bytes, or labels up to a zero.
        while said[at] and said[at] & 0xC0 != 0xC0:
            at += said[at] + 1
        at += 2 if said[at] else 1
        kind, _, _, size = struct.unpack("!HHIH", said[at : at + 10])
        at += 10
        if kind == 1 and size == 4:
            found.append(socket.inet_ntoa(said[at : at + 4]))
        at += size
    return {"code": code, "addresses": found}


def timed(question: Any, *words: Any, **named: Any) -> dict[str, Any]:
    """Ask, and return the answer or the error in words, with its latency in milliseconds."""
    started = time.monotonic()
    try:
        found = question(*words, **named)
    except (OSError, http.client.HTTPException, ValueError, IndexError, struct.error) as error:
        words_of = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        found = {"error": f"{type(error).__name__}: {words_of}"}
    return {**found, "ms": round((time.monotonic() - started) * 1000)}
