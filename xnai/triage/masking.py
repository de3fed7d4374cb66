"""A report that may be shown to others: secrets, names and addresses taken out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# Passwords as they stand in prose, URLs and configuration, where no value is known to look for.
_SECRETS = (
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@"), r"\1:[masked]@"),
    (re.compile(r"(?i)\b(requirepass|masterauth|--requirepass|auth)\s+\S+"), r"\1 [masked]"),
    (
        re.compile(
            r"(?i)\b([\w.-]*(?:password|passwd|secret|token|api[_-]?key)[\w.-]*)"
            r"([\"']?\s*[=:]\s*[\"']?)(?!\[|//)[^\s\"',;]{4,}"
        ),
        r"\1\2[masked]",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 [masked]"),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)",
                   re.S),
        "[masked private key]",
    ),
)
_ADDRESS = re.compile(r"(?<![\w.])(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_ADDRESS_6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}(?![\w:])", re.I)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_HOME = re.compile(r"/home/[^/\s'\"]+")


def without_passwords(text: str) -> str:
    """Return a text without what looks like a password where it stands."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def all_without_passwords(value: Any) -> Any:
    """Return a JSON value without what looks like a password in any of its texts."""
    return each_text(value, without_passwords)


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with each of its texts changed.

    Args:
        value: any; never a JSON text as a whole, in which a pattern would take a quote along.
        change: what is done with a text.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: each_text(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [each_text(one, change) for one in value]
    return value


def for_sharing(text: str, names: Iterable[str]) -> str:
    """Return a text without passwords, addresses, mail addresses, homes and these names.

    Args:
        text: a report.
        names: of hosts and users; each gets a number in its place. Names of containers and
            services stay: without them the report says nothing.
    """
    text = without_passwords(text)
    text = _HOME.sub("/home/[user]", text)
    text = _MAIL.sub("[mail address]", text)
    text = _ADDRESS_6.sub("[address]", _ADDRESS.sub("[address]", text))
    longest_first = sorted({one for one in names if len(one) > 1}, key=lambda one: (-len(one), one))
    for number, name in enumerate(longest_first, 1):
        # `xnai` is in the names of containers and programs as well, which stay.
        text = re.sub(rf"(?<![\w./-]){re.escape(name)}(?![\w-])", f"[name {number}]", text)
    return text
