"""Where the crawler may go: the owner's lists."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from crawler import addresses
from crawler.addresses import Address, Network
from crawler.urls import BadUrl, Url, host_name

DOMAINS = "CRAWLER_ALLOWED_DOMAINS"
PRIVATE = "CRAWLER_ALLOWED_PRIVATE"
_PORTS = (80, 443)


@dataclass(frozen=True, order=True)
class Site:
    """A listed host, with the port that stood there, or None."""

    host: str
    port: int | None


def _site(entry: str, setting: str) -> Site:
    host, colon, port = entry.rpartition(":")
    is_address = _network(entry) is not None  # of IPv6, with colons of its own
    has_port = bool(colon) and not is_address and port.isascii() and port.isdigit()
    try:
        return Site(host_name(host if has_port else entry), int(port) if has_port else None)
    except BadUrl:
        raise SystemExit(
            f"{setting} has {entry!r}: allowed are host names (example.org), host:port"
            + (", addresses and networks (10.0.0.0/8)" if setting == PRIVATE else "")
            + ", separated by commas, without http://"
        ) from None


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"))
    except ValueError:
        return None


@dataclass(frozen=True)
class Allow:
    """The owner's lists, checked.

    Attributes:
        domains: sites to fetch from; each covers its subdomains.
        private_sites: hosts whose addresses may be private; exactly these, no subdomains.
        private_networks: private addresses that any allowed host may have.
    """

    domains: frozenset[Site]
    private_sites: frozenset[Site]
    private_networks: frozenset[Network]

    @classmethod
    def of(cls, domains: Iterable[str], private: Iterable[str]) -> Allow:
        """Read the two settings' entries.

        Raises:
            SystemExit: one is neither a host, host:port nor a network.
        """
        private = list(private)
        networks = {entry: _network(entry) for entry in private}
        return cls(
            frozenset(_site(entry, DOMAINS) for entry in domains),
            frozenset(_site(entry, PRIVATE) for entry in private if networks[entry] is None),
            frozenset(network for network in networks.values() if network is not None),
        )

    def why_not_site(self, url: Url) -> str | None:
        """Return why a URL's host or port is not to be asked, or None."""
        covering = [
            site for site in self.domains
            if url.host == site.host or url.host.endswith(f".{site.host}")
        ]
        if not covering:
            names = sorted({site.host for site in self.domains})
            listed = f"allowed: {', '.join(names)}" if names else "the list is empty"
            return f"{url.host} is not allowed ({listed}); to allow it, add it to {DOMAINS}"
        exact = Site(url.host, url.port)
        if (
            any(site.port == url.port for site in covering)
            or exact in self.private_sites
            or (url.port in _PORTS and any(site.port is None for site in covering))
        ):
            return None
        return (
            f"port {url.port} of {url.host} is not allowed (allowed: 80, 443 and listed ones); "
            f"to allow it, add {url.host}:{url.port} to {DOMAINS}"
        )

    def why_not_address(self, url: Url, address: Address) -> str | None:
        """Return why an address that a URL's host has is not to be connected to, or None."""
        if addresses.is_never(address):
            return f"{url.host} has the address {address}, which no host can have"
        if addresses.is_public(address):
            return None
        if self.private_sites & {Site(url.host, None), Site(url.host, url.port)}:
            return None
        real = addresses.unwrapped(address)
        if any(real in network for network in self.private_networks):
            return None
        return (
            f"{url.host} has the address {address}, which is not the public internet's; "
            f"if it is meant, add {url.host}:{url.port} to {PRIVATE}"
        )
