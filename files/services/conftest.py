"""Fixtures for the services' own tests."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_START_S = 10.0


@dataclass(frozen=True)
class RedisServer:
    """A real Redis on loopback, of Debian's package, with a password and an empty store."""

    host: str
    port: int
    password: str


def _program() -> list[str]:
    """Return how to start it. Debian's redis-tools has the program, under another name."""
    for name in ("redis-server", "redis-check-rdb"):
        if path := shutil.which(name):
            return [path]
    raise RuntimeError("Redis is missing: sudo apt-get install redis-tools")


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of its own for one test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password = secrets.token_hex(16)
    directory = tmp_path / "redis"
    directory.mkdir()
    config = directory / "redis.conf"
    config.write_text(
        f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\ndir "{directory}"\n'
    )
    log = (directory / "log").open("wb")
    process = subprocess.Popen(
        ["redis-server", str(config)], executable=_program()[0], stdout=log, stderr=log
    )
    try:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((directory / "log").read_text()) from None
                time.sleep(0.05)
        yield RedisServer("127.0.0.1", port, password)
    finally:
        process.terminate()
        process.wait(10)
        log.close()
