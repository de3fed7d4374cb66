"""Named regions in a page that people edit too: what they changed is never written over.

A region begins with a line that has its name and the digest of what was written, and ends with
another. Where the text between them has another digest by now a person has changed it: it stays,
and ours is handed back as a proposal.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

_BEGIN = re.compile(r"<!-- xnai:begin (?P<name>[a-z][a-z0-9-]*) (?P<digest>[0-9a-f]{16}) -->")
_DIGITS = 16


class BrokenPage(Exception):
    """A region of a page has no end, or stands there twice; the text says where."""


@dataclass(frozen=True)
class Region:
    """A part of a page that is ours.

    Attributes:
        name: of a-z 0-9 -.
        title: its heading, with the signs of its level; written once, and a person's from then on.
        text: Markdown, without its heading.
    """

    name: str
    title: str
    text: str


@dataclass(frozen=True)
class Updated:
    """A page with our regions in it.

    Attributes:
        text: of the page.
        proposals: name -> our text, where a person has changed what we wrote.
    """

    text: str
    proposals: dict[str, str]


def digest(text: str) -> str:
    """Return what tells a region's text from another."""
    return hashlib.sha256(text.replace("\r\n", "\n").strip().encode()).hexdigest()[:_DIGITS]


def _framed(region: Region) -> str:
    body = region.text.strip()
    return (
        f"<!-- xnai:begin {region.name} {digest(body)} -->\n{body}\n"
        f"<!-- xnai:end {region.name} -->"
    )


def found(text: str) -> dict[str, tuple[int, int, str, str]]:
    """Return the regions of a page: name -> where it begins and ends, the digest, the text.

    Raises:
        BrokenPage: one has no end, or stands there twice.
    """
    regions: dict[str, tuple[int, int, str, str]] = {}
    for match in _BEGIN.finditer(text):
        name = match["name"]
        line = text.count("\n", 0, match.start()) + 1
        if name in regions:
            raise BrokenPage(f"line {line}: the region {name} stands there twice")
        end_mark = f"<!-- xnai:end {name} -->"
        end = text.find(end_mark, match.end())
        following = _BEGIN.search(text, match.end())
        if end < 0 or (following and following.start() < end):
            raise BrokenPage(f"line {line}: the region {name} has no line {end_mark}")
        inside = text[match.end() : end].strip("\n")
        regions[name] = (match.start(), end + len(end_mark), match["digest"], inside)
    return regions


def updated(text: str, title: str, wanted: Mapping[str, Region]) -> Updated:
    """Return a page with our regions as they are wanted, and all else as it is.

    Args:
        text: of the page; empty where there is none yet.
        title: of a page that is made anew.
        wanted: our regions, in their order.

    Raises:
        BrokenPage: a region in it cannot be told.
    """
    has_returns = "\r\n" in text
    page = text.replace("\r\n", "\n") or f"# {title}\n"
    proposals = {}
    for name, region in wanted.items():
        there = found(page).get(name)
        if there is None:
            page = f"{page.rstrip()}\n\n{region.title}\n\n{_framed(region)}\n"
            continue
        begin, end, written, inside = there
        if digest(inside) == written:
            page = page[:begin] + _framed(region) + page[end:]
        elif digest(inside) != digest(region.text):
            proposals[name] = region.text.strip()
    return Updated(page.replace("\n", "\r\n") if has_returns else page, proposals)
