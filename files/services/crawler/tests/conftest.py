"""Real web sites on loopback, and the crawler against them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from redis import Redis

SERVICE = Path(__file__).parents[1]
COMMON = SERVICE.parent / "common"
sys.path[:0] = [str(SERVICE), str(COMMON)]

from crawler.allow import Allow  # noqa: E402
from crawler.fetch import Fetcher  # noqa: E402

PARAGRAPH = (
    "The reservoir above the village was drained in the autumn of 1961, and for eleven weeks the "
    "old street could be walked again, from the mill to the church door. "
)
ARTICLE = (
    "<!doctype html><html><head><title>The drowned street</title></head><body><nav>Home</nav>"
    f"<article><h1>The drowned street</h1><p>{PARAGRAPH}</p><p>{PARAGRAPH * 2}</p></article>"
    "</body></html>"
)
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers with what the site has for the path, and notes what was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site = self.server.site  # type: ignore[attr-defined]
        site.asked.append((self.path, dict(self.headers.items())))
        site.event.set()
        answer = site.pages.get(self.path)
        if answer is None:
            self.say(404, b"nothing here", "text/plain")
        else:
            answer(self)

    def say(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass
class Site:
    """One server.

    Attributes:
        port: where it listens on 127.0.0.1.
        pages: path -> what answers it.
        asked: (path, headers) of every request.
        event: set at every request.
    """

    port: int = 0
    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    event: threading.Event = field(default_factory=threading.Event)

    def page(self, path: str, body: str | bytes, kind: str = "text/html; charset=utf-8",
             status: int = 200, **headers: str) -> None:
        """Put a page onto the site."""
        content = body.encode() if isinstance(body, str) else body
        self.pages[path] = lambda handler: handler.say(status, content, kind, **headers)

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        """Put a redirect onto the site."""
        self.page(path, b"", status=status, Location=location)

    def paths(self) -> list[str]:
        """Return the paths that were asked for."""
        return [path for path, _ in self.asked]


class Server(ThreadingHTTPServer):
    """Says nothing about clients that hang up; the tests make them do that."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@pytest.fixture
def new_site() -> Iterator[Callable[..., Site]]:
    """Start sites; each has a socket of its own."""
    servers: list[Server] = []

    def start(address: str = "127.0.0.1", port: int = 0) -> Site:
        server = Server((address, port), Handler)
        site = Site(server.server_address[1])
        server.site = site  # type: ignore[attr-defined]
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return site

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(new_site: Callable[..., Site]) -> Site:
    """A site with an article at /."""
    made = new_site()
    made.page("/", ARTICLE)
    return made


def fetcher_for(*hosts: str, timeout_s: float = 10, **names: list[str]) -> Fetcher:
    """Return a fetcher that may go to host:port on private addresses.

    Args:
        hosts: allowed sites, host:port.
        timeout_s: of a request, s.
        names: further names -> addresses; "_" stands for the dot. Every other name is loopback.
    """
    table = {name.replace("_", "."): found for name, found in names.items()}
    return Fetcher(
        Allow.of(hosts, hosts),
        "xnai-crawler/1.0",
        timeout_s,
        resolver=lambda host, port: table.get(host, ["127.0.0.1"]),
    )


@pytest.fixture
def redis(redis_server) -> Iterator[Redis]:
    """A client of the test's Redis."""
    client = Redis(
        host=redis_server.host, port=redis_server.port, password=redis_server.password,
        decode_responses=True,
    )
    yield client
    client.close()
