"""Settings from the environment; a wrong one ends the program with a sentence."""

from __future__ import annotations

import os
from typing import NoReturn

_WHERE = "the container's environment (docker-compose.yml, `environment` of this service)"


def _refuse(name: str, found: str | None, allowed: str) -> NoReturn:
    shown = "is not set" if found is None else f"= {found!r}"
    raise SystemExit(f"{name} {shown}: allowed {allowed}; set in {_WHERE}")


def text(name: str, default: str | None = None) -> str:
    """Return a setting's text without surrounding blanks. An empty one counts as not set.

    Args:
        name: of the environment variable.
        default: for a setting that is not set; None: it must be set.

    Raises:
        SystemExit: it is not set and has no default.
    """
    found = os.environ.get(name)
    value = (found or "").strip()
    if value:
        return value
    if default is None:
        _refuse(name, found, "any text but an empty one")
    return default


def integer(name: str, default: int, lowest: int, highest: int) -> int:
    """Return a setting's whole number between `lowest` and `highest`, both allowed.

    Raises:
        SystemExit: it is anything else.
    """
    value = text(name, str(default))
    # int() alone would take '1_000', ' 7' and digits of other scripts.
    if value.isascii() and value.removeprefix("-").isdigit() and lowest <= int(value) <= highest:
        return int(value)
    _refuse(name, value, f"a whole number from {lowest} to {highest}")


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Return a setting that is one of a few words.

    Raises:
        SystemExit: it is anything else.
    """
    value = text(name, default)
    if value in allowed:
        return value
    _refuse(name, value, " or ".join(allowed))


def listed(name: str, default: str = "") -> frozenset[str]:
    """Return the entries of a comma separated setting; none where it is not set."""
    return frozenset(entry.strip() for entry in text(name, default).split(",")) - {""}
