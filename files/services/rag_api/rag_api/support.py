"""Whether a model's text is supported by the passages, sentence by sentence as it comes.

A sentence is shown only if what it says stands in the passages: every number and every name of it,
and most of its other telling words. One that repeats what was shown ends the answer. This is no
proof that a sentence is true to its passage ("not" may be missing), but what stands nowhere is
never shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag_api.extract import stem
from rag_api.ranking import content_words

UNSUPPORTED = "went on with what the passages do not say"
REPEATED = "began to repeat itself"

# Of a sentence's telling words, how many must stand in the passages.
_SHARE = 0.75
_END = re.compile(r"(?<=[.!?…])[\"')\]”’]*(?:\s+|$)|\n+")  # noqa: RUF001
_NUMBER = re.compile(r"\d[\d.,:/-]*\d|\d")
_NAME = re.compile(r"(?<=[\w,;:]\s)[A-Z][\w'-]+")
# A text without an end is taken for a sentence when it gets this long.
_LONGEST = 600


def _words(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"[\w']+", text)}


@dataclass
class Support:
    """What a model's text is held against.

    Attributes:
        passages: the texts that it was given, titles among them.
        question: whose words it may repeat.
    """

    passages: Sequence[str]
    question: str
    _known: set[str] = field(init=False)
    _numbers: set[str] = field(init=False)
    _shown: list[set[str]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Take the words and the numbers of what is known."""
        text = "\n".join((*self.passages, self.question))
        self._known = _words(text)
        self._numbers = set(_NUMBER.findall(text))

    def problem(self, sentence: str) -> str:
        """Return why a sentence is not to be shown, or nothing; one that is, counts as shown."""
        words = {stem(word) for word in content_words(sentence)}
        if not words:
            return ""
        # [1], as the passages are numbered, is no number of the text's.
        plain = re.sub(r"\[\d+\]", " ", sentence)
        if not set(_NUMBER.findall(plain)) <= self._numbers:
            return UNSUPPORTED
        if not {stem(name) for name in _NAME.findall(plain)} <= self._known:
            return UNSUPPORTED
        if len(words & self._known) < _SHARE * len(words):
            return UNSUPPORTED
        if any(words <= shown for shown in self._shown):
            return REPEATED
        self._shown.append(words)
        return ""


def cut(text: str, ended: bool = False) -> tuple[list[str], str]:
    """Return the whole sentences of a text that is still coming, and the rest.

    Args:
        text: what has come and was not judged yet.
        ended: whether nothing more comes.
    """
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        # At the very end more may come: "3." may be followed by "14".
        if match.end() < len(text) or ended:
            found.append(text[start : match.end()])
            start = match.end()
    rest = text[start:]
    if rest.strip() and (ended or len(rest) > _LONGEST):
        return [*found, rest], ""
    return found, rest
