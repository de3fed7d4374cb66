"""The HTTP server: GET and HEAD of a site's files."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from docs_server.site import NOT_FOUND, File

HOSTS = "DOCS_ALLOWED_HOSTS"
_THREADS = 16
_IDLE_S = 5.0
_HEADERS = {
    # The pages need nobody else; their theme has scripts and styles in the page.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Server(ThreadingHTTPServer):
    """Serves with a bounded number of threads; whoever comes then waits in the backlog.

    Args:
        address: host and port to listen on.
        files: the site.
        hosts: allowed Host headers; `name` allows every port, `name:port` that one alone.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], files: dict[str, File], hosts: Collection[str]
    ) -> None:
        self.files = files
        self.hosts = frozenset(host.lower() for host in hosts)
        self._free = threading.BoundedSemaphore(_THREADS)
        super().__init__(address, Handler)

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Start a thread when one is free."""
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Serve one connection and give the thread back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""


class Handler(BaseHTTPRequestHandler):
    """One connection, one request: HTTP/1.0's way, so that none keeps a thread for itself."""

    server: Server
    timeout = _IDLE_S
    server_version = "docs"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with a file."""
        self._serve(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with a file's headers."""
        self._serve(with_body=False)

    def _refuse_method(self) -> None:
        self._say(HTTPStatus.METHOD_NOT_ALLOWED, "allowed: GET, HEAD", Allow="GET, HEAD")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse_method

    def _serve(self, *, with_body: bool) -> None:
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not self._is_allowed(hosts[0].strip().lower()):
            found = ", ".join(map(repr, hosts)) or "none"
            self._say(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"Host {found} is not allowed here; set in {HOSTS}", with_body=with_body,
            )
            return
        path = unquote(urlsplit(self.path).path)
        file = self.server.files.get(path)
        if file is None and f"{path}/" in self.server.files:
            # Only paths of the table get here, so nothing of the request is echoed unseen.
            location = f"{path.rpartition('/')[2]}/"
            self._say(HTTPStatus.MOVED_PERMANENTLY, "", with_body=with_body, Location=location)
        elif file is None:
            missing = self.server.files.get(NOT_FOUND)
            if missing is None:
                self._say(HTTPStatus.NOT_FOUND, "there is no such page", with_body=with_body)
            else:
                self._send(HTTPStatus.NOT_FOUND, missing, with_body=with_body)
        elif self._is_known(file):
            self._head(HTTPStatus.NOT_MODIFIED, file)
        else:
            self._send(HTTPStatus.OK, file, with_body=with_body)

    def _is_allowed(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        without_port = name if colon and port.isdigit() else host
        return host in self.server.hosts or without_port in self.server.hosts

    def _is_known(self, file: File) -> bool:
        """Say whether the browser has this very content. Its tags come first (RFC 9110, 13.2)."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            return tags.strip() == "*" or file.etag in (
                tag.strip().removeprefix("W/") for tag in tags.split(",")
            )
        return self.headers.get("If-Modified-Since") == file.modified

    def _head(self, status: HTTPStatus, file: File, length: int | None = None) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Type", file.content_type)
            self.send_header("Content-Length", str(length))
        if status != HTTPStatus.NOT_FOUND:
            self.send_header("ETag", file.etag)
            self.send_header("Last-Modified", file.modified)
            self.send_header("Cache-Control", file.cache_control)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: HTTPStatus, file: File, *, with_body: bool) -> None:
        content = file.path.read_bytes()
        self._head(status, file, len(content))
        if with_body:
            self.wfile.write(content)

    def _say(
        self, status: HTTPStatus, text: str, *, with_body: bool = True, **headers: str
    ) -> None:
        content = f"{text}\n".encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in {**_HEADERS, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log only what was refused or not found."""
        if not isinstance(code, HTTPStatus) or code >= HTTPStatus.BAD_REQUEST:
            super().log_request(code, size)
