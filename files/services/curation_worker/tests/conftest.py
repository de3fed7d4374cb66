"""The real worker, RAG API and Redis, and what stands between them to kill at a chosen moment."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

SERVICE = Path(__file__).parents[1]
SERVICES = SERVICE.parent
sys.path[:0] = [str(SERVICE), str(SERVICES / "common")]

TOKEN = "the-ingest-token"
# Other work may keep the machine busy.
_WAIT_S = 60.0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_until(holds: Callable[[], bool], why: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + _WAIT_S
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


@dataclass
class Api:
    """The real RAG API on a port that stays."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self, **settings: object) -> None:
        (self.folder / "secrets").mkdir(exist_ok=True)
        (self.folder / "secrets/ingest_token").write_text(TOKEN)
        python = os.environ.get("PYTHON_OF_RAG_API")
        if python is None:
            pytest.fail("run these by `pytest tests/services -k curation`: they need rag_api")
        (self.folder / "data").mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{SERVICES / 'rag_api'}:{SERVICES / 'common'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SECRETS_DIR": str(self.folder / "secrets"),
            "RAG_DATA_DIR": str(self.folder / "data"),
            # Nobody listens there: it does without its cache.
            "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "1",
            **{name: str(value) for name, value in settings.items()},
        }
        log = self.folder / "rag_api.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [python, "-m", "uvicorn", "rag_api.main:app", "--port", str(self.port)],
                env=environment, stdout=out, stderr=out, cwd="/",
            )
        wait_until(lambda: self._serves() or self.process.poll() is not None, log.read_text)
        assert self.process.poll() is None, log.read_text()

    def _serves(self) -> bool:
        with contextlib.suppress(OSError):
            return self.ask("GET", "/health")[0] == 200
        return False

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def documents(self) -> int:
        return self.ask("GET", "/ready")[1]["index"]["documents"]

    def first_source(self, question: str) -> dict:
        sources = self.ask("POST", "/query", {"question": question, "stream": False})[1]["sources"]
        return sources[0] if sources else {}

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Relay(threading.Thread):
    """Passes TCP on, and calls `seen(side, data, forward)` in place of forwarding."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.far = ("127.0.0.1", port)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.seen: Callable[[str, bytes, Callable[[], None]], None] = (
            lambda side, data, forward: forward()
        )
        self.start()

    def run(self) -> None:
        while True:
            near, _ = self.listening.accept()
            try:
                far = socket.create_connection(self.far)
            except OSError:
                near.close()
                continue
            for side, source, target in (("out", near, far), ("back", far, near)):
                threading.Thread(
                    target=self.pump, args=(side, source, target), daemon=True
                ).start()

    def pump(self, side: str, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 20):
                self.seen(side, data, lambda data=data: target.sendall(data))
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@dataclass
class Worker:
    """A running worker."""

    process: subprocess.Popen[bytes]
    log: Path
    heartbeat: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def says(self, text: str, times: int = 1) -> None:
        """Wait until the log has a text."""
        wait_until(lambda: self.log.read_text().count(text) >= times, self.log.read_text)


@dataclass
class Stack:
    """Redis, the API, a library, and workers."""

    folder: Path
    server: object
    api: Api
    redis: redis.Redis
    workers: list[Worker] = field(default_factory=list)

    def environment(self, **settings: object) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{SERVICE}:{SERVICES / 'common'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SECRETS_DIR": str(self.folder / "secrets"),
            "LIBRARY_DIR": str(self.folder / "library"),
            "HEARTBEAT_FILE": str(self.folder / "heartbeat"),
            "REDIS_HOST": self.server.host,
            "REDIS_PORT": str(self.server.port),
            "RAG_API_URL": f"http://127.0.0.1:{self.api.port}",
            "CURATION_RECLAIM_IDLE_S": "1",
            "CURATION_MAX_DELIVERIES": "2",
            **{name: str(value) for name, value in settings.items()},
        }

    def work(self, **settings: object) -> Worker:
        log = self.folder / f"worker{len(self.workers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "curation_worker"],
                env=self.environment(**settings), stdout=out, stderr=out, cwd="/",
            )
        self.workers.append(Worker(process, log, self.folder / "heartbeat"))
        return self.workers[-1]

    def write(self, url: str, text: str, /, title: str = "A title", **changed: object) -> dict:
        """Put a page into the library as the crawler does, and return its entry's fields."""
        file = f"crawled/{hashlib.sha256(url.encode()).hexdigest()[:40]}.json"
        path = self.folder / "library" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        path.write_text(json.dumps({
            "url": url, "requested_url": url, "title": title, "text": text,
            "fetched_at": "2026-01-01T00:00:00+00:00", "sha256": digest, **changed,
        }))
        return {"file": file, "url": url, "sha256": digest}

    def crawl(self, url: str, text: str, **more: object) -> dict:
        fields = self.write(url, text, **more)
        self.redis.xadd("crawl:results", fields)
        return fields

    def settled(self) -> bool:
        """Whether every entry was read and acknowledged."""
        groups = self.redis.xinfo_groups("crawl:results")
        return bool(groups) and groups[0]["pending"] == 0 and groups[0]["lag"] == 0

    def settle(self) -> None:
        """Wait until nothing is left to do."""
        wait_until(self.settled, lambda: "\n".join(w.log.read_text() for w in self.workers))

    def failures(self) -> list[dict]:
        return [fields for _, fields in self.redis.xrange("crawl:failed")]


@contextlib.contextmanager
def running(folder: Path, redis_server: object, api: Api) -> Iterator[Stack]:
    (folder / "secrets").mkdir()
    (folder / "library").mkdir()
    (folder / "secrets/redis_password").write_text(redis_server.password)
    (folder / "secrets/ingest_token").write_text(TOKEN)
    connection = redis.Redis(
        redis_server.host, redis_server.port, password=redis_server.password, decode_responses=True
    )
    made = Stack(folder, redis_server, api, connection)
    try:
        yield made
    finally:
        for worker in made.workers:
            worker.kill()
        if api.process is not None:
            for document in connection.hkeys("curation:documents"):
                api.ask("DELETE", f"/ingest/{document}")
        connection.close()


@pytest.fixture(scope="session")
def shared_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One API for most tests: each starts with an empty one."""
    api = Api(tmp_path_factory.mktemp("api"))
    yield api
    api.stop()


@pytest.fixture
def stack(tmp_path: Path, redis_server: object, shared_api: Api) -> Iterator[Stack]:
    """Everything but the worker already runs."""
    if shared_api.process is None or shared_api.documents() > 0:
        # The first time, or after a test that failed.
        shared_api.stop()
        shutil.rmtree(shared_api.folder / "data", ignore_errors=True)
        shared_api.start()
    with running(tmp_path, redis_server, shared_api) as made:
        yield made


@pytest.fixture
def stack_without_api(tmp_path: Path, redis_server: object) -> Iterator[Stack]:
    """Neither a worker nor the API runs yet; the API is this test's own."""
    with running(tmp_path, redis_server, Api(tmp_path)) as made:
        yield made
        made.api.stop()
        made.api.process = None
