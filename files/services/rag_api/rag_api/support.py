"""Whether a model's text is supported by the passages, sentence by sentence as it comes.

A sentence of the model's is shown only where one sentence of a passage carries it:

- all that it adds to the question, each number, each name and each other telling word, stands in
  that sentence or in the document's title;
- of the words that it has from the question, most stand there too, or in the sentence before: else
  a figure about one thing would be told of another;
- both say "not", or neither does, and a word such as "under" or "after" before something that it
  adds stands in both;
- both are certain, or neither is, and neither has the opposite of a word of the other (first, last);
- where the place tells several figures, what the sentence has of it stands there in that order,
  with no other figure between; names stand in that order in any case;
- a small transformer (rag_api.encoder) finds them near in meaning.

One that only says the question again is passed over; one that says what was shown ends the answer.
This is no proof: words in another order can say something else. But what stands nowhere is never
shown, nor what is put together from two places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rag_api.documents import Found
from rag_api.extract import sentences, stem
from rag_api.ranking import content_words

UNSUPPORTED = "went on with what could not be found in one sentence of the passages"
REPEATED = "began to repeat itself"

# One that has as many of its words in one that was said before says it again.
_AGAIN = 0.8
# As near must a sentence be to the one that carries it. Of 40 that models said, those that were true
# to their place were at 0.70 and above, those that only had its words at 0.64 and below.
_NEAR = 0.67
# Of a sentence's telling words, how many must stand in the place that carries it.
_SHARE = 0.75
_END = re.compile(r"(?<=[.!?…])[\"')\]”’]*(?:\s+|$)|\n+")  # noqa: RUF001
# A whole one: of `otter-52` the 52 alone is none.
_TOKEN = re.compile(r"[\w.,:/-]+")
# English, German, French, Spanish.
_NOT = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|nicht|kein\w*|nie|niemals|"
    r"ohne|ne|pas|jamais|sans|aucune?|nunca|sin)\b|n['’]t\b", re.I  # noqa: RUF001
)
# What says that something is not certain.
_PERHAPS = re.compile(
    r"\b(?:might|could|perhaps|maybe|probably|possibly|allegedly|reportedly|supposedly|rumou?r\w*|"
    r"planned|expected|vielleicht|angeblich|wohl)\b", re.I
)
# Of which a sentence may not have one where its place has the other.
_OPPOSITES = (
    ("minimum", "maximum"), ("least", "most"), ("first", "last"), ("begin", "end"),
    ("begins", "ends"), ("starts", "ends"), ("opens", "closes"), ("lower", "upper"),
)
# A heading, or a line that breaks off, says nothing.
_ENDS = re.compile(r"[.!?…][\"')\]”’]*\s*$")  # noqa: RUF001
_LIST_MARK = re.compile(r"\(?(?:\d{1,2}|[a-z])[.)]|[-*•#]+")
# What turns a sentence round where it is left out or put in.
_RELATIONS = frozenset(
    "above after against before behind below beneath beside between except inside less more near "
    "opposite outside over past since than under underneath unless until without".split()
)
_REACH_WORDS = 8
# What a model says around an answer.
_AROUND = frozenset(map(stem, (
    "about according answer answers approximately around asked based context correct following "
    "given means mentioned passage passages provided question referring roughly said says stated "
    "states text yes"
).split()))
# A text without an end is taken for a sentence when it gets this long.
_LONGEST = 600


def _root(word: str) -> str:
    """A word's stem as Americans spell it: a model does, whatever the passage does."""
    word = re.sub(r"tre(s?)$", r"ter\1", word.lower())
    word = re.sub(r"(?<=\w\w)our", "or", word)
    return stem(re.sub(r"is(e[ds]?|ing|ation)$", r"iz\1", word))


def _words(text: str) -> frozenset[str]:
    # Without the s of `Anna's`.
    return frozenset(_root(one) for one in content_words(text) if len(one) > 1 or one.isdigit())


@dataclass(frozen=True)
class _Place:
    """A sentence of a passage.

    Attributes:
        own: its words.
        says: the same and those of the document's title.
        about: the same and the words of the sentence before.
        numbers: that it has.
        sentence: as it is written.
    """

    own: frozenset[str]
    says: frozenset[str]
    about: frozenset[str]
    numbers: frozenset[str]
    sentence: str


