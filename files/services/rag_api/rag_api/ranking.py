"""The rule by which passages are ordered: nearness in meaning, and words in common.

    score = 0.7 * cosine + 0.3 * share        (a negative cosine counts as 0)

`cosine` compares the embeddings of question and passage. `share` is the passage's BM25 score
divided by what a passage could reach at most that had every telling word of the question, so a
rare name that is all of the question counts fully, and one common word of many hardly at all.
Both go from 0 to 1, and so does the score.

Why not one alone: the embeddings know that malware is like ransomware, but blur names, codes and
numbers, which words decide. Why not reciprocal rank fusion: it drops the sizes of both values, and
a passage that shares the word "keep" then beats the one that means the same. With the ten documents
and questions of the tests, first places were: cosine 10, this rule 10 with a wider lead for
questions of one rare word, reciprocal rank fusion 8, BM25 alone 5 to 7.
"""

from __future__ import annotations

import math
import re

MEANING_WEIGHT = 0.7
WORDS_WEIGHT = 0.3

# Of FTS5's bm25(); they are fixed there.
_K1 = 1.2
_LOWEST_IDF = 1e-6

# In a question they say nothing about its subject, and in a small index even they are rare.
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a about an and any are as at be been by can could did do does for from had has have how "
        "i if in is it its may me my of on or our should so some than that the their them there "
        "these they this those to was we were what when where which who whom whose why will with "
        "would you your",
    )
)


def telling_words(question: str) -> list[str]:
    """Return the different words of a question that say what it is about, or all there are."""
    return content_words(question) or list(dict.fromkeys(re.findall(r"\w+", question.lower())))


def content_words(text: str) -> list[str]:
    """Return the different words of a text that say what it is about."""
    words = dict.fromkeys(re.findall(r"\w+", text.lower()))
    return [word for word in words if word not in _STOP_WORDS]


def highest_bm25(passages: int, with_word: list[int]) -> float:
    """Return the limit of the BM25 score that a passage can reach for a question's words.

    Args:
        passages: how many there are.
        with_word: for each word, how many passages have it; a word that none has counts most.
    """
    idfs = (math.log((passages - count + 0.5) / (count + 0.5)) for count in with_word)
    return (_K1 + 1) * sum(max(idf, _LOWEST_IDF) for idf in idfs)
