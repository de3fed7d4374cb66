"""service_common.passages."""

from __future__ import annotations

import random

import pytest
from service_common.passages import split


def sentence(number, words=10):
    return " ".join([f"w{number}"] * (words - 1)) + f" end{number}."


def test_nothing():
    assert split("") == []
    assert split(" \n\n \t\n") == []


def test_short_text_is_one_passage():
    assert split("\n\nOne.\nTwo.\n \nThree.\n") == ["One.\nTwo.\n\nThree."]


def test_paragraphs_stay_whole_and_are_not_repeated():
    paragraphs = [sentence(n, 12) for n in range(5)]
    passages = split("\n\n".join(paragraphs), words=30, overlap_words=10)
    assert passages == [
        "\n\n".join(paragraphs[0:2]), "\n\n".join(paragraphs[2:4]), paragraphs[4]
    ]


def test_long_paragraph_is_cut_between_sentences_with_an_overlap():
    sentences = [sentence(n) for n in range(6)]
    passages = split(" ".join(sentences), words=30, overlap_words=10)
    assert passages == [
        " ".join(sentences[0:3]), " ".join(sentences[2:5]), " ".join(sentences[4:6])
    ]


@pytest.mark.parametrize("text", ["字" * 5000, "x" * 5000, "word " * 1000, "這是一句話。" * 500])
def test_text_without_an_end(text):
    passages = split(text)
    assert len(passages) > 2
    assert max(map(len, passages)) <= 1700
    assert "".join(dict.fromkeys("".join(passages))) == "".join(dict.fromkeys(text.strip()))


def test_nothing_is_lost_or_reordered():
    order = random.Random(7)
    for _ in range(200):
        text = ""
        for number in range(order.randrange(1, 120)):
            text += f"t{number}" + order.choice([" ", " ", " ", ". ", "\n", "\n\n", "? "])
        passages = split(text, words=12, overlap_words=4)
        seen = [word.strip(".?") for passage in passages for word in passage.split()]
        # Without the repeated words what is left is the text.
        assert list(dict.fromkeys(seen)) == [word.strip(".?") for word in text.split()]
        assert all(len(passage.split()) <= 12 for passage in passages)
