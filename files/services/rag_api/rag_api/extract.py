"""The sentences of the passages that answer a question best, word for word.

In two rounds. The first is quick and scores each sentence as passages are (rag_api.ranking): 0.7 of
its nearness in meaning to the question and 0.3 of the telling words that both have, each word
weighing more the fewer of the sentences have it; to it comes a part of its passage's score, since
a sentence is understood by what stands around it. The best go into the second, in which a small
transformer (rag_api.encoder) reads each with its document's title. In both a sentence gets some
more that has what the question asks for: a number where it asks how much, how often or when, a name
where it asks who, a place where it asks where. The weights were chosen with benchmarks/answers: 60
questions, half of which share no telling word with their answer; of the first round alone 46 were
answered, of both 55.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_api.documents import Found
from rag_api.embedder import Embedder
from rag_api.encoder import Encoder
from rag_api.ranking import MEANING_WEIGHT, WORDS_WEIGHT, telling_words

MOST_SENTENCES = 3
MOST_WORDS = 80
# How many passages are worth a look for sentences, whatever number of sources is asked for.
LOOKED_AT_PASSAGES = 8

_SECOND_ROUND = 24
_PASSAGE_WEIGHT = 0.5
_TITLED_WEIGHT = 0.3
_FITS = 0.2
_PASSAGE_SHARE_OF_BEST = 0.5
_SHARE_OF_BEST = 0.5
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"')\]”’]*\s+(?=\S)")  # noqa: RUF001
# What ends with a dot and ends no sentence.
_SHORT = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|approx|ca|no|nr|vs|dr|mr|mrs|ms|prof|st|inc|ltd|fig|vol|z\.b|d\.h|bzw)"
    r"|\b[A-Z])\.$", re.I
)
_LIST_ITEM = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+")
_HEADING = re.compile(r"^\s*#{1,6}\s")
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|"
    r"fifty|sixty|hundred|thousand|million|once|twice|daily|weekly|monthly|yearly|annually|"
    r"half|quarter|dozen)\b", re.I
)
_MEASURES = (
    "year|date|time|day|month|hour|age|price|fee|rate|sum|amount|deposit|deductible|temperature|"
    "percentage|ratio|number|size|distance|length|height|width|depth|thickness|weight|pressure|"
    "speed|capacity|limit|interval|dose|code"
)
_ASKS_NUMBER = re.compile(
    # "How tall", "how often", but not "how do" or "how is".
    r"\bhow (?!do\b|does\b|did\b|is\b|are\b|can\b|should\b|to\b|would\b|will\b|must\b)\w+|\bwhen\b|"
    rf"\b(?:what|which) (?:{_MEASURES})s?\b|\bwhat (?:is|was|are) the (?:\w+ )?(?:{_MEASURES})\b|"
    r"\b(?:cost|price)s?\b", re.I
)
_ASKS_PLACE = re.compile(
    r"\bwhere\b|\b(?:in )?which (?:town|city|place|country|room|building|street)\b", re.I
)
_PLACE = re.compile(
    r"\b(?:in|at|on|under|behind|near|by|next to|inside|above|below|beside)\s+(?:the\s+)?\w", re.I
)
_ASKS_DATE = re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|day|month)\b", re.I)
_YEAR = re.compile(r"\b1[0-9]{3}\b|\b20[0-9]{2}\b")
_ASKS_NAME = re.compile(r"\bwho(?:m|se)?\b|\bwhat is the name\b|\bcalled\b|\bnamed\b", re.I)
_NAME = re.compile(r"(?<=\S\s)[A-Z][\w'-]+")


@dataclass(frozen=True)
class Quote:
    """A sentence of a passage.

    Attributes:
        number: of its passage among the sources, from 1.
        text: the sentence, unchanged but for line breaks.
        score: the higher, the better it fits.
    """

    number: int
    text: str
    score: float


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a passage; a heading is none, and a list item ends with its line."""
    for paragraph in re.split(r"\n\s*\n", text):
        block: list[str] = []
        for line in paragraph.split("\n"):
            if _HEADING.match(line) or _LIST_ITEM.match(line):
                yield from _of_prose(" ".join(block))
                block = []
            if _LIST_ITEM.match(line):
                block = [_LIST_ITEM.sub("", line)]
            elif not _HEADING.match(line):
                block.append(line)
        yield from _of_prose(" ".join(block))


def _of_prose(text: str) -> Iterator[str]:
    text = " ".join(text.split())
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if not _SHORT.search(text[start : match.start()]):
            yield text[start : match.end()].strip()
            start = match.end()
    if text[start:].strip():
        yield text[start:].strip()


