"""Amounts of memory as compose files and Redis write them."""

from __future__ import annotations

import re

_COMPOSE = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
# redis.conf: 1k is 1000 bytes, 1kb is 1024.
_REDIS = {"": 1, "b": 1, "k": 1000, "kb": 1024, "m": 10**6, "mb": 1024**2, "g": 10**9,
          "gb": 1024**3}


def compose_bytes(text: str) -> int | None:
    """Return the bytes of a compose file's amount such as 512m, 1.5gb or 2GiB."""
    match = re.fullmatch(r"([\d.]+)\s*([bkmg]?)i?b?", text.strip().lower())
    return int(float(match[1]) * _COMPOSE[match[2]]) if match and _number(match[1]) else None


def redis_bytes(text: str) -> int | None:
    """Return the bytes of an amount of Redis such as 512mb."""
    match = re.fullmatch(r"(\d+)([kmg]?b?)", text.strip().lower())
    return int(match[1]) * _REDIS[match[2]] if match else None


def _number(text: str) -> bool:
    return text.count(".") <= 1 and text != "."
