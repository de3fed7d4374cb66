"""The quoted sentences, and what of a model's text is shown."""

from __future__ import annotations

import numpy as np
import pytest

from rag_api.documents import Found
from rag_api.extract import MOST_WORDS, extract, sentences
from rag_api.support import REPEATED, UNSUPPORTED, Support, cut


class NoMeaning:
    """An embedder for which all texts are alike, so that words decide."""

    name, dimension = "none", 1

    def embed(self, texts):
        return np.ones((len(texts), 1), np.float32)


def found(text, score=0.5, title="Notes"):
    return Found("d", title, "", text, score)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One is here. Two is there! Three?", ["One is here.", "Two is there!", "Three?"]),
        ("Dr. Miller came, e.g. on foot. He left.", ["Dr. Miller came, e.g. on foot.", "He left."]),
        ("# Heading\n\nText goes\non here.\n\n- first item\n- second one.\n  goes on",
         ["Text goes on here.", "first item", "second one.", "goes on"]),
        ("It costs 3.50 euros. Good.", ["It costs 3.50 euros.", "Good."]),
        ("", []),
    ],
)
def test_sentences(text, wanted):
    assert list(sentences(text)) == wanted


def test_word_for_word_with_the_number_of_the_source():
    passages = [found("The gate is green. It closes at nine.", 0.6), found("Bees sleep at night.")]
    quotes = extract("When does the gate close?", passages, NoMeaning())
    assert quotes[0].text == "It closes at nine." and quotes[0].number == 1


def test_at_most_three_and_eighty_words():
    text = " ".join(f"The gate number {n} closes at {'very ' * 20}late." for n in range(9))
    quotes = extract("When does the gate close?", [found(text)], NoMeaning())
    assert 1 <= len(quotes) <= 3
    assert sum(len(one.text.split()) for one in quotes) <= MOST_WORDS


def test_nothing_from_nothing():
    assert extract("Why?", [], NoMeaning()) == []
    assert extract("Why?", [found("Yes.")], NoMeaning()) == []


def support():
    return Support(["The gate", "The gate closes at 9 in winter. Anna has the key."], "When?")


@pytest.mark.parametrize(
    ("sentence", "problem"),
    [
        ("The gate closes at 9.", ""),
        ("In winter the gate closes at 9 [1].", ""),
        ("The gate closes at 10.", UNSUPPORTED),
        ("The key is with Bertha.", UNSUPPORTED),
        ("Elephants are large animals of Africa.", UNSUPPORTED),
        ("It is so.", ""),
    ],
)
def test_what_the_passages_do_not_say_is_not_shown(sentence, problem):
    assert support().problem(sentence) == problem


def test_the_same_again_is_a_repetition():
    judge = support()
    assert judge.problem("The gate closes at 9 in winter.") == ""
    assert judge.problem("In winter, the gate closes at 9.") == REPEATED
    assert judge.problem("The gate closes.") == REPEATED


def test_sentences_are_cut_as_they_come():
    assert cut("One. Two") == (["One. "], "Two")
    assert cut("It is 3.") == ([], "It is 3.")
    assert cut("It is 3.", ended=True) == (["It is 3."], "")
    assert cut("It is 3.14 m. And") == (["It is 3.14 m. "], "And")
    assert cut("x" * 700) == (["x" * 700], "")
