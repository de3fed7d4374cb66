"""Text and title of a page."""

from __future__ import annotations

from dataclasses import dataclass

# Here already, so that each page's process has it and does not take half a second to import it.
import trafilatura  # noqa: F401
from service_common.html_text import Unreadable, html_text
from service_common.texts import cleaned, decoded

from crawler.fetch import NotFetched
from crawler.urls import Url

HTML = ("text/html", "application/xhtml+xml")
PLAIN = "text/plain"


@dataclass(frozen=True)
class Page:
    """What is kept of a page."""

    title: str
    text: str


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
    if content_type == PLAIN:
        page = Page(name, cleaned(text))
    else:
        try:
            title, found = html_text(text, str(url))
        except Unreadable as error:
            raise NotFetched(str(error)) from error
        page = Page(title or name, found)
    if not page.text:
        raise NotFetched("no text was found in the page")
    return page
