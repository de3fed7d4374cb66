"""Debian packages that the deploy installs."""

from __future__ import annotations

CONTAINERS = (
    "aardvark-dns", "ca-certificates", "catatonit", "crun", "dbus-user-session", "netavark",
    "nftables", "passt", "podman", "python3-venv", "uidmap",
)
