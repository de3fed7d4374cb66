"""The questions of benchmarks.answers are what their files say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "benchmarks/answers"
QUESTIONS = tomllib.loads((HERE / "questions.toml").read_text("utf-8"))["question"]
TEXTS = {
    (path.parent.name, path.name): " ".join(path.read_text("utf-8").split())
    for path in HERE.glob("corpora/*/*.md")
}


def test_sixty_questions_half_of_which_share_no_word():
    assert len(TEXTS) == 60 and len({one["id"] for one in QUESTIONS}) == 60
    assert sum(not one["shares_words"] for one in QUESTIONS) == 30


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one["id"])
def test_the_answer_stands_in_one_sentence_of_one_file(question):
    where = [key for key, text in TEXTS.items() if question["sentence"] in text]
    assert where == [(question["corpus"], question["document"])]
    assert any(fact.lower() in question["sentence"].lower() for fact in question["fact"])
    others = [text for (corpus, name), text in TEXTS.items()
              if corpus == question["corpus"] and name != question["document"]]
    assert not any(fact.lower() in text.lower() for fact in question["fact"] for text in others)