@dataclass
class Support:
    """What a model's text is held against.

    Attributes:
        passages: that it was given.
        question: whose words it may repeat.
        near: how near two texts are in meaning, from -1 to 1.
    """

    passages: Sequence[Found]
    question: str
    near: Callable[[str, str], float]
    _places: list[_Place] = field(init=False, default_factory=list)
    _asked: frozenset[str] = field(init=False)
    _numbers_asked: frozenset[str] = field(init=False)
    _said: list[frozenset[str]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """Take the sentences apart."""
        self._asked, self._numbers_asked = _words(self.question), _numbers(self.question)
        for passage in self.passages:
            title, before = _words(passage.title), frozenset[str]()
            for sentence in sentences(passage.text):
                words = _words(sentence)
                self._places.append(_Place(
                    words, words | title, words | title | before,
                    _numbers(f"{passage.title} {sentence}"), sentence,
                ))
                before = words

    def problem(self, sentence: str) -> str | None:
        """Return why a sentence is not to be shown; one that is, counts as shown.

        Returns:
            Nothing where it is to be shown, None where it says nothing and is passed over.
        """
        # [1], as the passages are numbered, is no number of the text's.
        plain = re.sub(r"\[\d+\]", " ", sentence)
        words = _words(plain) - _AROUND
        added = words - self._asked
        numbers = _numbers(plain)
        if not words or not _ENDS.search(sentence) or _LIST_MARK.fullmatch(sentence.strip()):
            return None
        again = any(len(words & said) >= _AGAIN * len(words) for said in self._said)
        if again or _says_twice(plain, words):
            return REPEATED
        if not added and numbers <= self._numbers_asked:
            self._said.append(words)
            return None
        if not any(self._carries(place, plain, words, added, numbers) for place in self._places):
            return UNSUPPORTED
        self._said.append(words)
        return ""

    def _carries(
        self, place: _Place, sentence: str, words: frozenset[str], added: frozenset[str],
        numbers: frozenset[str],
    ) -> bool:
        return (
            added <= place.says and numbers <= place.numbers
            # Words of the title alone say nothing.
            and bool(added & place.own or numbers)
            and len(words & place.about) >= _SHARE * len(words)
            and all(
                bool(what.search(sentence)) == bool(what.search(place.sentence))
                for what in (_NOT, _PERHAPS)
            )
            and not _says_the_opposite(sentence, place.sentence)
            and _keeps_the_order(sentence, place.sentence)
            and _relations(sentence, added) == _relations(place.sentence, added)
            and self.near(sentence, place.sentence) >= _NEAR
        )


def _relations(sentence: str, added: frozenset[str]) -> set[str]:
    """Those of _RELATIONS that stand shortly before an added word."""
    all_ = re.findall(r"[\w']+", sentence.lower())
    found = set()
    for at, word in enumerate(all_):
        if _root(word) in added:
            found |= _RELATIONS & set(all_[max(0, at - _REACH_WORDS) : at])
    return found


def _says_twice(sentence: str, words: frozenset[str]) -> bool:
    """Whether a sentence is made of the same words twice: `the crane is the crane`."""
    return sum(_root(one) in words for one in re.findall(r"\w+", sentence)) >= 2 * len(words)


def _numbers(text: str) -> frozenset[str]:
    """Whole ones: of `otter-52` the 52 alone is none."""
    found = (token.strip(".,:/-") for token in _TOKEN.findall(text))
    return frozenset(token for token in found if any(one.isdigit() for one in token))


def _says_the_opposite(sentence: str, place: str) -> bool:
    said, there = (set(re.findall(r"\w+", text.lower())) for text in (sentence, place))
    return any(
        one in said and other in there and one not in there
        for pair in _OPPOSITES for one, other in (pair, pair[::-1])
    )


def _keeps_the_order(sentence: str, place: str) -> bool:
    said, there = _tokens(sentence), _tokens(place)
    names = [word for word, name in there if name]
    if not _in_order([word for word, name in said if name and word in names], names):
        return False
    if sum(any(one.isdigit() for one in word) for word, _ in there) < 2:
        return True
    words = [word for word, _ in there]
    at = -1
    for word in (word for word, _ in said if word in words):
        if word not in words[at + 1 :]:
            return False
        next_ = words.index(word, at + 1)
        between = words[at + 1 : next_] if at >= 0 else []
        if any(one.isdigit() for other in between for one in other):
            return False
        at = next_
    return True


def _tokens(text: str) -> list[tuple[str, bool]]:
    """The telling words and figures of a text, as stems, with whether each looks like a name."""
    found = []
    for token in _TOKEN.findall(text):
        plain = token.strip(".,:/-")
        if plain and (content_words(plain) or plain.isdigit()):
            found.append((_root(plain), plain[0].isupper()))
    return found


def _in_order(some: Sequence[str], all_: Sequence[str]) -> bool:
    rest = iter(all_)
    return all(one in rest for one in some)


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
