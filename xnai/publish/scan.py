"""Secrets in texts that are about to be committed: where, and of which kind; never the value.

Three layers: pybetterleaks' rules, our own (passwords on command lines, in addresses, under names
that sound so, in sentences; webhooks; Kubernetes Secrets), and the stack's own secrets by value,
which the hosts look for (xnai.publish.by_value).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xnai.audit.passwords import on_command_lines

_MOST_BYTES = 4 << 20
_LIMIT_S = 60.0
# Written by our own program, a number beside a name each; only the hosts look through them.
_NUMBERS = re.compile(r"_meta/xnai/baselines/[^/]+/[^/]+/(samples\.jsonl|baseline\.png)")
# user:password@host in an address, where the password is no variable and no word for one.
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+]*://[^\s:/@\"'$<>{}]*:([^\s@\"'/${}<>\[\]]{4,})@[\w.\[]")
# The same, or an option, with a variable in the password's place.
_VARIABLE = re.compile(
    r"(?:\s-a|\s-p|--pass(?:word)?|--requirepass)[\s=]*[\"']?\$|://[^\s:/@]*:\$|\s-p\$"
)
_IN_A_LIST = re.compile(
    r"[\"']redis-cli[\"'](?:\s*,\s*[^,\]]+?)*?\s*,\s*[\"'](?:-a|--pass)[\"']\s*,\s*[\"']([^\"']+)[\"']"
)
_WEBHOOK = re.compile(
    r"https?://(?:(?:\w+\.)?discord(?:app)?\.com/api/webhooks/\d{15,}/[\w-]{40,}|"
    r"api\.telegram\.org/bot\d{6,}:[\w-]{30,}|chat\.googleapis\.com/\S+[?&]token=[\w%-]{20,}|"
    r"[\w.-]+/hooks/[a-z0-9]{26}\b)"
)
_NAME = (
    r"(?:[\w.-]*(?:passwd|password|passwort|passphrase|secret|token|api[_-]?key|access[_-]?key|"
    r"account[_-]?key|(?:secret|private|encryption|signing|master)[_-]?key)|"
    r"(?:[\w.-]*[_.-])?(?:pass|pwd|pw|basic[_-]?auth|rediscli[_-]?auth))(?:_\d+)?"
)
_SET = re.compile(
    rf"(?i)(?<![\w-])[\"']?(?P<name>{_NAME})[\"']?\s*[:=]\s*(?P<quote>[\"'`]?)"
    r"(?P<value>[^\s\"'`,;}]{6,})"
)
_NAMED = re.compile(rf"(?i)^\s*-?\s*name:\s*[\"']?{_NAME}[\"']?\s*$")
_VALUE = re.compile(r"^\s*-?\s*value:\s*[\"']?(?P<value>[^\s\"']{6,})")
_PROSE = re.compile(
    r"(?i)\b(?:password|passwort|passphrase|pass|pwd|pw|secret|token)\b(?:\s+[\w-]+){0,6}?\s*"
    r"(?:\b(?:is|was|ist|remains|lautet)\b|=|:)\s+[\"'`*]{0,3}(?P<value>[^\s\"'`,;()*]{6,})|"
    r"\b(?:with|use|mit)\s+(?:the\s+)?(?:password|passwort|pw|pass|secret)\s+[\"'`*]{0,3}"
    r"(?P<other>[^\s\"'`,;()*]{6,})"
)
_KUBERNETES = re.compile(r"\bkind[\"']?\s*:\s*[\"']?Secret\b")
_PACKED = re.compile(
    r"(?P<name>[\w.-]+)[\"']?\s*:\s*[\"']?(?P<value>[A-Za-z0-9+/]{12,}={0,2})(?![\w+/])"
)
_PLACEHOLDER = re.compile(
    r"(?i)\*+|x{4,}.*|\.{3,}.*|[<\[{$%(].*|.*((?:change|replace)[-_]?me|example|your[-_]|placeholder|redacted|"
    r"masked|dummy|insert|\.\.\.).*|(true|false|none|null|required|optional|string|str)|"
    r"/.*|\.{0,2}/.*|https?:.*|.*\.(md|py|txt|ya?ml|toml|conf|json|env)|sha256:.*"
)
# The name of a secret, a variable or a function stands for it: it is none.
_IDENTIFIER = re.compile(
    r"(?i:[\w.-]*(pass|secret|token|key|auth|env|file|path|credential)[\w.-]*(\(.*)?)|"
    r"[a-z_]+(\.[a-z_]+)+(\(.*)?|[A-Z][A-Z_]*|[a-z_]+\(.*"
)
# Words that a generator has joined.
_JOINED = re.compile(r"[a-z]+(-[a-z]+){2,}")


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
        found |= {SecretPlace(path, line, kind) for line, kind in _by_rules(text)}
        found |= {SecretPlace(path, line, kind) for line, kind in _by_scanner(path, text)}
    return sorted(found)


def _decoded(content: bytes) -> str:
    for mark, coding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(coding, "replace")
    return content.decode("utf-8", "replace")


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


def _by_rules(text: str) -> Iterator[tuple[int, str]]:
    lines = text.split("\n")
    for place in on_command_lines(text):
        if not _VARIABLE.search(lines[place.line - 1]):
            yield place.line, "a password on a command line"
    in_secret = _KUBERNETES.search(text) is not None
    for number, line in enumerate(lines, 1):
        if len(line) > 5_000:
            continue  # the scanner reads it; rules of our own are for what people write
        if (match := _IN_A_LIST.search(line)) and not _PLACEHOLDER.fullmatch(match[1]):
            yield number, "a password on a command line"
        if _WEBHOOK.search(line):
            yield number, "the address of a webhook"
        if any(not _PLACEHOLDER.fullmatch(match[1]) for match in _ADDRESS.finditer(line)):
            yield number, "an address with a password"
        if any(_is_secret(match["value"], bool(match["quote"])) for match in _SET.finditer(line)):
            yield number, "a value under a name that sounds secret"
        following = lines[number] if number < len(lines) else ""
        if _NAMED.match(line) and (match := _VALUE.match(following)) and _is_secret(match["value"]):
            yield number + 1, "a value under a name that sounds secret"
        for match in _PROSE.finditer(line):
            value = (match["value"] or match["other"]).rstrip(".:!?")
            joined = _JOINED.fullmatch(value) and len(value) >= 20
            if (joined or _looks_made(value)) and not _PLACEHOLDER.fullmatch(value):
                yield number, "a password in a sentence"
        if in_secret and any(_is_packed(match["value"]) for match in _PACKED.finditer(line)):
            yield number, "a value of a Kubernetes Secret"


def _is_secret(value: str, quoted: bool = False) -> bool:
    """Whether what stands under such a name is a value, and no word that stands for one."""
    if _PLACEHOLDER.fullmatch(value) or _IDENTIFIER.fullmatch(value):
        return False
    if _JOINED.fullmatch(value) or _looks_made(value):
        return True
    return quoted and len(value) >= 16 and not value.islower()


def _is_packed(value: str) -> bool:
    try:
        packed = value.rstrip("=")
        plain = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return plain.strip().isprintable() and len(plain) >= 6


def _looks_made(value: str) -> bool:
    """Whether it has what words do not: digits among letters, or signs, or both cases inside."""
    if not re.fullmatch(r"[!-~]{6,}", value) or "/" in value or value.endswith((".md", ".py")):
        return False
    digit, letter = re.search(r"\d", value), re.search(r"[A-Za-z]", value)
    is_name = re.fullmatch(r"[A-Z]?[a-z]+([A-Z][a-z]+)+", value)
    return bool((digit and letter) or (re.search(r"[a-z][A-Z]", value) and not is_name))
