"""Texts that other people wrote: from bytes to characters, without what is no text."""

from __future__ import annotations

import codecs
import re

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I)
# Control characters but tab and line ends: noise in a text, and a trap on a terminal. Surrogates
# cannot be written as UTF-8.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def decoded(body: bytes, charset: str | None = None) -> str:
    """Return a body's text; servers, pages and files often state a wrong encoding.

    Bytes that are valid UTF-8 are UTF-8, whatever is stated: other encodings do not look like it
    by chance. Only then the stated encoding and the page's own word count, and last Windows-1252.

    Args:
        body: with or without a byte order mark.
        charset: what its sender states.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark):].decode(encoding, "replace")
    found = _META_CHARSET.search(body[:2048])
    stated = [charset, found[1].decode("ascii", "replace") if found else None]
    # Escapes (ISO-2022-JP) and zeros (UTF-16) are valid UTF-8 too, but not meant so.
    first = [] if b"\x1b" in body or b"\0" in body else ["utf-8"]
    for encoding in [*first, *filter(None, stated), "utf-8"]:
        try:
            # WHATWG: pages that say latin-1 mean Windows-1252.
            is_latin = codecs.lookup(encoding).name in ("iso8859-1", "ascii")
            return body.decode("cp1252" if is_latin else encoding)
        except (LookupError, UnicodeError):
            continue
    return body.decode("cp1252", "replace")


def cleaned(text: str | None) -> str:
    """Return a text without control characters, and without blanks at its ends."""
    return _CONTROLS.sub("", (text or "").replace("\r\n", "\n")).strip()
