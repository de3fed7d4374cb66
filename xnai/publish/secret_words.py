"""What a password looks like, and what only looks like one."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter

PASSWORD = (
    r"(?:passwor[dt]|passwd|passphrase|passcode|kennwort|pass|pwd|pw)"  # noqa: S105
)
"""Words that only a password has, in English and German."""

_PLACEHOLDER = re.compile(
    r"(?i)\*+|x{4,}.*|.*x{8,}.*|.*[-_]x{3,}|\.{3,}.*|[<\[{$%(].*|"
    r".*((?:change|replace)[-_]?(?:me|this|it|with)|example|placeholder|redacted|masked|dummy|"
    r"insert|\.\.\.).*|(your|my|some|the)[-_].*|"
    r"(true|false|none|null|required|optional|string|str|user|username|benutzer)|"
    rf"{PASSWORD}\d{{0,3}}|secret|token|key|geheim|"
    r"/.*|\.{0,2}/.*|https?:.*|.*\.(md|py|txt|ya?ml|toml|conf|json|env|sh)|sha(256|512)[:-].*|"
    r"enc\[.*|\$ansible_vault.*|vault:.*|!.*|op://.*"
)
# The name of a secret, a variable or a function stands for it: it is none.
_IDENTIFIER = re.compile(
    r"(?i:[\w.-]*(pass|secret|token|key|auth|env|file|path|credential)[\w.-]*(\(.*)?)|"
    r"[a-z_]+(\.[a-z_]+)+(\(.*)?|[A-Z][A-Z_]*|[\w.]+[(\[{].*"
)
# Words that a person or a generator has joined.
_JOINED = re.compile(r"[A-Za-z]+(?:[-._ ][A-Za-z]+){2,}")
_WORD_AND_YEAR = re.compile(r"(?i)[a-z0-9]{4,}[-_.](19|20)?\d{2,4}")
_WORD_AND_NUMBER = re.compile(
    r"([^\W\d_]{4,})\d{1,4}[!?.$#*&%+-]{0,2}|([^\W\d_]{6,})[!$#*&%+]\d{1,4}"
)
# What is written like a word and a number, and is a name of the field's.
_TECHNICAL = re.compile(
    r"(?i)(base|neo|cuda-l|sha|utf|utf-|http|oauth|ipv|aes|aes-|rsa|ed|md|blake|argon|bcrypt|scrypt|pbkdf|hs|"
    r"rs|es|python|python-|postgres|postgresql|redis|debian|ubuntu|fedora|node|java|php|ruby|llama|"
    r"qwen|gemma|mistral|gpt|gpt-|claude|phi|bge|version|level|port|step|stage|phase|chapter|page|"
    r"figure|table|line|line-|user|host|server|node|worker|client|test|demo|sample|item|model|"
    r"windows|macos|android|vpn|wpa|wifi|dhcp|raid|usb|hdmi|cuda|rocm|zigbee|matter|mp|h|x|v|"
    r"march|april|may|june|july|august|september|october|november|december|januar|februar|"
    r"april|mai|juni|juli|oktober|dezember)\d+[a-z]?\W*"
)
_SHORT_FORM = re.compile(
    r"(?i)(^|[-_.])(k[38]s|i18n|l10n|a11y|s3|e2e|x86|p2p|b64|2fa|u2f)([-_.]|$)"
)
_MOST_PATH_PARTS = 4


def is_placeholder(value: str) -> bool:
    """Return whether a value stands for one: a variable, a word for it, a path, a mask."""
    return _PLACEHOLDER.fullmatch(value) is not None


def is_secret(value: str, *, quoted: bool, in_data: bool, for_password: bool) -> bool:
    """Return whether what stands under a name that sounds secret is a secret.

    Args:
        value: what stands there.
        quoted: whether in quotation marks.
        in_data: whether the file holds values and no code: YAML, .env, a configuration, a script.
        for_password: whether only a password has such a name; the value of a token or of a key may
            be the name of another one, and a real one is long.
    """
    if len(value) < 6 or not (in_data or quoted) or (
        is_placeholder(value) and not re.fullmatch(r"/[A-Za-z0-9/+]{39}", value)
    ):
        return False
    if not quoted and re.fullmatch(r"[\w.]+\(.*\)", value):
        return False  # a call
    if re.fullmatch(r"[A-Za-z0-9/+]{40}", value) and _entropy(value) > 4:
        return True  # AWS' secret keys may begin with a slash
    if not for_password:
        return is_strong(value)
    if _JOINED.fullmatch(value):
        return True
    if not (in_data and re.search(r"[^\w.-]", value)) and _IDENTIFIER.fullmatch(value):
        return False
    return looks_made(value) or _WORD_AND_NUMBER.fullmatch(value) is not None


def is_strong(value: str) -> bool:
    """Return whether a value is long, and mixed as no words are: a machine has made it."""
    if len(value) < 14 or is_placeholder(value) or not looks_made(value):
        return False
    # Words that are joined, with a number among them, are a name; a generator's words are three.
    parts = re.split(r"[-_.:]", value)
    if all(re.fullmatch(r"[A-Za-z]*|\d{1,4}|[a-z]+\d{1,2}", part) for part in parts):
        return len(parts) >= 4 and value.islower() and bool(re.search(r"\d", value))
    return _entropy(value) > 3.0


def _entropy(value: str) -> float:
    """Bits a character, by Shannon's formula."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