class Extractor:
    """Chooses sentences.

    Args:
        embedder: of the index, for the first round.
        encoder: for the second.
    """

    def __init__(self, embedder: Embedder, encoder: Encoder) -> None:
        self._embedder = embedder
        self._encoder = encoder

    def extract(self, question: str, found: Sequence[Found]) -> list[Quote]:
        """Return the best sentences for a question, best first.

        Args:
            question: as the person put it.
            found: the passages, best first.

        Returns:
            At most MOST_SENTENCES with MOST_WORDS together; none where there is no passage. The
            best one is there whole, be it longer.
        """
        best = self._first_round(question, found)[:_SECOND_ROUND]
        if not best:
            return []
        nearness = self._encoder.nearness(
            question, [f"{found[one.number - 1].title}: {one.text}" for one in best]
        )
        scored = [
            Quote(one.number, one.text, near + _fits(question, one.text))
            for one, near in zip(best, nearness, strict=True)
        ]
        return _fitting(sorted(scored, key=lambda quote: -quote.score))

    def near(self, one: str, other: str) -> float:
        """Return how near two texts are in meaning, from -1 to 1."""
        return self._encoder.nearness(one, [other])[0]

    def quickly(self, question: str, found: Sequence[Found]) -> list[Quote]:
        """Return what the first round alone would quote, in a few milliseconds."""
        best = self._first_round(question, found)
        return _fitting(best) if best else []

    def _first_round(self, question: str, found: Sequence[Found]) -> list[Quote]:
        """All sentences of the passages that come near the best one, the best first."""
        candidates: dict[str, int] = {}
        near = [one for one in found if one.score >= _PASSAGE_SHARE_OF_BEST * found[0].score]
        for number, passage in enumerate(near, 1):
            for sentence in sentences(passage.text):
                if len(sentence.split()) > 2:
                    candidates.setdefault(sentence, number)
        texts = list(candidates)
        if not texts:
            return []
        titles = [found[candidates[text] - 1].title for text in texts]
        # A sentence that says "it" is about what the title says.
        titled = [f"{title}\n{text}" for title, text in zip(titles, texts, strict=True)]
        vectors = self._embedder.embed([question, *texts, *titled])
        alone, within = vectors[1 : len(texts) + 1], vectors[len(texts) + 1 :]
        nearness = ((1 - _TITLED_WEIGHT) * alone + _TITLED_WEIGHT * within) @ vectors[0]
        shares = _word_shares(telling_words(question), titled)
        return sorted(
            (
                Quote(
                    candidates[text], text,
                    MEANING_WEIGHT * max(float(near), 0) + WORDS_WEIGHT * share
                    + _PASSAGE_WEIGHT * found[candidates[text] - 1].score + _fits(question, text),
                )
                for text, near, share in zip(texts, nearness, shares, strict=True)
            ),
            key=lambda quote: -quote.score,
        )


def cited_first(
    found: Sequence[Found], quotes: Sequence[Quote], most: int
) -> tuple[list[Found], list[Quote]]:
    """Return the sources of an answer, and its sentences with their numbers among these.

    Args:
        found: the passages that were looked at, best first.
        quotes: the sentences, with numbers among `found`.
        most: how many sources are wanted; those that are quoted are there in any case.
    """
    cited = list(dict.fromkeys(quote.number for quote in quotes))
    others = [number for number in range(1, len(found) + 1) if number not in cited]
    order = [*cited, *others][: max(most, len(cited))]
    places = {number: place for place, number in enumerate(order, 1)}
    return (
        [found[number - 1] for number in order],
        [Quote(places[quote.number], quote.text, quote.score) for quote in quotes],
    )


def _fitting(scored: Sequence[Quote]) -> list[Quote]:
    kept = [scored[0]]
    words = len(scored[0].text.split())
    for quote in scored[1:]:
        size = len(quote.text.split())
        if len(kept) == MOST_SENTENCES or quote.score < _SHARE_OF_BEST * scored[0].score:
            break
        if words + size <= MOST_WORDS:
            kept.append(quote)
            words += size
    return kept


def _fits(question: str, sentence: str) -> float:
    # A year is no height and no price.
    plain = sentence if _ASKS_DATE.search(question) else _YEAR.sub("", sentence)
    asks_number = _ASKS_NUMBER.search(question) and _NUMBER.search(plain)
    asks_name = _ASKS_NAME.search(question) and _NAME.search(sentence)
    asks_place = _ASKS_PLACE.search(question) and _PLACE.search(sentence)
    # Nearly every sentence is somewhere.
    return _FITS if asks_number or asks_name else _FITS / 2 if asks_place else 0.0


def stem(word: str) -> str:
    """Return a word without its English ending, so that `served` and `serves` are the same."""
    return re.sub(r"(?<=\w{3})(?:ies|ing|ed|es|s|ly|er|'s|e)$", "", word.lower())


def _word_shares(words: Sequence[str], texts: Sequence[str]) -> list[float]:
    """The share of the question's words that each text has, by their weight."""
    stems = {stem(word) for word in words}
    have = [stems & {stem(word) for word in re.findall(r"[\w']+", text)} for text in texts]
    weight = {
        one: math.log(1 + len(texts) / (1 + sum(one in some for some in have))) for one in stems
    }
    whole = sum(weight.values()) or 1.0
    return [sum(weight[one] for one in some) / whole for some in have]
