"""Debian packages that the deploy installs."""

from __future__ import annotations

import re

from xnai.facts.machine.model import PreflightFacts

CONTAINERS = (
    "aardvark-dns", "ca-certificates", "catatonit", "crun", "dbus-user-session", "netavark",
    "nftables", "passt", "podman", "python3-venv", "uidmap",
)

# Rootless networks of Podman before 5.0 are slirp4netns', and its firewall is iptables. Debian's
# and Ubuntu's packages only recommend both, and recommendations are not installed here.
BEFORE_PODMAN_5 = ("iptables", "slirp4netns")
_FIRST_WITH_PASTA = 5


def podman_major(facts: PreflightFacts) -> int | None:
    """Return the major version of the Podman that is installed or would be; None: not told."""
    for reading in (facts.podman_installed, facts.podman_candidate):
        match = re.search(r"(\d+)\.\d+", reading.text) if reading.state == "ok" else None
        if match:
            return int(match[1])
    return None


def containers(major: int | None) -> tuple[str, ...]:
    """Return the packages of rootless containers.

    Args:
        major: version of Podman.
    """
    old = major is not None and major < _FIRST_WITH_PASTA
    return tuple(sorted((*CONTAINERS, *(BEFORE_PODMAN_5 if old else ()))))
