"""One form for a URL, so that the same page has the same name."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST = 4096
# RFC 3986's characters; "%" stays, because what is escaped already is not escaped again.
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


class BadUrl(ValueError):
    """A URL that cannot be fetched; the text says why."""


@dataclass(frozen=True)
class Url:
    """A checked http(s) URL.

    Attributes:
        scheme: http or https.
        host: lower case, IDNA, without a trailing dot; an IPv6 address without brackets.
        port: as given, or the scheme's own.
        target: path and query as they go into the request line.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and authority: what one robots.txt speaks for."""
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return f"{self.origin}{self.target}"

    def joined(self, reference: str) -> Url:
        """Return what a redirect to `reference` means here."""
        return parse(urljoin(str(self), reference.strip()))


def host_name(text: str) -> str:
    """Return a host in its one form.

    Raises:
        BadUrl: it is no host name and no address.
    """
    host = text.strip().lower().rstrip(".")
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadUrl(f"{text!r} is no host name") from None
    if not name or not all(c.isalnum() or c in "-._" for c in name):
        raise BadUrl(f"{text!r} is no host name")
    return name


def parse(text: str) -> Url:
    """Check a URL and bring it into its one form; a fragment is dropped.

    Raises:
        BadUrl: it is too long, has control characters, another scheme, a user name, no host or
            an impossible port.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        raise BadUrl(f"the URL has {len(text)} characters; allowed: {_LONGEST}")
    if any(c <= " " or c == "\x7f" for c in text):
        raise BadUrl(f"{text!r} has blanks or control characters in it")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadUrl(f"{text!r}: {error}") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise BadUrl(f"{text!r}: the scheme is {parts.scheme!r}; allowed: http, https")
    if parts.username is not None or parts.password is not None:
        raise BadUrl("the URL has a user name in it; only public pages are fetched")
    if not parts.hostname:
        raise BadUrl(f"{text!r} names no host")
    if port == 0:
        raise BadUrl(f"{text!r}: port 0")
    query = f"?{quote(parts.query, safe=_PATH_SAFE + '?')}" if parts.query else ""
    return Url(
        parts.scheme,
        host_name(parts.hostname),
        port or DEFAULT_PORTS[parts.scheme],
        quote(parts.path or "/", safe=_PATH_SAFE) + query,
    )
