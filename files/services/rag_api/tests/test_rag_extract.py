"""The quoted sentences, and what of a model's text is shown."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from rag_api.documents import Found
from rag_api.embedder import WordLlamaEmbedder
from rag_api.encoder import MiniLmEncoder
from rag_api.extract import MOST_WORDS, Extractor, Quote, cited_first, sentences
from rag_api.support import REPEATED, UNSUPPORTED, Support, cut


class NoMeaning:
    """An embedder for which all texts are alike, so that words decide."""

    name, dimension = "none", 1

    def embed(self, texts):
        return np.ones((len(texts), 1), np.float32)


class SameWords:
    """An encoder for which the words in common decide."""

    def nearness(self, question, texts):
        words = set(question.lower().rstrip("?").split())
        return [len(words & set(text.lower().rstrip(".").split())) / 10 for text in texts]


def extract(question, passages):
    return Extractor(NoMeaning(), SameWords()).extract(question, passages)


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
    quotes = extract("When does the gate close?", passages)
    assert quotes[0].text == "It closes at nine." and quotes[0].number == 1


def test_at_most_three_and_eighty_words():
    text = " ".join(f"The gate number {n} closes at {'very ' * 20}late." for n in range(9))
    quotes = extract("When does the gate close?", [found(text)])
    assert 1 <= len(quotes) <= 3
    assert sum(len(one.text.split()) for one in quotes) <= MOST_WORDS


def test_nothing_from_nothing():
    assert extract("Why?", []) == []
    assert extract("Why?", [found("Yes.")]) == []


def test_the_transformer_knows_what_words_mean():
    encoder = MiniLmEncoder()
    near = encoder.nearness("How much vacation is an employee entitled to?", [
        "Rules: Everybody who works here has 28 days off a year.",
        "Prices: An estimate is free if the work is then done here.", "", "x " * 1000,
    ])
    assert near[0] > 0.3 > max(near[1:])
    passages = [found("An estimate is free. It costs fifteen euros otherwise.", 0.5),
                found("Everybody who works here has 28 days off a year.", 0.4)]
    (best, *_) = Extractor(WordLlamaEmbedder(), encoder).extract(
        "How much vacation is an employee entitled to?", passages
    )
    assert best.number == 2


def test_the_transformer_tells_nobody(tmp_path):
    """What it would send stands in a file of its own below HOME first."""
    program = ("from rag_api.encoder import MiniLmEncoder; import time; "
               "MiniLmEncoder().nearness('Who?', ['Me.']); time.sleep(1)")
    subprocess.run(
        [sys.executable, "-c", program], check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path),
             "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert list(tmp_path.iterdir()) == []


def test_what_is_quoted_comes_first_among_the_sources():
    passages = [found(f"Text {n}.") for n in range(1, 9)]
    quotes = [Quote(6, "a", 0.9), Quote(2, "b", 0.8), Quote(6, "c", 0.7)]
    sources, renumbered = cited_first(passages, quotes, 4)
    assert [one.text for one in sources] == ["Text 6.", "Text 2.", "Text 1.", "Text 3."]
    assert [one.number for one in renumbered] == [1, 2, 1]
    # All that is quoted is there, however few sources are wanted.
    sources, renumbered = cited_first(passages, quotes, 1)
    assert len(sources) == 2 and [one.number for one in renumbered] == [1, 2, 1]
    assert cited_first([], [], 4) == ([], [])


def support(question="When does the gate of the harbour close?", near=lambda *_: 1.0):
    return Support([
        found("The gate closes at 9 in winter. It is not locked then. Anna has the key.",
              title="The harbour"),
        found("The valve is under the stairs of the cellar.", title="The valve"),
        found("The mast is 31 metres tall.", title="The mast"),
        found("The crane lifts 12 tonnes. Its password is otter-52.", title="The crane"),
    ], question, near)


@pytest.mark.parametrize(
    ("sentence", "problem"),
    [
        ("The gate closes at 9.", ""),
        ("In winter the harbour's gate closes at 9 [1].", ""),
        ("The answer is: 9.", ""),
        ("According to the passage, Anna has the key.", ""),
        ("The crane lifts 12 tonnes of the color grey.", UNSUPPORTED),
        ("The mast is 31 meters tall.", ""),
        ("The gate closes at 10.", UNSUPPORTED),
        ("The key is with Bertha.", UNSUPPORTED),
        ("Elephants are large animals of Africa.", UNSUPPORTED),
        # Put together from two places, or a part of something.
        ("The gate of the harbour lifts 12 tonnes.", UNSUPPORTED),
        ("Its password is 52.", UNSUPPORTED),
        ("Its password is otter-52.", ""),
        # The other way round.
        ("The gate does not close at 9.", UNSUPPORTED),
        ("The valve is the stairs.", UNSUPPORTED),
        ("The valve is under the cellar's stairs.", ""),
        ("The valve is above the stairs.", UNSUPPORTED),
        ("The gate is locked then.", UNSUPPORTED),
        ("The crane is the crane.", REPEATED),
        ("The harbour is not open.", UNSUPPORTED),
        ("The crane lifts approximately 12 tonnes.", ""),
        # Nothing is said.
        ("1.", None),
        ("The key of Anna", None),
        ("## The answer is:", None),
        ("It is so.", None),
        ("The answer is: When does the gate of the harbour close?", None),
    ],
)
def test_what_the_passages_do_not_say_is_not_shown(sentence, problem):
    assert support().problem(sentence) == problem


def test_one_that_has_the_words_and_means_something_else_is_not_shown():
    near = Extractor(NoMeaning(), MiniLmEncoder()).near
    place = "The full service costs 129 euros, parts not included."
    judge = Support([found(place, title="Prices for repairs")], "What should I know?", near)
    said = "Prices for repairs are not included in the price of a part."
    assert judge.problem(said) == UNSUPPORTED
    assert judge.problem("The full service costs 129 euros, parts not included.") == ""


@pytest.mark.parametrize(("place", "said", "is_shown"), [
    ("Adults pay 12 euros, children pay 5 euros.", "Children pay 12 euros.", False),
    ("Adults pay 12 euros, children pay 5 euros.", "Children pay 5 euros.", True),
    ("The gate closes at 9 pm on weekdays and 6 pm on Sundays.",
     "The gate closes at 9 pm on Sundays.", False),
    ("The gate closes at 9 pm on weekdays and 6 pm on Sundays.",
     "The gate closes at 9 pm on weekdays.", True),
    ("Members have to return keys by 8 pm; guests by 6 pm.", "Guests return keys by 8 pm.", False),
    ("The lease ends on 3 May 2021 and begins on 1 May 2019.", "The lease ends on 1 May 2019.",
     False),
    ("Anna pays Ben 50 euros.", "Ben pays Anna 50 euros.", False),
    ("The price rose from 10 to 20 euros.", "The price rose from 20 to 10 euros.", False),
    ("The maximum load is 300 kg.", "The minimum load is 300 kg.", False),
    ("The bridge might open in 2026.", "The bridge opens in 2026.", False),
    ("It is rumoured that the bridge fell in 1902.", "The bridge fell in 1902.", False),
    ("Der Schlüssel liegt nicht unter der Matte.", "Der Schlüssel liegt unter der Matte.", False),
    ("Le portail ne ferme pas à 21 h.", "Le portail ferme à 21 h.", False),
])
def test_figures_and_names_stay_where_they_belong(place, said, is_shown):
    judge = Support([found(place, title="Notes")], "What is the minimum?", lambda *_: 1.0)
    assert (judge.problem(said) == "") is is_shown


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
