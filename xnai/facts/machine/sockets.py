"""Who listens: the output of ss(8), or /proc/net/tcp where ss is missing."""

from __future__ import annotations

import re
from ipaddress import ip_address

from xnai.facts.machine.model import Listener

_SS_USER = re.compile(r'users:\(\("((?:[^"]|"(?!,pid=))*)",pid=(\d+)')


def _bound(address: str) -> str:
    """An address without its zone; an IPv4 address that is written as IPv6 as what it binds."""
    try:
        mapped = getattr(ip_address(address.partition("%")[0]), "ipv4_mapped", None)
    except ValueError:
        return address
    return str(mapped or address)


def listeners_of_ss(text: str) -> tuple[Listener, ...]:
    """Return the sockets in the output of `ss -Hltnpe` (uid is left out by ss for root)."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 5 or words[0] != "LISTEN":
            continue
        address, _, port = words[3].rpartition(":")
        number = int(port) if port.isdigit() else None
        if number is None:
            continue
        who = _SS_USER.search(line)
        uid = re.search(r"\buid:(\d+)", line)
        process, pid = (who.group(1), int(who.group(2))) if who else (None, None)
        owner = int(uid.group(1)) if uid else 0 if "ino:" in line else None
        found.append(Listener(_bound(address.strip("[]") or "*"), number, process, pid, owner))
    return tuple(found)


def listeners_of_proc(text: str) -> tuple[Listener, ...]:
    """Return the sockets in lines of /proc/net/tcp and tcp6 (hexadecimal, proc_net(5)); no process
    is told.
    """
    found = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 8 or fields[3] != "0A":
            continue
        address, _, port = fields[1].partition(":")
        number, uid = int(port, 16), int(fields[7])
        # Words of four bytes in the machine's order, which is little-endian where we run.
        words = [bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8)]
        bound = _bound(str(ip_address(b"".join(words))))
        # Whether [::] takes IPv4 too is not told here; it does unless somebody asked otherwise.
        found.append(Listener("*" if bound == "::" else bound, number, uid=uid))
    return tuple(found)
