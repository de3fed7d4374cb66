"""Secrets in texts that are about to be committed: where, and of which kind; never the value.

Three layers: pybetterleaks' rules, our own (xnai.publish.secret_rules), and the stack's own secrets
by value, which the hosts look for (xnai.publish.by_value).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xnai.publish.secret_rules import UNDER_A_NAME, by_rules
from xnai.publish.secret_words import looks_made

_MOST_BYTES = 4 << 20
_LIMIT_S = 60.0
# Written by our own program, a number beside a name each; only the hosts look through them.
_NUMBERS = re.compile(r"_meta/xnai/baselines/[^/]+/[^/]+/(samples\.jsonl|baseline\.png)")
# What the scanner finds and is none: encrypted by SOPS or sealed, a digest, a sum of Go's, a mask.
_NONE = re.compile(r"ENC\[AES256_GCM|\bchecksum/|\sh1:[A-Za-z0-9+/]{43}=|(?i:x{8,})")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{40}")
_UNDER_A_NAME = ("generic-api-key", UNDER_A_NAME)
_BEARER = re.compile(r"(?i)\bbearer\s+[\"']?([^\s\"']+)")
_SEALED = re.compile(r"\bkind[\"']?\s*:\s*[\"']?SealedSecret\b")


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
        NotScanned: the scanner failed, or a file is too large for it.
    """
    found: set[SecretPlace] = set()
    for path, content in files.items():
        if _NUMBERS.fullmatch(path):
            continue
        if len(content) > _MOST_BYTES:
            raise NotScanned(
                f"{path}: {len(content) >> 20} MiB, and at most {_MOST_BYTES >> 20} are read; "
                "leave it out of the repository"
            )
        text = _decoded(content)
        lines = text.split("\n")
        sealed = _sealed(lines)
        for line, kind in (*by_rules(path, text), *_by_scanner(path, text, lines)):
            said = lines[line - 1] if line <= len(lines) else ""
            of_sealed = line in sealed and kind in _UNDER_A_NAME
            if not _NONE.search(said) and not of_sealed:
                found.add(SecretPlace(path, line, kind))
    return sorted(found)


def _decoded(content: bytes) -> str:
    for mark, coding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(coding, "replace")
    return content.decode("utf-8", "replace")


def _by_scanner(path: str, text: str, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    from pybetterleaks import PyBetterleaksError, scan_text  # half a second, and a library of 25 MB

    try:
        result = scan_text(text, redact=True, timeout_seconds=_LIMIT_S)
    except (PyBetterleaksError, ValueError) as error:
        raise NotScanned(f"{path}: {type(error).__name__}") from None
    if result.errors:
        raise NotScanned(f"{path}: {len(result.errors)} errors of the scanner")
    for one in result.findings:
        # 0.6.2 counts a text's lines from 0, and has none for the first.
        line = (one.line or 0) + 1
        body = "\n".join(lines[line - 1 : line + 6])
        bearer = _BEARER.search(body)
        if one.rule_id == "curl-auth-header" and bearer and not looks_made(bearer[1]):
            continue  # a word in the token's place
        if one.rule_id == "private-key" and not _KEY_BODY.search(body):
            continue  # the words around a key, without one
        yield line, one.rule_id


def _sealed(lines: Sequence[str]) -> set[int]:
    """The lines of the YAML documents that are SealedSecrets, whose values only a cluster reads."""
    found: set[int] = set()
    first = 0
    for number, line in enumerate([*lines, "---"]):
        if line.startswith("---"):
            if any(map(_SEALED.search, lines[first:number])):
                found.update(range(first + 1, number + 1))
            first = number
    return found
