"""The page's real server, a RAG API that speaks the contract, and a browser's socket."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from wsproto import ConnectionType, WSConnection, events

SERVICE = Path(__file__).parents[1]
COMMON = SERVICE.parent / "common"
sys.path[:0] = [str(SERVICE), str(COMMON)]

# Only against a hang: a busy machine takes half a minute to start the page.
DEADLINE_S = 120.0
TIMEOUT_S = 3

SOURCES = [
    {"n": 1, "document": "a", "title": "The drowned <b>street</b>", "score": 0.9,
     "source": "https://example.org/street?a=1", "text": "It could be walked again.\n" * 3},
    {"n": 2, "document": "b", "title": "Notes", "source": "notes.txt", "score": 0.5,
     "text": "![](https://tracker.example/x.png)"},
]
WORDS = ["Eleven", " weeks", " [1]", "."]


class RagApi(BaseHTTPRequestHandler):
    """Answers /query as the question says."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[dict[str, object]]] = []
    over = threading.Event()
    about: ClassVar[dict[str, object]] = {
        "documents": 4, "passages": 23, "model": None, "model_status": "not asked",
        "extract_s": 0.02, "tokens_per_s": None, "examples": ["What is a *gate*?"],
    }
    may_tell = threading.Event()
    # Of each file: source, authorization, content.
    files: ClassVar[list[tuple[str, str, bytes]]] = []

    def do_GET(self) -> None:
        if self.path != "/about":
            self.answer(404, {})
            return
        self.may_tell.wait(DEADLINE_S)
        self.answer(200, self.about)

    def answer(self, status: int, said: object) -> None:
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def take_file(self) -> None:
        source = parse_qs(urlsplit(self.path).query)["source"][0]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.files.append((source, self.headers["Authorization"], body))
        if source.endswith(".bin"):
            self.answer(422, {"detail": "it is binary"})
        else:
            self.answer(200, {"title": source, "passages": 2, "unchanged": b"same" in body,
                              "notice": "1 of 3 pages hold no text" if b"scan" in body else ""})

    def do_POST(self) -> None:
        if self.path.startswith("/files"):
            self.take_file()
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append({"path": self.path, **body})
        question = body["question"]
        if question == "error":
            self.answer(503, {"detail": "Redis does not answer"})
            return
        if question == "silence":
            self.over.wait(DEADLINE_S)
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.line({"type": "sources", "sources": [] if question == "nothing" else SOURCES})
        if question == "no model":
            self.line({"type": "notice", "text": "No model is up: passages only."})
        elif question == "quoted":
            quotes = [{"n": 1, "text": "It could be *walked* again."}]
            self.line({"type": "extract", "quotes": quotes})
            self.line({"type": "model", "name": "Small-1"})
            self.line({"type": "token", "text": "It was walked. "})
            self.line({"type": "notice", "text": "The model began to repeat itself."})
        elif question == "extract":
            self.line({"type": "extract", "quotes": [{"n": 2, "text": "Yes."}]})
        elif question != "nothing":
            for word in WORDS:
                self.line({"type": "token", "text": word})
                if question == "broken":
                    self.close_connection = True
                    return
                if question == "garbage":
                    self.raw(b"this is no JSON\n")
        self.line({"type": "newer than this page", "x": 1})
        if question != "no end":
            self.line({"type": "done"})
        self.raw(b"")

    def line(self, content: dict[str, object]) -> None:
        self.raw(json.dumps(content).encode() + b"\n")

    def raw(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def rag_api() -> Iterator[str]:
    """URL of a RAG API."""
    RagApi.over.clear()
    RagApi.may_tell.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), RagApi)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    RagApi.over.set()
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Page:
    """A running server.

    Attributes:
        port: on 127.0.0.1.
        origin: the one that is allowed.
        directory: the one that it may write to.
        cwd: its working directory, which is read-only.
        audit: what it wrote and called.
        log: its output.
        process: to end it.
    """

    port: int
    origin: str
    directory: Path
    cwd: Path
    audit: Path
    log: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, trust_env=False)


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S:g} s: {what}"
        time.sleep(0.02)


