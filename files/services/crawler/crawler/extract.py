"""Text and title of a page."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

import trafilatura

from crawler.fetch import NotFetched
from crawler.urls import Url

HTML = ("text/html", "application/xhtml+xml")
PLAIN = "text/plain"
_TITLE_LONGEST = 300
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I)
# Control characters but tab and line ends: noise in a text, and a trap on a terminal. Surrogates
# cannot be written as UTF-8.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Page:
    """What is kept of a page."""

    title: str
    text: str


def decoded(body: bytes, charset: str | None) -> str:
    """Return a body's text; servers and pages often state a wrong encoding.

    Bytes that are valid UTF-8 are UTF-8, whatever is stated: other encodings do not look like it
    by chance. Only then the header's and the page's own word count, and last Windows-1252.
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


def _clean(text: str | None) -> str:
    return _CONTROLS.sub("", (text or "").replace("\r\n", "\n")).strip()


def extract(url: Url, content_type: str, charset: str | None, body: bytes) -> Page:
    """Return the text that a person reads on a page.

    Raises:
        NotFetched: it is of another type, or there is no text in it.
    """
    if content_type not in (*HTML, PLAIN):
        raise NotFetched(
            f"the content type is {content_type or 'not stated'}; "
            f"allowed: {', '.join((*HTML, PLAIN))}"
        )
    text = decoded(body, charset)
    name = url.target.partition("?")[0].rstrip("/").rpartition("/")[2] or url.host
    page = Page(name, _clean(text)) if content_type == PLAIN else _of_html(url, text, name)
    if not page.text:
        raise NotFetched("no text was found in the page")
    return page


def _of_html(url: Url, html: str, name: str) -> Page:
    try:
        found = trafilatura.bare_extraction(
            html, url=str(url), include_comments=False, with_metadata=True
        )
    except MemoryError:
        raise  # of the process, not of the page
    except Exception as error:  # whatever the parsers make of hostile input
        raise NotFetched(f"the page cannot be read: {type(error).__name__}: {error}") from error
    if found is None or isinstance(found, dict):
        return Page(name, "")
    title = " ".join(_clean(found.title).split())[:_TITLE_LONGEST]
    return Page(title or name, _clean(found.text))
