"""What podman-compose never reads, by its version: read from its source, kept as data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

VERSION = "1.6.0"
"""The version that this project installs."""


@cache
def ignored(version: str = VERSION) -> Mapping[str, tuple[str, ...]]:
    """Return part of a compose file (service, build, deploy, include, secret) -> ignored keys."""
    text = files("xnai.audit").joinpath("data/podman_compose_ignores.json").read_text("utf-8")
    found: dict[str, list[str]] = json.loads(text)["versions"][version]
    return {part: tuple(keys) for part, keys in found.items()}
