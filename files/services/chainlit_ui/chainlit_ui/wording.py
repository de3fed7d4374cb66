"""How sources look in a message: Markdown of texts that other people wrote."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from chainlit_ui.library import About, Brought
from chainlit_ui.rag_api import Quote, Source

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+!|~$-])")
# They turn the direction of what follows, also of our own words behind a name.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TITLE_LONGEST = 120
_PASSAGE_LONGEST = 1500


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(_TURNING.sub("", text).split()))


def link(source: Source) -> str:
    """Return a source's title and place, as a link where its address is a web address."""
    title = escaped((source.title or source.source or "untitled")[:_TITLE_LONGEST])
    place = f", {escaped(source.place)}" if source.place else ""
    try:
        is_web = urlsplit(source.source).scheme in ("http", "https")
    except ValueError:
        is_web = False
    if is_web:
        address = quote(source.source, safe=":/?#[]@!$&()*+,;=%~")
        # As browsers' PDF viewers take it.
        if source.place.startswith("page ") and "#" not in address:
            address += f"#{source.place.replace(' ', '=')}"
        return f"[{title}{place}](<{address}>)"
    # A title is made of the file's name, which need not be told twice.
    if source.source and not source.title.startswith(source.source):
        return f"{title}{place} ({escaped(source.source)})"
    return f"{title}{place}"


def extract(quotes: tuple[Quote, ...]) -> str:
    """Return the quoted sentences, each with the number of its source."""
    return "\n\n".join(f"{escaped(quote.text)} [{quote.number}]" for quote in quotes)


def by_model(name: str) -> str:
    """Return what stands between the passages' own sentences and a model's text."""
    return f"\n\n*{escaped(name)} says, within what the passages say:*\n\n"


def ending(
    sources: tuple[Source, ...], notices: list[str], quoted: frozenset[int] = frozenset()
) -> str:
    """Return what stands below an answer.

    The passages stand in the message itself: Chainlit's side panel mixes those of several
    answers, and would show a passage's own Markdown. Of sources that are not quoted the title is
    enough: their passages would push the answer out of sight.

    Args:
        sources: all.
        notices: what the person should know.
        quoted: the numbers of those that are quoted; none: the model's text may rest on each.
    """
    parts = [f"> {escaped(notice)}" for notice in notices]
    if sources:
        parts.append("**Sources**")
        for source in sources:
            if not quoted or source.number in quoted:
                parts.append(f"[{source.number}] {link(source)}\n\n{_passage(source)}")
        others = [source for source in sources if quoted and source.number not in quoted]
        if others:
            parts.append("Also near the question: " + "; ".join(map(link, others)))
    else:
        parts.append("*No passage of the library fits the question.*")
    return "\n\n" + "\n\n".join(parts)


def _passage(source: Source) -> str:
    text = " ".join(source.text.split())
    shown = text if len(text) <= _PASSAGE_LONGEST else f"{text[:_PASSAGE_LONGEST]} …"
    return f"> {escaped(shown)}"


def welcome(about: About, max_file_mib: int, can_bring: bool) -> str:
    """Return what the page says at its start.

    Args:
        about: the library.
        max_file_mib: how long a file may be, in MiB.
        can_bring: whether this page takes files.
    """
    here = (
        f"Drop files here (PDF, HTML, Markdown, text, Word, PowerPoint, Excel; up to {max_file_mib} "
        "MiB each)" if can_bring else ""
    )
    command = ("`xnai ingest PATH` or `xnai ingest https://…` on the computer that provisions this "
               "machine")
    more = f"{here}, or type {command}" if here else f"Type {command}"
    if not about.documents:
        return f"**Your library is empty**, so there is nothing to answer from yet. {more}."
    parts = [
        f"**{_count(about.documents, 'document')}, {_count(about.passages, 'passage')}** in your "
        f"library. An answer is made of their own sentences, word for word{_in(about.extract_s)}."
    ]
    if about.model is not None:
        speed = f", about {about.tokens_per_s:.0f} tokens a second" if about.tokens_per_s else ""
        state = "" if about.model_is_up else " Its server does not answer at the moment."
        parts.append(
            f"Below, {escaped(about.model)} adds its own text, as far as your documents support "
            f"it{speed}.{state}"
        )
    parts.append(f"To add documents: {more[0].lower()}{more[1:]}.")
    if about.examples:
        parts.append("For example:")
    return "\n\n".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _in(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", in about {seconds:.2f} s" if seconds < 1 else f", in about {seconds:.0f} s"


def brought(name: str, file: Brought) -> str:
    """Return what is said of a file that came in."""
    if file.unchanged:
        return f"{escaped(name)} was in the library already, unchanged."
    notice = f" ({escaped(file.notice)})" if file.notice else ""
    return f"{escaped(name)} is in the library now: {_count(file.passages, 'passage')}{notice}."


def not_brought(name: str, why: str) -> str:
    """Return what is said of a file that was not taken."""
    return f"{escaped(name)} was **not** taken: {escaped(why)}."
