"""One HTTP request: to an address that was checked, within limits.

The name is resolved once. Every address of it must be allowed, and the connection goes to one of
those very addresses: a second resolution could answer otherwise (DNS rebinding). HTTP libraries
resolve by themselves, so the connection is made here and handed to http.client. Proxies in the
environment are ignored for the same reason: a proxy would resolve the name again.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from crawler import addresses
from crawler.addresses import Address
from crawler.allow import Allow
from crawler.urls import Url

Resolver = Callable[[str, int], list[str]]

_CHUNK_BYTES = 65536
# So many addresses of one name are tried.
_TRIED = 4


class NotFetched(Exception):
    """A page that was not fetched; the text is the reason for its owner to read."""


@dataclass(frozen=True)
class Response:
    """An answer.

    Attributes:
        status: HTTP status.
        location: where a redirect points to, or None.
        content_type: media type in lower case without parameters, or empty.
        charset: parameter of the content type, or None.
        body: decoded content; empty for answers other than 200.
    """

    status: int
    location: str | None
    content_type: str
    charset: str | None
    body: bytes


def resolve(host: str, port: int) -> list[str]:
    """Return every address of a host, as the system's resolver knows it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Fetcher:
    """What every request has in common.

    Attributes:
        allow: the owner's lists.
        user_agent: value of the header.
        timeout_s: for one whole request, s, from connecting to the last byte.
        resolver: gives a host's addresses.
        tls: trusted authorities; certificates and names are checked.
    """

    allow: Allow
    user_agent: str
    timeout_s: float
    resolver: Resolver = resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def get(self, url: Url, limit_bytes: int, *, cut: bool = False) -> Response:
        """Ask for one URL, without following redirects.

        Args:
            url: what to ask for.
            limit_bytes: of the decoded body.
            cut: take the beginning of a longer body instead of refusing it.

        Raises:
            NotFetched: the site is not allowed, does not answer in time, or says too much.
        """
        if reason := self.allow.why_not_site(url):
            raise NotFetched(reason)
        checked = self._checked_addresses(url)
        try:
            with self._connected(url, checked) as connection:
                return self._exchange(connection, url, limit_bytes, cut=cut)
        except (OSError, http.client.HTTPException, zlib.error, ValueError) as error:
            raise NotFetched(f"{url.origin}: {type(error).__name__}: {error}") from error

    def _checked_addresses(self, url: Url) -> list[Address]:
        try:
            texts = self.resolver(url.host, url.port)
        except (OSError, UnicodeError) as error:
            raise NotFetched(f"{url.host}: the name has no address: {error}") from error
        found = [addresses.parse(text) for text in texts]
        for address in found:
            if reason := self.allow.why_not_address(url, address):
                raise NotFetched(reason)
        if not found:
            raise NotFetched(f"{url.host}: the name has no address")
        return found

    @contextmanager
    def _connected(
        self, url: Url, checked: list[Address]
    ) -> Iterator[http.client.HTTPConnection]:
        """Yield a connection that ends by itself when the time is over."""
        plain = self._connect(checked, url.port)
        over = threading.Event()
        with plain.dup() as handle:

            def end() -> None:
                # A time-out of the socket starts again at every byte; this one does not.
                over.set()
                handle.shutdown(socket.SHUT_RDWR)

            timer = threading.Timer(self.timeout_s, end)
            timer.daemon = True
            timer.start()
            connection = http.client.HTTPConnection(url.host, url.port)
            try:
                connection.sock = plain
                if url.scheme == "https":
                    connection.sock = self.tls.wrap_socket(plain, server_hostname=url.host)
                yield connection
                # A body without a length looks complete when its connection is cut.
                if over.is_set():
                    raise self._too_long()
            except Exception:
                if over.is_set():
                    raise self._too_long() from None
                raise
            finally:
                timer.cancel()
                timer.join()
                connection.close()
                plain.close()

    def _too_long(self) -> TimeoutError:
        return TimeoutError(f"took longer than {self.timeout_s:g} s; set in CRAWLER_TIMEOUT_S")

    def _connect(self, checked: list[Address], port: int) -> socket.socket:
        last: OSError | None = None
        tried = checked[:_TRIED]
        for address in tried:
            try:
                return socket.create_connection(
                    (str(address), port), timeout=self.timeout_s / len(tried)
                )
            except OSError as error:
                last = error
        raise last or OSError("no address")

    def _exchange(
        self, connection: http.client.HTTPConnection, url: Url, limit_bytes: int, *, cut: bool
    ) -> Response:
        assert connection.sock is not None
        connection.sock.settimeout(self.timeout_s)
        connection.request(
            "GET",
            url.target,
            headers={
                "Host": url.authority,
                "User-Agent": self.user_agent,
                "Accept": "text/html, application/xhtml+xml, text/plain;q=0.9",
                "Accept-Encoding": "gzip, identity;q=0.5",
                "Connection": "close",
            },
        )
        answer = connection.getresponse()
        stated = answer.headers.get("Content-Type")
        body = b""
        if answer.status == http.client.OK:
            body = _body(answer, limit_bytes, cut=cut)
        return Response(
            answer.status,
            answer.headers.get("Location"),
            answer.headers.get_content_type() if stated else "",
            answer.headers.get_content_charset() if stated else None,
            body,
        )


def _body(answer: http.client.HTTPResponse, limit_bytes: int, *, cut: bool) -> bytes:
    """Read a body up to a limit that counts what it unpacks to."""
    coding = (answer.headers.get("Content-Encoding") or "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        raise ValueError(f"Content-Encoding {coding!r}, which was not asked for")
    unpacker = None if coding == "identity" else zlib.decompressobj(wbits=31)
    body = bytearray()
    while chunk := answer.read1(_CHUNK_BYTES):
        # The limit holds while unpacking: 1 MB of gzip can be 1 GB of zeros.
        body += unpacker.decompress(chunk, limit_bytes + 1 - len(body)) if unpacker else chunk
        if len(body) > limit_bytes:
            if cut:
                return bytes(body[:limit_bytes])
            raise ValueError(f"more than {limit_bytes} bytes; set in CRAWLER_MAX_BYTES")
    if answer.length or (unpacker and not unpacker.eof):
        raise ValueError("the connection ended before the page did")
    return bytes(body)
