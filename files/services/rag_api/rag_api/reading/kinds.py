"""Which kind a file is, by its first bytes, and what is read of it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal

from service_common import html_text
from service_common.texts import cleaned, decoded

from rag_api.reading import office, pdf
from rag_api.reading.parts import Content, Part, Unreadable

Kind = Literal["pdf", "office", "html", "text"]

_PDF_WITHIN_BYTES = 1024
_PDF_END_WITHIN_BYTES = 2048
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*\n", re.S)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML_SUFFIXES = (".html", ".htm", ".xhtml")
_HTML = re.compile(rb"\s*(?:<!--.{0,1000}?-->\s*)?<(?:!doctype\s+html|html)\b", re.I | re.S)
# A text has no zeros (but UTF-16, which is told by its mark) and hardly any control characters.
_LOOKED_AT_BYTES = 65536
_CONTROL_SHARE = 0.01
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")


def content_of(name: str, body: bytes, most_unpacked_bytes: int) -> Content:
    """Return what is written in a file.

    Args:
        name: of the file; its ending tells HTML from text where the content does not.
        body: the file.
        most_unpacked_bytes: what an Office file may unpack to.

    Raises:
        Unreadable: it has no text for us, and why.
    """
    kind = kind_of(name, body)
    if kind == "pdf":
        return pdf.read(body)
    if kind == "office":
        return office.read(body, most_unpacked_bytes)
    title, text = "", decoded(body)
    if kind == "html":
        try:
            title, text = html_text.html_text(text)
        except html_text.Unreadable as error:
            raise Unreadable(str(error)) from None
    else:
        text = cleaned(_FRONT_MATTER.sub("", text))
    if not text:
        raise Unreadable("there is no text in it")
    return Content(title or first_heading(text), (Part("", text),))


def kind_of(name: str, body: bytes) -> Kind:
    """Return which kind a file is; its content is not read.

    Raises:
        Unreadable: none that can be read.
    """
    if not body.strip():
        raise Unreadable("it is empty")
    if _is_pdf(body):
        return "pdf"
    if body.startswith(b"PK\x03\x04"):
        return "office"
    if body.startswith(_OLD_OFFICE):
        raise Unreadable("it is an Office file from before 2007, or one with a password; save it "
                         "as .docx, .pptx or .xlsx without one")
    if body.startswith(b"{\\rtf"):
        raise Unreadable("it is RTF; save it as .docx or as plain text")
    if not body.startswith(_MARKS) and _is_binary(body[:_LOOKED_AT_BYTES]):
        raise Unreadable("it is binary; read are PDF, HTML, Markdown, text, and Office files of "
                         "2007 and later")
    is_html = _HTML.match(body) or PurePosixPath(name).suffix.lower() in _HTML_SUFFIXES
    return "html" if is_html else "text"


def prepare(kind: Kind) -> None:
    """Import what reads such a file: here it is done once, in a child it would be for each file."""
    if kind == "pdf":
        import pypdf  # noqa: F401
    elif kind == "html":
        import trafilatura  # noqa: F401
    elif kind == "office":
        import docx
        import openpyxl
        import pptx  # noqa: F401


def _is_pdf(body: bytes) -> bool:
    """Many have something before their head; a text that only speaks of PDF has no end of one."""
    head, tail = body[:_PDF_WITHIN_BYTES], body[-_PDF_END_WITHIN_BYTES:]
    return body.lstrip().startswith(b"%PDF-") or (b"%PDF-" in head and b"%%EOF" in tail)


def _is_binary(body: bytes) -> bool:
    controls = len(_CONTROL.findall(body))
    return b"\0" in body or controls > _CONTROL_SHARE * len(body)


def first_heading(text: str) -> str:
    """Return a Markdown text's first heading, or nothing."""
    found = re.search(r"^#{1,6}\s+(.+?)\s*#*$", text, re.M)
    return " ".join(found[1].split()) if found else ""
