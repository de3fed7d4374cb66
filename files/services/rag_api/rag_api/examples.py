"""Questions that the library answers, made of its own sentences.

A sentence that begins `The tide gate is …` answers `What is the tide gate?`. Each question is asked
before it is offered: it is left out where the answer does not quote the sentence it was made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag_api.extract import LOOKED_AT_PASSAGES, Extractor, sentences
from rag_api.index import Index

MOST = 3
_LOOKED_AT_PASSAGES = 60
_WORD = r"[\w'’-]+"  # noqa: RUF001
_SAYS_WHAT_IT_IS = re.compile(
    rf"^(?P<what>(?:(?:The|A|An) )?{_WORD}(?: (?:of (?:the )?)?{_WORD}){{0,3}}) (?P<verb>is|are) "
    r"(?:an?|the|used|made|one|kept|where|what|how) "
)
_NO_SUBJECT = re.compile(
    r"^(?:it|this|that|these|those|there|he|she|they|we|you|i|who|which|what|here|one|each|all|"
    r"some|nothing|everything|its|their|if|when|where)\b", re.I
)


def examples(index: Index, extractor: Extractor) -> list[str]:
    """Return at most MOST questions, of different documents.

    Args:
        index: opened.
        extractor: what chooses an answer's sentences.
    """
    found: list[str] = []
    of_documents: set[str] = set()
    for passage in index.sample(_LOOKED_AT_PASSAGES):
        if passage.document in of_documents:
            continue
        for question, sentence in _questions(passage.text):
            near, _ = index.search(question, LOOKED_AT_PASSAGES)
            if any(quote.text == sentence for quote in extractor.quickly(question, near)):
                found.append(question)
                of_documents.add(passage.document)
                break
        if len(found) == MOST:
            break
    return found


class Examples:
    """The examples of an index, made again when it has changed.

    Args:
        index: opened when it is asked.
        extractor: what chooses an answer's sentences.
    """

    def __init__(self, index: Index, extractor: Extractor) -> None:
        self._index = index
        self._extractor = extractor
        self._generation = ""
        self._questions: list[str] = []

    def questions(self) -> list[str]:
        """Return them."""
        if (now := self._index.generation()) != self._generation:
            self._questions, self._generation = examples(self._index, self._extractor), now
        return self._questions


def _questions(text: str) -> Iterator[tuple[str, str]]:
    for sentence in sentences(text):
        match = _SAYS_WHAT_IT_IS.match(sentence)
        if match and not _NO_SUBJECT.match(match["what"]):
            what = re.sub(r"^(The|A|An)\b", lambda found: found[0].lower(), match["what"])
            yield f"What {match['verb']} {what}?", sentence