@contextmanager
def serving(directory: Path, rag_api_url: str, **secrets: str) -> Iterator[Page]:
    """Run the server as its container does: no HOME, a read-only working directory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cwd = directory / "app"
    cwd.mkdir()
    cwd.chmod(0o555)
    for name, value in secrets.items():
        (directory / "secrets").mkdir(exist_ok=True)
        (directory / "secrets" / name).write_text(value)
    origin = f"http://127.0.0.1:{port}"
    audit, log = directory / "audit", directory / "log"
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, (Path(__file__).parent / "audit", SERVICE, COMMON))),
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "AUDIT_LOG": str(audit),
        "SECRETS_DIR": str(directory / "secrets"), "RAG_API_URL": rag_api_url,
        "UI_TIMEOUT_S": str(TIMEOUT_S), "UI_ALLOWED_ORIGINS": origin,
        "UI_DIRECTORY": str(directory / "chainlit"),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "chainlit_ui.main:app", "--host", "127.0.0.1",
             "--port", str(port), "--timeout-graceful-shutdown", "3"],
            cwd=cwd, env=environment, stdout=output, stderr=output,
        )
    page = Page(port, origin, directory / "chainlit", cwd, audit, log, process)
    try:

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return page.get("/health").status_code == 200
            except httpx.HTTPError:
                return False

        until(answers, "the page's server")
        yield page
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


@pytest.fixture(scope="session")
def page(tmp_path_factory, rag_api) -> Iterator[Page]:
    """The server with a RAG API behind it."""
    with serving(tmp_path_factory.mktemp("page"), rag_api) as made:
        yield made


@pytest.fixture
def serve(tmp_path) -> Callable[..., object]:
    """Start a server of one's own: serve(rag_api_url, **secrets)."""
    return lambda rag_api_url, **secrets: serving(tmp_path, rag_api_url, **secrets)


class Browser:
    """A browser's socket.io connection over a websocket, as far as a chat needs it."""

    def __init__(self, page: Page, *, host: str | None = None, origin: str | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", page.port), timeout=DEADLINE_S)
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._texts: list[str] = []
        self._part = ""
        self.status = 0
        self._send(events.Request(
            host=host or f"127.0.0.1:{page.port}",
            target="/ws/socket.io/?EIO=4&transport=websocket",
            extra_headers=[(b"origin", (origin or page.origin).encode())],
        ))
        while not self.status:
            self._receive()
        if self.status == 101:
            self.session = str(uuid.uuid4())
            assert self.text().startswith("0{")
            self.say("40" + json.dumps({"sessionId": self.session, "clientType": "webapp"}))
            self.connected = self.text()
            self.welcome: list[tuple[str, dict]] | None = None

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _send(self, event: events.Event) -> None:
        self._socket.sendall(self._protocol.send(event))

    def say(self, text: str) -> None:
        self._send(events.TextMessage(text))

    def _receive(self) -> None:
        self._protocol.receive_data(self._socket.recv(65536) or None)
        for event in self._protocol.events():
            if isinstance(event, events.AcceptConnection):
                self.status = 101
            elif isinstance(event, events.RejectConnection):
                self.status = event.status_code
            elif isinstance(event, events.TextMessage):
                self._part += event.data
                if event.message_finished:
                    self._texts.append(self._part)
                    self._part = ""
            elif isinstance(event, events.CloseConnection):
                raise AssertionError(f"closed: {event.code} {event.reason}")

    def text(self) -> str:
        while True:
            while not self._texts:
                self._receive()
            text = self._texts.pop(0)
            if text != "2":
                return text
            self.say("3")

    def start(self) -> list[tuple[str, dict]]:
        """Tell the server that the page is there; return the events up to the end of its task."""
        if self.welcome is None:
            self.say('42["connection_successful"]')
            self.welcome = self.until_task_end()
        return self.welcome

    def ask(self, question: str, *files: str) -> list[tuple[str, dict]]:
        """As `send`, once the page has started; return the events up to the end of its task."""
        self.start()
        self.send(question, *files)
        return self.until_task_end()

    def send(self, question: str, *files: str) -> None:
        """Send a message.

        Args:
            question: the message.
            files: ids of files that were uploaded.
        """
        message = {
            "id": str(uuid.uuid4()), "name": "user", "type": "user_message", "output": question,
            "createdAt": "2026-01-01T00:00:00Z", "threadId": "",
        }
        sent = {"message": message, "fileReferences": [{"id": one} for one in files]}
        self.say("42" + json.dumps(["client_message", sent]))

    def until_task_end(self) -> list[tuple[str, dict]]:
        """Return the events from now to the end of a task that starts now."""
        found: list[tuple[str, dict]] = []
        started = False
        while True:
            found.append(self.event())
            started |= found[-1][0] == "task_start"
            if started and found[-1][0] == "task_end":
                return found

    def event(self) -> tuple[str, dict]:
        """Return the next event's name and data."""
        while not (text := self.text()).startswith("42"):
            pass
        name, *data = json.loads(text[2:])
        return name, data[0] if data else {}
