"""Reads the crawler's documents from the library volume."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urldefrag

LARGEST_BYTES = 32 << 20


class Poison(Exception):
    """An entry that cannot be ingested, today or tomorrow; the text says why."""


class Rewritten(Poison):
    """The document is whole, but not the one that the entry speaks of."""


@dataclass(frozen=True)
class Page:
    """A page as it was crawled.

    Attributes:
        url: the final one, without a fragment.
        title: never blank.
        text: with at least one word.
    """

    url: str
    title: str
    text: str

    @property
    def id(self) -> str:
        """Return the document's id: it follows from the URL, so a newer crawl replaces it."""
        return f"web-{hashlib.sha256(self.url.encode()).hexdigest()[:40]}"

    @property
    def content_hash(self) -> str:
        """Return what two pages with the same text have in common.

        Compatibility forms, case and white space make no difference.
        """
        normal = " ".join(unicodedata.normalize("NFKC", self.text).casefold().split())
        return hashlib.sha256(normal.encode()).hexdigest()


def read(library: Path, name: str, sha256: str) -> Page:
    """Return the page in a file of the library.

    Args:
        library: its directory.
        name: the file's path in it.
        sha256: of the page's text.

    Raises:
        Rewritten: the text is another one than `sha256` says, and whole.
        Poison: there is no such file, or no such document in it.
    """
    try:
        root = library.resolve(strict=True)
        # Strict: follows symbolic links, so what is checked is what is opened.
        path = (root / name).resolve(strict=True)
        if not path.is_relative_to(root):
            raise Poison(f"{name!r} leads out of the library")
        if not path.is_file():
            raise Poison(f"{name!r} is no file")
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise Poison(f"{name!r} has {size} bytes; allowed {LARGEST_BYTES}")
        content = path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:
        # ValueError: a zero in the name. RuntimeError: symbolic links in a circle (Python 3.12).
        raise Poison(f"{name!r} cannot be read: {error}") from None
    fields = _fields(name, content)
    found = hashlib.sha256(fields["text"].encode()).hexdigest()
    if found != fields["sha256"]:
        raise Poison(f"{name!r}: the text's sha256 is {found}, the file says {fields['sha256']}")
    if found != sha256:
        raise Rewritten(f"{name!r}: the text's sha256 is {found}, the entry says {sha256!r}")
    if not fields["text"].strip():
        raise Poison(f"{name!r} has no text")
    url = urldefrag(fields["url"]).url
    return Page(url, " ".join(fields["title"].split())[:1000] or url, fields["text"])


def _fields(name: str, content: bytes) -> dict[str, str]:
    """Return the fields that are needed, each a text that can be sent on."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Poison(f"{name!r} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise Poison(f"{name!r} is no JSON object")
    fields: dict[str, str] = {}
    for field in ("url", "title", "text", "sha256"):
        value = document.get(field)
        if not isinstance(value, str):
            raise Poison(f"{name!r}: `{field}` is missing or no text")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Poison(f"{name!r}: `{field}` has half a surrogate pair") from None
        fields[field] = value
    if not fields["url"].startswith(("http://", "https://")):
        raise Poison(f"{name!r}: `url` = {fields['url'][:100]!r} is no http address")
    return fields
