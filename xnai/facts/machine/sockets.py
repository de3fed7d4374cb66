"""Who listens: the output of ss(8), or /proc/net/tcp where ss is missing."""

from __future__ import annotations

import re

from xnai.facts.machine.model import Listener

_SS_USER = re.compile(r'users:\(\("((?:[^"]|"(?!,pid=))*)",pid=(\d+)')


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
        found.append(Listener(address.strip("[]") or "*", number, process, pid, owner))
    return tuple(found)


def listeners_of_proc(text: str) -> tuple[Listener, ...]:
    """Return the sockets in lines of /proc/net/tcp and tcp6 (hexadecimal, proc_net(5)); no process
    is told.
    """
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 8 or words[3] != "0A":
            continue
        address, _, port = words[1].partition(":")
        number, uid = int(port, 16), int(words[7])
        if number is None:
            continue
        if len(address) == 8:
            address = ".".join(str(byte) for byte in reversed(bytes.fromhex(address)))
        found.append(Listener(address, number, uid=uid))
    return tuple(found)
