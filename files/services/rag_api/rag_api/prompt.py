"""The messages for the model: numbered passages within the context, then the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag_api.documents import Found

# Short on purpose: small models follow one plain sentence better than a list of rules.
_SYSTEM = "You answer questions using the given passages. Be brief."

# There is no tokenizer at hand for a model behind a URL. English has more than 4 bytes a token,
# so this leaves room; where it does not (other scripts), the endpoint refuses and we say so.
_BYTES_A_TOKEN = 3
# Passages that score less than this share of the best one are shown as sources, but not to the
# model: a small one mixes them into its answer, and on a CPU each costs seconds to read.
_SHARE_OF_BEST = 0.5
# The model's own marks around two messages.
_MARKS_TOKENS = 48


@dataclass(frozen=True)
class Message:
    """One message of a chat."""

    role: str
    content: str


def messages(question: str, found: Sequence[Found], tokens: int) -> list[Message]:
    """Return the chat that asks a question about passages; empty where no passage fits.

    Args:
        question: as the person put it.
        found: the passages, the best first. Those far below the best are left out; of the others
            the first that does not fit is cut, and what follows it left out.
        tokens: what the messages may take together.
    """
    room = (tokens - _MARKS_TOKENS) * _BYTES_A_TOKEN - _bytes(_SYSTEM) - _bytes(question)
    numbered: list[str] = []
    for number, passage in enumerate(found, 1):
        if passage.score < _SHARE_OF_BEST * found[0].score:
            break
        whole = f"[{number}] {passage.title}\n{passage.text}\n\n"
        fitting = _cut(whole, room)
        # After others, a few words of a passage mislead more than they tell.
        if not fitting or (numbered and len(fitting) < len(whole) / 4):
            break
        numbered.append(fitting.strip())
        room -= _bytes(fitting)
        if fitting != whole:
            break
    if not numbered:
        return []
    passages = "\n\n".join(numbered)
    return [
        Message("system", _SYSTEM),
        Message("user", f"Passages:\n{passages}\n\nQuestion: {question}"),
    ]


def _bytes(text: str) -> int:
    return len(text.encode())


def _cut(text: str, room: int) -> str:
    """Return as much of a text as fits into `room` bytes, up to the end of a word."""
    if _bytes(text) <= room:
        return text
    start = text.encode()[: max(room, 0)].decode(errors="ignore")
    return start.rpartition(" ")[0]
