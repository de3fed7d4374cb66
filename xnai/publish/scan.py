"""Secrets in texts that are about to be committed: where, and of which kind; never the value.

Three layers: pybetterleaks' rules, our own for passwords on command lines, in addresses and in
prose, and the stack's own secrets by value, which the hosts look for (xnai.publish.by_value).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xnai.audit.passwords import on_command_lines

_MOST_BYTES = 4 << 20
_LIMIT_S = 60.0
# user:password@host in an address, where the password is no variable and no word for one.
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+]*://[^\s:/@\"'$<>{}]*:([^\s@\"'/${}<>\[\]]{4,})@[\w.\[]")
_PROSE = re.compile(
    r"(?i)\b(?:password|passphrase|pass|pwd|secret|token|passwort)\b(?:\s+\w+){0,3}?\s*(?:is|was|=|:)\s+"
    r"[\"'`]?(?P<value>[^\s\"'`,;()]{6,})"
)
_STARS = re.compile(
    r"\*+|x{4,}|\.{3,}|<.*|\[.*|\{.*|\$.*|(?i:changeme|password|example.*|secret|none|masked)"
)


class NotScanned(Exception):
    """The scanner did not answer; nothing may be committed unseen. The text says why."""


@dataclass(frozen=True, order=True)
class SecretPlace:
    """Where a secret is.

    Attributes:
        path: of the file.
        line: counted from 1.
        kind: what it seems to be.
    """

    path: str
    line: int
    kind: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.path}:{self.line}: {self.kind}"


def secrets_in(files: Mapping[str, bytes]) -> list[SecretPlace]:
    """Return the secrets in files, sorted; the values are in nothing that this returns or raises.

    Args:
        files: path -> content; what is no text is looked through as far as it is one.

    Raises:
        NotScanned: the scanner failed.
    """
    found: set[SecretPlace] = set()
    for path, content in files.items():
        if len(content) > _MOST_BYTES:
            raise NotScanned(
                f"{path}: {len(content) >> 20} MiB, and at most {_MOST_BYTES >> 20} are read"
            )
        if path.endswith((".png", ".jpg")):
            continue
        text = content.decode("utf-8", "replace")
        found |= {SecretPlace(path, line, kind) for line, kind in _by_rules(path, text)}
        found |= {SecretPlace(path, line, kind) for line, kind in _by_scanner(path, text)}
    return sorted(found)


def _by_scanner(path: str, text: str) -> Iterator[tuple[int, str]]:
    from pybetterleaks import PyBetterleaksError, scan_text  # half a second, and a library of 25 MB

    try:
        result = scan_text(text, redact=True, timeout_seconds=_LIMIT_S)
    except (PyBetterleaksError, ValueError) as error:
        raise NotScanned(f"{path}: {type(error).__name__}") from None
    if result.errors:
        raise NotScanned(f"{path}: {len(result.errors)} errors of the scanner")
    for one in result.findings:
        # 0.6.2 counts a text's lines from 0, and has none for the first.
        yield (one.line or 0) + 1, one.rule_id


def _by_rules(path: str, text: str) -> Iterator[tuple[int, str]]:
    for place in on_command_lines(text):
        yield place.line, "a password on a command line"
    for number, line in enumerate(text.split("\n"), 1):
        for match in _ADDRESS.finditer(line):
            if not _STARS.fullmatch(match[1]):
                yield number, "an address with a password"
        for match in _PROSE.finditer(line):
            value = match["value"].rstrip(".:")
            if _looks_made(value) and not _STARS.fullmatch(value):
                yield number, "a password in a sentence"


def _looks_made(value: str) -> bool:
    """Whether it has what words do not: digits among letters, or signs, or both cases inside."""
    if not re.fullmatch(r"[!-~]{6,}", value) or "/" in value or value.endswith((".md", ".py")):
        return False
    digit, letter = re.search(r"\d", value), re.search(r"[A-Za-z]", value)
    is_name = re.fullmatch(r"[A-Z]?[a-z]+([A-Z][a-z]+)+", value)
    return bool((digit and letter) or (re.search(r"[a-z][A-Z]", value) and not is_name))