def looks_made(value: str) -> bool:
    """Return whether it has what words do not: digits among letters, or signs, or inner capitals.

    Args:
        value: without quotation marks.
    """
    if not re.fullmatch(r"[!-~]{6,}", value) or value.endswith((".md", ".py")):
        return False
    if "/" in value and not _is_no_path(value):
        return False
    digit, letter = re.search(r"\d", value), re.search(r"[A-Za-z]", value)
    is_name = re.fullmatch(r"[A-Z]?[a-z]+([A-Z][a-z]+)+", value)
    return bool((digit and letter) or (re.search(r"[a-z][A-Z]", value) and not is_name))


def _is_no_path(value: str) -> bool:
    """Whether a value with slashes is what a generator prints, and no path."""
    mixed = all(re.search(kind, value) for kind in (r"\d", r"[A-Z]", r"[a-z]"))
    words = re.findall(r"[A-Za-z]{6,}", value)
    return (
        mixed and _entropy(value) > 3.5 and value.count("/") < _MOST_PATH_PARTS
        and "." not in value and not any(word.islower() or word.istitle() for word in words)
    )


def is_password_in_prose(value: str) -> bool:
    """Return whether a word of a sentence about a password is one.

    A password is a word with a number, letters and digits mixed with signs, or capitals and digits
    inside; names, versions, dates, addresses and units are none.
    """
    value = value.strip(".,:;!?") if not re.search(r"\d[!?$#]$", value) else value
    if len(value) < 8 or is_placeholder(value) or _TECHNICAL.fullmatch(value) \
            or _SHORT_FORM.search(value):
        return False
    if re.fullmatch(r"[\d.:/+TZ_-]+|[\w.+-]+@[\w.-]+|(?i:[0-9a-f-]{16,})|--?[\w-]+(=.*)?", value):
        return False
    if "/" in value or "\\" in value or re.search(r"\.[a-z]{2,10}(:\d+)?$", value):
        return False
    if re.fullmatch(r"[\w]+[-_.]?\d+(\.\d+)+\S*|[A-Z_0-9]+|\d+[A-Za-z]{1,4}|[0-9a-f]{7,40}", value):
        return False
    if re.fullmatch(rf"(?i)[\w.]*{PASSWORD}[\w.]*", value) and not re.search(r"\d$", value):
        return False
    if value.startswith("#") or re.search(r"#\d+$|\w=\S|^GHSA-|^CVE-", value):
        return False
    if _WORD_AND_NUMBER.fullmatch(value):
        return True
    if re.fullmatch(r"[a-z]+(-[a-z]+)+-\d{1,4}", value):
        return value.count("-") >= 3
    if _WORD_AND_YEAR.fullmatch(value) and re.search(r"[a-z]", value[:4]):
        return True
    groups = re.split(r"[-_]", value)
    if len(groups) > 1 and all(re.fullmatch(r"[a-z]*|[A-Z]?[a-z]*|\d{1,4}", g) for g in groups):
        return False
    signs = re.search(r"[!$#?%&~^*+]", value)
    digits, letters = re.search(r"\d", value), re.search(r"[a-zA-Z]", value)
    if signs and digits and letters and not re.search(r"[(){}\[\]<>=|]", value):
        return True
    inner = len(re.findall(r"[a-z]\d+[a-z]|[a-z][A-Z]\w*\d|\d[a-z]+\d", value))
    return bool(digits and letters) and inner >= 1 and not re.search(r"[(){}\[\]<>=|/]", value)


def is_packed(value: str) -> bool:
    """Return whether a value is text in base64, of six letters or more."""
    try:
        packed = value.rstrip("=")
        plain = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    plain = plain.strip()
    return plain.isprintable() and len(plain) >= 6 and not is_placeholder(plain) and not (
        # An address without a password.
        re.fullmatch(r"[a-z][a-z0-9+]*://[^@\s]*|[\w.-]+:\d+", plain)
    )
