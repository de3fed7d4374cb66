"""Which IP addresses are the public internet's."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# An allow-list: of IPv6 only this block is given out as global unicast (RFC 4291, 2.4). Python's
# is_global alone says yes to fec0::/10, 5f00::/16 and the deprecated ::127.0.0.1.
_IPV6_GLOBAL_UNICAST = IPv6Network("2000::/3")
_IPV6_DOCUMENTATION = IPv6Network("3fff::/20")  # RFC 9637, younger than Python 3.11's table
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4_RELAYS = IPv4Network("192.88.99.0/24")  # RFC 7526


def parse(text: str) -> Address:
    """Return an address, without the zone of a link-local one (fe80::1%eth0)."""
    return ipaddress.ip_address(text.partition("%")[0])


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(address: Address) -> bool:
    """Say whether an address may be connected to without being listed."""
    real = unwrapped(address)
    # is_global has no verdict on multicast: 224.0.0.1 is "global".
    if real.is_multicast or not real.is_global:
        return False
    if isinstance(real, IPv4Address):
        return real not in _6TO4_RELAYS
    return real in _IPV6_GLOBAL_UNICAST and real not in _IPV6_DOCUMENTATION


def is_never(address: Address) -> bool:
    """Say whether no list can allow an address: no single machine stands behind it."""
    real = unwrapped(address)
    return real.is_multicast or real.is_unspecified or real == IPv4Address("255.255.255.255")
