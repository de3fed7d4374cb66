"""What every kind of file is read into."""

from __future__ import annotations

from dataclasses import dataclass


class Unreadable(Exception):
    """Why a file has no text for us; the text is for whoever brought it."""


@dataclass(frozen=True)
class Part:
    """A piece of a file.

    Attributes:
        place: where it stands in the file, as `page 3`; empty where the file has no such places.
        text: paragraphs, separated by blank lines.
    """

    place: str
    text: str


@dataclass(frozen=True)
class Content:
    """All that was read of a file.

    Attributes:
        heading: its first heading or its own title; may be empty.
        parts: in their order.
        notice: what could not be read of it; empty: nothing was left out.
    """

    heading: str
    parts: tuple[Part, ...]
    notice: str = ""
