"""Cuts a text into passages for retrieval; the same rule for whoever ingests."""

from __future__ import annotations

import re
from collections.abc import Iterator

WORDS = 200
OVERLAP_WORDS = 40

# Scripts without blanks between words count eight characters as a word, and so does a long token.
_CHARACTERS_A_WORD = 8
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+")  # noqa: RUF001


def split(text: str, words: int = WORDS, overlap_words: int = OVERLAP_WORDS) -> list[str]:
    """Return the passages of a text, each of about `words` words at most.

    A passage is made of whole paragraphs where they fit; a longer paragraph is cut between
    sentences, a longer sentence between words. A passage that begins inside a paragraph repeats
    the last sentences before it, `overlap_words` words at most, so that no statement is cut off
    from what it refers to. Between paragraphs nothing is repeated.

    Args:
        text: paragraphs are separated by blank lines.
        words: the limit of a passage, the repeated part included.
        overlap_words: the limit of the repeated part; below `words`.
    """
    passages: list[str] = []
    current: list[str] = []
    size = 0
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = paragraph.strip()
        if not paragraph:
            continue
        whole = _size(paragraph)
        if current and size + whole > words:
            passages.append("\n\n".join(current))
            current, size = [], 0
        if whole <= words:
            current.append(paragraph)
            size += whole
        else:
            passages.extend(_pieces(paragraph, words, overlap_words))
    if current:
        passages.append("\n\n".join(current))
    return passages


def _size(text: str) -> int:
    return max(len(text.split()), -(-len(text) // _CHARACTERS_A_WORD))


def _pieces(paragraph: str, words: int, overlap_words: int) -> Iterator[str]:
    """Yield the passages of a paragraph that is longer than one."""
    current: list[str] = []
    for sentence in _sentences(paragraph, words - overlap_words):
        if current and sum(map(_size, [*current, sentence])) > words:
            yield " ".join(current)
            current = _tail(current, overlap_words)
        current.append(sentence)
    yield " ".join(current)


def _tail(sentences: list[str], words: int) -> list[str]:
    """Return the last sentences, `words` words at most together."""
    kept: list[str] = []
    for sentence in reversed(sentences):
        words -= _size(sentence)
        if words < 0:
            break
        kept.insert(0, sentence)
    return kept


def _sentences(paragraph: str, words: int) -> Iterator[str]:
    """Yield the sentences; one that is longer than `words` words comes in parts."""
    for sentence in _SENTENCE_END.split(paragraph):
        part: list[str] = []
        for word in sentence.split():
            # Base64 and the like: cut by characters.
            for start in range(0, len(word), words * _CHARACTERS_A_WORD):
                cut = word[start : start + words * _CHARACTERS_A_WORD]
                if part and _size(" ".join([*part, cut])) > words:
                    yield " ".join(part)
                    part = []
                part.append(cut)
        if part:
            yield " ".join(part)
