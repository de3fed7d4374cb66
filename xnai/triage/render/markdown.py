"""A judgement as an incident report for the records."""

from __future__ import annotations

from collections.abc import Iterator

from xnai.diagnostics.blocks import printable
from xnai.triage.diagnosis import Diagnosis, Judgement
from xnai.triage.render.terminal import repair_words


def report(host: str, judgement: Judgement, when: str) -> str:
    """Return the report.

    Args:
        host: its name.
        judgement: of one stack or project there.
        when: the host's time, for the head.
    """
    return "\n".join(_lines(host, judgement, when)) + "\n"


def _lines(host: str, judgement: Judgement, when: str) -> Iterator[str]:
    yield f"# Incident report: {judgement.scope} on {host}"
    yield ""
    yield f"Looked at {when} by `xnai triage`; nothing was changed."
    yield ""
    yield "## Root causes"
    yield ""
    if not judgement.roots:
        yield "Nothing is wrong, as far as could be seen."
        yield ""
    for count, root in enumerate(judgement.roots, 1):
        yield from _root(count, root)
    sections = (
        ("Looked at, and well", judgement.well),
        ("History: older than the last healthy moment", judgement.history),
        ("As it was set up", [f"{one.entity}: {one.cause}" for one in judgement.choices]),
        ("Blind spots", [f"{one.subject}: {one.why}" for one in judgement.blind]),
    )
    for heading, texts in sections:
        if texts:
            yield f"## {heading}"
            yield ""
            yield from (f"- {_text(one)}" for one in texts)
            yield ""


def _root(count: int, root: Diagnosis) -> Iterator[str]:
    yield f"### {count}. {_text(f'{root.entity}: {root.title}')}"
    yield ""
    yield f"- signature: `{root.id}`, {root.confidence}"
    yield f"- why: {_text(root.cause)}"
    for evidence in root.evidence:
        show = f" (again: `{_code(evidence.show)}`)" if evidence.show else ""
        yield f"- seen: `{_code(evidence.text)}`{show}"
    for one in root.consequences:
        yield f"- follows: {_text(f'{one.entity}: {one.title}')}"
    if root.remedy:
        yield f"- {'do' if root.tried else 'would this help?'}: `{_code(root.remedy)}`"
    yield f"- repair: {repair_words(root)}"
    yield ""


def _text(text: str) -> str:
    """What somebody else wrote, on one line, without meaning as Markdown or HTML."""
    safe = printable(" ".join(text.split()))
    for character in "\\`*_[]<>|#":
        safe = safe.replace(character, f"\\{character}")
    return safe


def _code(text: str) -> str:
    return printable(" ".join(text.split())).replace("`", "'")
