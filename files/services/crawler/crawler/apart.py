"""Extraction in a process of its own: a page of a few hundred thousand elements takes minutes."""

from __future__ import annotations

from typing import Any

from service_common.apart import Limits, TooMuch, call_apart

from crawler.extract import Page, extract
from crawler.fetch import NotFetched
from crawler.urls import Url


def extract_apart(
    limits: Limits, url: Url, content_type: str, charset: str | None, body: bytes
) -> Page:
    """Return what `extract` does.

    A real page of 2 MB takes 1 s and 35 MiB more than the crawler has anyway, which is 50 MiB.

    Raises:
        NotFetched: as `extract`; or the page needs too much time or memory.
    """

    def said() -> dict[str, Any]:
        try:
            page = extract(url, content_type, charset, body)
        except NotFetched as error:
            return {"failed": str(error)}
        return {"title": page.title, "text": page.text}

    try:
        found = call_apart(limits, said)
    except TooMuch:
        raise NotFetched(
            f"the page needs more than {limits.cpu_s} s (CRAWLER_PAGE_CPU_S) or "
            f"{limits.more_mib} MiB (CRAWLER_PAGE_MIB) to be read"
        ) from None
    if "failed" in found:
        raise NotFetched(found["failed"])
    return Page(found["title"], found["text"])
