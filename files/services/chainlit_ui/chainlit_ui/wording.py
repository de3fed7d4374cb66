"""How sources look in a message: Markdown of texts that other people wrote."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from chainlit_ui.rag_api import Quote, Source

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~$-])")
_TITLE_LONGEST = 120
_PASSAGE_LONGEST = 1500


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def link(source: Source) -> str:
    """Return a source's title as a link where its address is a web address, else as text."""
    title = escaped((source.title or source.source or "untitled")[:_TITLE_LONGEST])
    try:
        is_web = urlsplit(source.source).scheme in ("http", "https")
    except ValueError:
        is_web = False
    if is_web:
        return f"[{title}](<{quote(source.source, safe=':/?#[]@!$&()*+,;=%~')}>)"
    return f"{title} ({escaped(source.source)})" if source.source else title


def extract(quotes: tuple[Quote, ...]) -> str:
    """Return the quoted sentences, each with the number of its source."""
    return "\n\n".join(f"{escaped(quote.text)} [{quote.number}]" for quote in quotes)


def by_model(name: str) -> str:
    """Return what stands between the passages' own sentences and a model's text."""
    return f"\n\n*{escaped(name)} says, within what the passages say:*\n\n"


def ending(sources: tuple[Source, ...], notices: list[str]) -> str:
    """Return what stands below an answer.

    The passages stand in the message itself: Chainlit's side panel mixes those of several
    answers, and would show a passage's own Markdown.
    """
    parts = [f"> {escaped(notice)}" for notice in notices]
    if sources:
        parts.append("**Sources**")
        parts += [f"[{source.number}] {link(source)}\n\n{_passage(source)}" for source in sources]
    else:
        parts.append("*No passage of the library fits the question.*")
    return "\n\n" + "\n\n".join(parts)


def _passage(source: Source) -> str:
    text = " ".join(source.text.split())
    shown = text if len(text) <= _PASSAGE_LONGEST else f"{text[:_PASSAGE_LONGEST]} …"
    return f"> {escaped(shown)}"
